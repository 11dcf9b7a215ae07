#include "rules/literal_set.h"

namespace oddverb {

void LiteralSet::Add(std::string_view literal, uint32_t id) {
  literals_.push_back({std::string(literal), 0, id});
}

void LiteralSet::Finish() {
  // Each literal goes where there is least company yet.
  std::vector<uint32_t> counts(kSlots, 0);
  for (Literal& literal : literals_) {
    uint32_t least = UINT32_MAX;
    for (size_t at = 0; at + kMinBytes <= literal.text.size(); ++at) {
      uint32_t count = counts[SlotOf(literal.text.data() + at)];
      if (count < least) {
        least = count;
        literal.at = at;
      }
    }
    ++counts[SlotOf(literal.text.data() + literal.at)];
  }
  begins_.assign(kSlots + 1, 0);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    begins_[slot + 1] = begins_[slot] + counts[slot];
    if (counts[slot] > 0) used_[slot / 64] |= uint64_t{1} << (slot % 64);
  }
  order_.resize(literals_.size());
  std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
  for (uint32_t i = 0; i < literals_.size(); ++i) {
    const Literal& literal = literals_[i];
    order_[next[SlotOf(literal.text.data() + literal.at)]++] = i;
  }
}

}  // namespace oddverb
