// What each type of correlation finds, from rules to alerts.
#include "rules/correlation_engine.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/correlation_rules.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "second: members of an event", in the order of arrival.
struct SeenAlert {
  int second = 0;
  std::string_view members;
};

std::string EventAt(int second, size_t id, std::string_view members) {
  absl::Time time = absl::FromUnixSeconds(1'700'000'000 + second);
  std::string text =
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","stageTimestamp":")" +
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()) + "\"";
  if (members.find("auditID") == std::string_view::npos) {
    text += ",\"auditID\":\"" + std::to_string(id) + "\"";
  }
  return text + "," + std::string(members) + "}\n";
}

// What is found: "TITLE @second [group] number".
std::vector<std::string> Find(const std::string& correlations,
                              std::vector<SeenAlert> events,
                              CorrelationEngine::Options options = {}) {
  LoadedRules loaded = LoadCorrelations(correlations);
  EXPECT_EQ(Messages(loaded), "");
  std::string text;
  for (size_t i = 0; i < events.size(); ++i) {
    text += EventAt(events[i].second, i, events[i].members);
  }
  std::unique_ptr<EventBatch> batch = DecodeLines(text);
  EXPECT_EQ(batch->events.size(), events.size()) << text;
  CorrelationEngine engine(loaded.correlations, options);
  RuleMatcher matcher(loaded.rules);
  std::vector<CorrelationAlert> alerts;
  std::vector<CorrelationInput> inputs;
  Arena arena;
  absl::Time watermark = absl::InfinitePast();
  for (const AuditEvent& event : batch->events) {
    inputs.clear();
    for (const Rule* rule :
         matcher.Match(event, RuleMatcher::Request::kFirstWithStatus)) {
      auto number = static_cast<uint32_t>(rule - loaded.rules->rules().data());
      loaded.correlations->Extract(number, event, arena, inputs);
    }
    for (CorrelationInput& input : inputs) {
      engine.Observe(std::move(input), alerts);
    }
    watermark = std::max(watermark, event.stage_time);
    engine.AdvanceTo(watermark, alerts);
  }
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  std::vector<std::string> found;
  for (const CorrelationAlert& alert : alerts) {
    const Correlation& of =
        loaded.correlations->correlations()[alert.correlation];
    std::string line =
        of.rule.title + " @" +
        std::to_string(absl::ToUnixSeconds(alert.time) - 1'700'000'000) + " [";
    for (const std::string& value : alert.group) {
      line += (line.back() == '[' ? "" : ",") + value;
    }
    found.push_back(line + "] " + std::to_string(std::lround(alert.number)));
  }
  return found;
}

constexpr std::string_view kA = R"("verb":"a","user":{"username":"jane"})";
constexpr std::string_view kB = R"("verb":"b","user":{"username":"jane"})";
constexpr std::string_view kC = R"("verb":"c","user":{"username":"jane"})";
constexpr std::string_view kOther = R"("verb":"a","user":{"username":"joe"})";

TEST(CorrelationTest, CountsEventsInASlidingClosedWindow) {
  const std::string three = Correlating(
      "{type: event_count, rules: [a], group-by: [user.username], timespan: "
      "10s, condition: {gte: 3}}");
  EXPECT_THAT(Find(three, {{0, kA}, {5, kA}, {10, kA}}),
              ElementsAre("C @10 [jane] 3"));
  EXPECT_THAT(Find(three, {{0, kA}, {5, kA}, {11, kA}}), IsEmpty());
  EXPECT_THAT(Find(three, {{0, kA}, {5, kOther}, {6, kA}, {7, kB}}), IsEmpty());
  // Once, until it has been false.
  EXPECT_THAT(
      Find(three,
           {{0, kA}, {1, kA}, {2, kA}, {3, kA}, {20, kA}, {21, kA}, {22, kA}}),
      ElementsAre("C @2 [jane] 3", "C @22 [jane] 3"));
  // Each group for itself.
  EXPECT_THAT(
      Find(three,
           {{0, kA}, {1, kOther}, {2, kA}, {3, kOther}, {4, kOther}, {5, kA}}),
      ElementsAre("C @4 [joe] 3", "C @5 [jane] 3"));
}

TEST(CorrelationTest, CountsARequestOnce) {
  const std::string two = Correlating(
      "{type: event_count, rules: [a, b], timespan: 1m, condition: {gt: 1}}");
  constexpr std::string_view kSame = R"("verb":"a","auditID":"same")";
  EXPECT_THAT(Find(two, {{0, kSame}, {1, kSame}, {2, kSame}}), IsEmpty());
  EXPECT_THAT(Find(two, {{0, kSame}, {1, kA}}), ElementsAre("C @1 [] 2"));
}

TEST(CorrelationTest, GroupsByWhatAnEventHas) {
  const std::string by_address = Correlating(
      "{type: event_count, rules: [a], group-by: [sourceIPs, verb], timespan: "
      "1m, condition: {gte: 2}}");
  // Each value of a list is a group; without a value there is none.
  EXPECT_THAT(Find(by_address, {{0, R"("verb":"a","sourceIPs":["1","2"])"},
                                {1, R"("verb":"a","sourceIPs":["2","3"])"},
                                {2, R"("verb":"a")"},
                                {3, R"("verb":"a")"}}),
              ElementsAre("C @1 [2,a] 2"));
  const std::string aliased = Correlating(
      "{type: temporal, rules: [a, b], group-by: [who], timespan: 1m, aliases: "
      "{who: {a: user.username, b: objectRef.name}}}");
  EXPECT_THAT(Find(aliased, {{0, kA},
                             {1, R"("verb":"b","objectRef":{"name":"joe"})"},
                             {2, R"("verb":"b","objectRef":{"name":"jane"})"}}),
              ElementsAre("C @2 [jane] 2"));
}

TEST(CorrelationTest, CountsDistinctValues) {
  const std::string names = Correlating(
      "{type: value_count, rules: [a], timespan: 10s, condition: {field: "
      "objectRef.name, gte: 3}}");
  auto named = [](std::string_view name) {
    return R"("verb":"a","objectRef":{"name":")" + std::string(name) + "\"}";
  };
  std::string x = named("x"), y = named("y"), z = named("z");
  EXPECT_THAT(Find(names, {{0, x}, {1, y}, {2, x}, {3, kA}, {4, z}}),
              ElementsAre("C @4 [] 3"));
  EXPECT_THAT(Find(names, {{0, x}, {1, y}, {11, z}}), IsEmpty());
  EXPECT_THAT(Find(names, {{0, x}, {1, y}, {9, x}, {11, z}}),
              ElementsAre("C @11 [] 3"));
  const std::string tuples = Correlating(
      "{type: value_count, rules: [a], timespan: 10s, condition: {field: "
      "[objectRef.name, user.username], gte: 2}}");
  std::string x_jane = x + R"(,"user":{"username":"jane"})";
  std::string x_joe = x + R"(,"user":{"username":"joe"})";
  EXPECT_THAT(Find(tuples, {{0, x_jane}, {1, x_jane}, {2, x}, {3, x_joe}}),
              ElementsAre("C @3 [] 2"));
}

TEST(CorrelationTest, EachValueOfAListCounts) {
  const std::string addresses = Correlating(
      "{type: value_count, rules: [a], timespan: 10s, condition: {field: "
      "sourceIPs, gte: 3}}");
  constexpr std::string_view kTwo = R"("verb":"a","sourceIPs":["1","2"])";
  constexpr std::string_view kThree = R"("verb":"a","sourceIPs":["2","3","2"])";
  EXPECT_THAT(Find(addresses, {{0, kTwo}, {1, kTwo}}), IsEmpty());
  EXPECT_THAT(Find(addresses, {{0, kTwo}, {1, kThree}}),
              ElementsAre("C @1 [] 3"));
}

TEST(CorrelationTest, OneEventFeedsManyCorrelations) {
  const std::string two = Correlating(
      "{type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}");
  const std::string also = Correlating(
      "{type: event_count, rules: [a, b], group-by: [verb], timespan: 1m, "
      "condition: {gte: 2}}",
      "title: D\n");
  EXPECT_THAT(Find(two + also, {{0, kA}, {1, kA}}),
              ElementsAre("C @1 [] 2", "D @1 [a] 2"));
}

TEST(CorrelationTest, FindsRulesNearOneAnother) {
  const std::string any =
      Correlating("{type: temporal, rules: [a, b, c], timespan: 10s}");
  EXPECT_THAT(Find(any, {{0, kC}, {5, kA}, {10, kB}}),
              ElementsAre("C @10 [] 3"));
  EXPECT_THAT(Find(any, {{0, kC}, {5, kA}, {11, kB}}), IsEmpty());
  EXPECT_THAT(Find(any, {{0, kA}, {1, kA}, {2, kA}}), IsEmpty());
  const std::string two = Correlating(
      "{type: temporal, rules: [a, b, c], timespan: 10s, condition: {gte: 2}}");
  EXPECT_THAT(Find(two, {{0, kA}, {1, kA}, {5, kB}}), ElementsAre("C @5 [] 2"));
  const std::string ordered =
      Correlating("{type: temporal_ordered, rules: [a, b, c], timespan: 10s}");
  EXPECT_THAT(Find(ordered, {{0, kA}, {5, kB}, {10, kC}}),
              ElementsAre("C @10 [] 3"));
  EXPECT_THAT(Find(ordered, {{0, kC}, {1, kB}, {2, kA}}), IsEmpty());
  EXPECT_THAT(Find(ordered, {{0, kA}, {5, kB}, {11, kC}}), IsEmpty());
  // A later beginning counts.
  EXPECT_THAT(Find(ordered, {{0, kA}, {5, kB}, {6, kA}, {8, kB}, {12, kC}}),
              ElementsAre("C @12 [] 3"));
  // Equal times are in any order.
  EXPECT_THAT(Find(ordered, {{5, kC}, {5, kB}, {5, kA}}),
              ElementsAre("C @5 [] 3"));
}

TEST(CorrelationTest, KnowsExpressionsOverRules) {
  const std::string any = Correlating(
      "{type: temporal, rules: [a, b, c], timespan: 10s, condition: a and (b "
      "or c)}");
  EXPECT_THAT(Find(any, {{0, kA}, {4, kC}}), ElementsAre("C @4 [] 2"));
  // Absence: when the window that began with the first match is over.
  const std::string without = Correlating(
      "{type: temporal, rules: [a, b], timespan: 10s, condition: a and not b}");
  EXPECT_THAT(Find(without, {{0, kA}, {3, kC}}), ElementsAre("C @10 [] 1"));
  EXPECT_THAT(Find(without, {{0, kA}, {10, kB}}), IsEmpty());
  EXPECT_THAT(Find(without, {{0, kA}, {11, kB}}), ElementsAre("C @10 [] 1"));
}

TEST(CorrelationTest, JudgesUpperLimitsWhenTheWindowIsOver) {
  const std::string few = Correlating(
      "{type: event_count, rules: [a], timespan: 10s, condition: {lt: 3}}");
  EXPECT_THAT(Find(few, {{0, kA}, {5, kA}}), ElementsAre("C @10 [] 2"));
  EXPECT_THAT(Find(few, {{0, kA}, {5, kA}, {10, kA}}), IsEmpty());
  EXPECT_THAT(Find(few, {{0, kA}, {5, kA}, {11, kA}}),
              ElementsAre("C @10 [] 2", "C @21 [] 1"));
  const std::string range = Correlating(
      "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 2, lte: "
      "3}}");
  EXPECT_THAT(Find(range, {{0, kA}, {1, kA}}), ElementsAre("C @10 [] 2"));
  EXPECT_THAT(Find(range, {{0, kA}}), IsEmpty());
  EXPECT_THAT(Find(range, {{0, kA}, {1, kA}, {2, kA}, {3, kA}}), IsEmpty());
  const std::string exactly = Correlating(
      "{type: event_count, rules: [a], timespan: 10s, condition: {eq: 1}}");
  EXPECT_THAT(Find(exactly, {{0, kA}, {20, kA}, {21, kA}}),
              ElementsAre("C @10 [] 1"));
}

TEST(CorrelationTest, ReckonsWithNumbers) {
  auto with_code = [](int code) {
    return R"("verb":"a","responseStatus":{"code":)" + std::to_string(code) +
           "}";
  };
  std::string c200 = with_code(200), c400 = with_code(400),
              c500 = with_code(500);
  auto reckon = [&](std::string_view type, std::string_view condition,
                    std::vector<SeenAlert> events) {
    return Find(Correlating("{type: " + std::string(type) +
                            ", rules: [a], timespan: 1m, condition: {field: "
                            "responseStatus.code, " +
                            std::string(condition) + "}}"),
                std::move(events));
  };
  EXPECT_THAT(reckon("value_sum", "gt: 600", {{0, c200}, {1, c400}, {2, c200}}),
              ElementsAre("C @2 [] 800"));
  EXPECT_THAT(reckon("value_avg", "gte: 300", {{0, c200}, {1, c400}}),
              ElementsAre("C @1 [] 300"));
  EXPECT_THAT(reckon("value_avg", "gt: 299.5", {{0, c200}, {1, c400}}),
              ElementsAre("C @1 [] 300"));
  EXPECT_THAT(reckon("value_avg", "gt: 300.5", {{0, c200}, {1, c400}}),
              IsEmpty());
  EXPECT_THAT(reckon("value_avg", "gte: 300", {{0, c200}, {61, c400}}),
              ElementsAre("C @61 [] 400"));
  EXPECT_THAT(reckon("value_percentile", "percentile: 90, gte: 500",
                     {{0, c500}, {1, c200}}),
              ElementsAre("C @0 [] 500"));
  EXPECT_THAT(reckon("value_percentile", "percentile: 50, gte: 400",
                     {{0, c200}, {1, c400}, {2, c400}}),
              ElementsAre("C @2 [] 400"));
  EXPECT_THAT(reckon("value_median", "gte: 400", {{0, c200}, {1, kA}}),
              IsEmpty());
}

TEST(CorrelationTest, ChainsCorrelations) {
  const std::string burst = Correlating(
      "{type: event_count, rules: [a], group-by: [user.username, verb], "
      "timespan: 10s, condition: {gte: 2}}",
      "title: Burst\nname: burst\n");
  const std::string then = Correlating(
      "{type: temporal_ordered, rules: [burst, b], group-by: [user.username], "
      "timespan: 1m}",
      "title: Then\n");
  EXPECT_THAT(Find(burst + then, {{0, kA}, {1, kA}, {30, kB}}),
              ElementsAre("Then @30 [jane] 2"));
  EXPECT_THAT(Find(burst + then, {{0, kB}, {1, kA}, {2, kA}}), IsEmpty());
  EXPECT_THAT(
      Find(burst + then,
           {{0, kA}, {1, kA}, {30, R"("verb":"b","user":{"username":"joe"})"}}),
      IsEmpty());
  // Whatever the order in the file; and with "generate" both alert.
  std::string loud = then;
  loud.replace(loud.find("timespan"), 0, "generate: true, ");
  EXPECT_THAT(Find(loud + burst, {{0, kA}, {1, kA}, {30, kB}}),
              ElementsAre("Burst @1 [jane,a] 2", "Then @30 [jane] 2"));
  // How many users have a burst.
  const std::string users = Correlating(
      "{type: value_count, rules: [burst], timespan: 1m, condition: {field: "
      "user.username, gte: 2}}",
      "title: Users\n");
  EXPECT_THAT(Find(burst + users, {{0, kA}, {1, kA}, {2, kOther}, {3, kOther}}),
              ElementsAre("Users @3 [] 2"));
}

TEST(CorrelationTest, AlertsOfRulesThatOnlyTakePartAreOff) {
  const std::string quiet = Correlating(
      "{type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}");
  const std::string loud = Correlating(
      "{type: event_count, rules: [b], timespan: 1m, condition: {gte: 2}, "
      "generate: true}",
      "title: D\n");
  LoadedRules loaded = LoadCorrelations(quiet + loud);
  EXPECT_FALSE(loaded.rules->rules()[0].alerts);
  EXPECT_TRUE(loaded.rules->rules()[1].alerts);
  EXPECT_TRUE(loaded.rules->rules()[2].alerts);
  EXPECT_TRUE(loaded.correlations->IsMember(0));
  EXPECT_FALSE(loaded.correlations->IsMember(2));
}

TEST(CorrelationTest, CountsWhatComesTooLate) {
  LoadedRules loaded = LoadCorrelations(Correlating(
      "{type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}"));
  CorrelationEngine engine(loaded.correlations,
                           {.allowed_lateness = absl::Seconds(10)});
  std::vector<CorrelationAlert> alerts;
  auto observe = [&](int second) {
    engine.Observe({.time = absl::FromUnixSeconds(second), .group = {}},
                   alerts);
  };
  engine.AdvanceTo(absl::FromUnixSeconds(100), alerts);
  observe(89);
  EXPECT_EQ(engine.counts().late, 1u);
  observe(90);
  observe(95);
  EXPECT_EQ(engine.counts().late, 1u);
  EXPECT_THAT(alerts, IsEmpty());
  engine.AdvanceTo(absl::FromUnixSeconds(105), alerts);
  EXPECT_EQ(alerts.size(), 1u);
}

TEST(CorrelationTest, AnotherSetTakesOverWhatItShares) {
  const std::string same = Correlating(
      "{type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}");
  const std::string old = Correlating(
      "{type: event_count, rules: [b], timespan: 1m, condition: {gte: 2}}",
      "title: Old\n");
  CorrelationEngine before(LoadCorrelations(old + same).correlations, {});
  std::vector<CorrelationAlert> alerts;
  for (uint32_t c : {0u, 1u}) {
    before.Observe(
        {.correlation = c, .time = absl::FromUnixSeconds(1), .group = {}},
        alerts);
  }
  before.AdvanceTo(absl::FromUnixSeconds(1), alerts);
  CorrelationEngine after(LoadCorrelations(same).correlations, {});
  ASSERT_TRUE(after.Load(before.Save()).ok());
  EXPECT_EQ(after.groups(), 1u);
  after.Observe({.time = absl::FromUnixSeconds(2), .group = {}}, alerts);
  after.AdvanceTo(absl::FromUnixSeconds(2), alerts);
  EXPECT_EQ(alerts.size(), 1u);
}

}  // namespace
}  // namespace oddverb
