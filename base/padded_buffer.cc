#include "base/padded_buffer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace oddverb {

PaddedBuffer::PaddedBuffer(size_t capacity_bytes) { Reserve(capacity_bytes); }

void PaddedBuffer::Reserve(size_t capacity_bytes) {
  if (bytes_ != nullptr && capacity_bytes <= capacity_) return;
  // Not value-initialized: a block is overwritten by read() anyway.
  std::unique_ptr<char[]> grown(new char[capacity_bytes + kPaddingBytes]);
  if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
  std::memset(grown.get() + size_, 0, kPaddingBytes);
  bytes_ = std::move(grown);
  capacity_ = capacity_bytes;
}

void PaddedBuffer::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (size_ + bytes.size() > capacity_) {
    Reserve(std::max(size_ + bytes.size(), 2 * capacity_));
  }
  std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
  SetSize(size_ + bytes.size());
}

void PaddedBuffer::SetSize(size_t size_bytes) {
  assert(size_bytes <= capacity_);
  size_ = size_bytes;
  std::memset(bytes_.get() + size_, 0, kPaddingBytes);
}

}  // namespace oddverb
