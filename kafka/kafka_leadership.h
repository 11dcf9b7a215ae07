// Which one of several processes works: all of them are members of a consumer
// group that shares out one partition, and who has it leads. The others stand
// by, and one of them gets it when the leader's session ends.
//
// It only chooses. That a leader which does not know yet that it was replaced
// (it was stopped, or cut off) writes nothing more is for the transactions to
// see to (kafka/kafka_transactions.h).
//
// Thread-safe. One thread of its own, from Start() to the end.
#ifndef ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_
#define ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_options.h"

struct rd_kafka_s;
struct rd_kafka_topic_partition_list_s;

namespace oddverb {

class KafkaLeadership {
 public:
  struct Options {
    KafkaOptions client;
    std::string topic;  // its partition 0 is what the members share out
    std::string group;
    // Of a static member: it leads again after a restart that takes less than
    // session.timeout.ms, and nobody takes over meanwhile.
    std::string instance_id = {};
  };

  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  // Joins the group.
  static absl::StatusOr<std::unique_ptr<KafkaLeadership>> Start(
      const Options& options);
  // Leaves the group, but for a static member, so that another one leads at
  // once.
  ~KafkaLeadership();

  bool leads() const { return leads_; }
  // OK, or what keeps this process out of the group, with its cure.
  absl::Status health() const;
  // FailedPrecondition: it led and another one does now, or this process
  // cannot be a member any more. It has to end.
  absl::Status failure() const;

  // For KafkaTransactions: a member's proof of its place in the group.
  rd_kafka_s* handle() const;

 private:
  struct Client;
  using PartitionList = rd_kafka_topic_partition_list_s;

  explicit KafkaLeadership(Options options);
  void Poll();
  void OnRebalance(int error, PartitionList* partitions);
  void OnError(int error, std::string_view reason);
  bool Holds(const PartitionList* partitions) const;
  void NoteReplaced();

  const Options options_;
  ConsumerHealth health_;
  std::unique_ptr<Client> client_;
  std::atomic<bool> leads_{false};
  std::atomic<bool> ending_{false};
  bool is_unsure_ = false;  // led, and lost it; of the poller
  mutable std::mutex mutex_;
  std::string replaced_;  // guarded by mutex_
  std::thread poller_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_
