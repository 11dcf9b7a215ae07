// One Alertmanager as a receiver: posts alerts in bounded batches and knows
// whether it has them all. The schedule of resends is its own, so that one that
// was down gets everything when it is back.
#ifndef ODDVERB_EXPORTERS_ALERTMANAGER_INSTANCE_H_
#define ODDVERB_EXPORTERS_ALERTMANAGER_INSTANCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "exporters/active_alerts.h"
#include "exporters/http_post.h"

namespace oddverb {

// One thread, but for counters and Abort().
class AlertmanagerInstance {
 public:
  // Alerts a request: 64 of about 5 KB. Alertmanager takes any size, what
  // stands before it may not (nginx: 1 MB).
  static constexpr size_t kMaxBatch = 64;

  enum class Fate : uint8_t { kUnsent, kTaken, kRefused };
  // Since the start, in alerts; failures in requests. Readable from any thread.
  struct Counters {
    std::atomic<uint64_t> taken{0};
    std::atomic<uint64_t> refused{0};
    std::atomic<uint64_t> failures{0};
  };

  // `name` may be shown: scheme, host and port, no secret.
  AlertmanagerInstance(std::string name, std::unique_ptr<HttpPost> post,
                       absl::Duration resend_interval);

  // When it wants all alerts again.
  absl::Time due() const { return due_; }
  // As soon as there is an occasion.
  void SetDue() { due_ = absl::InfinitePast(); }
  // It has failed and is not due for another try.
  bool is_resting(absl::Time now) const { return is_failing_ && due_ > now; }
  bool is_failing() const { return is_failing_; }
  const std::string& name() const { return name_; }
  const Counters& counters() const { return counters_; }

  // Which of all alerts a call sends.
  enum class Extent : uint8_t { kSome, kAll };
  struct Occasion {
    absl::Time now;  // of the wall clock
    absl::Time deadline;
    Extent extent = Extent::kSome;
  };
  // fates[i] is set to what became of alerts[i]. Unavailable,
  // DeadlineExceeded, Cancelled: it did not take all, try later. A refused
  // alert is no error.
  absl::Status Send(std::span<const ActiveAlert> alerts,
                    const Occasion& occasion, std::vector<Fate>& fates);

  void Abort() { post_->Abort(); }

 private:
  absl::Status SendBatches(std::span<const ActiveAlert> alerts,
                           const Occasion& occasion, std::vector<Fate>& fates);
  std::string BodyOf(std::span<const ActiveAlert> alerts, absl::Time now) const;
  void Settle(const absl::Status& status, const Occasion& occasion);

  const std::string name_;
  const std::unique_ptr<HttpPost> post_;
  const absl::Duration resend_interval_;
  // It has nothing until it is first sent something.
  absl::Time due_ = absl::InfiniteFuture();
  bool is_failing_ = false;
  absl::Duration rest_;  // after the next failure
  Counters counters_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_ALERTMANAGER_INSTANCE_H_
