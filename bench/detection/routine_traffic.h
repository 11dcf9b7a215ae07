// What an honest cluster does all day, in measured shapes: kubelets,
// controllers, operators, workloads, people at work, pipelines, health probes.
#ifndef ODDVERB_BENCH_DETECTION_ROUTINE_TRAFFIC_H_
#define ODDVERB_BENCH_DETECTION_ROUTINE_TRAFFIC_H_

#include <memory>
#include <string>

#include "bench/detection/traffic.h"

namespace oddverb {

// Starts all of it; ends by itself never.
void StartRoutineTraffic(Traffic& traffic, Micros start);

// One program of an actor, for as long as the log lasts.
void StartMachine(Traffic& traffic, int actor, Client* client, Micros at);

// The next time within a person's working hours, about `mean_hours` of work
// later.
Micros NextAtWork(Random& random, Micros now, double mean_hours);

// `kind` asked by `actor` in `ns`, with a name where it has one.
Question QuestionOf(const RequestKind& kind, const std::string& ns,
                    Random& random);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_ROUTINE_TRAFFIC_H_
