// A place in the structural index of a batch (structural_index.h), and the
// steps from there: over strings, scalars, whole values, members of objects.
//
// Never recurses, and never leaves its record: each step that could compares
// the position with `limit`. What is skipped is not validated but for its
// nesting. Inline because the decoder's speed is made here. One thread;
// borrows bytes and index.
#ifndef ODDVERB_INGEST_TOKEN_CURSOR_H_
#define ODDVERB_INGEST_TOKEN_CURSOR_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace oddverb {

class TokenCursor {
 public:
  // `bytes` is what the index was built over; `limit` is the position behind
  // the record. REQUIRES: sentinels behind the index (StructuralIndex), and
  // readable padding behind `bytes`.
  TokenCursor(const char* bytes, const uint32_t* next, uint32_t limit)
      : bytes_(bytes), next_(next), limit_(limit) {}

  // The next token's position, and its first byte. Both may lie behind the
  // limit.
  uint32_t position() const { return *next_; }
  char Peek() const { return bytes_[*next_]; }
  bool AtEnd() const { return *next_ >= limit_; }
  const char* at(uint32_t position) const { return bytes_ + position; }
  uint32_t limit() const { return limit_; }
  const uint32_t* next() const { return next_; }
  void Rewind(const uint32_t* next) { next_ = next; }

  // What stopped the walk: empty text = nothing yet. The first failure stays.
  const char* error() const { return error_; }
  uint32_t error_position() const { return error_position_; }
  // Says why and where; returns false.
  bool Fail(const char* error);

  // Passes one token that the caller has looked at.
  void Step() { ++next_; }

  // Passes a string and returns it as it is written, without its quotes.
  // REQUIRES: Peek() == '"'.
  std::string_view TakeRawString() {
    const char* begin = bytes_ + *next_++ + 1;
    const char* end = bytes_ + *next_;
    // Between the closing quote and the next token is only white space, and
    // mostly not even that. Behind the limit there may be no string at all.
    if (end[-1] != '"' || end <= begin) end = TrimToQuote(begin, end);
    return {begin, static_cast<size_t>(end - 1 - begin)};
  }

  // Passes any value.
  bool SkipValue() {
    char c = Peek();
    if (IsOpening(c)) return SkipContainer();
    ++next_;
    return true;
  }

  // Passes any value; `out` becomes its bytes.
  bool TakeRawValue(std::string_view& out);

  // The bytes from `start` through the token passed last.
  // REQUIRES: that one was a closing bracket.
  std::string_view TextSince(uint32_t start) const {
    return {bytes_ + start, next_[-1] + 1 - start};
  }

  // How many elements the array at the cursor has, if all of them are strings;
  // 0 for anything else.
  size_t CountPlainStrings() const {
    if (Peek() != '[') return 0;
    size_t count = 0;
    for (const uint32_t* at = next_ + 1; bytes_[at[0]] == '"' && at[1] < limit_;
         at += 2) {
      ++count;
      char c = bytes_[at[1]];
      if (c == ']') return count;
      if (c != ',') return 0;
    }
    return 0;
  }

  // Calls `on_member(key as written)` for each member of the object at the
  // cursor; it must pass the value, and return false to stop. True once the
  // closing brace was passed. REQUIRES: Peek() == '{'.
  template <class OnMember>
  bool ForEachMember(OnMember on_member);

  // The same for the elements of an array; `on_element()` must pass the value.
  // REQUIRES: Peek() == '['.
  template <class OnElement>
  bool ForEachElement(OnElement on_element);

 private:
  static bool IsOpening(char c) { return (c | 0x20) == '{'; }  // '{' or '['
  static const char* TrimToQuote(const char* begin, const char* end);
  bool SkipContainer();

  const char* bytes_;
  const uint32_t* next_;
  uint32_t limit_;
  uint32_t error_position_ = 0;
  const char* error_ = "";
};

template <class OnMember>
inline bool TokenCursor::ForEachMember(OnMember on_member) {
  ++next_;
  if (Peek() == '}' && !AtEnd()) {
    ++next_;
    return true;
  }
  for (;;) {
    if (Peek() != '"' || AtEnd()) return Fail("expected a key");
    std::string_view key = TakeRawString();
    if (Peek() != ':') return Fail("expected ':'");
    ++next_;
    if (!on_member(key)) return false;
    if (AtEnd()) return Fail("the object is not closed");
    char c = Peek();
    if (c == ',') {
      ++next_;
    } else if (c == '}') {
      ++next_;
      return true;
    } else {
      return Fail("expected ',' or '}'");
    }
  }
}

template <class OnElement>
inline bool TokenCursor::ForEachElement(OnElement on_element) {
  ++next_;
  if (Peek() == ']' && !AtEnd()) {
    ++next_;
    return true;
  }
  for (;;) {
    if (AtEnd()) return Fail("the array is not closed");
    if (!on_element()) return false;
    if (AtEnd()) return Fail("the array is not closed");
    char c = Peek();
    if (c == ',') {
      ++next_;
    } else if (c == ']') {
      ++next_;
      return true;
    } else {
      return Fail("expected ',' or ']'");
    }
  }
}

}  // namespace oddverb

#endif  // ODDVERB_INGEST_TOKEN_CURSOR_H_
