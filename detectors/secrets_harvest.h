// secrets.harvest: one actor reads many secrets of many namespaces by name in
// a short time, as nobody does that can list them and needs them. Kept for each
// actor that reads secrets; bounded. One thread.
#ifndef ODDVERB_DETECTORS_SECRETS_HARVEST_H_
#define ODDVERB_DETECTORS_SECRETS_HARVEST_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "detectors/actor_act.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

class SecretReads {
 public:
  // A successful get of one secret. An act is returned when the window holds a
  // harvest, twice as large as any that was told of before.
  std::optional<ActorAct> Add(const KeyedHash& hash, const AuditEvent& event);
  // What the window holds so far, for the finding.
  const std::vector<Evidence>& first_reads() const { return first_reads_; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);

 private:
  absl::Time begin_ = absl::InfinitePast();
  FingerprintSet secrets_;     // of the window
  FingerprintSet namespaces_;  // of the window
  uint64_t told_ = 0;          // secrets in the largest harvest told of
  uint64_t told_in_window_ = 0;
  std::vector<Evidence> first_reads_;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SECRETS_HARVEST_H_
