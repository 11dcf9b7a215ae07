#include "pipeline/delivery.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/capturing_exporter.h"

namespace oddverb {
namespace {

const absl::Time kDelivered = absl::FromUnixSeconds(1'700'000'000);

Finding Make(uint64_t id, int second, Severity severity,
             FindingState state = FindingState::kOpen) {
  Finding finding;
  finding.id = {0, id};
  finding.detector = "test";
  finding.severity = severity;
  finding.state = state;
  finding.time = kDelivered + absl::Seconds(second);
  return finding;
}

std::vector<uint64_t> Ids(const CapturingExporter& exporter) {
  std::vector<uint64_t> ids;
  for (const Finding& f : exporter.findings()) ids.push_back(f.id.low);
  return ids;
}

TEST(DeliveryTest, SendsOnceAtTheEndSortedByTimeThenId) {
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  ASSERT_TRUE(
      delivery
          .Deliver({Make(7, 2, Severity::kLow), Make(9, 1, Severity::kLow),
                    Make(3, 2, Severity::kLow)})
          .ok());
  EXPECT_TRUE(exporter.findings().empty());
  ASSERT_TRUE(delivery.Finish().ok());
  EXPECT_THAT(Ids(exporter), ::testing::ElementsAre(9, 3, 7));
  EXPECT_TRUE(exporter.finished());
}

TEST(DeliveryTest, LaterStatesReplaceEarlierOnesInTheirPlace) {
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  ASSERT_TRUE(delivery.Deliver({Make(1, 1, Severity::kMedium)}).ok());
  ASSERT_TRUE(delivery.Deliver({Make(2, 5, Severity::kMedium)}).ok());
  ASSERT_TRUE(
      delivery.Deliver({Make(1, 9, Severity::kHigh, FindingState::kFinal)})
          .ok());
  ASSERT_TRUE(delivery.Finish().ok());
  EXPECT_THAT(Ids(exporter), ::testing::ElementsAre(1, 2));
  EXPECT_EQ(exporter.findings()[0].severity, Severity::kHigh);
  EXPECT_EQ(exporter.findings()[0].state, FindingState::kFinal);
  EXPECT_EQ(exporter.findings()[0].time, kDelivered + absl::Seconds(1));
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kHigh)], 1u);
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kMedium)], 1u);
}

TEST(DeliveryTest, LeavesOutWhatIsBelowTheMinimum) {
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce, Severity::kMedium}, {&exporter});
  ASSERT_TRUE(delivery.Deliver({Make(1, 1, Severity::kLow)}).ok());
  EXPECT_TRUE(exporter.findings().empty());
  ASSERT_TRUE(
      delivery.Deliver({Make(1, 2, Severity::kHigh, FindingState::kUpdate)})
          .ok());
  EXPECT_EQ(exporter.findings().size(), 1u);
}

TEST(DeliveryTest, AFindingThatRisesLaterKeepsItsOpeningTime) {
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kOnceAtEnd, Severity::kMedium},
                    {&exporter});
  ASSERT_TRUE(delivery.Deliver({Make(1, 1, Severity::kLow)}).ok());
  ASSERT_TRUE(
      delivery.Deliver({Make(1, 9, Severity::kHigh, FindingState::kFinal)})
          .ok());
  ASSERT_TRUE(delivery.Finish().ok());
  ASSERT_EQ(exporter.findings().size(), 1u);
  EXPECT_EQ(exporter.findings()[0].time, kDelivered + absl::Seconds(1));
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kHigh)], 1u);
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kLow)], 0u);
}

TEST(DeliveryTest, BoundsWhatItHolds) {
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  for (uint64_t i = 0; i <= Delivery::kMaxHeld; ++i) {
    ASSERT_TRUE(
        delivery.Deliver({Make(i, static_cast<int>(i), Severity::kLow)}).ok());
  }
  EXPECT_EQ(exporter.findings().size(), Delivery::kMaxHeld / 2);
  ASSERT_TRUE(delivery.Finish().ok());
  EXPECT_EQ(exporter.findings().size(), Delivery::kMaxHeld + 1);
}

TEST(DeliveryTest, ReturnsTheErrorOfAnExporter) {
  CapturingExporter exporter;
  exporter.FailWith(absl::ResourceExhaustedError("full"));
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  EXPECT_TRUE(absl::IsResourceExhausted(
      delivery.Deliver({Make(1, 1, Severity::kLow)})));
}

}  // namespace
}  // namespace oddverb
