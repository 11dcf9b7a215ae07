// Finds which of many literals occur in a text, in one pass over it. A literal
// is filed under one group of three bytes of it; the pass looks up every three
// bytes of the text in a bitmap that fits the first-level cache and compares
// where a bit is set. Built once, then immutable and thread-safe.
#ifndef ODDVERB_RULES_LITERAL_SET_H_
#define ODDVERB_RULES_LITERAL_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

class LiteralSet {
 public:
  static constexpr size_t kMinBytes = 3;

  // REQUIRES: literal.size() >= kMinBytes; only before Finish().
  void Add(std::string_view literal, uint32_t id);
  void Finish();

  // Calls found(id) for each occurrence of each literal.
  template <class Found>
  void Find(std::string_view text, Found found) const;

 private:
  struct Literal {
    std::string text;
    size_t at = 0;  // of the group that it is filed under
    uint32_t id = 0;
  };
  static constexpr size_t kSlots = 1 << 15;

  static size_t SlotOf(const char* bytes) {
    uint32_t group = static_cast<unsigned char>(bytes[0]) |
                     uint32_t{static_cast<unsigned char>(bytes[1])} << 8 |
                     uint32_t{static_cast<unsigned char>(bytes[2])} << 16;
    return group * 0x9e3779b1u >> (32 - 15);
  }

  std::vector<Literal> literals_;
  std::array<uint64_t, kSlots / 64> used_{};
  // By slot: the first of its literals in `order_`, and where the next slot's
  // begin.
  std::vector<uint32_t> begins_;
  std::vector<uint32_t> order_;
};

template <class Found>
void LiteralSet::Find(std::string_view text, Found found) const {
  if (begins_.empty() || text.size() < kMinBytes) return;
  for (size_t i = 0; i + kMinBytes <= text.size(); ++i) {
    size_t slot = SlotOf(text.data() + i);
    if ((used_[slot / 64] >> (slot % 64) & 1) == 0) continue;
    for (uint32_t o = begins_[slot]; o < begins_[slot + 1]; ++o) {
      const Literal& literal = literals_[order_[o]];
      if (literal.at > i) continue;
      std::string_view here = text.substr(i - literal.at);
      if (here.starts_with(literal.text)) found(literal.id);
    }
  }
}

}  // namespace oddverb

#endif  // ODDVERB_RULES_LITERAL_SET_H_
