// What is wrong with correlations is said with its place.
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/correlation_rules.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SigmaCorrelationTest, SaysWhatIsWrongAndWhere) {
  for (
      auto [section, message] :
      std::vector<std::pair<std::string, std::string>>{
          {"{rules: [a], timespan: 1m, condition: {gte: 1}}", "no \"type\""},
          {"{type: event_cont, rules: [a], timespan: 1m, condition: {gte: 1}}",
           "did you mean \"event_count\"?"},
          {"{type: temporal, timespan: 1m}", "\"rules\" names no rule"},
          {"{type: temporal, rules: [aa], timespan: 1m}",
           "no rule of this id or name: \"aa\""},
          {"{type: temporal, rules: [a], timespan: 5}",
           "\"timespan\" must be a number and one of"},
          {"{type: temporal, rules: [a], timespan: 3y}", "at most a year"},
          {"{type: event_count, rules: [a], timespan: 1m}",
           "\"condition\" must be a map"},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {}}",
           "the condition has no comparison"},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {gtt: 1}}",
           "unknown key: \"gtt\", did you mean \"gt\"?"},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {gte: x}}",
           "not a number: \"x\""},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {gte: "
           "10000}}",
           "a count must be from 0 to 9999"},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {gte: 1, "
           "lte: 5, neq: 3}}",
           "one comparison, or two for a range"},
          {"{type: event_count, rules: [a], timespan: 1m, condition: {gte: 1, "
           "field: verb}}",
           "takes no \"field\""},
          {"{type: value_count, rules: [a], timespan: 1m, condition: {gte: "
           "1}}",
           "needs a \"field\""},
          {"{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 1, "
           "field: [a, b]}}",
           "takes several fields"},
          {"{type: value_percentile, rules: [a], timespan: 1m, condition: "
           "{field: verb, lt: 1}}",
           "values that are rare among all"},
          {"{type: value_percentile, rules: [a], timespan: 1m, condition: "
           "{field: verb, lt: 1, percentile: 101}}",
           "at most 100"},
          {"{type: temporal_ordered, rules: [a, b], timespan: 1m, condition: "
           "{gte: 1}}",
           "takes no condition"},
          {"{type: temporal, rules: [a, b], timespan: 1m, condition: a and d}",
           "no selection of this name: \"d\""},
          {"{type: temporal, rules: [a], timespan: 1m, aliases: {x: {b: "
           "verb}}}",
           "not one of \"rules\": \"b\""},
          {"{type: temporal, rules: [a], timespan: 1m, generate: maybe}",
           "\"generate\" must be true or false"},
          {"{type: temporal, rules: [a], group-by: [x..y], timespan: 1m}",
           "cannot group by \"x..y\""},
          {"x", "\"correlation\" must be a map"},
      }) {
    LoadedRules loaded = LoadCorrelations(Correlating(section));
    EXPECT_THAT(Messages(loaded), HasSubstr(message)) << section;
    EXPECT_THAT(Messages(loaded), HasSubstr("c.yml:2")) << section;
    EXPECT_TRUE(loaded.correlations->empty()) << section;
    EXPECT_EQ(loaded.refused, 1u) << section;
    EXPECT_EQ(loaded.rules->rules().size(), 3u);
  }
  EXPECT_THAT(Messages(LoadCorrelations(Correlating(
                  "{type: temporal, rules: [a], group-by: [user.nam], "
                  "timespan: 1m, unknown: 1}"))),
              AllOf(HasSubstr("unknown key: \"unknown\""),
                    HasSubstr("audit events have no field "
                              "\"user.nam\"")));
}

TEST(SigmaCorrelationTest, FindsCyclesAndBrokenChains) {
  auto of = [](const std::string& name, const std::string& rules,
               const std::string& group = "verb") {
    return Correlating("{type: temporal, rules: [" + rules + "], group-by: [" +
                           group + "], timespan: 1m}",
                       "title: " + name + "\nname: " + name + "\n");
  };
  LoadedRules loaded =
      LoadCorrelations(of("x", "y") + of("y", "x") + of("good", "a"));
  // With the line, though its text is gone by then.
  EXPECT_THAT(Messages(loaded),
              HasSubstr("c.yml:28:39: error: the correlation \"x\" refers to "
                        "itself\n"));
  EXPECT_THAT(Messages(loaded), HasSubstr("rules: [x], group-by: [verb], "));
  EXPECT_THAT(Messages(loaded), HasSubstr("the correlation \"y\" is broken"));
  EXPECT_EQ(loaded.refused, 2u);
  EXPECT_EQ(loaded.correlations->correlations().size(), 1u);
  EXPECT_THAT(Messages(LoadCorrelations(of("x", "x"))),
              HasSubstr("refers to itself"));
  EXPECT_THAT(
      Messages(LoadCorrelations(of("x", "a") + of("y", "x", "user.username"))),
      HasSubstr("the correlation \"x\" is not grouped by "
                "\"user.username\""));
  EXPECT_THAT(Messages(LoadCorrelations(of("a", "b"))),
              HasSubstr("already used by the rule at c.yml:1"));
  std::string chain;
  for (int i = 0; i < 100; ++i) {
    chain += of("n" + std::to_string(i),
                i == 99 ? "a" : "n" + std::to_string(i + 1));
  }
  loaded = LoadCorrelations(chain);
  EXPECT_THAT(Messages(loaded), HasSubstr("more than 16 correlations"));
}

TEST(SigmaCorrelationTest, KnowsTheUnitsOfTime) {
  for (auto [text, wanted] :
       std::vector<std::pair<std::string, absl::Duration>>{
           {"90s", absl::Seconds(90)},
           {"5m", absl::Minutes(5)},
           {"2h", absl::Hours(2)},
           {"3d", absl::Hours(72)},
           {"2w", absl::Hours(2 * 7 * 24)},
           {"1M", absl::Hours(30 * 24)},
           {"1y", absl::Hours(365 * 24)}}) {
    LoadedRules loaded = LoadCorrelations(
        Correlating("{type: temporal, rules: [a], timespan: " + text + "}"));
    ASSERT_EQ(loaded.correlations->correlations().size(), 1u) << text;
    EXPECT_EQ(loaded.correlations->correlations()[0].timespan, wanted) << text;
  }
}

}  // namespace
}  // namespace oddverb
