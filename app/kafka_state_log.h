// The state of a group's judge in Kafka: a compacted topic for the state, one
// for the findings, and the group's offsets, written in transactions. Which
// member of the group is the judge is decided by the group; that one which was
// replaced writes nothing more, by the transactional id that all share.
//
// One thread at a time, but for what is said to be thread-safe.
#ifndef ODDVERB_APP_KAFKA_STATE_LOG_H_
#define ODDVERB_APP_KAFKA_STATE_LOG_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/kafka_state_copy.h"
#include "app/service_config.h"
#include "base/clock.h"
#include "kafka/kafka_leadership.h"
#include "kafka/kafka_topic_log.h"
#include "kafka/kafka_transactions.h"
#include "pipeline/state_log.h"
#include "telemetry/logging.h"

namespace oddverb {

class KafkaStateLog final : public StateLog {
 public:
  // One of several states of a group.
  struct Place {
    int32_t partition = 0;  // of the state topic
    // As the configuration has it, and behind it: "" = that alone.
    std::string transactional_suffix = {};
    // Set: another process may have the place already, so nothing more is
    // written. Null: never. Must outlive the log.
    const std::atomic<bool>* is_lost = nullptr;
    // What becomes of the copy on this machine is told there. Null: there is
    // none. Must outlive the log.
    Logger* logger = nullptr;
  };

  // Joins the group of the configuration's source, whose leader has the one
  // state. `stop` ends Read(); it and `logger` must outlive the result.
  // REQUIRES: config.checkpoint_kafka is there.
  static absl::StatusOr<std::unique_ptr<KafkaStateLog>> Join(
      const ServiceConfig& config, const std::atomic<bool>& stop,
      Logger& logger);
  // Of the `member` of the group that was given `place`; it must outlive the
  // result.
  static absl::StatusOr<std::unique_ptr<KafkaStateLog>> Open(
      const ServiceConfig& config, const Place& place,
      const KafkaMember& member, const std::atomic<bool>& stop);

  // Thread-safe; see KafkaLeadership. REQUIRES: it is of Join().
  bool leads() const { return leadership_->leads(); }
  absl::Status health() const { return leadership_->health(); }
  // Thread-safe. Not OK: nothing may be written any more.
  absl::Status failure() const;

  // Once this process leads, before it reads: nobody else writes from now on.
  // Unavailable: to be called again.
  absl::Status TakeOver();
  // Whether TakeOver() had to undo a transaction whose end the brokers forgot,
  // and what to say then.
  bool has_undone() const { return has_undone_; }
  static constexpr std::string_view kUndone =
      "the brokers were killed before they had ended a transaction; it is "
      "undone, and what it says is judged again";

  absl::Status Read(const Each& each) override;
  absl::Status Write(const StateLogWrite& write) override;
  bool is_undecided() const override { return transactions_->is_undecided(); }
  absl::Status Settle() override;

 private:
  KafkaStateLog(const ServiceConfig& config, const Place& place,
                const std::atomic<bool>& stop);
  KafkaTopicLog Log() const;
  void OpenCopy();
  KafkaWrite DeadLetter(const DeadLetterRow& row) const;
  void AppendObservations(const StateLogWrite& write,
                          KafkaTransaction& transaction) const;

  const KafkaCheckpointConfig topics_;
  const KafkaOptions client_;
  const std::string cluster_;
  const std::string group_;
  const Place place_;
  const bool keeps_samples_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<KafkaLeadership> leadership_;  // null: of Open()
  const KafkaMember* member_ = nullptr;
  std::unique_ptr<KafkaTransactions> transactions_;
  const SystemClock clock_{};
  std::unique_ptr<KafkaStateCopy> copy_;
  bool has_begun_ = false;
  bool has_undone_ = false;
};

// A producer of the group's, for a place or for what else it writes.
absl::StatusOr<std::unique_ptr<KafkaTransactions>> MakeKafkaTransactions(
    const ServiceConfig& config, const std::string& suffix);

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_STATE_LOG_H_
