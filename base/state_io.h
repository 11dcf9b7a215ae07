// Compact binary form of detector state for checkpoints. Little-endian,
// varint-based; the reader never trusts a length. One thread.
#ifndef ODDVERB_BASE_STATE_IO_H_
#define ODDVERB_BASE_STATE_IO_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace oddverb {

class StateWriter {
 public:
  void PutU64(uint64_t value) {  // varint
    for (; value >= 0x80; value >>= 7) {
      bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    }
    bytes_ += static_cast<char>(value);
  }
  void PutI64(int64_t value);  // zigzag varint
  // Hashes.
  void PutFixed64(uint64_t value) { PutFixed(value, sizeof(value)); }
  void PutFixed32(uint32_t value) { PutFixed(value, sizeof(value)); }
  void PutFixed16(uint16_t value) { PutFixed(value, sizeof(value)); }
  void PutDouble(double value);  // all bits kept
  void PutString(std::string_view value) {
    PutU64(value.size());
    bytes_.append(value);
  }
  void PutTime(absl::Time value);            // exact, infinities too
  void PutBytes(std::string_view written) {  // by another writer
    bytes_.append(written);
  }

  const std::string& bytes() const { return bytes_; }
  std::string Release() { return std::move(bytes_); }
  void Clear() { bytes_.clear(); }  // keeps the memory
  // Of so many bytes in all the memory is taken at once.
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }

 private:
  void PutFixed(uint64_t value, size_t bytes);

  std::string bytes_;
};

// Reads what StateWriter wrote, in the same order. After the first failure
// every Get returns zero (empty, the Unix epoch), and status() is DataLoss.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t GetU64();
  int64_t GetI64();
  uint64_t GetFixed64() { return GetFixed(sizeof(uint64_t)); }
  uint32_t GetFixed32() {
    return static_cast<uint32_t>(GetFixed(sizeof(uint32_t)));
  }
  uint16_t GetFixed16() {
    return static_cast<uint16_t>(GetFixed(sizeof(uint16_t)));
  }
  double GetDouble();
  std::string_view GetString();  // borrows from the constructor's bytes
  absl::Time GetTime();
  // A count of things that take at least `min_bytes_each`: bounded by what is
  // left, so that a damaged state cannot ask for memory.
  uint64_t GetCount(size_t min_bytes_each);

  // For a value that the caller knows cannot be: fails like a damaged byte.
  void Fail();

  bool AtEnd() const { return rest_.empty(); }
  absl::Status status() const;

 private:
  uint64_t GetFixed(size_t bytes);

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_STATE_IO_H_
