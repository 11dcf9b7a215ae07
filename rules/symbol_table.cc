#include "rules/symbol_table.h"

#include <cstring>
#include <utility>

namespace oddverb {
namespace {

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t product = (a ^ b) * 0x9e3779b97f4a7c15u;
  return product ^ (product >> 32);
}

}  // namespace

uint64_t QuickHash(std::string_view text) {
  uint64_t hash = text.size() + 1;
  const char* at = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    hash = Mix(hash, word);
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
  return Mix(hash, word);
}

uint32_t SymbolTable::Intern(std::string_view text, uint32_t symbol) {
  uint32_t found = Find(text);
  if (found != kUnknown) return found;
  if ((count_ + 1) * 2 > entries_.size()) Grow();
  uint64_t hash = QuickHash(text);
  size_t mask = entries_.size() - 1;
  size_t at = hash & mask;
  while (entries_[at].symbol != kUnknown) at = (at + 1) & mask;
  entries_[at] = {hash, symbol, std::string(text)};
  ++count_;
  return symbol;
}

uint32_t SymbolTable::Find(std::string_view text) const {
  if (entries_.empty()) return kUnknown;
  uint64_t hash = QuickHash(text);
  size_t mask = entries_.size() - 1;
  for (size_t at = hash & mask; entries_[at].symbol != kUnknown;
       at = (at + 1) & mask) {
    if (entries_[at].hash == hash && entries_[at].text == text) {
      return entries_[at].symbol;
    }
  }
  return kUnknown;
}

void SymbolTable::Grow() {
  std::vector<Entry> old = std::exchange(entries_, {});
  entries_.resize(old.empty() ? 16 : old.size() * 2);
  size_t mask = entries_.size() - 1;
  for (Entry& entry : old) {
    if (entry.symbol == kUnknown) continue;
    size_t at = entry.hash & mask;
    while (entries_[at].symbol != kUnknown) at = (at + 1) & mask;
    entries_[at] = std::move(entry);
  }
}

}  // namespace oddverb
