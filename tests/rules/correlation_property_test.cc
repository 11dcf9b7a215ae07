// The engine against a naive one on random correlations and matches; and what
// must not matter: the order of arrival, restarts, when the watermark moves.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "rules/correlation_engine.h"
#include "tests/support/naive_correlations.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using Inputs = std::vector<CorrelationInput>;
using Alerts = std::vector<CorrelationAlert>;

class RandomCorrelations {
 public:
  explicit RandomCorrelations(uint32_t seed) : engine_(seed) {}
  size_t Below(size_t n) { return engine_() % n; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <class Items>
  void Shuffle(Items begin, Items end) {
    std::shuffle(begin, end, engine_);
  }

 private:
  std::mt19937 engine_;
};

absl::Time At(int64_t second) { return absl::FromUnixSeconds(second); }

RuleExpression RandomExpression(RandomCorrelations& random, size_t members,
                                int depth) {
  using Kind = RuleExpression::Kind;
  if (depth == 0 || random.OneIn(3)) {
    return {Kind::kMember, static_cast<uint32_t>(random.Below(members))};
  }
  if (random.OneIn(3)) {
    return {Kind::kNot, 0, {RandomExpression(random, members, depth - 1)}};
  }
  return {random.OneIn(2) ? Kind::kAnd : Kind::kOr,
          0,
          {RandomExpression(random, members, depth - 1),
           RandomExpression(random, members, depth - 1)}};
}

Correlation RandomCorrelation(RandomCorrelations& random, uint32_t number,
                              uint32_t first_chained) {
  using Op = CorrelationLimit::Op;
  Correlation correlation;
  correlation.rule.title = std::to_string(number);
  correlation.type = static_cast<CorrelationType>(random.Below(7));
  correlation.timespan = absl::Seconds(5 + random.Below(30));
  correlation.group_by = {"a"};
  // Rules of a number of their own, so that every input names its correlation.
  size_t members = 1 + random.Below(3);
  for (uint32_t m = 0; m < members; ++m) {
    correlation.members.push_back({.index = number * 10 + m});
  }
  bool counts = correlation.type == CorrelationType::kEventCount ||
                correlation.type == CorrelationType::kTemporal ||
                correlation.type == CorrelationType::kTemporalOrdered;
  if (number >= first_chained && counts) {
    correlation.members.push_back(
        {.index = static_cast<uint32_t>(random.Below(first_chained)),
         .is_correlation = true,
         .group_positions = {0}});
  }
  bool is_temporal = correlation.type == CorrelationType::kTemporal ||
                     correlation.type == CorrelationType::kTemporalOrdered;
  if (correlation.type == CorrelationType::kTemporalOrdered) return correlation;
  if (is_temporal && random.OneIn(2)) {
    if (random.OneIn(2)) {
      correlation.expression =
          RandomExpression(random, correlation.members.size(), 3);
    }
    return correlation;
  }
  bool is_count = is_temporal ||
                  correlation.type == CorrelationType::kEventCount ||
                  correlation.type == CorrelationType::kValueCount;
  auto value = [&] {
    return static_cast<double>(random.Below(5)) * (is_count ? 1 : 3);
  };
  constexpr Op kLower[] = {Op::kGt, Op::kGte};
  if (!random.OneIn(4))
    correlation.limits = {{kLower[random.Below(2)], value()}};
  if (correlation.limits.empty() || random.OneIn(4)) {
    constexpr Op kOps[] = {Op::kEq, Op::kLt, Op::kLte, Op::kNeq, Op::kGte};
    correlation.limits.push_back({kOps[random.Below(5)], value()});
  }
  correlation.percentile = static_cast<double>(1 + random.Below(100));
  return correlation;
}

std::shared_ptr<const CorrelationSet> RandomSet(RandomCorrelations& random) {
  std::vector<Correlation> correlations;
  for (uint32_t i = 0; i < 8; ++i) {
    correlations.push_back(RandomCorrelation(random, i, 5));
  }
  return std::make_shared<const CorrelationSet>(std::move(correlations));
}

// In order, each at another time.
Inputs RandomInputs(RandomCorrelations& random, const CorrelationSet& set,
                    size_t count) {
  Inputs inputs;
  int64_t second = 1'000'000;
  uint64_t request = 0;
  for (size_t i = 0; i < count; ++i) {
    second += 1 + static_cast<int64_t>(random.OneIn(20) ? random.Below(60)
                                                        : random.Below(3));
    CorrelationInput input;
    input.correlation =
        static_cast<uint32_t>(random.Below(set.correlations().size()));
    const auto& members = set.correlations()[input.correlation].members;
    do {
      input.member = static_cast<uint32_t>(random.Below(members.size()));
    } while (members[input.member].is_correlation);
    input.time = At(second);
    input.request = random.OneIn(5) ? request : ++request;
    if (random.OneIn(20)) input.request = 0;
    input.group = {std::string(1, static_cast<char>('a' + random.Below(2)))};
    for (size_t v = 1 + random.Below(2); v > 0; --v) {
      input.values.push_back(random.Below(6));
      input.numbers.push_back(static_cast<double>(random.Below(12)) - 3);
    }
    bool repeats = !inputs.empty() && random.OneIn(10);
    if (repeats) {
      absl::Time time = input.time;
      input = inputs.back();
      input.time = time;
    } else {
      input.request = input.request == 0 ? 0 : ++request;
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void Sort(Alerts& alerts) {
  std::sort(alerts.begin(), alerts.end(),
            [](const CorrelationAlert& a, const CorrelationAlert& b) {
              return std::tie(a.time, a.correlation, a.group) <
                     std::tie(b.time, b.correlation, b.group);
            });
}

std::string Text(const Alerts& alerts, bool in_full = true) {
  std::string text;
  for (const CorrelationAlert& alert : alerts) {
    text += std::to_string(alert.correlation) + " at " +
            std::to_string(absl::ToUnixSeconds(alert.time)) + " " +
            alert.group[0];
    if (in_full) {
      text += " since " + std::to_string(absl::ToUnixSeconds(alert.since)) +
              " " + std::to_string(alert.number) + " x" +
              std::to_string(alert.repeats);
    }
    text += "\n";
  }
  return text;
}

Alerts RunAll(const std::shared_ptr<const CorrelationSet>& set,
              const Inputs& inputs) {
  CorrelationEngine engine(set, {});
  Alerts alerts;
  for (const CorrelationInput& input : inputs) {
    engine.Observe(input, alerts);
    engine.AdvanceTo(input.time, alerts);
  }
  engine.AdvanceTo(absl::InfiniteFuture(), alerts);
  return alerts;
}

TEST(CorrelationPropertyTest, AgreesWithTheNaiveEngine) {
  size_t alerted = 0;
  std::vector<size_t> by_type(7);
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    RandomCorrelations random(seed);
    auto set = RandomSet(random);
    Inputs inputs = RandomInputs(random, *set, 400);
    Alerts got = RunAll(set, inputs);
    EXPECT_TRUE(std::is_sorted(
        got.begin(), got.end(),
        [](const auto& a, const auto& b) { return a.time < b.time; }));
    Sort(got);
    ASSERT_EQ(Text(got, false), Text(NaiveAlerts(*set, inputs), false))
        << "seed " << seed;
    alerted += got.size();
    for (const CorrelationAlert& alert : got) {
      ++by_type[static_cast<size_t>(
          set->correlations()[alert.correlation].type)];
    }
  }
  EXPECT_GT(alerted, 1000u);
  for (size_t count : by_type) EXPECT_GT(count, 50u);
}

TEST(CorrelationPropertyTest, DoesNotDependOnTheOrderOfArrival) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    RandomCorrelations random(seed);
    auto set = RandomSet(random);
    Inputs inputs = RandomInputs(random, *set, 300);
    std::string wanted = Text(RunAll(set, inputs));
    // Out of order by up to the lateness.
    Inputs mixed = inputs;
    absl::Duration lateness = absl::ZeroDuration();
    for (size_t at = 0; at + 8 < mixed.size(); at += 8) {
      auto begin = mixed.begin() + static_cast<ptrdiff_t>(at);
      lateness = std::max(lateness, (begin + 7)->time - begin->time);
      random.Shuffle(begin, begin + 8);
    }
    CorrelationEngine engine(set, {.allowed_lateness = lateness});
    Alerts alerts;
    absl::Time watermark = absl::InfinitePast();
    for (const CorrelationInput& input : mixed) {
      engine.Observe(input, alerts);
      watermark = std::max(watermark, input.time);
      if (random.OneIn(2)) engine.AdvanceTo(watermark, alerts);
    }
    engine.AdvanceTo(absl::InfiniteFuture(), alerts);
    ASSERT_EQ(Text(alerts), wanted) << "seed " << seed;
    EXPECT_EQ(engine.counts().late, 0u);
  }
}

TEST(CorrelationPropertyTest, GoesOnFromItsSavedState) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    RandomCorrelations random(seed);
    auto set = RandomSet(random);
    Inputs inputs = RandomInputs(random, *set, 300);
    CorrelationEngine::Options options{.allowed_lateness = absl::Seconds(20)};
    auto engine = std::make_unique<CorrelationEngine>(set, options);
    auto whole = std::make_unique<CorrelationEngine>(set, options);
    Alerts alerts, wanted;
    for (const CorrelationInput& input : inputs) {
      engine->Observe(input, alerts);
      engine->AdvanceTo(input.time, alerts);
      whole->Observe(input, wanted);
      whole->AdvanceTo(input.time, wanted);
      if (!random.OneIn(15)) continue;
      std::string state = engine->Save();
      engine = std::make_unique<CorrelationEngine>(set, options);
      ASSERT_THAT(engine->Load(state), IsOk());
      ASSERT_EQ(engine->Save(), state);
    }
    engine->AdvanceTo(absl::InfiniteFuture(), alerts);
    whole->AdvanceTo(absl::InfiniteFuture(), wanted);
    ASSERT_EQ(Text(alerts), Text(wanted)) << "seed " << seed;
    ASSERT_EQ(engine->Save(), whole->Save());
  }
}

TEST(CorrelationPropertyTest, SurvivesDamagedState) {
  RandomCorrelations random(1);
  auto set = RandomSet(random);
  Alerts alerts;
  CorrelationEngine engine(set, {.allowed_lateness = absl::Seconds(20)});
  for (const CorrelationInput& input : RandomInputs(random, *set, 200)) {
    engine.Observe(input, alerts);
    engine.AdvanceTo(input.time, alerts);
  }
  std::string good = engine.Save();
  const std::string empty = CorrelationEngine(set, {}).Save();
  for (size_t i = 0; i < 3000; ++i) {
    std::string bad = good;
    if (random.OneIn(3)) {
      bad.resize(random.Below(bad.size()));
    } else {
      bad[random.Below(bad.size())] = static_cast<char>(random.Below(256));
    }
    CorrelationEngine other(set, {});
    bool loaded = other.Load(bad).ok();
    ASSERT_TRUE(loaded || other.Save() == empty);
    ASSERT_FALSE(loaded && bad.size() < good.size());
    other.AdvanceTo(absl::InfiniteFuture(), alerts);
  }
}

TEST(CorrelationPropertyTest, IsBoundedWhateverComes) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    RandomCorrelations random(seed);
    auto set = RandomSet(random);
    CorrelationEngine engine(set, {.allowed_lateness = absl::Hours(1),
                                   .max_groups = 3,
                                   .max_waiting = 50});
    Alerts alerts;
    Inputs inputs = RandomInputs(random, *set, 600);
    for (CorrelationInput& input : inputs) {
      input.group[0] += std::to_string(random.Below(20));
      engine.Observe(input, alerts);
      ASSERT_LE(engine.groups(), 3 * set->correlations().size());
    }
    EXPECT_EQ(engine.counts().hurried, 550u);
    EXPECT_GT(engine.counts().evicted_groups, 0u);
    engine.AdvanceTo(absl::InfiniteFuture(), alerts);
    EXPECT_TRUE(std::is_sorted(
        alerts.begin(), alerts.end(),
        [](const auto& a, const auto& b) { return a.time < b.time; }));
  }
}

}  // namespace
}  // namespace oddverb
