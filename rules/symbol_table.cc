#include "rules/symbol_table.h"

#include <utility>

namespace oddverb {
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
