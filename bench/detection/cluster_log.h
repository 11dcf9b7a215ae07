// The audit log of a made-up cluster, as one file that several API servers
// write: made piece by piece, in the order in which it arrives. The truth about
// the attacks in it is at the same place. One thread.
#ifndef ODDVERB_BENCH_DETECTION_CLUSTER_LOG_H_
#define ODDVERB_BENCH_DETECTION_CLUSTER_LOG_H_

#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/attacks.h"
#include "bench/detection/cluster.h"
#include "bench/detection/traffic.h"
#include "bench/detection/traffic_shapes.h"

namespace oddverb {

class ClusterLog final : public RequestSink {
 public:
  struct Options {
    uint64_t seed = 1;
    double days = 4;
    int attacks_each = 5;  // of every kind
    // Stops once so many honest events were written; 0 = at the end of the
    // time.
    uint64_t max_events = 0;
  };

  // `shapes` must outlive it.
  ClusterLog(const Options& options, const TrafficShapes& shapes);

  // Appends lines until `bytes` are there. False: the log has ended.
  bool Append(size_t bytes, std::string& out);

  const std::vector<Attack>& attacks() const { return attacks_; }
  uint64_t honest_events() const { return honest_events_; }
  uint64_t attack_events() const { return attack_events_; }
  Micros start() const { return start_; }
  Micros now() const { return traffic_.now(); }  // how far it is written

  void Take(const Client& client, const Question& question,
            const Answer& answer, Micros time) override;
  void Stall(int server, Micros until) override;

 private:
  struct Server {
    std::string lines;  // written, and not there yet
    Micros arrives = 0;
    std::vector<Micros> stalls;  // their ends
  };
  void Deliver(Micros now);
  void Write(const Client& client, const Question& question,
             const Answer& answer, const EventMark& mark);

  Options options_;
  Micros start_ = 0, end_ = 0;
  Cluster cluster_;
  Random random_;
  Traffic traffic_;
  std::vector<Server> servers_;
  std::vector<Attack> attacks_;
  std::string_view level_;
  std::string arrived_;
  uint64_t honest_events_ = 0, attack_events_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_CLUSTER_LOG_H_
