// Posts several bodies to one receiver, one after the other, for receivers that
// take one finding a request. One thread, but for Abort().
#ifndef ODDVERB_EXPORTERS_POST_SEQUENCE_H_
#define ODDVERB_EXPORTERS_POST_SEQUENCE_H_

#include <cstddef>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "exporters/http_post.h"

namespace oddverb {

class PostSequence {
 public:
  // Bodies of failed calls that are remembered, far more than an outbox hands
  // over at once. Beyond it all are forgotten, and may be sent twice.
  static constexpr size_t kMaxRemembered = 10'000;

  explicit PostSequence(std::unique_ptr<HttpPost> post)
      : post_(std::move(post)) {}

  // Sends all or stops at the first that fails, with HttpPost's error. The next
  // calls with the same bodies, whole or in parts, pass over what was taken: a
  // person is not told twice because the tenth of twenty failed.
  absl::Status Send(std::string_view content_type,
                    std::span<const std::string> bodies, absl::Time deadline);

  // Thread-safe: ends the Send() under way, and every later one.
  void Abort() { post_->Abort(); }

 private:
  std::unique_ptr<HttpPost> post_;
  // Hashes of the bodies that were taken in calls that then failed.
  std::set<Hash128> taken_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_POST_SEQUENCE_H_
