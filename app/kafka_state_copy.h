// A partition of the state topic on this machine, too, so that whoever judged
// here before and starts again reads only what came since from the brokers. A
// thread of its own reads what is written to the topic, and so keeps the copy
// up whatever becomes of this process.
//
// Read() is for one thread.
#ifndef ODDVERB_APP_KAFKA_STATE_COPY_H_
#define ODDVERB_APP_KAFKA_STATE_COPY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "kafka/kafka_topic_log.h"
#include "pipeline/state_copy.h"
#include "pipeline/state_log.h"
#include "telemetry/logging.h"

namespace oddverb {

class KafkaStateCopy {
 public:
  // Kafka keeps the tombstone of a key for delete.retention.ms, by default a
  // day. A copy that has not followed for longer could still have the key.
  static constexpr absl::Duration kMaxAge = absl::Hours(12);

  // Of the last Read().
  struct Counts {
    uint64_t records_of_copy = 0;
    uint64_t records_of_topic = 0;
  };

  // `directory`: of copies, each partition's in a directory of its own; made if
  // its parent exists. `clock` and `logger` must outlive the result. Errors:
  // of StateCopy::Open().
  static absl::StatusOr<std::unique_ptr<KafkaStateCopy>> Open(
      const std::string& directory, const KafkaTopicLog& log,
      const Clock& clock, Logger& logger);
  ~KafkaStateCopy();

  // As of StateLog; from then on the copy is kept up. Aborted: the copy was of
  // no use and is dropped; what was given does not count, and the next call
  // gives all of it.
  absl::Status Read(const std::atomic<bool>& stop, const StateLog::Each& each);
  const Counts& counts() const { return counts_; }
  // Up to where the copy is; any thread.
  uint64_t next_offset() const { return next_offset_; }

 private:
  KafkaStateCopy(const KafkaTopicLog& log, std::unique_ptr<StateCopy> copy,
                 const Clock& clock, Logger& logger)
      : log_(log), copy_(std::move(copy)), clock_(clock), logger_(logger) {}

  bool IsOfUse(const StateCopy::Mark& mark, const std::string& identity) const;
  absl::Status ReadCopy(const std::atomic<bool>& stop,
                        const StateLog::Each& each);
  absl::Status Drop(const absl::Status& cause);
  void Follow();
  absl::Status FollowUntilStopped();
  absl::Status CatchUp(KafkaTopicLogReader& reader,
                       const std::string& identity);
  absl::Status Apply(std::vector<StateLogRecord>& records,
                     const StateCopy::Mark& mark);
  void Pause(absl::Duration length) const;
  void StopFollowing();

  const KafkaTopicLog log_;
  const std::unique_ptr<StateCopy> copy_;  // the thread's, while it runs
  const Clock& clock_;
  Logger& logger_;
  bool is_broken_ = false;  // it cannot be used, nor made anew
  Counts counts_;
  std::atomic<uint64_t> next_offset_{0};
  std::atomic<bool> stop_{false};
  std::thread follower_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_STATE_COPY_H_
