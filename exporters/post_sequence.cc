#include "exporters/post_sequence.h"

#include <vector>

namespace oddverb {

absl::Status PostSequence::Send(std::string_view content_type,
                                std::span<const std::string> bodies,
                                absl::Time deadline) {
  std::vector<Hash128> taken;
  for (const std::string& body : bodies) {
    const Hash128 hash = KeyedHash().HashWide(body);
    if (!taken_.contains(hash)) {
      const absl::Status status =
          post_->Send(content_type, body, deadline).status();
      if (!status.ok()) {
        if (taken_.size() + taken.size() > kMaxRemembered) taken_.clear();
        taken_.insert(taken.begin(), taken.end());
        return status;
      }
    }
    taken.push_back(hash);
  }
  for (const Hash128& hash : taken) taken_.erase(hash);
  return absl::OkStatus();
}

}  // namespace oddverb
