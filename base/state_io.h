// Compact binary form of detector state, for checkpoints and for entities that
// rest in memory. Little-endian, varint-based; the reader never trusts a
// length. One thread.
//
// What rests is read by the process that wrote it, and is one string for an
// entity. So it has no versions, times are differences from the one before, and
// what stands in it already, or in most of them, is not written again.
#ifndef ODDVERB_BASE_STATE_IO_H_
#define ODDVERB_BASE_STATE_IO_H_

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace oddverb {

struct RestValues;

// What is written and what reads it begin with the same one.
struct RestStart {
  int64_t near_micros = 0;       // a time close to those of the state
  RestValues* values = nullptr;  // null: none is common
};

// The last hashes of a string that rests.
class RestHashes {
 public:
  static constexpr size_t kMany = 4;
  // The hash of so many hashes ago, from 1; 0: it is none of those.
  size_t AgoOf(uint32_t hash) const {
    for (size_t ago = 1; ago <= kMany; ++ago) {
      if (Ago(ago) == hash) return ago;
    }
    return 0;
  }
  uint32_t Ago(size_t ago) const {  // REQUIRES: 1 <= ago <= kMany
    return hashes_[(next_ + kMany - ago) % kMany];
  }
  void Note(uint32_t hash) { hashes_[next_++ % kMany] = hash; }

 private:
  std::array<uint32_t, kMany> hashes_{};
  size_t next_ = 0;
};

// Small for numbers near 0, whatever their sign.
constexpr uint64_t ZigzagOf(int64_t value) {
  const uint64_t sign = value < 0 ? ~uint64_t{0} : 0;
  return (static_cast<uint64_t>(value) << 1) ^ sign;
}
constexpr int64_t FromZigzag(uint64_t zigzag) {
  const uint64_t sign = (zigzag & 1) != 0 ? ~uint64_t{0} : 0;
  return static_cast<int64_t>((zigzag >> 1) ^ sign);
}

class StateWriter {
 public:
  StateWriter() = default;  // for a checkpoint

  // Drops what was written; what follows is to rest.
  void BeginRest(const RestStart& start) {
    bytes_.clear();
    rests_ = true;
    rest_ = start;
    hashes_ = {};
  }
  bool rests() const { return rests_; }

  // Of what follows; nothing where it rests.
  void PutVersion(uint64_t version) {
    if (!rests_) PutU64(version);
  }
  // Times that are close to others of the entity. INT64_MIN, and 0 seconds,
  // stand for none.
  void PutMicros(int64_t unix_micros);
  void PutSecond(uint32_t unix_second);
  // A text that many entities have, as a User-Agent.
  void PutCommonText(std::string_view text);
  // A hash that many entities have, as of a network.
  void PutCommonHash(uint32_t hash);
  // As PutU64() of each, but that most are 0.
  void PutNumbers(std::initializer_list<uint64_t> numbers);
  // Of FingerprintSet. REQUIRES: rests().
  RestHashes& hashes() { return hashes_; }
  int64_t near_micros() const { return rest_.near_micros; }

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
  void PutTime(absl::Time value);  // exact, infinities too
  void PutRaw(std::string_view bytes) { bytes_.append(bytes); }
  // By another writer for a checkpoint. REQUIRES: !rests().
  void PutBytes(std::string_view written) {
    assert(!rests_);
    bytes_.append(written);
  }

  // For use by whoever writes, so that he need not allocate one.
  std::string& scratch() { return scratch_; }

  const std::string& bytes() const { return bytes_; }
  std::string Release() { return std::move(bytes_); }
  void Clear() { bytes_.clear(); }  // keeps the memory
  // Of so many bytes in all the memory is taken at once.
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }

 private:
  void PutFixed(uint64_t value, size_t bytes);
  void PutExactTime(absl::Time value);

  std::string bytes_, scratch_;
  bool rests_ = false;
  RestStart rest_;
  RestHashes hashes_;
};

// Reads what StateWriter wrote, in the same order. After the first failure
// every Get returns zero (empty, the Unix epoch), and status() is DataLoss.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : left_(bytes) {}
  // Of what began with BeginRest().
  StateReader(std::string_view bytes, const RestStart& start)
      : left_(bytes), rests_(true), rest_(start) {}

  bool rests() const { return rests_; }
  // What PutVersion() was given; `current` where it rests.
  uint64_t GetVersion(uint64_t current) { return rests_ ? current : GetU64(); }
  int64_t GetMicros();
  uint32_t GetSecond();
  std::string GetCommonText(size_t max_bytes);
  uint32_t GetCommonHash();
  template <size_t kMany>
  std::array<uint64_t, kMany> GetNumbers() {
    std::array<uint64_t, kMany> numbers{};
    ReadNumbers(numbers);
    return numbers;
  }
  RestHashes& hashes() { return hashes_; }
  int64_t near_micros() const { return rest_.near_micros; }

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
  std::string_view GetRaw(size_t bytes);  // likewise
  absl::Time GetTime();
  // A count of things that take at least `min_bytes_each`: bounded by what is
  // left, so that a damaged state cannot ask for memory.
  uint64_t GetCount(size_t min_bytes_each);

  // For a value that the caller knows cannot be: fails like a damaged byte.
  void Fail();

  bool AtEnd() const { return left_.empty(); }
  std::string_view rest() const { return left_; }  // what is left
  absl::Status status() const;

 private:
  uint64_t GetFixed(size_t bytes);
  absl::Time GetExactTime();
  void ReadNumbers(std::span<uint64_t> numbers);

  std::string_view left_;
  bool failed_ = false;
  bool rests_ = false;
  RestStart rest_;
  RestHashes hashes_;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_STATE_IO_H_
