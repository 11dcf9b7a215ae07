// What tests said of texts that come again and again: who asks, with which
// program, from where. A few thousand events name some tens of them, and an
// expression or a list of networks costs as much as the rest of a rule.
//
// Changes no result: an entry is found by its whole text. Bounded; whoever
// invents texts takes places of it, and gains that tests are done anew. One
// thread.
#ifndef ODDVERB_RULES_TEXT_MEMO_H_
#define ODDVERB_RULES_TEXT_MEMO_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

class TextMemo {
 public:
  static constexpr size_t kEntries = 64;  // a power of two
  static constexpr size_t kMaxTextBytes = 256;

  enum class Result : uint8_t { kUnknown, kFalse, kTrue };

  // `tests` is how many tests there are of the field.
  explicit TextMemo(size_t tests) : tests_(tests), entries_(kEntries) {}

  // The results of this text, by test, to read and to fill in until the next
  // call. nullptr: too long to be remembered.
  Result* Find(std::string_view text) {
    if (text.size() > kMaxTextBytes) return nullptr;
    Entry& entry =
        entries_[std::hash<std::string_view>()(text) & (kEntries - 1)];
    if (entry.results.empty() || entry.text != text) {
      entry.text = text;
      entry.results.assign(tests_, Result::kUnknown);
    }
    return entry.results.data();
  }

 private:
  struct Entry {
    std::string text;
    std::vector<Result> results;  // empty: of no text yet
  };
  const size_t tests_;
  std::vector<Entry> entries_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_TEXT_MEMO_H_
