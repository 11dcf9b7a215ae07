#include "base/state_io.h"

#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/common_values.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;

TEST(StateIoTest, NumbersReadBack) {
  const uint64_t kNumbers[] = {
      0,         1, 127, 128, 16'383, 16'384, uint64_t{1} << 63, UINT64_MAX - 1,
      UINT64_MAX};
  StateWriter out;
  for (uint64_t number : kNumbers) {
    out.PutU64(number);
    out.PutI64(static_cast<int64_t>(number));
    out.PutFixed64(number);
  }
  StateReader in(out.bytes());
  for (uint64_t number : kNumbers) {
    EXPECT_EQ(in.GetU64(), number);
    EXPECT_EQ(in.GetI64(), static_cast<int64_t>(number));
    EXPECT_EQ(in.GetFixed64(), number);
  }
  EXPECT_TRUE(in.AtEnd());
  EXPECT_THAT(in.status(), IsOk());
}

TEST(StateIoTest, SmallNumbersOfEitherSignTakeOneByte) {
  StateWriter out;
  out.PutU64(127);
  out.PutI64(-64);
  out.PutI64(63);
  EXPECT_EQ(out.bytes().size(), 3u);
}

TEST(StateIoTest, DoublesKeepAllBits) {
  const double kNumbers[] = {0.0,
                             -0.0,
                             0.1,
                             -1e308,
                             std::numeric_limits<double>::denorm_min(),
                             std::numeric_limits<double>::infinity(),
                             std::nan("1234")};
  for (double number : kNumbers) {
    StateWriter out;
    out.PutDouble(number);
    StateReader in(out.bytes());
    EXPECT_EQ(std::bit_cast<uint64_t>(in.GetDouble()),
              std::bit_cast<uint64_t>(number));
  }
}

TEST(StateIoTest, TimesAreExact) {
  std::vector<absl::Time> times = {
      absl::InfiniteFuture(),
      absl::InfinitePast(),
      absl::UnixEpoch(),
      absl::FromUnixMicros(1'753'000'000'123'456),
      absl::UnixEpoch() - absl::Nanoseconds(1) / 4,
      absl::UnixEpoch() + absl::Seconds(INT64_MAX),
      absl::UnixEpoch() + absl::Seconds(INT64_MIN) + absl::Nanoseconds(1)};
  std::mt19937_64 random(3);
  for (int i = 0; i < 1'000; ++i) {
    times.push_back(absl::FromUnixNanos(static_cast<int64_t>(random())) +
                    absl::Nanoseconds(1) / 4);
  }
  for (absl::Time time : times) {
    StateWriter out;
    out.PutTime(time);
    StateReader in(out.bytes());
    EXPECT_EQ(in.GetTime(), time);
    EXPECT_THAT(in.status(), IsOk());
    EXPECT_TRUE(in.AtEnd());
  }
}

TEST(StateIoTest, StringsMayHoldAnyBytes) {
  StateWriter out;
  out.PutString("");
  out.PutString(std::string_view("a\0b\xff", 4));
  std::string bytes = out.Release();
  StateReader in(bytes);
  EXPECT_EQ(in.GetString(), "");
  EXPECT_EQ(in.GetString(), std::string_view("a\0b\xff", 4));
  EXPECT_TRUE(in.AtEnd());
}

TEST(StateReaderTest, FailsOnVarintsThatAreTooLong) {
  std::string eleven_bytes(10, '\x80');
  std::string beyond_64_bits = std::string(9, '\xff') + '\x02';
  std::string unfinished(3, '\x80');
  for (const std::string& bytes :
       {eleven_bytes + '\x01', beyond_64_bits, unfinished, std::string()}) {
    StateReader in(bytes);
    EXPECT_EQ(in.GetU64(), 0u);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
  }
}

TEST(StateReaderTest, NeverTrustsALength) {
  StateWriter out;
  out.PutU64(UINT64_MAX);
  out.PutU64(7);
  {
    StateReader in(out.bytes());
    EXPECT_EQ(in.GetString(), "");
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
  }
  std::string bytes("\x03\0\0\0\0\0\0", 7);
  StateReader fits(bytes);
  EXPECT_EQ(fits.GetCount(2), 3u);
  StateReader too_many(bytes);
  EXPECT_EQ(too_many.GetCount(3), 0u);
  EXPECT_THAT(too_many.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST(StateReaderTest, GivesZeroAfterTheFirstFailure) {
  StateWriter out;
  for (int i = 0; i < 40; ++i) out.PutU64(7);
  StateReader in(out.bytes());
  in.Fail();
  EXPECT_EQ(in.GetU64(), 0u);
  EXPECT_EQ(in.GetI64(), 0);
  EXPECT_EQ(in.GetFixed64(), 0u);
  EXPECT_EQ(in.GetDouble(), 0);
  EXPECT_EQ(in.GetString(), "");
  EXPECT_EQ(in.GetTime(), absl::UnixEpoch());
  EXPECT_EQ(in.GetCount(1), 0u);
  EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST(StateReaderTest, RefusesTimesThatNoWriterWrites) {
  StateWriter out;
  out.PutI64(1);
  out.PutU64(4'000'000'000);  // an infinity, but with seconds
  StateReader in(out.bytes());
  in.GetTime();
  EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

// A script of values of random kinds, and a reading of it.
std::string WriteScript(const std::vector<int>& kinds) {
  StateWriter out;
  std::mt19937_64 random(4);
  for (int kind : kinds) {
    uint64_t number = random() >> (random() % 64);
    if (kind == 0) out.PutU64(number);
    if (kind == 1) out.PutI64(static_cast<int64_t>(number));
    if (kind == 2) out.PutFixed64(number);
    if (kind == 3) out.PutString(std::string(number % 20, 'x'));
    if (kind == 4) {
      out.PutTime(absl::FromUnixMicros(static_cast<int64_t>(number)));
    }
  }
  return out.Release();
}

absl::Status ReadScript(const std::vector<int>& kinds, std::string_view bytes) {
  StateReader in(bytes);
  for (int kind : kinds) {
    if (kind == 0) in.GetU64();
    if (kind == 1) in.GetI64();
    if (kind == 2) in.GetFixed64();
    if (kind == 3) in.GetString();
    if (kind == 4) in.GetTime();
  }
  return in.status();
}

TEST(StateReaderTest, EveryTruncationIsDataLoss) {
  std::mt19937_64 random(5);
  std::vector<int> kinds(60);
  for (int& kind : kinds) kind = static_cast<int>(random() % 5);
  std::string bytes = WriteScript(kinds);
  EXPECT_THAT(ReadScript(kinds, bytes), IsOk());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ReadScript(kinds, bytes.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, _))
        << size;
  }
}

TEST(StateReaderTest, SurvivesMutatedBytes) {
  std::mt19937_64 random(6);
  std::vector<int> kinds(60);
  for (int& kind : kinds) kind = static_cast<int>(random() % 5);
  const std::string good = WriteScript(kinds);
  int failures = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int j = 0; j < 3; ++j) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    absl::Status status = ReadScript(kinds, bytes);
    if (!status.ok()) {
      ++failures;
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    }
  }
  EXPECT_GT(failures, 0);
}

// What two entities wrote one after the other, with the same start.
TEST(StateAtRestTest, TimesReadBackWhateverTheyAre) {
  const int64_t kMicros[] = {INT64_MIN,
                             0,
                             1'700'000'000'123'456,
                             -1,
                             -1,
                             1'700'000'000'123'455,
                             INT64_MAX / 4,
                             -INT64_MAX / 4};
  const uint32_t kSeconds[] = {0, 1, 1'700'000'000, UINT32_MAX, 1'699'999'999};
  const absl::Time kTimes[] = {absl::InfinitePast(),
                               absl::InfiniteFuture(),
                               absl::FromUnixMicros(1'700'000'000'123'456),
                               absl::FromUnixNanos(1'700'000'000'123'456'789),
                               absl::FromUnixMicros(-5),
                               absl::FromUnixSeconds(int64_t{1} << 40),
                               absl::UnixEpoch()};
  for (int64_t near : {int64_t{0}, int64_t{1'699'999'000'000'001}}) {
    StateWriter out;
    out.PutU64(7);  // dropped
    out.BeginRest({.near_micros = near});
    for (size_t i = 0; i < std::size(kMicros); ++i) {
      out.PutMicros(kMicros[i]);
      out.PutSecond(kSeconds[i % std::size(kSeconds)]);
      out.PutTime(kTimes[i % std::size(kTimes)]);
    }
    StateReader in(out.bytes(), {.near_micros = near});
    for (size_t i = 0; i < std::size(kMicros); ++i) {
      EXPECT_EQ(in.GetMicros(), kMicros[i]) << i;
      EXPECT_EQ(in.GetSecond(), kSeconds[i % std::size(kSeconds)]) << i;
      EXPECT_EQ(in.GetTime(), kTimes[i % std::size(kTimes)]) << i;
    }
    EXPECT_THAT(in.status(), IsOk());
    EXPECT_TRUE(in.AtEnd());
  }
}

TEST(StateAtRestTest, TimesCloseToEachOtherAreShort) {
  const int64_t start = 1'700'000'000'000'000;
  StateWriter out;
  out.BeginRest({.near_micros = start});
  out.PutVersion(3);
  EXPECT_EQ(out.bytes().size(), 0u);
  out.PutMicros(start + 60'000'000);
  EXPECT_LE(out.bytes().size(), 4u);
  out.PutSecond(1'700'000'061);
  out.PutSecond(1'700'000'060);
  EXPECT_LE(out.bytes().size(), 6u);
}

TEST(StateAtRestTest, ForACheckpointTimesAndNumbersAreAsTheyWere) {
  StateWriter out, before;
  out.PutVersion(3);
  out.PutMicros(-5);
  out.PutSecond(1'700'000'000);
  out.PutNumbers({0, 300, 0});
  out.PutCommonHash(77);
  before.PutU64(3);
  before.PutI64(-5);
  before.PutU64(1'700'000'000);
  for (uint64_t number : {0, 300, 0}) before.PutU64(number);
  before.PutFixed32(77);
  EXPECT_EQ(out.bytes(), before.bytes());
  StateReader in(out.bytes());
  EXPECT_EQ(in.GetVersion(9), 3u);
  EXPECT_EQ(in.GetMicros(), -5);
  EXPECT_EQ(in.GetSecond(), 1'700'000'000u);
  EXPECT_EQ(in.GetNumbers<3>()[1], 300u);
  EXPECT_EQ(in.GetCommonHash(), 77u);
  EXPECT_TRUE(in.AtEnd());
  StateReader late(out.bytes());
  EXPECT_EQ(late.GetSecond(), 3u);
}

TEST(StateAtRestTest, NumbersThatAre0TakeNoBytes) {
  StateWriter out;
  out.BeginRest({});
  out.PutNumbers({0, 0, 5, 0, 0, UINT64_MAX});
  EXPECT_EQ(out.bytes().size(), 1u + 1u + 10u);
  StateReader in(out.bytes(), {});
  const std::array<uint64_t, 6> expected = {0, 0, 5, 0, 0, UINT64_MAX};
  EXPECT_EQ(in.GetNumbers<6>(), expected);
  EXPECT_TRUE(in.AtEnd());
}

TEST(StateAtRestTest, WhatIsCommonIsShortFromTheThirdTimeOn) {
  RestValues values;
  const std::string agent = "shop/v1.2.3 (linux/amd64) kubernetes/abcdef0";
  const std::string long_text(RestValues::kMaxTextBytes + 1, 'x');
  std::vector<std::string> written;
  for (int i = 0; i < 5; ++i) {
    StateWriter out;
    out.BeginRest({.values = &values});
    out.PutCommonText(agent);
    out.PutCommonHash(0x12345678);
    out.PutCommonText(long_text);
    written.push_back(out.bytes());
  }
  EXPECT_EQ(written[4].size(), written[0].size() - 4 - 20) << written[0];
  for (const std::string& bytes : written) {
    StateReader in(bytes, {.values = &values});
    EXPECT_EQ(in.GetCommonText(300), agent);
    EXPECT_EQ(in.GetCommonHash(), 0x12345678u);
    EXPECT_EQ(in.GetCommonText(300), long_text);
    EXPECT_THAT(in.status(), IsOk());
  }
}

TEST(StateAtRestTest, ANumberThatNoValueHasFails) {
  RestValues values;
  StateWriter out;
  out.BeginRest({});
  out.PutU64(3);
  StateReader text(out.bytes(), {.values = &values});
  EXPECT_EQ(text.GetCommonText(100), "");
  EXPECT_THAT(text.status(), StatusIs(absl::StatusCode::kDataLoss, _));
  StateReader hash(out.bytes(), {.values = &values});
  EXPECT_EQ(hash.GetCommonHash(), 0u);
  EXPECT_THAT(hash.status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

// Who invents values keeps others from having a number, and takes no memory.
TEST(CommonValuesTest, ThereAreNoMoreThanTheMost) {
  CommonValues<uint32_t, uint32_t> values;
  constexpr uint32_t kMost = decltype(values)::kMaxValues;
  for (uint32_t value = 0; value < 2 * kMost; ++value) {
    for (int i = 0; i < 3; ++i) values.NumberOf(value);
  }
  EXPECT_EQ(*values.Find(values.NumberOf(kMost / 2)), kMost / 2);
  EXPECT_EQ(values.NumberOf(2 * kMost - 1), values.kNone);
  EXPECT_EQ(values.Find(kMost + 1), nullptr);
  EXPECT_EQ(values.Find(0), nullptr);
}

TEST(CommonValuesTest, TextsTakeNoMoreThanTheirBytes) {
  CommonValues<std::string, std::string_view> values;
  constexpr size_t kTextBytes = 200;
  size_t numbered = 0;
  for (int text = 0; text < 1000; ++text) {
    std::string value = std::to_string(text);
    value.resize(kTextBytes, 'x');
    for (int i = 0; i < 3; ++i) numbered += values.NumberOf(value) != 0;
  }
  EXPECT_EQ(numbered, values.kMaxBytes / kTextBytes);
}

}  // namespace
}  // namespace oddverb
