// A 128-bit fingerprint of a few short texts, for tables that keep what was
// worked out for them: two words to compare instead of all the texts.
//
// NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999) on words of 64
// bits: two texts that were chosen without the key meet with a probability of
// 2^-64. The key is random in each process, so nobody can choose them with it;
// hence a fingerprint is never kept, shown or ordered by. Pure functions of
// immutable keys; thread-safe.
#ifndef ODDVERB_BASE_TEXT_FINGERPRINT_H_
#define ODDVERB_BASE_TEXT_FINGERPRINT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/numeric/int128.h"
#include "base/keyed_hash.h"
#include "base/text_words.h"

namespace oddverb {

struct TextFingerprint {
  uint64_t low = 0, high = 0;

  friend bool operator==(const TextFingerprint& a, const TextFingerprint& b) {
    return ((a.low ^ b.low) | (a.high ^ b.high)) == 0;
  }
  // Where it is looked up, of at most 2^24 slots; alike texts are spread, too
  // (Fibonacci hashing: Knuth, volume 3, 6.4).
  size_t Slot(size_t slots) const {
    return ((high ^ low) * 0x9e3779b97f4a7c15U >> 40) % slots;
  }
};

class FingerprintKey {
 public:
  static constexpr size_t kWords = 14;

  // Random, and of `hash`.
  explicit FingerprintKey(const KeyedHash& hash);

 private:
  friend class FingerprintSum;
  std::array<uint64_t, kWords> words_;
};

// Texts and numbers, always the same ones in the same order. At most
// FingerprintKey::kWords words.
class FingerprintSum {
 public:
  explicit FingerprintSum(const FingerprintKey& key)
      : key_(key.words_.data()) {}

  void Add(const TextWords& text) {
    Add(text[0], text[1]);
    Add(text[2], text[3]);
  }
  void Add(uint64_t a, uint64_t b) {
    sum_ += absl::uint128(a + key_[0]) * absl::uint128(b + key_[1]);
    key_ += 2;
  }
  TextFingerprint Get() const {
    return {absl::Uint128Low64(sum_), absl::Uint128High64(sum_)};
  }

 private:
  const uint64_t* key_;
  absl::uint128 sum_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_TEXT_FINGERPRINT_H_
