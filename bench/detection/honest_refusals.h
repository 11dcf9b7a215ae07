// What an authorizer refuses in a cluster without attackers: operators that
// lack rights and retry for ever, rights taken away, API servers that start,
// node races, mistakes of people, expired tokens, quotas, the internet. All of
// it looks like an attack to whoever counts 403s.
#ifndef ODDVERB_BENCH_DETECTION_HONEST_REFUSALS_H_
#define ODDVERB_BENCH_DETECTION_HONEST_REFUSALS_H_

#include "bench/detection/traffic.h"

namespace oddverb {

// Starts all of it for the time from `start` to `end`.
void StartHonestRefusals(Traffic& traffic, Micros start, Micros end);
// Of people, pipelines and strangers; called by the former.
void StartMistakes(Traffic& traffic, Micros start, Micros end);
// People who travel, and people who try things from inside of a pod.
void StartMoves(Traffic& traffic, Micros start);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_HONEST_REFUSALS_H_
