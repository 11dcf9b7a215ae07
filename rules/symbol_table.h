// Texts that rules name, as small numbers. Built once, then immutable and
// thread-safe. Only what rules name gets a number, so events cannot make it
// grow, nor choose what collides.
#ifndef ODDVERB_RULES_SYMBOL_TABLE_H_
#define ODDVERB_RULES_SYMBOL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Fast, and the same for equal texts; whoever writes the texts can choose what
// collides.
uint64_t QuickHash(std::string_view text);

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
