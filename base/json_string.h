// The inside of a JSON string: does it hold escapes, and what do they mean.
//
// Tolerant as Go's decoder is: a lone surrogate (\ud800) becomes U+FFFD, and
// an escape that JSON does not know stays as it is. What is dropped as an
// error here would be a way to hide an event. Pure functions.
#ifndef ODDVERB_BASE_JSON_STRING_H_
#define ODDVERB_BASE_JSON_STRING_H_

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/arena.h"

namespace oddverb {

// How far functions that ask for padding read past the end of their text.
inline constexpr size_t kJsonStringPadding = 16;

// Whether `raw` holds a backslash.
// REQUIRES: kJsonStringPadding readable bytes behind it.
inline bool HasEscapePadded(std::string_view raw) {
#if defined(__SSE2__)
  const __m128i backslash = _mm_set1_epi8('\\');
  const char* at = raw.data();
  size_t left = raw.size();
  for (; left > 16; at += 16, left -= 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash)) != 0) return true;
  }
  if (left == 0) return false;
  __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  int found = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash));
  return (found & ((1 << left) - 1)) != 0;
#else
  return !raw.empty() && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
#endif
}

// The same without a need for padding.
inline bool HasEscape(std::string_view raw) {
  return !raw.empty() && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
}

// Room that UnescapeJson() needs for `raw_bytes` of input.
constexpr size_t UnescapeRoom(size_t raw_bytes) {
  return raw_bytes + kJsonStringPadding;
}

// Writes `raw` without its escapes; returns the end of what was written. Never
// longer than `raw`. REQUIRES: UnescapeRoom(raw.size()) bytes at `out`.
char* UnescapeJson(std::string_view raw, char* out);

// Replaces the content of `out`.
void UnescapeJson(std::string_view raw, std::string& out);

// A copy in `arena`, with kJsonStringPadding readable bytes behind it.
// REQUIRES: kJsonStringPadding readable bytes behind `raw`.
std::string_view UnescapePadded(std::string_view raw,
                                Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

}  // namespace oddverb

#endif  // ODDVERB_BASE_JSON_STRING_H_
