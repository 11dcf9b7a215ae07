#include "base/state_io.h"

#include <bit>

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

}  // namespace

void StateWriter::PutI64(int64_t value) {
  uint64_t sign = value < 0 ? ~uint64_t{0} : 0;
  PutU64((static_cast<uint64_t>(value) << 1) ^ sign);
}

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

void StateWriter::PutTime(absl::Time value) {
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
  for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
    uint64_t bits = static_cast<unsigned char>(rest_[i]);
    if (i == 9 && bits > 1) break;  // more than 64 bits
    value |= (bits & 0x7f) << (7 * i);
    if (bits < 0x80) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  Fail();
  return 0;
}

int64_t StateReader::GetI64() {
  uint64_t zigzag = GetU64();
  uint64_t sign = (zigzag & 1) != 0 ? ~uint64_t{0} : 0;
  return static_cast<int64_t>((zigzag >> 1) ^ sign);
}

uint64_t StateReader::GetFixed(size_t bytes) {
  if (rest_.size() < bytes) {
    Fail();
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
  }
  rest_.remove_prefix(bytes);
  return value;
}

double StateReader::GetDouble() { return std::bit_cast<double>(GetFixed64()); }

std::string_view StateReader::GetString() {
  uint64_t size = GetCount(1);
  std::string_view value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return value;
}

absl::Time StateReader::GetTime() {
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
      min_bytes_each == 0 ? rest_.size() : rest_.size() / min_bytes_each;
  if (count > most) {
    Fail();
    return 0;
  }
  return count;
}

void StateReader::Fail() {
  failed_ = true;
  rest_ = {};
}

absl::Status StateReader::status() const {
  if (!failed_) return absl::OkStatus();
  return absl::DataLossError("saved state is damaged or cut short");
}

}  // namespace oddverb
