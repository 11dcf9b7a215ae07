// A TCP proxy on loopback that does to connections what networks do: cuts them
// in the middle of a request, loses the answer to one that has arrived, lets
// them hang. It does not look into what it passes on, so TLS goes through.
#ifndef ODDVERB_TESTS_SUPPORT_FAULTY_PROXY_H_
#define ODDVERB_TESTS_SUPPORT_FAULTY_PROXY_H_

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

// A thread for each connection. To be used by one thread, and destroyed when
// both sides are gone or do not matter any more.
class FaultyProxy {
 public:
  struct Options {
    int to_port = 0;  // of loopback; nobody needs to listen there all the time
    uint64_t seed = 1;
    // Each connection gets that of the three faults that happened least, at the
    // earliest and at the latest after so many bytes of the client; 0: none.
    uint64_t least_bytes_before = 0;
    uint64_t most_bytes_before = 0;
    // A connection that hangs is cut after this time.
    absl::Duration hang = absl::Seconds(3);
  };
  struct Counts {
    std::atomic<uint64_t> connections{0}, refused{0};
    std::atomic<uint64_t> cut{0}, answers_lost{0}, hung{0};
    // Without TLS: answers "503", which go through.
    std::atomic<uint64_t> told_to_come_later{0};
  };

  explicit FaultyProxy(const Options& options);
  ~FaultyProxy();
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  int port() const { return port_; }
  const Counts& counts() const { return counts_; }
  // New connections get no faults from now on.
  void Heal() { healed_ = true; }

 private:
  enum class Fault : uint8_t { kNone, kCut, kLoseAnswer, kHang };
  struct Plan {
    Fault fault = Fault::kNone;
    uint64_t after_bytes = 0;
  };

  Plan NextPlan();
  void AcceptAll();
  void Serve(int client, Plan plan);
  // Passes bytes on until one side ends or the plan's fault happens, which it
  // returns.
  Fault Pass(int client, int server, Plan plan);
  void Hang();

  const Options options_;
  int listener_ = -1;
  int port_ = 0;
  Counts counts_;
  std::atomic<bool> ends_{false}, healed_{false};
  std::mt19937_64 random_;            // of the accepting thread
  std::vector<std::thread> passing_;  // of the accepting thread
  std::thread accepting_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_FAULTY_PROXY_H_
