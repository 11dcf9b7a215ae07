#include "ingest/token_cursor.h"

namespace oddverb {
namespace {

constexpr std::array<int8_t, 256> MakeNesting() {
  std::array<int8_t, 256> nesting{};
  nesting['{'] = nesting['['] = 1;
  nesting['}'] = nesting[']'] = -1;
  return nesting;
}
constexpr std::array<int8_t, 256> kNesting = MakeNesting();

}  // namespace

bool TokenCursor::Fail(const char* error) {
  if (*error_ != '\0') return false;
  error_ = error;
  error_position_ = *next_;
  return false;
}

const char* TokenCursor::TrimToQuote(const char* begin, const char* end) {
  while (end > begin + 1 && end[-1] != '"') --end;
  return end > begin ? end : begin + 1;
}

bool TokenCursor::SkipContainer() {
  const uint32_t* next = next_;
  int64_t depth = 0;
  do {
    uint32_t position = *next;
    if (position >= limit_) {
      next_ = next;
      return Fail("a container is not closed");
    }
    depth += kNesting[static_cast<unsigned char>(bytes_[position])];
    ++next;
  } while (depth > 0);
  next_ = next;
  return true;
}

bool TokenCursor::TakeRawValue(std::string_view& out) {
  const char* begin = bytes_ + *next_;
  char c = *begin;
  const char* end;
  if (IsOpening(c)) {
    if (!SkipContainer()) return false;
    end = bytes_ + next_[-1] + 1;
  } else if (c == '"') {
    std::string_view text = TakeRawString();
    end = text.data() + text.size() + 1;
  } else {
    ++next_;
    end = bytes_ + *next_;
    while (end > begin + 1 && (end[-1] == ' ' || end[-1] == '\n' ||
                               end[-1] == '\r' || end[-1] == '\t')) {
      --end;
    }
  }
  out = {begin, static_cast<size_t>(end - begin)};
  return true;
}

}  // namespace oddverb
