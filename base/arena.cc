#include "base/arena.h"

#include <algorithm>
#include <cstring>

namespace oddverb {

char* Arena::Allocate(size_t size_bytes) {
  size_t rounded = (size_bytes + 15) & ~size_t{15};
  if (static_cast<size_t>(end_ - next_) < rounded) {
    size_t block = std::max(kBlockBytes, rounded);
    if (blocks_.empty()) first_is_oversized_ = block > kBlockBytes;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    next_ = blocks_.back().get();
    end_ = next_ + block;
  }
  char* result = next_;
  next_ += rounded;
  return result;
}

void Arena::ShrinkLast(const char* end) {
  size_t unused = static_cast<size_t>(next_ - end) & ~size_t{15};
  next_ -= unused;
}

std::string_view Arena::Copy(std::string_view s) {
  if (s.empty()) return {};
  char* bytes = Allocate(s.size());
  std::memcpy(bytes, s.data(), s.size());
  return {bytes, s.size()};
}

void Arena::Clear() {
  blocks_.resize(blocks_.empty() || first_is_oversized_ ? 0 : 1);
  if (blocks_.empty()) {
    next_ = end_ = nullptr;
    return;
  }
  next_ = blocks_[0].get();
  end_ = next_ + kBlockBytes;
}

}  // namespace oddverb
