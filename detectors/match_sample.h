// What a finding of a correlation shows of one match: packed in the shard that
// saw the event, kept by the correlation engine as plain bytes, and read where
// the finding is made. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_MATCH_SAMPLE_H_
#define ODDVERB_DETECTORS_MATCH_SAMPLE_H_

#include <string>
#include <string_view>

#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

struct MatchSample {
  Evidence evidence;
  std::string user, user_kind;  // "serviceaccount"
  std::string source_ip;
  std::string resource, ns, name;
};

// At most some 1.5 KiB, mostly 200 bytes.
std::string PackSample(const AuditEvent& event);
// As much of it as can be read.
MatchSample UnpackSample(std::string_view bytes);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_MATCH_SAMPLE_H_
