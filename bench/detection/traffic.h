// The clock of the made-up cluster: processes that act again and again, and
// single requests that wait for their time. Decides at the last moment whether
// a request is refused because rights were taken away or because its API server
// has just started. One thread.
#ifndef ODDVERB_BENCH_DETECTION_TRAFFIC_H_
#define ODDVERB_BENCH_DETECTION_TRAFFIC_H_

#include <memory>
#include <queue>
#include <string_view>
#include <vector>

#include "bench/detection/audit_text.h"
#include "bench/detection/cluster.h"
#include "bench/detection/random.h"
#include "bench/detection/traffic_shapes.h"

namespace oddverb {

// Takes the requests in the order of time.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  virtual void Take(const Client& client, const Question& question,
                    const Answer& answer, Micros time) = 0;
  // What this API server logs arrives no earlier than at `until`.
  virtual void Stall(int server, Micros until) = 0;
};

class Traffic;

class Process {
 public:
  static constexpr Micros kNever = INT64_MAX;
  virtual ~Process() = default;
  // Acts, and says when it acts next; kNever = it is gone.
  virtual Micros Step(Traffic& traffic, Micros now) = 0;
};

class Traffic {
 public:
  Traffic(Cluster& cluster, const TrafficShapes& shapes, uint64_t seed,
          RequestSink& sink)
      : cluster_(cluster),
        shapes_(shapes),
        random_(seed),
        sink_(sink),
        cold_until_(static_cast<size_t>(cluster.servers()), 0) {}

  void Start(std::unique_ptr<Process> process, Micros at);
  // One request later. `client` lives as long as the cluster.
  void AskAt(Micros at, const Client* client, Question question,
             Answer answer = {});
  void AskNow(const Client& client, const Question& question,
              const Answer& answer, Micros now);
  // From now on, for a while, an API server knows no roles.
  void Restart(int server, Micros until);
  RequestSink& sink() { return sink_; }

  // Lets one thing happen. False if nothing is left.
  bool Next();
  Micros now() const { return now_; }

  Cluster& cluster() { return cluster_; }
  const TrafficShapes& shapes() const { return shapes_; }
  Random& random() { return random_; }

 private:
  struct Waiting {
    const Client* client = nullptr;
    Question question;
    Answer answer;
  };
  struct Entry {
    Micros time = 0;
    uint64_t number = 0;  // breaks ties
    bool is_process = false;
    size_t index = 0;
    friend bool operator>(const Entry& a, const Entry& b) {
      return a.time != b.time ? a.time > b.time : a.number > b.number;
    }
  };

  Cluster& cluster_;
  const TrafficShapes& shapes_;
  Random random_;
  RequestSink& sink_;
  std::vector<Micros> cold_until_;  // by API server
  Micros now_ = 0;
  uint64_t number_ = 0;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<Waiting> waiting_;
  std::vector<size_t> free_;  // of waiting_
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_TRAFFIC_H_
