#include "ingest/record_repair.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "base/json_string.h"
#include "base/padded_buffer.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kEventHead = R"({"kind":"Event")";

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0';
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20; }

// The letter of the short escape of a control character; 0 = it has none.
char ShortEscape(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return '\0';
  }
}

// Whether a byte stands in a string, from front to back.
class StringState {
 public:
  void Pass(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '"') {
      inside_ = !inside_;
    } else if (c == '\\') {
      escaped_ = inside_;
    }
  }
  bool inside() const { return inside_; }
  bool escaped() const { return escaped_; }

 private:
  bool inside_ = false;
  bool escaped_ = false;
};

// Where the object that ends `text` begins. Read from back to front, which
// needs no trust in what stands before it: a quote is one of a string's ends
// unless an odd number of backslashes stands before it.
std::optional<size_t> FindLastObject(std::string_view text) {
  if (text.empty() || text.back() != '}') return std::nullopt;
  bool inside = false;
  size_t depth = 0;
  for (size_t i = text.size(); i-- > 0;) {
    char c = text[i];
    if (c == '"') {
      size_t backslashes = 0;
      while (backslashes < i && text[i - 1 - backslashes] == '\\') {
        ++backslashes;
      }
      if (backslashes % 2 == 0) inside = !inside;
    } else if (inside) {
      continue;
    } else if (c == '}' || c == ']') {
      ++depth;
    } else if (c == '{' || c == '[') {
      if (--depth == 0) return c == '{' ? std::optional(i) : std::nullopt;
    }
  }
  return std::nullopt;
}

// Where one is in a torn event, read from its front.
struct TornPlace {
  bool in_string = false;
  std::string open;      // brackets
  std::string_view key;  // the last at depth 1
};

TornPlace PlaceBehind(std::string_view torn) {
  TornPlace place;
  StringState state;
  std::string_view string;  // the last at depth 1, as written
  size_t string_start = 0;
  for (size_t i = 0; i < torn.size(); ++i) {
    char c = torn[i];
    bool was_inside = state.inside();
    state.Pass(c);
    if (state.inside()) {
      if (!was_inside) string_start = i + 1;
    } else if (was_inside) {
      if (place.open.size() == 1) {
        string = torn.substr(string_start, i - string_start);
      }
    } else if (c == '{' || c == '[') {
      place.open.push_back(c);
    } else if ((c == '}' || c == ']') && !place.open.empty()) {
      place.open.pop_back();
    } else if (c == ':' && place.open.size() == 1) {
      place.key = string;
    }
  }
  place.in_string = state.inside();
  return place;
}

// Whether what begins at `at` may be a value inside of a body of the event that
// begins `torn`.
bool MayBeInBody(std::string_view torn, size_t at) {
  std::string_view before = TrimRecord(torn.substr(0, at));
  if (before.empty()) return false;
  char last = before.back();
  if (last != ':' && last != '[' && last != ',') return false;
  // Where the beginning is lost, it may have been in a string or not.
  if (before.front() != '{') return true;
  TornPlace place = PlaceBehind(before);
  if (place.in_string) return false;
  if (last == ',' && (place.open.empty() || place.open.back() != '[')) {
    return false;
  }
  // Clients write only the bodies. In a list they are not at depth 1.
  return !before.starts_with(kEventHead) || place.key.empty() ||
         place.key == "requestObject" || place.key == "responseObject";
}

}  // namespace

std::string_view TrimRecord(std::string_view text) {
  for (bool again = true; again;) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    again = text.starts_with(kByteOrderMark);
    if (again) text.remove_prefix(kByteOrderMark.size());
  }
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

RepairedRecord RepairRecord(std::string_view text, Arena& arena) {
  RepairedRecord repaired;
  char* begin =
      arena.Allocate(3 * text.size() + 1 + PaddedBuffer::kPaddingBytes);
  char* out = begin;
  StringState state;
  while (!text.empty()) {
    char c = text.front();
    size_t passed = 1;
    if (static_cast<unsigned char>(c) >= 0x80) {
      CodePoint point = DecodeUtf8(text);
      passed = point.bytes;
      std::string_view bytes =
          point.valid ? text.substr(0, passed) : kReplacement;
      out = std::copy(bytes.begin(), bytes.end(), out);
      repaired.replaced |= !point.valid;
      c = 'x';  // for the state: an ordinary byte
    } else if (!IsControl(c) || (!state.inside() && IsBlank(c) && c != '\0')) {
      *out++ = c;
    } else {
      // An escape must not be put behind a backslash that escapes already.
      char letter = state.inside() && !state.escaped() ? ShortEscape(c) : '\0';
      if (letter != '\0') *out++ = '\\';
      *out++ = letter != '\0' ? letter : ' ';
      repaired.replaced = true;
      c = 'x';
    }
    state.Pass(c);
    text.remove_prefix(passed);
  }
  if (state.inside()) {
    // Behind a lone backslash the quote would be a part of the string.
    if (state.escaped()) *out++ = '\\';
    *out++ = '"';
    repaired.closed_string = true;
  }
  std::memset(out, 0, PaddedBuffer::kPaddingBytes);
  arena.ShrinkLast(out + PaddedBuffer::kPaddingBytes);
  repaired.text = {begin, static_cast<size_t>(out - begin)};
  return repaired;
}

std::vector<std::string_view> FindGluedEvents(std::string_view torn) {
  std::vector<std::string_view> found;
  std::string_view rest = TrimRecord(torn);
  for (;;) {
    std::optional<size_t> at = FindLastObject(rest);
    if (!at.has_value() || *at == 0) break;
    std::string_view event = rest.substr(*at);
    if (!event.starts_with(kEventHead)) break;
    size_t offset = static_cast<size_t>(event.data() - torn.data());
    if (MayBeInBody(torn, offset)) break;
    found.push_back(event);
    rest = TrimRecord(rest.substr(0, *at));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace oddverb
