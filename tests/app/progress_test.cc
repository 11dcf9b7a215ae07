#include "app/progress.h"

#include <atomic>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProgressLineTest, ShowsShareEventsBytesRateAndTimeLeft) {
  const ProgressReading half{10'000, 5'000'000, 10'000'000};
  EXPECT_EQ(ProgressLine(half, absl::Seconds(4), 0),
            " [############------------]  50 %  10,000 events  5.00 MB  "
            "2.50 k events/s  4 s left");
}

TEST(ProgressLineTest, HasNoBarWhereTheEndIsUnknown) {
  const ProgressReading stream{1, 1'200, 0};
  EXPECT_EQ(ProgressLine(stream, absl::Seconds(1), 0),
            "  1 event  1.20 kB  1 events/s");
}

TEST(ProgressLineTest, NeverShowsMoreThanAllOrDividesByZero) {
  // A file that grows while it is read.
  const ProgressReading more{10, 2'000, 1'000};
  EXPECT_THAT(ProgressLine(more, absl::Seconds(2), 0), HasSubstr("] 100 %"));
  EXPECT_THAT(ProgressLine(more, absl::Seconds(2), 0), Not(HasSubstr("left")));
  const ProgressReading none{0, 0, 1'000};
  EXPECT_THAT(ProgressLine(none, absl::ZeroDuration(), 0),
              StartsWith(" [------------------------]   0 %  0 events"));
  EXPECT_THAT(ProgressLine(none, absl::Seconds(5), 0), Not(HasSubstr("left")));
}

TEST(ProgressLineTest, FitsTheTerminal) {
  const ProgressReading reading{123'456'789, 987'654'321, 1'987'654'321};
  for (int columns = 1; columns < 120; ++columns) {
    const std::string line = ProgressLine(reading, absl::Seconds(100), columns);
    EXPECT_LE(line.size(), static_cast<size_t>(columns));
    EXPECT_THAT(ProgressLine(reading, absl::Seconds(100), 0), StartsWith(line));
  }
}

TEST(ProgressTest, OffNeverAsks) {
  std::atomic<int> asked{0};
  {
    Progress progress(Progress::Style::kOff, [&asked] {
      ++asked;
      return ProgressReading();
    });
  }
  EXPECT_EQ(asked, 0);
}

TEST(ProgressTest, StopsAtOnceHoweverOften) {
  Progress progress(Progress::Style::kLines, [] { return ProgressReading(); });
  progress.Stop();  // and not after its ten seconds
  progress.Stop();
}

TEST(ProgressTest, AFileIsNoTerminal) { EXPECT_EQ(TerminalColumns(-1), 0); }

}  // namespace
}  // namespace oddverb
