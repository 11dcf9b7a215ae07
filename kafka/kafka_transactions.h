// Writes to several topics and the offsets of a consumer group, all or nothing,
// as one producer of Kafka's transactions. Who calls Begin() with the same
// transactional id later takes the right to write away from whoever had it.
//
// One thread at a time.
#ifndef ODDVERB_KAFKA_KAFKA_TRANSACTIONS_H_
#define ODDVERB_KAFKA_KAFKA_TRANSACTIONS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_consumer.h"
#include "kafka/kafka_member.h"
#include "kafka/kafka_options.h"

struct rd_kafka_error_s;

namespace oddverb {

struct KafkaWrite {
  static constexpr int32_t kByKey = -1;

  std::string topic = {};
  int32_t partition = kByKey;
  std::string key = {};
  std::optional<std::string> payload = {};  // nullopt: a tombstone
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct KafkaPartitions {
  std::string topic;
  std::optional<int32_t> only = {};  // nullopt: all of them
};

struct KafkaTransaction {
  std::vector<KafkaWrite> writes;
  std::map<std::string, KafkaOffsets> offsets;  // by topic: where to go on
};

class KafkaTransactions {
 public:
  struct Options {
    KafkaOptions client;
    std::string transactional_id;
    // For messages: whose state is written.
    std::string topic, group;
  };

  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  // Connects to nobody that matters before Begin().
  static absl::StatusOr<std::unique_ptr<KafkaTransactions>> Make(
      const Options& options);
  ~KafkaTransactions();

  // Once, before all that follows. From now on nobody else writes with this
  // transactional id, and what the one before left unfinished is settled.
  //   Unavailable         not reached, not let in; to be called again
  //   FailedPrecondition  the brokers have no transactions
  absl::Status Begin(absl::Time deadline);

  // What the one before wrote, and the brokers forgot to end in `partitions`,
  // is undone there. A broker that was killed may leave such: when it starts it
  // completes the transactions that it finds decided, and passes over
  // partitions that it does not know yet (seen with 4.3.1; docs/kafka.md). The
  // next one of the same id would make them visible as its own. REQUIRES:
  // nothing was written yet.
  //   Unavailable, FailedPrecondition  as Begin(); Unavailable: call it again
  absl::Status UndoForgotten(const std::vector<KafkaPartitions>& partitions,
                             absl::Time deadline);

  // OK: all of it is there for ever. `member` proves that the group's offsets
  // may be written, and must outlive Settle(). Else:
  //   Unavailable         nothing of it is there, to be tried again as a whole;
  //                       or is_undecided(), then Settle() comes next
  //   FailedPrecondition  another producer has taken over: never again
  absl::Status Write(const KafkaTransaction& transaction,
                     const KafkaMember& member, absl::Time deadline);
  // Whether it is not known what became of the last Write().
  bool is_undecided() const {
    return state_ == State::kSending || state_ == State::kCommitting;
  }
  // OK: it is there. Aborted: nothing of it is. Unavailable: not known yet.
  // FailedPrecondition as above.
  absl::Status Settle(absl::Time deadline);

 private:
  struct Client;
  enum class State : uint8_t { kIdle, kSending, kCommitting, kAborting };

  explicit KafkaTransactions(Options options);
  absl::Status Enqueue(const KafkaWrite& write, absl::Time deadline);
  absl::StatusOr<int32_t> PartitionsOf(const std::string& topic,
                                       absl::Time deadline) const;
  absl::Status Touch(const std::vector<KafkaPartitions>& partitions,
                     absl::Time deadline);
  absl::Status SendOffsets(absl::Time deadline);
  absl::Status Finish(absl::Time deadline);
  absl::Status TakeBack(const absl::Status& cause);
  absl::Status Abort(absl::Time deadline);
  template <class Call>
  absl::Status Retry(Call call, absl::Time deadline);
  absl::Status StatusOf(rd_kafka_error_s* error) const;
  absl::Status Why(absl::Status status) const;

  const Options options_;
  ConsumerHealth health_;
  State state_ = State::kIdle;
  // Of the transaction under way.
  std::map<std::string, KafkaOffsets> offsets_;
  const KafkaMember* member_ = nullptr;
  std::unique_ptr<Client> client_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_TRANSACTIONS_H_
