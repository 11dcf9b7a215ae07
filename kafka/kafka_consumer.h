// Reads one topic as a member of a consumer group. The group shares out the
// partitions (cooperative-sticky: what stays is not interrupted); where each of
// them is read from is the owner's to say, not the group's. Or reads all of the
// topic, where something else decides that this process is the one that does.
//
// Each partition is taken from a queue of its own. What is not taken stays
// there, and librdkafka then fetches no more of that partition: not taking is
// the backpressure, while a thread here goes on polling, so that the group does
// not take the partitions away.
//
// Threads: Take, HandOut, TakeGaps and Wait from one (the reader); all else
// from any. One thread of its own, from Start() to the end.
#ifndef ODDVERB_KAFKA_KAFKA_CONSUMER_H_
#define ODDVERB_KAFKA_KAFKA_CONSUMER_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_options.h"

struct rd_kafka_message_s;
struct rd_kafka_s;
struct rd_kafka_topic_partition_list_s;

namespace oddverb {

// By partition.
using KafkaOffsets = std::map<int32_t, int64_t>;

struct KafkaConsumerOptions {
  // Where to read partitions of which nothing is known.
  enum class Start : uint8_t { kBeginning, kEnd };
  enum class Partitions : uint8_t {
    kOfMember,  // those that the group gives this process
    // All that there are, without being a member; the group is told nothing
    // here, as the owner does that in a transaction.
    kAll,
  };

  KafkaOptions client;
  std::string topic;
  std::string group;
  Partitions partitions = Partitions::kOfMember;
  // Of kAll: this one alone.
  std::optional<int32_t> only = {};
  // Of a static member: a restart within session.timeout.ms moves nothing.
  std::string instance_id = {};
  Start start = Start::kBeginning;
  // How long a partition that is given away waits for Commit() of what was
  // handed out of it; longer, and its next owner reads that again.
  absl::Duration hand_over = absl::Seconds(20);
};

struct KafkaMessageDeleter {
  void operator()(rd_kafka_message_s* message) const;
};

// A message as it was taken. Not of a consumer that is gone.
struct KafkaRecord {
  int32_t partition = 0;
  int64_t offset = 0;
  bool has_payload = true;  // false: a tombstone of a compacted topic
  std::string_view payload = {};
  std::unique_ptr<rd_kafka_message_s, KafkaMessageDeleter> owner = {};
};

// Messages that were gone before they were read.
struct KafkaGap {
  enum class Cause : uint8_t {
    kDeleted,   // by retention (or by an administrator)
    kReplaced,  // the topic ends before what was read: it was made anew
  };
  int32_t partition = 0;
  int64_t from = 0;  // the first that is missing
  int64_t to = 0;    // where reading goes on
  Cause cause = Cause::kDeleted;
};

class KafkaConsumer {
 public:
  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  // Connects to nobody before Start().
  static absl::StatusOr<std::unique_ptr<KafkaConsumer>> Make(
      const KafkaConsumerOptions& options);
  // Leaves the group, but for a static member. Takes at most some seconds,
  // also without a broker: what the group was not told then is judged all the
  // same, and known to the owner.
  ~KafkaConsumer();

  // Joins the group, if it is to. `known`: where to go on. A partition is read
  // from there, or from what the group has committed if that is further: then
  // another member had the partition meanwhile. Once, before all that follows.
  void Start(KafkaOffsets known);

  // Partitions that are ours now, ascending.
  std::vector<int32_t> Partitions() const;
  // Where to go on, of each partition that ever was ours: behind what was
  // handed out.
  KafkaOffsets positions() const;

  enum class Step : uint8_t {
    kRecord,
    kNothing,  // at present
    kAtEnd,    // nothing, and as far as the broker says there is no more
    kGone,     // the partition is not ours
  };
  Step Take(int32_t partition, KafkaRecord& record);
  // The record goes to the owner. False: the partition is not ours any more.
  bool HandOut(const KafkaRecord& record);
  // At kAtEnd, when all that was taken went to the owner: what is behind the
  // last message (marks of transactions) need not be read again.
  void PassEnd(int32_t partition);
  // Since the last call; positions() are behind them now.
  std::vector<KafkaGap> TakeGaps();
  // Returns at `deadline` (of SteadyNow()), or when there may be something new;
  // at most 100 ms later, if brokers are slow to answer.
  void Wait(absl::Time deadline);

  // All up to `offset` is judged. Tells the group, for its own display and for
  // the next owner.
  void Commit(int32_t partition, int64_t offset);

  // OK, or what keeps messages from coming, with its cure.
  absl::Status health() const { return health_.status(); }
  // Not OK: this member will never get anything again, as another one took its
  // place.
  absl::Status fatal() const { return health_.fatal(); }

  struct Counters {
    uint64_t rebalances = 0, lost_partitions = 0;  // since the start
    uint64_t missing_messages = 0;                 // of all gaps
    uint64_t unkeyed_messages = 0;                 // that were taken
    // Messages behind the end, of each of ours whose end was told once.
    KafkaOffsets lag = {};
  };
  Counters counters() const;
  // The last statistics of librdkafka, JSON; empty before the first.
  std::string statistics() const;

 private:
  struct Client;
  struct Assigned;
  using PartitionList = rd_kafka_topic_partition_list_s;

  explicit KafkaConsumer(KafkaConsumerOptions options);

  void Poll();
  void Subscribe();
  void TakeAll();
  void Leave();
  void OnRebalance(int error, PartitionList* partitions);
  void OnAssigned(PartitionList* partitions);
  void OnRevoked(const PartitionList* partitions, bool lost);
  KafkaOffsets CommittedOf(const PartitionList* partitions) const;
  int64_t StartOf(int32_t partition, int64_t told, bool is_first) const;
  void OnCommitted(int error, const PartitionList* partitions);
  void TellWhenSafe();
  bool IsSafeToTell() const;
  bool HasNews() const;
  void TellGroup();
  void TellBeforeTheyGo(const PartitionList* offsets);
  void NoteTold(int error, const PartitionList* partitions);
  void OnError(int error, std::string_view reason);
  void OnStatistics(std::string_view json);
  void MendResets();
  void Mend(int32_t partition);
  void LookForEnds();
  void NoteEnds();
  void Wake();
  void WakeFetch();

  const KafkaConsumerOptions options_;
  ConsumerHealth health_;
  std::unique_ptr<Client> client_;
  bool topic_failed_ = false;  // as the last TakeAll() saw; of the poller
  absl::Time next_tell_;       // the group, of what is judged; of the poller
  bool rejoins_ = false;       // gave partitions away; of the poller
  std::thread poller_;

  absl::Time next_wake_fetch_ = absl::InfinitePast();  // of Wait()

  // Taken last, and never held in a call of librdkafka: its threads wake us
  // with locks of its own held.
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool woken_ = false;  // guarded by wake_mutex_

  mutable std::mutex mutex_;
  std::condition_variable committed_;
  // All that follows is guarded by mutex_.
  bool ending_ = false;
  bool is_telling_ = false;  // the answer to a commit is not here yet
  std::map<int32_t, std::unique_ptr<Assigned>> assigned_;
  KafkaOffsets positions_;
  KafkaOffsets judged_;
  std::vector<KafkaGap> gaps_;
  Counters counters_;
  std::string statistics_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_CONSUMER_H_
