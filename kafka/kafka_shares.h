// What one of several processes works on: all of them are members of a consumer
// group that shares out the partitions of a topic; no message of it is read
// here. What stays with a member is not interrupted when others come or go.
//
// It only shares out. That a member which does not know yet that a partition
// was given away (it was stopped, or cut off) writes nothing more is for the
// transactions to see to (kafka/kafka_transactions.h).
//
// Thread-safe. One thread of its own, from Start() to the end.
#ifndef ODDVERB_KAFKA_KAFKA_SHARES_H_
#define ODDVERB_KAFKA_KAFKA_SHARES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kafka/consumer_health.h"
#include "kafka/kafka_member.h"
#include "kafka/kafka_options.h"

struct rd_kafka_topic_partition_list_s;

namespace oddverb {

class KafkaShares final : public KafkaMember {
 public:
  struct Options {
    KafkaOptions client;
    std::string topic;
    std::string group;
    // Of a static member: it gets the same again after a restart that takes
    // less than session.timeout.ms, and nobody takes over meanwhile.
    std::string instance_id = {};
  };

  // Called from the thread of the shares, one call at a time.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Also when there is nothing to give.
    virtual void OnGiven(const std::vector<int32_t>& partitions) = 0;
    enum class Ending : uint8_t {
      // They are ours until this returns, and the next owner waits for it; so
      // no longer than max.poll.interval.ms (5 minutes).
      kHandedOver,
      kLost,  // the group was not reached for too long: perhaps another's
    };
    virtual void OnTaken(const std::vector<int32_t>& partitions,
                         Ending ending) = 0;
  };

  // InvalidArgument, FailedPrecondition: what the options name cannot be used.
  // Joins the group. `owner` must outlive the result.
  static absl::StatusOr<std::unique_ptr<KafkaShares>> Start(
      const Options& options, Owner& owner);
  // Tells the owner nothing more, and leaves the group, but for a static
  // member, so that others get the partitions at once.
  ~KafkaShares() override;

  // OK, or what keeps this process out of the group, with its cure.
  absl::Status health() const { return health_.status(); }
  // FailedPrecondition: this process cannot be a member any more.
  absl::Status failure() const { return health_.fatal(); }

  rd_kafka_s* handle() const override;

 private:
  struct Client;
  using PartitionList = rd_kafka_topic_partition_list_s;

  KafkaShares(Options options, Owner& owner);
  void Poll();
  void OnRebalance(int error, PartitionList* partitions);
  void OnError(int error, std::string_view reason);

  const Options options_;
  Owner& owner_;
  ConsumerHealth health_;
  std::unique_ptr<Client> client_;
  std::atomic<bool> ending_{false};
  std::thread poller_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_SHARES_H_
