// What a detector learned that concerns more than one actor. Small and owned:
// it outlives its batch and will cross processes. The correlator's detectors
// see Observations as shard detectors see AuditEvents, in event order.
#ifndef ODDVERB_MODEL_OBSERVATION_H_
#define ODDVERB_MODEL_OBSERVATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "model/finding.h"

namespace oddverb {

enum class ObservationKind : uint8_t {
  // A credential came from an address for the first time.
  kCredentialAtAddress,
  // The token of one pod is used from a further address; `draft` is set.
  kPodTokenMoved,
  // One unbound credential goes back and forth between addresses; `draft` is
  // set.
  kCredentialAlternates,
  // More from an address that an earlier draft named; `draft` holds only its
  // evidence and count.
  kSuspectContinues,
  kCount
};

struct Observation {
  ObservationKind kind = ObservationKind::kCredentialAtAddress;
  absl::Time time;
  // Keyed hash of the bound pod, else of the credential; 0 = none.
  uint64_t credential = 0;
  bool pod_bound = false;
  std::string source_ip;  // the address in question
  std::string other_ip;   // the one it is compared with, if any
  // A finding that lacks only what the correlator knows.
  std::optional<Finding> draft;
};

}  // namespace oddverb

#endif  // ODDVERB_MODEL_OBSERVATION_H_
