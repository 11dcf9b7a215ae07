// secrets.unusual_read: an identity reads secrets as it never did.
//
//   all secrets of the cluster at once (list, watch), after many sessions
//   without
//   secrets by name that it never read before, five and more, far more than is
//   usual for it
//
// What an identity reads again and again (its mounts, the releases that Helm
// numbers) is its history, not its names. Bounded: 256 fingerprints for each
// actor that reads secrets by name. One thread.
#ifndef ODDVERB_DETECTORS_SECRET_BASELINE_H_
#define ODDVERB_DETECTORS_SECRET_BASELINE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/act_scene.h"
#include "detectors/failure_rate.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

inline constexpr std::string_view kSecretsRule = "secrets.unusual_read";

class SecretBaseline {
 public:
  // REQUIRES: `scene.event` read one secret by name.
  std::optional<ActorAct> Judge(const ActScene& scene);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  static constexpr int kSpanMinutes = 10;

  FingerprintSet known_;
  FailureRate rate_{kSpanMinutes};
  bool is_begun_ = false;
  uint32_t told_ = 0;  // secrets in the largest finding
};

// REQUIRES: `scene.event` lists or watches secrets, and is answered.
std::optional<ActorAct> JudgeSecretList(const ActScene& scene);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SECRET_BASELINE_H_
