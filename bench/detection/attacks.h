// Puts attacks into the traffic: stolen credentials that find out what they may
// do, in many ways and paces, and such that are used for what they may do
// (credential_attacks.h). Knows nothing of detectors. Each attack has victims
// of its own, and the truth about it is kept. One thread.
#ifndef ODDVERB_BENCH_DETECTION_ATTACKS_H_
#define ODDVERB_BENCH_DETECTION_ATTACKS_H_

#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/traffic.h"

namespace oddverb {

struct Attack {
  std::string_view kind;
  Micros start = 0, end = 0;
  std::vector<std::string> users;      // whose credentials are used
  std::vector<std::string> addresses;  // used by nobody else
  std::vector<Micros> requests;        // stage times, as logged
  // Nobody was left whom no other attack robs: what is found is found of both,
  // so that this one is not asked for.
  bool shares_victim = false;
};

// Those that show by refusals, then uses of stolen credentials by their number
// in docs/detection.md, those of people who roam apart.
std::vector<std::string_view> AttackKinds();
bool IsCredentialAttack(std::string_view kind);

// Schedules `each` attacks of every kind between `start` and `end`. Whom they
// are about is decided, and added to `attacks`, when they begin; which of them
// happened is seen when their events are logged. `attacks` must be empty and
// stay where it is.
void PlanAttacks(Traffic& traffic, Micros start, Micros end, int each,
                 std::vector<Attack>& attacks);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_ATTACKS_H_
