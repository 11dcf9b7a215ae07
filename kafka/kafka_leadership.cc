#include "kafka/kafka_leadership.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

constexpr int32_t kShared = 0;  // the partition that makes the leader

bool HasIt(const std::vector<int32_t>& partitions) {
  return std::find(partitions.begin(), partitions.end(), kShared) !=
         partitions.end();
}

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaLeadership>> KafkaLeadership::Start(
    const Options& options) {
  std::unique_ptr<KafkaLeadership> made(new KafkaLeadership(options.group));
  ODDVERB_ASSIGN_OR_RETURN(made->shares_, KafkaShares::Start(options, *made));
  return made;
}

KafkaLeadership::~KafkaLeadership() = default;

void KafkaLeadership::OnGiven(const std::vector<int32_t>& partitions) {
  if (HasIt(partitions)) {
    is_unsure_ = false;
    leads_ = true;
  } else if (is_unsure_) {
    // The group has answered, and it was given to somebody else.
    NoteReplaced();
  }
}

void KafkaLeadership::OnTaken(const std::vector<int32_t>& partitions,
                              Ending ending) {
  if (!HasIt(partitions) || !leads_) return;
  // Lost means that the group was not reached for too long. Perhaps there is
  // nobody else: the next assignment tells. Until then nothing is risked, as
  // whoever takes over takes our transactions away first.
  if (ending == Ending::kLost) {
    is_unsure_ = true;
  } else {
    NoteReplaced();
  }
}

void KafkaLeadership::NoteReplaced() {
  std::lock_guard<std::mutex> lock(mutex_);
  replaced_ = absl::StrCat("another member of the group ", group_,
                           " leads now, as this one did not answer for too "
                           "long; start it again, and it stands by");
}

absl::Status KafkaLeadership::failure() const {
  ODDVERB_RETURN_IF_ERROR(shares_->failure());
  std::lock_guard<std::mutex> lock(mutex_);
  if (replaced_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(replaced_);
}

}  // namespace oddverb
