// One way out of a service: hands the findings of the outbox to an exporter, in
// their order, until the exporter has each of them. What may work later is
// tried again, ever more slowly; a finding that is refused for good goes to
// the dead letters, alone. Positions are durable after each success, so that a
// restart repeats at most the last hand-over and loses nothing.
//
// One thread for all but stats() and failure(). It has no thread of its own and
// never sleeps: SinkSet does that.
#ifndef ODDVERB_PIPELINE_SINK_H_
#define ODDVERB_PIPELINE_SINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "exporters/exporter.h"
#include "pipeline/outbox.h"
#include "telemetry/logging.h"

namespace oddverb {

// A circuit breaker (M. Nygard, Release It!, 2007): what has failed often in a
// row is probed with one finding at a time until it works again.
enum class BreakerState : uint8_t { kClosed, kOpen };

struct SinkOptions {
  std::string name;             // of the output in the configuration
  Backoff::Options retry = {};  // pauses between attempts
  int breaker_after = 5;        // failures in a row
  size_t max_findings = 256;    // of one hand-over; so many are read at once
  absl::Duration timeout = absl::Seconds(15);  // of one attempt
  // Of the pause that a receiver asks for: it may be wrong, or hostile.
  absl::Duration max_retry_after = absl::Minutes(10);
  uint64_t seed = 0;  // of the jitter
};

// What a sink has done since the start of the process.
struct SinkStats {
  std::string name;
  // Attempts, by how they ended.
  uint64_t succeeded = 0;
  uint64_t failed = 0;   // to be tried again
  uint64_t refused = 0;  // of several findings, or of one
  uint64_t delivered_findings = 0;
  uint64_t dead_letters = 0;
  uint64_t behind = 0;  // findings in the outbox that it lacks
  BreakerState breaker = BreakerState::kClosed;
  absl::Time last_success = absl::InfinitePast();
};

// What a sink works with; all of it must outlive the sink.
struct SinkParts {
  Exporter& exporter;
  Outbox& outbox;
  const Clock& clock;
  Logger& logger;
  // A refused finding as text, for the dead letter.
  std::function<std::string(const Finding&)> describe;
};

class Sink {
 public:
  Sink(SinkOptions options, SinkParts parts);

  const std::string& name() const { return options_.name; }
  // Where to go on; before all else. DataLoss: the exporter's state is damaged.
  absl::Status Start(const SinkCursor& cursor);

  // Makes one attempt at most, if one is due. Returns when the next one is:
  // the past for at once, the infinite future when there is nothing to do until
  // more findings come.
  absl::Time Step();
  // Whether there are findings that it lacks.
  bool IsBehind() const;

  // Thread-safe.
  SinkStats stats() const;
  // Not OK: this sink will never work again in this process. Thread-safe.
  absl::Status failure() const;

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  absl::Status FillPage();
  size_t NextCount() const;
  absl::Time DoWork();
  absl::Time HandOver();
  absl::Time Succeed(size_t findings);
  absl::Time Refuse(size_t findings, const absl::Status& status);
  absl::Time Fail(const absl::Status& status);
  absl::Time TellStore(const absl::Status& status);
  absl::Time Break(const absl::Status& status);
  void DropFromPage(size_t findings);
  // Makes durable what was done; tried again before the next attempt.
  absl::Time Commit();
  absl::Time Pause(const absl::Status& status);

  const SinkOptions options_;
  const SinkParts parts_;
  std::mt19937_64 random_;
  Backoff backoff_;
  absl::Time next_attempt_ = absl::InfinitePast();
  int failures_in_a_row_ = 0;

  std::vector<Finding> page_;  // the findings behind position_
  size_t page_start_ = 0;      // the first of them that is left
  size_t fits_;                // so many at once are not too large
  // One of so many findings, from the next on, is refused; 0 = none known.
  size_t suspects_ = 0;
  std::vector<DeadLetterRow> dead_letters_;  // not yet committed
  std::string committed_state_;
  bool is_uncommitted_ = false;

  std::atomic<uint64_t> position_{0};  // number of the last one delivered
  std::atomic<uint64_t> succeeded_{0}, failed_{0}, refused_{0};
  std::atomic<uint64_t> delivered_{0}, dropped_{0};
  std::atomic<BreakerState> breaker_{BreakerState::kClosed};
  std::atomic<int64_t> last_success_ns_{INT64_MIN};
  mutable std::mutex failure_mutex_;
  absl::Status failure_;  // guarded by failure_mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SINK_H_
