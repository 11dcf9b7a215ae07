// Owned bytes with readable padding behind them, as simdjson requires.
//
// One thread. Pinned (neither copied nor moved) because events borrow from it;
// hold it by unique_ptr. Growing moves the bytes, so it is done before the
// first view is taken.
#ifndef ODDVERB_BASE_PADDED_BUFFER_H_
#define ODDVERB_BASE_PADDED_BUFFER_H_

#include <cstddef>
#include <memory>
#include <string_view>

#include "absl/base/attributes.h"

namespace oddverb {

class PaddedBuffer {
 public:
  // Readable (zeroed) bytes behind size(); simdjson's SIMDJSON_PADDING is 32
  // and stage 1 reads whole blocks of 64.
  static constexpr size_t kPaddingBytes = 64;

  explicit PaddedBuffer(size_t capacity_bytes = 0);
  PaddedBuffer(const PaddedBuffer&) = delete;
  PaddedBuffer& operator=(const PaddedBuffer&) = delete;

  char* data() ABSL_ATTRIBUTE_LIFETIME_BOUND { return bytes_.get(); }
  const char* data() const ABSL_ATTRIBUTE_LIFETIME_BOUND {
    return bytes_.get();
  }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::string_view view() const ABSL_ATTRIBUTE_LIFETIME_BOUND {
    return {bytes_.get(), size_};
  }

  // Makes room for at least `capacity_bytes` in all, keeping the bytes.
  // Invalidates every view.
  void Reserve(size_t capacity_bytes);
  // Appends; grows by doubling when needed. `bytes` lie outside of the buffer.
  void Append(std::string_view bytes);
  // Sets the size after bytes were written through data(), and zeroes the
  // padding. REQUIRES: size_bytes <= capacity().
  void SetSize(size_t size_bytes);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_PADDED_BUFFER_H_
