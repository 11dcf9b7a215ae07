#include "base/json_string.h"

#include <array>
#include <cstdint>

namespace oddverb {
namespace {

constexpr uint32_t kNoCodePoint = 0xffffffff;
constexpr uint32_t kReplacement = 0xfffd;

constexpr uint8_t kNoDigit = 0xff;
constexpr std::array<uint8_t, 256> kHexDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (uint8_t i = 0; i < 16; ++i) {
    digits[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    digits[static_cast<unsigned char>("0123456789ABCDEF"[i])] = i;
  }
  return digits;
}();

// The four digits at `at`; kNoCodePoint where they are not there.
uint32_t Hex4(const char* at, const char* end) {
  if (end - at < 4) return kNoCodePoint;
  uint32_t value = 0, worst = 0;
  for (int i = 0; i < 4; ++i) {
    const uint8_t digit = kHexDigits[static_cast<unsigned char>(at[i])];
    worst |= digit;
    value = value << 4 | digit;
  }
  return worst == kNoDigit ? kNoCodePoint : value;
}

bool IsHighSurrogate(uint32_t unit) { return (unit & 0xfffffc00) == 0xd800; }
bool IsLowSurrogate(uint32_t unit) { return (unit & 0xfffffc00) == 0xdc00; }

char* PutUtf8(uint32_t value, char* out) {
  auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xc0 | value >> 6);
    put(0x80 | (value & 0x3f));
  } else if (value < 0x10000) {
    put(0xe0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3f));
    put(0x80 | (value & 0x3f));
  } else {
    put(0xf0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3f));
    put(0x80 | (value >> 6 & 0x3f));
    put(0x80 | (value & 0x3f));
  }
  return out;
}

// `at` stands on the 'u'. Moves it behind the escape.
char* UnescapeUnicode(const char*& at, const char* end, char* out) {
  uint32_t unit = Hex4(at + 1, end);
  if (unit == kNoCodePoint) {
    *out++ = '\\';
    *out++ = *at++;
    return out;
  }
  at += 5;
  if (IsHighSurrogate(unit)) {
    if (end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
      uint32_t low = Hex4(at + 2, end);
      if (low != kNoCodePoint && IsLowSurrogate(low)) {
        at += 6;
        return PutUtf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
      }
    }
    return PutUtf8(kReplacement, out);
  }
  return PutUtf8(IsLowSurrogate(unit) ? kReplacement : unit, out);
}

// What stands for one byte; 0 for other escapes, and none. By table: texts that
// are JSON themselves have an escape at every other word.
constexpr std::array<char, 256> kEscapedBytes = [] {
  std::array<char, 256> bytes{};
  constexpr std::string_view kEscapes = "\"\\/ntrbf";
  constexpr std::string_view kBytes = "\"\\/\n\t\r\b\f";
  for (size_t i = 0; i < kEscapes.size(); ++i) {
    bytes[static_cast<unsigned char>(kEscapes[i])] = kBytes[i];
  }
  return bytes;
}();

// `at` stands behind a backslash, before `end`. Moves it behind the escape.
inline char* UnescapeOne(const char*& at, const char* end, char* out) {
  const char byte = kEscapedBytes[static_cast<unsigned char>(*at)];
  if (byte != 0) {
    *out++ = byte;
    ++at;
    return out;
  }
  if (*at == 'u') return UnescapeUnicode(at, end, out);
  *out++ = '\\';
  *out++ = *at++;
  return out;
}

enum class Behind { kNothing, kPadding };

// Copies up to the next backslash, or to the end. May write 16 bytes more.
template <Behind kBehind>
inline void CopyPlain(const char*& at, const char* end, char*& out) {
#if defined(__SSE2__)
  const __m128i backslash = _mm_set1_epi8('\\');
  while (end - at >= 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    int found = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash));
    if (found != 0) {
      int plain = __builtin_ctz(static_cast<unsigned>(found));
      at += plain;
      out += plain;
      return;
    }
    at += 16;
    out += 16;
  }
  if constexpr (kBehind == Behind::kPadding) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    unsigned found = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash)));
    int plain = __builtin_ctz(found | 1u << (end - at));
    at += plain;
    out += plain;
    return;
  }
#endif
  while (at != end && *at != '\\') *out++ = *at++;
}

template <Behind kBehind>
char* Unescape(std::string_view raw, char* out) {
  const char* at = raw.data();
  const char* end = at + raw.size();
  for (;;) {
    CopyPlain<kBehind>(at, end, out);
    if (at == end) return out;
    ++at;
    if (at == end) {  // a lone backslash at the very end
      *out++ = '\\';
      return out;
    }
    out = UnescapeOne(at, end, out);
  }
}

}  // namespace

char* UnescapeJson(std::string_view raw, char* out) {
  return Unescape<Behind::kNothing>(raw, out);
}

void UnescapeJson(std::string_view raw, std::string& out) {
  out.resize(UnescapeRoom(raw.size()));
  char* end = UnescapeJson(raw, out.data());
  out.resize(static_cast<size_t>(end - out.data()));
}

std::string_view UnescapePadded(std::string_view raw, Arena& arena) {
  char* begin = arena.Allocate(UnescapeRoom(raw.size()));
  char* end = Unescape<Behind::kPadding>(raw, begin);
  arena.ShrinkLast(end + kJsonStringPadding);
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace oddverb
