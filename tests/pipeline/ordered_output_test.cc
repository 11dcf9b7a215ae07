#include "pipeline/ordered_output.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

// What it was told of and what it took, by source address.
class RecordingOutput final : public OrderedOutput {
 public:
  void MoveTo(absl::Time) override {}
  void TakeTick(absl::Time) override {}
  void TakeFindings(std::vector<Finding>) override {}
  void TakeObservation(const Observation& observation) override {
    taken.push_back(observation.source_ip);
    ahead.push_back(expected.size());
  }
  void ExpectObservation(const Observation& observation) override {
    expected.push_back(observation.source_ip);
  }

  std::vector<std::string> taken, expected;
  std::vector<size_t> ahead;  // how many were expected when each was taken
};

// Of two workers, whose events alternate; the event `i` has `i % 4`
// observations.
class OrderedOutputTest : public ::testing::Test {
 protected:
  explicit OrderedOutputTest(size_t events = 20) : slices_(2) {
    routed_.batch = std::make_unique<EventBatch>();
    routed_.batch->events.resize(events);
    routed_.clock.stream_times.assign(events, absl::UnixEpoch());
    for (size_t i = 0; i < events; ++i) {
      std::vector<Observation> said(i % 4);
      for (size_t k = 0; k < said.size(); ++k) {
        said[k].source_ip = absl::StrCat(i, ".", k);
        in_order_.push_back(said[k].source_ip);
      }
      slices_[i % 2].Add({i, Emission::Phase::kEvent, 0}, {}, said);
    }
  }

  RoutedBatch routed_;
  std::vector<SliceOutput> slices_;
  std::vector<std::string> in_order_;
};

TEST_F(OrderedOutputTest, ObservationsAreTakenInTheOrderOfTheEvents) {
  RecordingOutput out;
  WalkInOrder(routed_, slices_, {}, absl::UnixEpoch(), out);
  EXPECT_EQ(out.taken, in_order_);
}

TEST_F(OrderedOutputTest, EachIsExpectedOnceAndSomeBeforeItIsTaken) {
  RecordingOutput out;
  WalkInOrder(routed_, slices_, {}, absl::UnixEpoch(), out);
  EXPECT_EQ(out.expected, in_order_);
  for (size_t i = 0; i < out.taken.size(); ++i) {
    EXPECT_EQ(out.ahead[i],
              std::min(i + OrderedOutput::kFarAhead, in_order_.size()));
  }
}

}  // namespace
}  // namespace oddverb
