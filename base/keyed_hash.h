// Keyed 64- and 128-bit hashes: SipHash-1-3 (Aumasson, Bernstein 2012).
//
// Everything that decides something (shards, entity keys, tuples, finding ids)
// is hashed with a key from configuration or state, never from the process, so
// that results repeat; and keyed, because the hashed names are chosen by the
// attacker. Immutable, so thread-safe.
#ifndef ODDVERB_BASE_KEYED_HASH_H_
#define ODDVERB_BASE_KEYED_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace oddverb {

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
  // 32 lower-case hex digits.
  std::string ToHex() const;
};

class KeyedHash {
 public:
  // `scan` uses this key, so that a log gives the same ids everywhere.
  static constexpr uint64_t kScanKey0 = 0x6f64647665726221;  // "oddverb!"
  static constexpr uint64_t kScanKey1 = 0x61756469742e6b38;  // "audit.k8"

  constexpr KeyedHash() = default;
  constexpr KeyedHash(uint64_t k0, uint64_t k1) : k0_(k0), k1_(k1) {}

  uint64_t Hash(std::string_view bytes) const;
  Hash128 HashWide(std::string_view bytes) const;
  // For a number, e.g. a hash to be combined with another.
  uint64_t Combine(uint64_t a, uint64_t b) const;

 private:
  uint64_t k0_ = kScanKey0;
  uint64_t k1_ = kScanKey1;
};

// Joins parts with their lengths, so that ("ab","c") and ("a","bc") differ.
// The keys of most events fit what it has itself: no allocation for them.
class HashInput {
 public:
  HashInput& Add(std::string_view part);
  HashInput& Add(uint64_t number);
  void Clear() { size_ = 0; }
  std::string_view bytes() const {
    return {longer_.empty() ? first_.data() : longer_.data(), size_};
  }

 private:
  // The next `bytes`, to be written.
  char* Take(size_t bytes);

  // Not initialised: nothing is read that was not written.
  std::array<char, 512> first_;
  // Instead of it once that was too short; longer than what is in use, so as to
  // grow rarely.
  std::string longer_;
  size_t size_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_KEYED_HASH_H_
