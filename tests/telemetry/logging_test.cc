#include "telemetry/logging.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "telemetry/limited_log.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixMicros(1'795'245'249'112'345);
  }
};

// What `write` logs.
template <class Write>
std::string Logged(const LogOptions& options, Write write) {
  std::ostringstream out;
  FixedClock clock;
  Logger logger(options, clock, out);
  write(logger);
  return out.str();
}

const LogOptions kJsonOptions = {LogLevel::kInfo, LogFormat::kJson};

TEST(LoggingTest, ItsLevelMayBeChanged) {
  std::string text = Logged(kJsonOptions, [](Logger& logger) {
    logger.Debug("one");
    logger.SetLevel(LogLevel::kDebug);
    logger.Debug("two");
    logger.SetLevel(LogLevel::kError);
    logger.Warn("three");
  });
  EXPECT_THAT(text, HasSubstr("two"));
  EXPECT_THAT(text, Not(HasSubstr("one")));
  EXPECT_THAT(text, Not(HasSubstr("three")));
}

TEST(LoggingTest, WritesLogfmt) {
  EXPECT_EQ(Logged({},
                   [](Logger& logger) {
                     logger.Warn("skipped a record", {{"place", "audit.log:17"},
                                                      {"reason", "a \"b\" = c"},
                                                      {"empty", ""}});
                   }),
            "ts=2026-11-21T07:14:09.112345Z level=warn "
            "msg=\"skipped a record\" place=audit.log:17 "
            "reason=\"a \\\"b\\\" = c\" empty=\"\"\n");
}

TEST(LoggingTest, WritesJson) {
  EXPECT_EQ(Logged(kJsonOptions,
                   [](Logger& logger) {
                     logger.Error("no {} \"way\"", {{"n", "1"}});
                   }),
            "{\"ts\":\"2026-11-21T07:14:09.112345Z\",\"level\":\"error\","
            "\"msg\":\"no {} \\\"way\\\"\",\"n\":\"1\"}\n");
}

TEST(LoggingTest, LeavesOutWhatIsBelowTheLevel) {
  auto write_all = [](Logger& logger) {
    logger.Debug("d");
    logger.Info("i");
    logger.Warn("w");
    logger.Error("e");
  };
  EXPECT_THAT(Logged({}, write_all), Not(HasSubstr("msg=d")));
  EXPECT_THAT(Logged({}, write_all), HasSubstr("msg=i"));
  const std::string errors =
      Logged({LogLevel::kError, LogFormat::kLogfmt}, write_all);
  EXPECT_THAT(errors, HasSubstr("level=error msg=e\n"));
  EXPECT_THAT(errors, Not(HasSubstr("msg=w")));
  EXPECT_THAT(Logged({LogLevel::kDebug, LogFormat::kLogfmt}, write_all),
              HasSubstr("level=debug msg=d\n"));
}

TEST(LoggingTest, AnEntryIsOneVisibleLineWhateverTheText) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 5'000; ++i) {
    const std::string message = RandomHostileText(random);
    const std::string value = RandomHostileText(random);
    auto write = [&](Logger& logger) { logger.Info(message, {{"v", value}}); };
    for (LogFormat format : {LogFormat::kLogfmt, LogFormat::kJson}) {
      const std::string line = Logged({LogLevel::kInfo, format}, write);
      ASSERT_EQ(line.find('\n'), line.size() - 1);
      std::string_view rest(line.data(), line.size() - 1);
      while (!rest.empty()) {
        const CodePoint point = DecodeUtf8(rest);
        ASSERT_TRUE(point.valid && IsVisible(point.value)) << line;
        rest.remove_prefix(point.bytes);
      }
    }
    const auto parsed = nlohmann::json::parse(Logged(kJsonOptions, write));
    ASSERT_EQ(parsed["msg"], ReplaceBadUtf8(message));
    ASSERT_EQ(parsed["v"], ReplaceBadUtf8(value));
  }
}

TEST(LoggingTest, CutsLongTexts) {
  const std::string line = Logged({}, [](Logger& logger) {
    logger.Info("m", {{"v", std::string(Logger::kMaxTextBytes, 'a')},
                      {"w", std::string(1 << 20, 'b')}});
  });
  EXPECT_THAT(
      line, HasSubstr("v=" + std::string(Logger::kMaxTextBytes, 'a') + " w=\"" +
                      std::string(Logger::kMaxTextBytes, 'b') + "...\"\n"));
}

TEST(LoggingTest, WritesToStandardError) {
  FixedClock clock;
  ::testing::internal::CaptureStderr();
  {
    Logger logger({}, clock);
    logger.Info("here");
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("level=info msg=here\n"));
}

TEST(LoggingTest, KnowsTheNamesOfTheLevels) {
  LogLevel level = LogLevel::kError;
  EXPECT_TRUE(ParseLogLevel("debug", level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("warn", level));
  EXPECT_EQ(level, LogLevel::kWarn);
  EXPECT_FALSE(ParseLogLevel("loud", level));
  EXPECT_EQ(level, LogLevel::kWarn);
}

TEST(LimitedLogTest, WritesTheFirstOfEachReasonAndCountsTheRest) {
  const std::string text = Logged({}, [](Logger& logger) {
    LimitedLog limited(logger, 2);
    for (int i = 0; i < 1'236; ++i) {
      limited.Warn("torn", "skipped a record", "a.log:" + std::to_string(i));
    }
    limited.Warn("not_json", "skipped a record", "b.log:1");
  });
  EXPECT_THAT(text, HasSubstr("reason=torn place=a.log:0\n"));
  EXPECT_THAT(text, HasSubstr("reason=torn place=a.log:1\n"));
  EXPECT_THAT(text, Not(HasSubstr("place=a.log:2")));
  EXPECT_THAT(text, HasSubstr("reason=not_json place=b.log:1\n"));
  EXPECT_THAT(text, HasSubstr("msg=\"... 1,234 more\" reason=torn\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(LimitedLogTest, StartsAnewAfterFinish) {
  const std::string text = Logged({}, [](Logger& logger) {
    LimitedLog limited(logger, 1);
    limited.Warn("torn", "m", "a");
    limited.Warn("torn", "m", "b");
    limited.Finish();
    limited.Warn("torn", "m", "c");
  });
  EXPECT_THAT(text, HasSubstr("\"... 1 more\""));
  EXPECT_THAT(text, HasSubstr("place=c"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

}  // namespace
}  // namespace oddverb
