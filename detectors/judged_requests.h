// Which requests of one actor have been judged and are not over, so that a
// request that is logged at two stages with a response (a watch, an exec: at
// its start and at its end) is judged at the first. One thread.
#ifndef ODDVERB_DETECTORS_JUDGED_REQUESTS_H_
#define ODDVERB_DETECTORS_JUDGED_REQUESTS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"
#include "model/audit_event.h"

namespace oddverb {

class JudgedRequests {
 public:
  // Open streams of one actor; a controller manager has some 200 watches. What
  // is beyond is forgotten first-come, and judged at its end a second time.
  static constexpr size_t kMaxOpen = 512;
  // The API server ends watches after an hour or so; what is older by far has
  // an end that was not logged.
  static constexpr absl::Duration kMaxAge = absl::Hours(24);

  struct Keys {
    const KeyedHash& hash;
    std::string_view cluster;
  };

  // REQUIRES: CarriesResponseStatus(event). Whether it is the first such stage
  // of its request.
  bool IsFirst(const AuditEvent& event, const Keys& keys);

  size_t size() const { return open_.size(); }

  void Save(StateWriter& out) const;
  absl::Status Load(StateReader& in);

 private:
  struct Request {
    // Of the API server's clock; most requests are told apart by it alone.
    int64_t received_us = 0;
    uint64_t key = 0;
  };
  std::vector<Request>::iterator Find(const AuditEvent& event,
                                      const Keys& keys);

  std::vector<Request> open_;  // oldest first
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_JUDGED_REQUESTS_H_
