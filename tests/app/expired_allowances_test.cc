#include "app/expired_allowances.h"

#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "app/config_check.h"
#include "app/pipeline_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kConfig[] =
    "cluster: lab\n"
    "sources: [{name: a, type: tail, path: /var/log/audit.log}]\n"
    "detectors:\n  forbidden_burst:\n    allow:\n"
    "      - {actor: kept, verb: get, resource: pods, reason: r, expires: "
    "2030-01-01}\n"
    "      - {actor: over, verb: get, resource: pods, reason: r, expires: "
    "2027-01-31}\n";

absl::StatusOr<ServiceConfig> ParseAllowances(const std::string& text) {
  return ParseServiceConfig(text, "/etc/c.yaml", [](std::string_view) {
    return std::optional<std::string>();
  });
}

absl::Time Day(int year, int month, int day) {
  return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone());
}

TEST(ExpiredAllowancesTest, NamesThoseThatAreOver) {
  auto config = ParseAllowances(kConfig);
  ASSERT_THAT(config, IsOk());
  const absl::Time end = Day(2027, 1, 31);
  EXPECT_THAT(ExpiredAllowances(*config, end - absl::Seconds(1)), IsEmpty());
  const auto expired = ExpiredAllowances(*config, end);
  ASSERT_THAT(expired, SizeIs(1));
  EXPECT_EQ(expired[0].number, 2u);
  EXPECT_EQ(expired[0].actor, "over");
  EXPECT_EQ(expired[0].expires, end);
  EXPECT_EQ(expired[0].place, "/etc/c.yaml:7:9");
}

TEST(ExpiredAllowancesTest, NothingIsOverWithoutAList) {
  auto config = ParseAllowances(
      "cluster: lab\n"
      "sources: [{name: a, type: tail, path: /var/log/audit.log}]\n");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(ExpiredAllowances(*config, Day(2040, 1, 1)), IsEmpty());
}

TEST(ExpiredAllowancesTest, TheCheckTellsOfThem) {
  auto config = ParseAllowances(kConfig);
  ASSERT_THAT(config, IsOk());
  auto expired = Contains(
      HasSubstr("/etc/c.yaml:7:9: warning: allow entry 2 (over) has expired at "
                "2027-01-31T00:00:00Z"));
  EXPECT_THAT(CheckConfigFiles(*config, Day(2027, 1, 30)).warnings.lines(),
              Not(expired));
  EXPECT_THAT(CheckConfigFiles(*config, Day(2027, 2, 1)).warnings.lines(),
              expired);
}

TEST(ExpiredAllowancesTest, TheMetricShowsEachEntryByItsPlace) {
  PipelineCounters counters;
  counters.allow_entries = 2;
  counters.allowed_refusals[1] = 7;
  counters.decodings_cut_short = 3;
  Metrics metrics(BuildInfo{});
  FillPipelineMetrics(counters, {}, metrics);
  const std::string text = metrics.Serialize();
  EXPECT_THAT(text, HasSubstr("oddverb_allowed_refusals_total{entry=\"1\"} 0"));
  EXPECT_THAT(text, HasSubstr("oddverb_allowed_refusals_total{entry=\"2\"} 7"));
  EXPECT_THAT(text, Not(HasSubstr("entry=\"3\"")));
  EXPECT_THAT(text, HasSubstr("oddverb_decodings_cut_short_total 3"));
}

}  // namespace
}  // namespace oddverb
