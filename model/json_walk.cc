#include "model/json_walk.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/json_string.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace oddverb {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

void SkipBlanks(std::string_view& text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
}

// Passes `c` and the white space before it.
bool Take(std::string_view& text, char c) {
  SkipBlanks(text);
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

#if defined(__SSE2__)
__m128i Equals(__m128i block, char c) {
  return _mm_cmpeq_epi8(block, _mm_set1_epi8(c));
}
#endif

// Ends of strings: the quote, and the backslash that may hide one.
struct StringEnds {
  static bool Matches(char c) { return c == '"' || c == '\\'; }
#if defined(__SSE2__)
  static __m128i Matches(__m128i block) {
    return _mm_or_si128(Equals(block, '"'), Equals(block, '\\'));
  }
#endif
};

// Index of the first byte of this class at or behind `at`; size() if none.
// REQUIRES: at <= text.size().
template <class Class>
size_t FindNext(std::string_view text, size_t at) {
#if defined(__SSE2__)
  for (; text.size() - at >= 16; at += 16) {
    __m128i block =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    int found = _mm_movemask_epi8(Class::Matches(block));
    if (found != 0) {
      return at +
             static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(found)));
    }
  }
#endif
  while (at < text.size() && !Class::Matches(text[at])) ++at;
  return at;
}

// Index of the quote that closes the string whose inside begins at `at`; npos
// if it is not closed.
size_t ClosingQuote(std::string_view text, size_t at) {
  while (at < text.size()) {
    at = FindNext<StringEnds>(text, at);
    if (at < text.size() && text[at] == '"') return at;
    at += 2;
  }
  return std::string_view::npos;
}

// How deep the bytes up to a place are in an object or array. Brackets are
// counted, not matched by kind: there is nothing to remember.
struct Nesting {
  size_t depth = 0;
  bool in_string = false;
  bool escaped = false;  // the next byte

  // Whether `c` closes the outermost.
  bool Closes(char c) {
    const bool is_escaped = std::exchange(escaped, false);
    if (c == '\\') {
      escaped = !is_escaped;
    } else if (c == '"') {
      if (!is_escaped) in_string = !in_string;
    } else if (!in_string) {
      if (c == '{' || c == '[') ++depth;
      return (c == '}' || c == ']') && --depth == 0;
    }
    return false;
  }
};

#if defined(__SSE2__)
// 64 bytes of JSON as bits, the first lowest.
struct Block {
  static constexpr size_t kBytes = 64;
  uint64_t backslashes = 0;
  uint64_t quotes = 0;
  uint64_t opens = 0;
  uint64_t closes = 0;

  static Block At(const char* bytes) {
    Block out;
    for (size_t at = 0; at < kBytes; at += 16) {
      auto add = [at](uint64_t& bits, __m128i equal) {
        bits |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(equal))} << at;
      };
      __m128i block =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + at));
      // The bit makes a brace of a bracket.
      __m128i folded = _mm_or_si128(block, _mm_set1_epi8(0x20));
      add(out.backslashes, Equals(block, '\\'));
      add(out.quotes, Equals(block, '"'));
      add(out.opens, Equals(folded, '{'));
      add(out.closes, Equals(folded, '}'));
    }
    return out;
  }
};

// The bytes behind a backslash that is not behind one itself; whether the byte
// behind the block is one goes to `next` and comes from it. Runs of backslashes
// are told apart by whether they begin at an even place, as in simdjson
// (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019, 3.1.1).
uint64_t FindEscaped(uint64_t backslashes, bool& next) {
  const uint64_t first = next ? 1 : 0;
  backslashes &= ~first;
  constexpr uint64_t kEven = 0x5555555555555555;
  const uint64_t behind = backslashes << 1 | first;
  const uint64_t odd_starts = backslashes & ~kEven & ~behind;
  uint64_t even_runs = 0;
  next = __builtin_add_overflow(odd_starts, backslashes, &even_runs);
  return (kEven ^ even_runs << 1) & behind;
}

// Bit by bit: whether an odd number of bits is set up to it.
uint64_t PrefixXor(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

// Counts whole blocks from the front; the length of the container if it ends
// in them, else 0, and `passed` are their bytes.
size_t CountBlocks(std::string_view text, Nesting& nesting, size_t& passed) {
  for (; text.size() - passed >= Block::kBytes; passed += Block::kBytes) {
    Block block = Block::At(text.data() + passed);
    uint64_t escaped = FindEscaped(block.backslashes, nesting.escaped);
    uint64_t in_string = PrefixXor(block.quotes & ~escaped) ^
                         (nesting.in_string ? ~uint64_t{0} : 0);
    nesting.in_string = in_string >> 63 != 0;
    block.opens &= ~in_string;
    block.closes &= ~in_string;
    if ((block.opens | block.closes) == 0) continue;  // in long strings
    const auto closes = static_cast<size_t>(std::popcount(block.closes));
    if (closes < nesting.depth) {
      nesting.depth += static_cast<size_t>(std::popcount(block.opens)) - closes;
      continue;
    }
    for (uint64_t left = block.opens | block.closes; left != 0;
         left &= left - 1) {
      const int bit = std::countr_zero(left);
      if ((block.opens >> bit & 1) != 0) {
        ++nesting.depth;
      } else if (--nesting.depth == 0) {
        return passed + static_cast<size_t>(bit) + 1;
      }
    }
  }
  return 0;
}
#endif

// Length of the object or array that begins `text`; npos if it does not end.
size_t ContainerLength(std::string_view text) {
  Nesting nesting;
  size_t at = 0;
#if defined(__SSE2__)
  size_t length = CountBlocks(text, nesting, at);
  if (length != 0) return length;
#endif
  for (; at < text.size(); ++at) {
    if (nesting.Closes(text[at])) return at + 1;
  }
  return std::string_view::npos;
}

size_t ScalarLength(std::string_view text) {
  size_t length = text.find_first_of(",:]}[{\" \n\r\t");
  return length == std::string_view::npos ? text.size() : length;
}

// Passes the value at the front, which white space may precede.
bool TakeValue(std::string_view& text, RawJson& out) {
  SkipBlanks(text);
  if (text.empty()) return false;
  char c = text.front();
  size_t length;
  if (c == '{' || c == '[') {
    length = ContainerLength(text);
  } else if (c == '"') {
    length = ClosingQuote(text, 1);
    if (length != std::string_view::npos) ++length;
  } else {
    length = ScalarLength(text);
  }
  if (length == 0 || length == std::string_view::npos) return false;
  out.text = text.substr(0, length);
  text.remove_prefix(length);
  return true;
}

// Whether `rest` is the end `c` of a container and white space.
bool IsEnd(std::string_view rest, char c) {
  if (!Take(rest, c)) return false;
  SkipBlanks(rest);
  return rest.empty();
}

// Behind a value: passes a ','. With anything else there is nothing more.
void EndValue(std::string_view& rest, char end, bool& complete) {
  if (Take(rest, ',')) return;
  complete = IsEnd(rest, end);
  rest = {};
}

// The inside of a container that opens with `c`; empty for another value.
std::string_view Inside(RawJson value, char c) {
  std::string_view text = value.text;
  return Take(text, c) ? text : std::string_view();
}

std::string_view Trimmed(RawJson value) {
  std::string_view text = value.text;
  SkipBlanks(text);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

JsonType TypeOf(RawJson value) {
  std::string_view text = value.text;
  SkipBlanks(text);
  if (text.empty()) return JsonType::kAbsent;
  switch (text.front()) {
    case '{':
      return JsonType::kObject;
    case '[':
      return JsonType::kArray;
    case '"':
      return JsonType::kString;
    case 't':
    case 'f':
      return JsonType::kBool;
    case 'n':
      return JsonType::kNull;
    default:
      break;
  }
  char c = text.front();
  return c == '-' || (c >= '0' && c <= '9') ? JsonType::kNumber
                                            : JsonType::kAbsent;
}

bool JsonMember::KeyIs(std::string_view name) const {
  if (!HasEscape(raw_key)) return raw_key == name;
  std::string scratch;
  return Key(scratch) == name;
}

std::string_view JsonMember::Key(std::string& scratch) const {
  if (!HasEscape(raw_key)) return raw_key;
  UnescapeJson(raw_key, scratch);
  return scratch;
}

JsonMembers::JsonMembers(RawJson object) : rest_(Inside(object, '{')) {}

bool JsonMembers::Next(JsonMember& out) {
  RawJson key;
  SkipBlanks(rest_);
  bool found = rest_.starts_with('"') && TakeValue(rest_, key) &&
               Take(rest_, ':') && TakeValue(rest_, out.value);
  if (!found) {
    complete_ |= IsEnd(rest_, '}');
    rest_ = {};
    return false;
  }
  out.raw_key = key.text.substr(1, key.text.size() - 2);
  EndValue(rest_, '}', complete_);
  return true;
}

JsonElements::JsonElements(RawJson array) : rest_(Inside(array, '[')) {}

bool JsonElements::Next(RawJson& out) {
  if (!TakeValue(rest_, out)) {
    complete_ |= IsEnd(rest_, ']');
    rest_ = {};
    return false;
  }
  EndValue(rest_, ']', complete_);
  return true;
}

RawJson FindMember(RawJson object, std::string_view name) {
  RawJson found;
  JsonMembers members(object);
  for (JsonMember member; members.Next(member);) {
    if (member.KeyIs(name)) found = member.value;
  }
  return found;
}

RawJson FindPath(RawJson root, std::span<const std::string_view> names) {
  for (std::string_view name : names) {
    if (!root.present()) return root;
    root = FindMember(root, name);
  }
  return root;
}

std::optional<std::string_view> StringOf(RawJson value, std::string& scratch) {
  std::string_view text = value.text;
  SkipBlanks(text);
  RawJson string;
  if (!text.starts_with('"') || !TakeValue(text, string)) return std::nullopt;
  std::string_view inside = string.text.substr(1, string.text.size() - 2);
  if (!HasEscape(inside)) return inside;
  UnescapeJson(inside, scratch);
  return scratch;
}

std::optional<bool> BoolOf(RawJson value) {
  std::string_view text = Trimmed(value);
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<int64_t> IntOf(RawJson value) {
  std::string_view text = Trimmed(value);
  int64_t number = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace oddverb
