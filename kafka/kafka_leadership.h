// Which one of several processes works: all of them are members of a consumer
// group that shares out one partition (kafka/kafka_shares.h), and who has it
// leads. The others stand by, and one of them gets it when the leader's session
// ends.
//
// Thread-safe.
#ifndef ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_
#define ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kafka/kafka_member.h"
#include "kafka/kafka_shares.h"

namespace oddverb {

class KafkaLeadership final : public KafkaMember, private KafkaShares::Owner {
 public:
  // Partition 0 of the topic is what the members share out.
  using Options = KafkaShares::Options;

  // The errors of KafkaShares::Start(). Joins the group.
  static absl::StatusOr<std::unique_ptr<KafkaLeadership>> Start(
      const Options& options);
  // Leaves the group, but for a static member, so that another one leads at
  // once.
  ~KafkaLeadership() override;

  bool leads() const { return leads_; }
  // OK, or what keeps this process out of the group, with its cure.
  absl::Status health() const { return shares_->health(); }
  // FailedPrecondition: it led and another one does now, or this process
  // cannot be a member any more. It has to end.
  absl::Status failure() const;

  rd_kafka_s* handle() const override { return shares_->handle(); }

 private:
  explicit KafkaLeadership(std::string group) : group_(std::move(group)) {}
  void OnGiven(const std::vector<int32_t>& partitions) override;
  void OnTaken(const std::vector<int32_t>& partitions, Ending ending) override;
  void NoteReplaced();

  const std::string group_;
  std::atomic<bool> leads_{false};
  bool is_unsure_ = false;  // led, and lost it; of the thread of the shares
  mutable std::mutex mutex_;
  std::string replaced_;  // guarded by mutex_
  std::unique_ptr<KafkaShares> shares_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_LEADERSHIP_H_
