// When a finding of a stream is told, and when again.
#include <memory>
#include <random>
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
using ::testing::IsEmpty;

constexpr auto kMedium = Severity::kMedium;
constexpr auto kHigh = Severity::kHigh;

Finding InState(Finding finding, FindingState state) {
  finding.state = state;
  return finding;
}
Finding FinalOf(Finding finding) {
  return InState(std::move(finding), FindingState::kFinal);
}
Finding WithAttack(Finding finding, std::vector<std::string> attack) {
  finding.attack = std::move(attack);
  return finding;
}

class DeliveryUpdatesTest : public ::testing::Test {
 protected:
  explicit DeliveryUpdatesTest(Severity min_severity = Severity::kInfo)
      : options_{.policy = DeliveryPolicy::kAtOnce,
                 .min_severity = min_severity} {
    delivery_ = std::make_unique<Delivery>(options_, NoExporters());
  }
  static std::vector<Exporter*> NoExporters() { return {}; }

  std::vector<std::string> Choose(const Finding& finding) {
    return LinesOf(delivery_->Choose({finding}));
  }
  // What was remembered goes into another process.
  void Restart() {
    delivery_->TakeChanges(rows_);
    std::map<std::pair<uint8_t, uint32_t>, StateRow> latest;
    for (const StateRow& row : rows_) latest[{row.kind, row.id}] = row;
    std::vector<StateRow> rows;
    for (auto& [key, row] : latest) rows.push_back(row);
    delivery_ = std::make_unique<Delivery>(options_, NoExporters());
    EXPECT_THAT(delivery_->Load(rows), IsOk());
  }

  Delivery::Options options_;
  std::unique_ptr<Delivery> delivery_;
  std::vector<StateRow> rows_;
};

TEST_F(DeliveryUpdatesTest, TellsTheOpeningOnce) {
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), ElementsAre("1 open medium 8"));
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, TellsAgainWhenTheScoreHasDoubledSinceItWasShown) {
  Choose(FindingOf(1, kMedium, 8));
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 15.9)), IsEmpty());
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 16)),
              ElementsAre("1 update medium 16"));
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 31)), IsEmpty());
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 33)),
              ElementsAre("1 update medium 33"));
}

TEST_F(DeliveryUpdatesTest, AScoreOfZeroOrBelowNeverDoubles) {
  Choose(FindingOf(1, kMedium, -4));
  EXPECT_THAT(Choose(FindingOf(1, kMedium, -1)), IsEmpty());
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 0)), IsEmpty());
  EXPECT_THAT(Choose(FindingOf(1, kMedium, 1)),
              ElementsAre("1 update medium 1"));
}

TEST_F(DeliveryUpdatesTest, TellsAgainWhenTheSeverityRises) {
  Choose(FindingOf(1, kMedium));
  EXPECT_THAT(Choose(FindingOf(1, kHigh)), ElementsAre("1 update high 8"));
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), IsEmpty());
  EXPECT_THAT(Choose(FindingOf(1, kHigh)), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, TellsAgainWhenATechniqueJoins) {
  Choose(WithAttack(FindingOf(1, kMedium), {"T1613", "T1087"}));
  EXPECT_THAT(Choose(WithAttack(FindingOf(1, kMedium), {"T1087"})), IsEmpty());
  EXPECT_THAT(Choose(WithAttack(FindingOf(1, kMedium), {"T1087", "T1552.007"})),
              ElementsAre("1 update medium 8"));
  EXPECT_THAT(Choose(WithAttack(FindingOf(1, kMedium), {"T1613"})), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, WhatFallsAndRisesAgainIsNoNews) {
  Choose(FindingOf(1, kHigh, 100));
  Finding last = FinalOf(FindingOf(1, kMedium, 10));
  EXPECT_THAT(Choose(last), ElementsAre("1 final medium 10"));
  EXPECT_THAT(Choose(FindingOf(1, kHigh, 100)), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, TellsTheLastStateOnceIfItShowsAnythingNew) {
  Choose(FindingOf(1, kMedium));
  EXPECT_THAT(Choose(FinalOf(FindingOf(1, kMedium))), IsEmpty());
  Choose(FindingOf(2, kMedium));
  Finding last = FinalOf(FindingOf(2, kMedium));
  last.count = 47;
  EXPECT_THAT(Choose(last), ElementsAre("2 final medium 8"));
  last.count = 48;
  EXPECT_THAT(Choose(last), IsEmpty());
  // By itself the time is no news.
  Choose(FindingOf(3, kMedium));
  last = FinalOf(FindingOf(3, kMedium));
  last.time += absl::Hours(1);
  EXPECT_THAT(Choose(last), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, AFindingThatOpensInItsLastStateIsFinalAtOnce) {
  EXPECT_THAT(Choose(FinalOf(FindingOf(1, kMedium))),
              ElementsAre("1 final medium 8"));
}

TEST_F(DeliveryUpdatesTest, ARestartForgetsNothing) {
  std::mt19937_64 random(3);
  Delivery uninterrupted(options_, NoExporters());
  constexpr FindingState kStates[] = {
      FindingState::kOpen, FindingState::kUpdate, FindingState::kFinal};
  const char* techniques[] = {"T1", "T2", "T3"};
  size_t shown = 0;
  for (int i = 0; i < 2000; ++i) {
    Finding finding = FindingOf(random() % 40, Severity(random() % 5),
                                static_cast<double>(random() % 200));
    finding.state = kStates[random() % 3];
    finding.attack = {techniques[random() % 3]};
    std::vector<std::string> expected =
        LinesOf(uninterrupted.Choose({finding}));
    ASSERT_EQ(Choose(finding), expected) << i;
    shown += expected.size();
    if (random() % 50 == 0) Restart();
  }
  EXPECT_GT(shown, 40u);
  EXPECT_LT(shown, 1000u);
}

// A row of the first format said only id, time and severity.
TEST_F(DeliveryUpdatesTest, ReadsRowsOfTheFirstFormat) {
  StateWriter row, shared;
  row.PutFixed64(0);
  row.PutFixed64(1);
  row.PutTime(kDeliveryStart);
  row.PutU64(static_cast<uint64_t>(kHigh));
  shared.PutU64(1);
  ASSERT_THAT(
      delivery_->Load({{"delivery", 0, 0, row.bytes()},
                       {"delivery", StateRow::kShared, 0, shared.bytes()}}),
      IsOk());
  // It was shown, nobody knows how: so once more, as an update.
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), ElementsAre("1 update medium 8"));
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), IsEmpty());
}

TEST_F(DeliveryUpdatesTest, RefusesDamagedRows) {
  Choose(FindingOf(1, kMedium));
  std::vector<StateRow> rows;
  delivery_->TakeChanges(rows);
  for (size_t length = 0; length < rows[0].bytes.size(); ++length) {
    // At this length it is a row of the first format.
    StateWriter first;
    first.PutTime(kDeliveryStart);
    if (length == 16 + first.bytes().size() + 1) continue;
    std::vector<StateRow> cut = rows;
    cut[0].bytes.resize(length);
    EXPECT_THAT(Delivery(options_, NoExporters()).Load(cut),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << length;
  }
}

class AboveMediumTest : public DeliveryUpdatesTest {
 protected:
  AboveMediumTest() : DeliveryUpdatesTest(kHigh) {}
};

TEST_F(AboveMediumTest, AFindingOpensWhenItReachesTheMinimum) {
  EXPECT_THAT(Choose(FindingOf(1, kMedium)), IsEmpty());
  EXPECT_THAT(delivery_->counts_so_far().opened, IsEmpty());
  Finding risen = InState(FindingOf(1, kHigh), FindingState::kUpdate);
  EXPECT_THAT(Choose(risen), ElementsAre("1 open high 8"));
  auto opened = delivery_->counts_so_far().opened;
  EXPECT_EQ((opened[{"test", kHigh}]), 1u);
  EXPECT_EQ(opened.size(), 1u);
}

}  // namespace
}  // namespace oddverb
