// What the correlation engine keeps: within which memory, which samples of the
// matches, and which rows it writes.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "rules/correlation_engine.h"
#include "tests/support/correlation_rules.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

std::shared_ptr<const CorrelationSet> SetOf(const std::string& correlations) {
  LoadedRules loaded = LoadCorrelations(correlations);
  EXPECT_EQ(Messages(loaded), "");
  return loaded.correlations;
}

std::string Counting(std::string_view rules, std::string_view type,
                     std::string_view condition, std::string_view title = "C") {
  return Correlating(absl::StrCat("{type: ", std::string(type),
                                  ", rules: ", std::string(rules),
                                  ", group-by: [user.username], ",
                                  "timespan: 60s", std::string(condition), "}"),
                     absl::StrCat("title: ", std::string(title), "\n"));
}

CorrelationInput Match(int second, std::string_view user, uint32_t member = 0,
                       uint32_t correlation = 0) {
  static uint64_t request = 0;
  return {.correlation = correlation,
          .member = member,
          .time = kStart + absl::Seconds(second),
          .request = ++request,
          .group = {std::string(user)},
          .samples = {absl::StrCat(second, std::string(user), member)}};
}

TEST(CorrelationStateTest, TellsOfRepeatsIfAsked) {
  auto set = SetOf(Counting("[a]", "event_count", ", condition: {gte: 2}"));
  CorrelationEngine engine(set, {.tell_repeats = true});
  std::vector<CorrelationAlert> alerts;
  for (int second : {0, 1, 2, 3}) engine.Observe(Match(second, "u"), alerts);
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  ASSERT_EQ(alerts.size(), 3u);
  EXPECT_FALSE(alerts[0].is_repeat);
  EXPECT_EQ(alerts[0].matches, 2u);
  EXPECT_THAT(alerts[0].samples, ElementsAre("0u0", "1u0"));
  for (size_t i : {1, 2}) {
    EXPECT_TRUE(alerts[i].is_repeat);
    EXPECT_EQ(alerts[i].matches, 1u);
    EXPECT_EQ(alerts[i].time, kStart + absl::Seconds(i + 1));
    EXPECT_THAT(alerts[i].samples, ElementsAre(absl::StrCat(i + 1, "u0")));
  }
}

TEST(CorrelationStateTest, KeepsSamplesOfEachRule) {
  auto set = SetOf(Counting("[a, b]", "temporal", ""));
  CorrelationEngine engine(set, {});
  std::vector<CorrelationAlert> alerts;
  engine.Observe(Match(0, "u", 0), alerts);
  engine.AdvanceTo(kStart, alerts);
  // More of one rule than are kept would push the other's out.
  for (int second = 1; second < 20; ++second) {
    engine.Observe(Match(second, "u", 0), alerts);
  }
  engine.Observe(Match(20, "u", 1), alerts);
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  ASSERT_EQ(alerts.size(), 1u);
  ASSERT_EQ(alerts[0].samples.size(), CorrelationGroup::kMaxSamples);
  EXPECT_EQ(alerts[0].samples.back(), "20u1");
  EXPECT_EQ(alerts[0].samples.front(), "13u0");
}

// One who fills the memory for a correlation does so at its own cost.
TEST(CorrelationStateTest, BoundsItsBytesAtTheCostOfWhatTakesMost) {
  auto set =
      SetOf(Counting("[a]", "event_count", ", condition: {gte: 3}", "Few") +
            Counting("[a]", "event_count", ", condition: {gte: 9}", "Many"));
  CorrelationEngine engine(set, {.max_bytes = 64 * 1024});
  std::vector<CorrelationAlert> alerts;
  engine.Observe(Match(0, "victim", 0, 0), alerts);
  engine.Observe(Match(0, "victim", 0, 0), alerts);
  for (int i = 0; i < 500; ++i) {
    engine.Observe(Match(1, absl::StrCat("filler", i), 0, 1), alerts);
    engine.AdvanceTo(kStart + absl::Seconds(1), alerts);
    ASSERT_LT(engine.groups(), 100u);
  }
  EXPECT_GT(engine.counts().evicted_groups, 300u);
  engine.Observe(Match(2, "victim", 0, 0), alerts);
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_THAT(alerts[0].group, ElementsAre("victim"));
}

TEST(CorrelationStateTest, BoundsTheBytesThatWait) {
  auto set = SetOf(Counting("[a]", "event_count", ", condition: {gte: 3}"));
  CorrelationEngine engine(set, {.max_waiting_bytes = 8 * 1024});
  std::vector<CorrelationAlert> alerts;
  for (int i = 0; i < 100; ++i) engine.Observe(Match(i, "u"), alerts);
  EXPECT_GT(engine.counts().hurried, 50u);
  EXPECT_EQ(alerts.size(), 1u);
}

TEST(CorrelationStateTest, ForgetsGroupsWhoseWindowHasPassed) {
  auto set = SetOf(Counting("[a]", "event_count", ", condition: {gte: 3}"));
  CorrelationEngine engine(set, {});
  std::vector<CorrelationAlert> alerts;
  engine.Observe(Match(0, "u"), alerts);
  engine.AdvanceTo(kStart + absl::Seconds(60), alerts);
  EXPECT_EQ(engine.groups(), 1u);
  engine.AdvanceTo(kStart + absl::Seconds(61), alerts);
  EXPECT_EQ(engine.groups(), 0u);
}

TEST(CorrelationStateTest, WritesOnlyWhatChanged) {
  auto set = SetOf(Counting("[a]", "event_count", ", condition: {gte: 9}"));
  CorrelationEngine engine(set, {});
  std::vector<CorrelationAlert> alerts;
  auto taken = [&engine] {
    std::vector<CorrelationRow> rows;
    engine.TakeChanges(rows);
    std::vector<std::string> text;
    for (const CorrelationRow& row : rows) {
      text.push_back(absl::StrCat(row.number, row.bytes.empty() ? "-" : "+"));
    }
    std::sort(text.begin(), text.end());
    return text;
  };
  engine.Observe(Match(0, "u"), alerts);
  engine.Observe(Match(0, "v"), alerts);
  EXPECT_THAT(taken(), ElementsAre("0+", "1+"));
  EXPECT_THAT(taken(), IsEmpty());
  // What waited becomes groups: numbers are used again.
  engine.AdvanceTo(kStart, alerts);
  EXPECT_THAT(taken(), ElementsAre("0+", "1+"));
  engine.Observe(Match(1, "u"), alerts);
  engine.AdvanceTo(kStart + absl::Seconds(1), alerts);
  EXPECT_THAT(taken(), ElementsAre("0+", "2-"));
}

TEST(CorrelationStateTest, AnotherSetKeepsWhatBothHaveAndSaysWhatGoes) {
  std::string kept =
      Counting("[a]", "event_count", ", condition: {gte: 3}", "Kept");
  std::string gone =
      Counting("[a]", "event_count", ", condition: {gte: 9}", "Gone");
  CorrelationEngine engine(SetOf(gone + kept), {});
  std::vector<CorrelationAlert> alerts;
  engine.Observe(Match(0, "u", 0, 0), alerts);
  engine.Observe(Match(0, "u", 0, 1), alerts);
  engine.AdvanceTo(kStart, alerts);
  engine.Observe(Match(1, "u", 0, 0), alerts);  // still waiting
  engine.Observe(Match(1, "u", 0, 1), alerts);
  engine.Replace(SetOf(kept));
  EXPECT_EQ(engine.counts().forgotten, 2u);
  EXPECT_EQ(engine.groups(), 1u);
  engine.Observe(Match(2, "u", 0, 0), alerts);
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].correlation, 0u);
}

}  // namespace
}  // namespace oddverb
