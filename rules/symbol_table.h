// Texts that rules name, as small numbers. Built once, then immutable and
// thread-safe. Only what rules name gets a number, so events cannot make it
// grow, nor choose what collides.
#ifndef ODDVERB_RULES_SYMBOL_TABLE_H_
#define ODDVERB_RULES_SYMBOL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Fast, and the same for equal texts; whoever writes the texts can choose what
// collides.
inline uint64_t QuickHash(std::string_view text) {
  auto mix = [](uint64_t a, uint64_t b) {
    uint64_t product = (a ^ b) * 0x9e3779b97f4a7c15u;
    return product ^ (product >> 32);
  };
  uint64_t hash = text.size() + 1;
  const char* at = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    hash = mix(hash, word);
  }
  uint64_t word = 0;
  if (left >= 4) {
    uint32_t low;
    uint32_t high;
    std::memcpy(&low, at, sizeof(low));
    std::memcpy(&high, at + left - 4, sizeof(high));
    word = uint64_t{low} << 32 | high;
  } else {
    for (size_t i = 0; i < left; ++i) {
      word = word << 8 | static_cast<unsigned char>(at[i]);
    }
  }
  return mix(hash, word);
}

class SymbolTable {
 public:
  static constexpr uint32_t kUnknown = 0;

  // Gives `text` the number `symbol` (not kUnknown) unless it has one; returns
  // the one that it has.
  uint32_t Intern(std::string_view text, uint32_t symbol);
  // kUnknown where no rule names the text.
  uint32_t Find(std::string_view text) const;
  bool empty() const { return count_ == 0; }

 private:
  struct Entry {
    uint64_t hash = 0;
    uint32_t symbol = kUnknown;
    std::string text;
  };
  void Grow();

  std::vector<Entry> entries_;  // power of two, at most half full
  size_t count_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_SYMBOL_TABLE_H_
