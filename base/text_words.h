// A short text as words, filled up with a byte that no UTF-8 has: so they tell
// its length, and it is mixed without a branch on that. Where lengths vary from
// event to event, the processor guesses such branches wrong, and that costs
// more than all the rest. Pure functions; thread-safe.
#ifndef ODDVERB_BASE_TEXT_WORDS_H_
#define ODDVERB_BASE_TEXT_WORDS_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace oddverb {

using TextWords = std::array<uint64_t, 4>;

// Whether LoadText() may read behind a text's end, within its page of memory,
// where nothing can fault (ClickHouse's StringHashTable does the same). Not
// under the sanitizers, which know better to whom the bytes belong.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMayReadPage = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
inline constexpr bool kMayReadPage = false;
#else
inline constexpr bool kMayReadPage = true;
#endif
#else
inline constexpr bool kMayReadPage = true;
#endif

namespace text_words_internal {

// Zeros, and behind them what fills up: a mask begins as far before the border
// as its text is long.
inline constexpr char kFill = '\xff';
alignas(64) inline constexpr auto kMasks = [] {
  std::array<char, 2 * sizeof(TextWords)> masks{};
  for (size_t i = sizeof(TextWords); i < masks.size(); ++i) masks[i] = kFill;
  return masks;
}();
inline constexpr const char* kFilled = kMasks.data() + sizeof(TextWords);

// Absent texts are as frequent as others, so this is no branch either.
inline const char* BeginOf(std::string_view text) {
  return text.empty() ? kFilled : text.data();
}

inline constexpr uintptr_t kPageBytes = 4096;  // the smallest there is

// For the few texts that end close to the end of their page. Out of line, else
// the compiler keeps room on the stack for the words of every text.
template <typename Words>
[[gnu::noinline, gnu::cold]] Words Copy(std::string_view text) {
  Words words;
  std::memset(&words, kFill, sizeof(words));
  if (!text.empty()) std::memcpy(&words, text.data(), text.size());
  return words;
}

template <typename Word>
Word At(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

}  // namespace text_words_internal

// Whether some texts may be read by ReadText() and ReadWord(), as all but a few
// of a hundred may; for all of them one branch.
class PageCheck {
 public:
  void AddText(std::string_view text) { Add(text, sizeof(TextWords)); }
  void AddWord(std::string_view text) { Add(text, sizeof(uint64_t)); }
  bool ok() const {
    return kMayReadPage && (last_ & text_words_internal::kPageBytes) == 0;
  }

 private:
  void Add(std::string_view text, size_t bytes) {
    namespace internal = text_words_internal;
    const auto from = reinterpret_cast<uintptr_t>(internal::BeginOf(text));
    last_ |= from % internal::kPageBytes + (bytes - 1);
  }

  uintptr_t last_ = 0;  // bytes' places within their first page, all at once
};

// Without a branch. REQUIRES: by PageCheck, and at most 32 bytes.
inline TextWords ReadText(std::string_view text) {
  namespace internal = text_words_internal;
  const char* from = internal::BeginOf(text);
  const char* mask = internal::kFilled - text.size();
  TextWords words;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t at = i * sizeof(uint64_t);
    words[i] =
        internal::At<uint64_t>(from + at) | internal::At<uint64_t>(mask + at);
  }
  return words;
}

// Without a branch. REQUIRES: by PageCheck, and at most 8 bytes.
inline uint64_t ReadWord(std::string_view text) {
  namespace internal = text_words_internal;
  return internal::At<uint64_t>(internal::BeginOf(text)) |
         internal::At<uint64_t>(internal::kFilled - text.size());
}

// REQUIRES: `text` has at most 32 bytes.
inline TextWords LoadText(std::string_view text) {
  PageCheck page;
  page.AddText(text);
  if (!page.ok()) return text_words_internal::Copy<TextWords>(text);
  return ReadText(text);
}

// REQUIRES: `text` has at most 8 bytes.
inline uint64_t LoadWord(std::string_view text) {
  PageCheck page;
  page.AddWord(text);
  if (!page.ok()) return text_words_internal::Copy<uint64_t>(text);
  return ReadWord(text);
}

}  // namespace oddverb

#endif  // ODDVERB_BASE_TEXT_WORDS_H_
