#include "base/state_io.h"

#include <bit>

#include "base/common_values.h"
#include "base/packed_text.h"

namespace oddverb {
namespace {

// absl::Time keeps quarters of a nanosecond.
constexpr uint64_t kTicksPerNanosecond = 4;
constexpr uint64_t kTicksPerSecond = 1'000'000'000 * kTicksPerNanosecond;
// Tick counts that no finite time has.
constexpr uint64_t kInfiniteFutureTicks = kTicksPerSecond;
constexpr uint64_t kInfinitePastTicks = kTicksPerSecond + 1;

absl::Duration Tick() {
  return absl::Nanoseconds(1) / int64_t{kTicksPerNanosecond};
}

// They wrap: what was wrapped comes back as it was.
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) -
                              static_cast<uint64_t>(b));
}
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) +
                              static_cast<uint64_t>(b));
}

constexpr int64_t kMicrosPerSecond = 1'000'000;

int64_t SecondOf(int64_t micros) {  // the one before
  return micros / kMicrosPerSecond - (micros % kMicrosPerSecond < 0 ? 1 : 0);
}

// Which may wrap, too.
void MoveBySeconds(int64_t seconds, int64_t& micros) {
  const uint64_t moved =
      static_cast<uint64_t>(seconds) * static_cast<uint64_t>(kMicrosPerSecond);
  micros = Plus(micros, static_cast<int64_t>(moved));
}

// How a time that rests begins; above, by how many microseconds it is later.
enum : uint64_t { kRestsInfinitePast, kRestsExactly, kRestsMicros };

}  // namespace

void StateWriter::PutI64(int64_t value) { PutU64(ZigzagOf(value)); }

void StateWriter::PutFixed(uint64_t value, size_t bytes) {
  char word[sizeof(value)];
  for (size_t i = 0; i < sizeof(word); ++i) {
    word[i] = static_cast<char>((value >> (8 * i)) & 0xff);
  }
  bytes_.append(word, bytes);
}

void StateWriter::PutDouble(double value) {
  PutFixed64(std::bit_cast<uint64_t>(value));
}

// 0 = INT64_MIN. No event's time is so far from another one's that the
// difference is all ones.
void StateWriter::PutMicros(int64_t unix_micros) {
  if (!rests_) return PutI64(unix_micros);
  if (unix_micros == INT64_MIN) return PutU64(0);
  PutU64(ZigzagOf(Minus(unix_micros, rest_.near_micros)) + 1);
  rest_.near_micros = unix_micros;
}

void StateWriter::PutSecond(uint32_t unix_second) {
  if (!rests_) return PutU64(unix_second);
  if (unix_second == 0) return PutU64(0);
  const int64_t later = unix_second - SecondOf(rest_.near_micros);
  PutU64(ZigzagOf(later) + 1);
  MoveBySeconds(later, rest_.near_micros);
}

void StateWriter::PutCommonText(std::string_view text) {
  if (rest_.values == nullptr) return PutPackedText(text, *this);
  const uint32_t number = text.size() > RestValues::kMaxTextBytes
                              ? 0
                              : rest_.values->texts.NumberOf(text);
  PutU64(number);
  if (number == 0) PutPackedText(text, *this);
}

void StateWriter::PutCommonHash(uint32_t hash) {
  if (rest_.values == nullptr) return PutFixed32(hash);
  const uint32_t number = rest_.values->hashes.NumberOf(hash);
  PutU64(number);
  if (number == 0) PutFixed32(hash);
}

// First which of them are not 0, then those.
void StateWriter::PutNumbers(std::initializer_list<uint64_t> numbers) {
  uint64_t which = 0, bit = 1;
  for (uint64_t number : numbers) {
    which |= number != 0 ? bit : 0;
    bit <<= 1;
  }
  if (rests_) PutU64(which);
  for (uint64_t number : numbers) {
    if (!rests_ || number != 0) PutU64(number);
  }
}

void StateWriter::PutTime(absl::Time value) {
  if (!rests_) return PutExactTime(value);
  if (value == absl::InfinitePast()) return PutU64(kRestsInfinitePast);
  const int64_t micros = absl::ToUnixMicros(value);
  const bool is_whole = absl::FromUnixMicros(micros) == value;
  const uint64_t later = ZigzagOf(Minus(micros, rest_.near_micros));
  if (!is_whole || later > UINT64_MAX - kRestsMicros) {
    PutU64(kRestsExactly);
    return PutExactTime(value);
  }
  PutU64(later + kRestsMicros);
  rest_.near_micros = micros;
}

void StateWriter::PutExactTime(absl::Time value) {
  int64_t seconds = 0;
  uint64_t ticks = 0;
  if (value == absl::InfiniteFuture()) {
    ticks = kInfiniteFutureTicks;
  } else if (value == absl::InfinitePast()) {
    ticks = kInfinitePastTicks;
  } else {
    // Nearly all are whole nanoseconds, which need no division of 128 bits.
    seconds = absl::ToUnixSeconds(value);  // the one before
    absl::Duration rest = value - absl::FromUnixSeconds(seconds);
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(rest);
    rest -= absl::Nanoseconds(nanoseconds);
    ticks = static_cast<uint64_t>(nanoseconds) * kTicksPerNanosecond;
    if (rest != absl::ZeroDuration()) {
      ticks += static_cast<uint64_t>(absl::IDivDuration(rest, Tick(), &rest));
    }
  }
  PutI64(seconds);
  PutU64(ticks);
}

uint64_t StateReader::GetU64() {
  uint64_t value = 0;
  for (size_t i = 0; i < left_.size() && i < 10; ++i) {
    uint64_t bits = static_cast<unsigned char>(left_[i]);
    if (i == 9 && bits > 1) break;  // more than 64 bits
    value |= (bits & 0x7f) << (7 * i);
    if (bits < 0x80) {
      left_.remove_prefix(i + 1);
      return value;
    }
  }
  Fail();
  return 0;
}

int64_t StateReader::GetI64() { return FromZigzag(GetU64()); }

uint64_t StateReader::GetFixed(size_t bytes) {
  if (left_.size() < bytes) {
    Fail();
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(left_[i])} << (8 * i);
  }
  left_.remove_prefix(bytes);
  return value;
}

double StateReader::GetDouble() { return std::bit_cast<double>(GetFixed64()); }

std::string_view StateReader::GetString() { return GetRaw(GetCount(1)); }

std::string_view StateReader::GetRaw(size_t bytes) {
  if (bytes > left_.size()) {
    Fail();
    return {};
  }
  const std::string_view value = left_.substr(0, bytes);
  left_.remove_prefix(bytes);
  return value;
}

int64_t StateReader::GetMicros() {
  if (!rests_) return GetI64();
  const uint64_t later = GetU64();
  if (later == 0) return failed_ ? 0 : INT64_MIN;
  return rest_.near_micros = Plus(rest_.near_micros, FromZigzag(later - 1));
}

uint32_t StateReader::GetSecond() {
  if (!rests_) {
    const uint64_t second = GetU64();
    if (second > UINT32_MAX) Fail();
    return failed_ ? 0 : static_cast<uint32_t>(second);
  }
  const uint64_t later = GetU64();
  if (later == 0) return 0;
  const int64_t seconds = FromZigzag(later - 1);
  const int64_t second = SecondOf(rest_.near_micros) + seconds;
  MoveBySeconds(seconds, rest_.near_micros);
  return static_cast<uint32_t>(second);
}

std::string StateReader::GetCommonText(size_t max_bytes) {
  const uint64_t number = rest_.values == nullptr ? 0 : GetU64();
  if (number == 0) return GetPackedText(*this, max_bytes);
  const std::string* text = rest_.values->texts.Find(number);
  if (text != nullptr) return *text;
  Fail();
  return "";
}

uint32_t StateReader::GetCommonHash() {
  const uint64_t number = rest_.values == nullptr ? 0 : GetU64();
  if (number == 0) return GetFixed32();
  const uint32_t* hash = rest_.values->hashes.Find(number);
  if (hash != nullptr) return *hash;
  Fail();
  return 0;
}

void StateReader::ReadNumbers(std::span<uint64_t> numbers) {
  const uint64_t which = rests_ ? GetU64() : ~uint64_t{0};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if ((which >> i & 1) != 0) numbers[i] = GetU64();
  }
}

absl::Time StateReader::GetTime() {
  if (!rests_) return GetExactTime();
  const uint64_t head = GetU64();
  if (failed_) return absl::UnixEpoch();
  if (head == kRestsInfinitePast) return absl::InfinitePast();
  if (head == kRestsExactly) return GetExactTime();
  rest_.near_micros = Plus(rest_.near_micros, FromZigzag(head - kRestsMicros));
  return absl::FromUnixMicros(rest_.near_micros);
}

absl::Time StateReader::GetExactTime() {
  int64_t seconds = GetI64();
  uint64_t ticks = GetU64();
  if (ticks < kTicksPerSecond) {
    absl::Time time = absl::FromUnixSeconds(seconds);
    time +=
        absl::Nanoseconds(static_cast<int64_t>(ticks / kTicksPerNanosecond));
    const auto quarters = static_cast<int64_t>(ticks % kTicksPerNanosecond);
    return quarters == 0 ? time : time + quarters * Tick();
  }
  if (seconds == 0 && ticks == kInfiniteFutureTicks) {
    return absl::InfiniteFuture();
  }
  if (seconds == 0 && ticks == kInfinitePastTicks) {
    return absl::InfinitePast();
  }
  Fail();
  return absl::UnixEpoch();
}

uint64_t StateReader::GetCount(size_t min_bytes_each) {
  uint64_t count = GetU64();
  uint64_t most =
      min_bytes_each == 0 ? left_.size() : left_.size() / min_bytes_each;
  if (count > most) {
    Fail();
    return 0;
  }
  return count;
}

void StateReader::Fail() {
  failed_ = true;
  left_ = {};
}

absl::Status StateReader::status() const {
  if (!failed_) return absl::OkStatus();
  return absl::DataLossError("saved state is damaged or cut short");
}

}  // namespace oddverb
