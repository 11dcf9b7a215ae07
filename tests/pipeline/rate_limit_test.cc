#include "pipeline/rate_limit.h"

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/delivery.h"
#include "tests/support/delivery_findings.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr auto kMediumSeverity = Severity::kMedium;
constexpr auto kHighSeverity = Severity::kHigh;
constexpr auto kCritical = Severity::kCritical;
constexpr char kSummaryRule[] = "test.rule.overflow";

Delivery::Options Limited(uint64_t max_opened) {
  return {.policy = DeliveryPolicy::kAtOnce,
          .rate_limit = RateLimit::Options{.max_opened = max_opened}};
}
std::unique_ptr<Delivery> LimitedDelivery(uint64_t max_opened) {
  return std::make_unique<Delivery>(Limited(max_opened),
                                    std::vector<Exporter*>());
}

Finding At(Finding finding, absl::Duration after) {
  finding.time = kDeliveryStart + after;
  return finding;
}

TEST(RateLimitTest, ABurstGivesFewMessagesAndExactCounts) {
  constexpr uint64_t kBurst = 10'000;
  auto delivery = LimitedDelivery(60);
  std::vector<Finding> shown;
  for (uint64_t i = 0; i < kBurst; ++i) {
    Finding finding = At(FindingOf(i, kMediumSeverity), absl::Milliseconds(i));
    finding.entity = absl::StrCat("user-", i % 380);
    for (Finding& f : delivery->Choose({finding})) shown.push_back(f);
  }
  // The budget, and the summary at each doubling: 1, 2, 4 ... 8192.
  EXPECT_THAT(shown, SizeIs(60 + 14));
  DeliveryCounts counts = delivery->counts_so_far();
  EXPECT_THAT(counts.opened,
              ElementsAre(Pair(Pair("test", kMediumSeverity), 61)));
  EXPECT_THAT(counts.suppressed,
              ElementsAre(Pair(Pair("test", "rate_limited"), kBurst - 60)));
  // The window ends: the summary is told with the exact numbers.
  std::vector<Finding> last =
      delivery->Choose({}, kDeliveryStart + absl::Minutes(10));
  ASSERT_THAT(last, SizeIs(1));
  const Finding& summary = last[0];
  EXPECT_EQ(summary.id, shown.back().id);
  EXPECT_EQ(summary.state, FindingState::kFinal);
  EXPECT_EQ(summary.count, static_cast<int64_t>(kBurst - 60));
  EXPECT_EQ(summary.title,
            "rule test.rule: 9940 more findings of 380 entities in 10m");
  EXPECT_THAT(summary.summary, HasSubstr("user-60, user-61, user-62, ..."));
  ASSERT_THAT(summary.why, SizeIs(Finding::kMaxListed + 1));
  EXPECT_EQ(summary.why[0].value, "user-60");
  double sum = 0;
  for (const FindingReason& reason : summary.why) sum += reason.contribution;
  EXPECT_EQ(sum, summary.score);
  EXPECT_THAT(summary.next[0], HasSubstr("oddverb scan"));
}

TEST(RateLimitTest, SmallFindingsNeverKeepAGraveOneBack) {
  auto delivery = LimitedDelivery(3);
  uint64_t id = 0;
  for (int i = 0; i < 100; ++i) {
    delivery->Choose({FindingOf(id++, kMediumSeverity)});
    delivery->Choose({FindingOf(id++, Severity::kInfo)});
  }
  auto is_shown = [&](Severity severity) {
    std::vector<Finding> shown = delivery->Choose({FindingOf(id++, severity)});
    return shown.size() == 1 && shown[0].rule == "test.rule";
  };
  for (Severity severity : {kHighSeverity, kCritical}) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_shown(severity)) << i;
    EXPECT_FALSE(is_shown(severity));
  }
  delivery->Choose({FindingOf(id++, kMediumSeverity)});
  // The summary is as grave as the gravest that is in it.
  std::vector<Finding> last =
      delivery->Choose({}, kDeliveryStart + absl::Minutes(10));
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0].severity, kCritical);
  EXPECT_EQ(last[0].count, 200 - 3 + 2 + 1);
}

TEST(RateLimitTest, AFoldedFindingThatRisesFallsUnderAnotherBudget) {
  auto delivery = LimitedDelivery(1);
  delivery->Choose({FindingOf(1, kMediumSeverity)});
  EXPECT_EQ(delivery->Choose({FindingOf(2, kMediumSeverity)})[0].rule,
            kSummaryRule);
  // Growing alone does not bring it out, nor is it counted again.
  EXPECT_THAT(delivery->Choose({FindingOf(2, kMediumSeverity, 500)}),
              IsEmpty());
  EXPECT_THAT(LinesOf(delivery->Choose({FindingOf(2, kHighSeverity)})),
              ElementsAre("2 open high 8"));
  // Without room there it stays folded, and is counted once.
  delivery->Choose({FindingOf(3, kMediumSeverity)});
  EXPECT_THAT(delivery->Choose({FindingOf(3, kHighSeverity)}), IsEmpty());
  EXPECT_THAT(delivery->counts_so_far().suppressed,
              ElementsAre(Pair(Pair("test", "rate_limited"), 2)));
}

TEST(RateLimitTest, UpdatesOfWhatIsShownAreNotLimited) {
  auto delivery = LimitedDelivery(1);
  delivery->Choose({FindingOf(1, kMediumSeverity)});
  delivery->Choose({FindingOf(2, kMediumSeverity)});
  EXPECT_THAT(LinesOf(delivery->Choose({FindingOf(1, kHighSeverity)})),
              ElementsAre("1 update high 8"));
}

TEST(RateLimitTest, RulesAndWindowsHaveBudgetsOfTheirOwn) {
  auto delivery = LimitedDelivery(1);
  auto shown_rule = [&](uint64_t id, const char* rule, absl::Duration after) {
    Finding finding = At(FindingOf(id, kMediumSeverity), after);
    finding.rule = rule;
    std::vector<Finding> shown = delivery->Choose({finding});
    return shown.empty() ? "" : shown.back().rule;
  };
  EXPECT_EQ(shown_rule(1, "a", absl::ZeroDuration()), "a");
  EXPECT_EQ(shown_rule(2, "a", absl::ZeroDuration()), "a.overflow");
  EXPECT_EQ(shown_rule(3, "b", absl::ZeroDuration()), "b");
  EXPECT_EQ(shown_rule(4, "a", absl::Minutes(10) - absl::Nanoseconds(1)),
            "a.overflow");
  EXPECT_EQ(shown_rule(5, "a", absl::Minutes(10)), "a");
  // A rule that somebody called like a summary gets no way past the limit.
  EXPECT_EQ(shown_rule(6, kSummaryRule, absl::Minutes(10)), kSummaryRule);
  EXPECT_EQ(shown_rule(7, kSummaryRule, absl::Minutes(10)),
            absl::StrCat(kSummaryRule, ".overflow"));
}

TEST(RateLimitTest, ManyEntitiesAreCountedUpToABound) {
  auto delivery = LimitedDelivery(1);
  for (uint64_t i = 0; i <= RateLimit::kMaxEntities + 1; ++i) {
    delivery->Choose({FindingOf(i, kMediumSeverity)});
  }
  std::vector<Finding> last =
      delivery->Choose({}, kDeliveryStart + absl::Minutes(10));
  EXPECT_THAT(last[0].title,
              HasSubstr("4097 more findings of more than 4096 entities"));
}

// Any cut into batches and any restart points give the same messages.
TEST(RateLimitTest, BatchesAndRestartsChangeNothing) {
  std::mt19937_64 random(5);
  std::vector<Finding> stream;
  absl::Duration at;
  for (uint64_t i = 0; i < 3000; ++i) {
    // Now and then a quiet hour.
    at += random() % 500 == 0 ? absl::Hours(1) : absl::Seconds(random() % 3);
    Finding finding = At(FindingOf(random() % 1500, Severity(random() % 5),
                                   static_cast<double>(random() % 100)),
                         at);
    finding.rule = absl::StrCat("rule-", random() % 3);
    finding.first_seen = finding.last_seen = finding.time;
    stream.push_back(finding);
  }
  auto expected_delivery = LimitedDelivery(5);
  std::vector<Finding> expected = expected_delivery->Choose(stream);
  ASSERT_GT(expected.size(), 200u);

  for (int round = 0; round < 10; ++round) {
    auto delivery = LimitedDelivery(5);
    std::map<std::pair<uint8_t, uint32_t>, StateRow> saved;
    std::vector<Finding> shown;
    for (size_t i = 0; i < stream.size();) {
      size_t end = std::min(stream.size(), i + random() % 100);
      std::vector<Finding> batch(stream.begin() + static_cast<long>(i),
                                 stream.begin() + static_cast<long>(end));
      absl::Time time = batch.empty() ? stream[i].time : batch.back().time;
      for (Finding& f : delivery->Choose(batch, time)) shown.push_back(f);
      i = end;
      std::vector<StateRow> rows;
      delivery->TakeChanges(rows);
      for (StateRow& row : rows) saved[{row.kind, row.id}] = row;
      if (random() % 4 != 0) continue;
      rows.clear();
      for (auto& [key, row] : saved) rows.push_back(row);
      delivery = LimitedDelivery(5);
      ASSERT_THAT(delivery->Load(rows), IsOk());
    }
    ASSERT_EQ(LinesOf(shown), LinesOf(expected));
    for (size_t i = 0; i < shown.size(); ++i) {
      ASSERT_EQ(shown[i].title, expected[i].title);
    }
  }
}

TEST(RateLimitTest, RefusesDamagedRows) {
  auto delivery = LimitedDelivery(1);
  for (uint64_t i = 0; i < 5; ++i)
    delivery->Choose({FindingOf(i, kMediumSeverity)});
  std::vector<StateRow> rows;
  delivery->TakeChanges(rows);
  StateRow window = rows.back();
  ASSERT_EQ(window.kind, 1);
  for (size_t length = 0; length < window.bytes.size(); ++length) {
    RateLimit limit({});
    std::string cut = window.bytes.substr(0, length);
    StateReader in(cut);
    EXPECT_THAT(limit.Load(0, in),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << length;
  }
  RateLimit limit({});
  StateReader in(window.bytes);
  EXPECT_THAT(limit.Load(1, in),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("missing")));
}

}  // namespace
}  // namespace oddverb
