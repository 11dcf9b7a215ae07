#include "ingest/timestamp.h"

#include <bit>
#include <cstring>
#include <string>

#include "absl/time/civil_time.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr size_t kMicroTimeBytes = 27;  // of "2026-11-23T23:33:15.363366Z"
constexpr size_t kDayBytes = 11;        // of "2026-11-23T"
// Longest form that Abseil is asked about: nanoseconds and an offset take 35.
constexpr size_t kMaxTextBytes = 64;

// The number in `count` digits; sets `bad` bits where one is no digit.
inline uint32_t Digits(const char* at, int count, uint32_t& bad) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    uint32_t digit = static_cast<uint32_t>(static_cast<unsigned char>(at[i])) -
                     static_cast<uint32_t>('0');
    bad |= digit > 9 ? 1u : 0u;
    value = value * 10 + digit;
  }
  return value;
}

// Eight characters of a fixed form as a word, its first in the lowest byte.
struct Form {
  uint64_t zeros;  // the form with each digit zero
  uint64_t room;   // in each byte: 0x7f less the largest digit there
};

constexpr Form FormOf(const char (&zeros)[9]) {
  Form form{};
  for (int i = 0; i < 8; ++i) {
    uint64_t c = static_cast<unsigned char>(zeros[i]);
    form.zeros |= c << (8 * i);
    form.room |= (zeros[i] == '0' ? uint64_t{0x7f - 9} : uint64_t{0x7f})
                 << (8 * i);
  }
  return form;
}

constexpr Form kClock = FormOf("00:00:00");
constexpr Form kFraction = FormOf(".000000Z");

// The digits of eight characters, one in each byte; false where the characters
// are not of this form. Eight at once, as a word.
inline bool DigitsOf(const char* text, const Form& form, uint64_t& digits) {
  uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&word, text, sizeof(word));
  } else {
    for (int i = 7; i >= 0; --i) {
      word = word << 8 | static_cast<unsigned char>(text[i]);
    }
  }
  digits = word ^ form.zeros;
  // A byte too large for its place carries into its top bit.
  constexpr uint64_t kTopBits = 0x8080808080808080;
  return ((((digits & ~kTopBits) + form.room) | digits) & kTopBits) == 0;
}

}  // namespace

absl::Time TimestampReader::Read(std::string_view text) {
  absl::Time time;
  if (text.size() == kMicroTimeBytes && ReadMicroTime(text.data(), time)) {
    return time;
  }
  // Abseil would read "infinite-future" too: a year must come first.
  if (text.size() < kDayBytes || text.size() > kMaxTextBytes || text[0] < '0' ||
      text[0] > '9' || text[4] != '-') {
    return absl::InfinitePast();
  }
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, A(text), &time, &error)) {
    return absl::InfinitePast();
  }
  return time;
}

bool TimestampReader::ReadMicroTime(const char* text, absl::Time& out) {
  if (std::memcmp(text, day_text_, kDayBytes) != 0 && !UpdateDay(text)) {
    return false;
  }
  uint64_t clock = 0;
  uint64_t fraction = 0;
  if (!DigitsOf(text + kDayBytes, kClock, clock) ||
      !DigitsOf(text + kDayBytes + 8, kFraction, fraction)) {
    return false;
  }
  // Each byte times 10 plus its right neighbour: pairs of digits.
  clock = clock * 10 + (clock >> 8);
  fraction = fraction * 10 + (fraction >> 8);
  int64_t hour = clock & 0xff;
  int64_t minute = clock >> 24 & 0xff;
  int64_t second = clock >> 48 & 0xff;
  int64_t micros = (fraction >> 8 & 0xff) * 10'000 +
                   (fraction >> 24 & 0xff) * 100 + (fraction >> 40 & 0xff);
  // A leap second (":60") is left to Abseil.
  if (hour > 23 || minute > 59 || second > 59) return false;
  out = absl::FromUnixMicros(
      (day_start_seconds_ + hour * 3600 + minute * 60 + second) * 1'000'000 +
      micros);
  return true;
}

bool TimestampReader::UpdateDay(const char* date) {
  uint32_t bad = 0;
  uint32_t year = Digits(date, 4, bad);
  uint32_t month = Digits(date + 5, 2, bad);
  uint32_t day = Digits(date + 8, 2, bad);
  if (bad != 0 || date[4] != '-' || date[7] != '-' || date[10] != 'T') {
    return false;
  }
  absl::CivilDay civil(year, month, day);
  // CivilDay normalizes "02-30" to March: that is no date.
  if (year < 1 || civil.month() != static_cast<int>(month) ||
      civil.day() != static_cast<int>(day)) {
    return false;
  }
  day_start_seconds_ = (civil - absl::CivilDay(1970, 1, 1)) * 86400;
  std::memcpy(day_text_, date, kDayBytes);
  return true;
}

}  // namespace oddverb
