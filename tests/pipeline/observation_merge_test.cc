// The order in which a correlator hears the judges of a topic's partitions: by
// event time, whatever the order and the cuts of their messages, whoever is
// idle, late or restarted.
#include "pipeline/observation_merge.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr absl::Duration kMergeLateness = absl::Seconds(10);

absl::Time AtSecond(int second) {
  return absl::FromUnixSeconds(1'000'000 + second);
}

// What a judge of a partition says: steps at these seconds.
struct Said {
  uint32_t partition = 0;
  std::vector<int> seconds = {};
  std::optional<int> mark = {};
  std::string bookmark = {};
};

// A merge, with the numbers and offsets of messages as they come.
class Merging {
 public:
  explicit Merging(uint32_t partitions, uint64_t max_held_bytes = 256 << 20)
      : options_({.partitions = partitions,
                  .allowed_lateness = kMergeLateness,
                  .max_held_bytes = max_held_bytes}),
        merge_(std::make_unique<ObservationMerge>(options_, now_)),
        next_step_(partitions) {}

  static std::string NameOf(uint32_t partition, int second, uint64_t number) {
    return std::to_string(second) + " of " + std::to_string(partition) + " #" +
           std::to_string(number);
  }
  // A message of its own.
  uint64_t Say(const Said& said) {
    ObservationRecord record;
    record.partition = said.partition;
    record.first_step = next_step_[said.partition];
    for (int second : said.seconds) {
      Observation observation;
      observation.source_ip =
          NameOf(said.partition, second, next_step_[said.partition]++);
      record.steps.push_back({AtSecond(second), observation});
    }
    if (said.mark.has_value()) {
      record.mark = ObservationMark{.stream_time = AtSecond(*said.mark),
                                    .since = AtSecond(0),
                                    .events = 1000,
                                    .bookmark = said.bookmark};
    }
    return Add(std::move(record));
  }
  uint64_t Add(ObservationRecord record) {
    topic_.push_back(record);
    return Deliver(topic_.size() - 1);
  }
  // Of what was said already, as a reader that begins again gets it.
  uint64_t Deliver(size_t offset) {
    auto missing = merge_->Add(topic_[offset], static_cast<int64_t>(offset),
                               /*bytes=*/100, now_);
    EXPECT_THAT(missing, IsOk());
    return missing.value_or(0);
  }
  void Idle(uint32_t partition, bool is_idle = true) {
    merge_->SetIdle(partition, is_idle, now_);
  }
  void Pass(absl::Duration time) { now_ += time; }

  std::vector<std::string> Take() {
    std::vector<std::string> names;
    for (const ObservationStep& step : merge_->Take(now_, now_)) {
      names.push_back(std::get<Observation>(step.said).source_ip);
    }
    return names;
  }
  // A new process, with what the one before saved, that reads on from there.
  void Restart() {
    StateWriter out;
    merge_->Save(out);
    merge_ = std::make_unique<ObservationMerge>(options_, now_);
    const std::string bytes = out.Release();
    StateReader in(bytes);
    EXPECT_THAT(merge_->Load(in), IsOk());
  }
  void ReadOn() {
    const std::optional<int64_t> next = merge_->resume_at();
    for (size_t i = static_cast<size_t>(next.value_or(0)); i < topic_.size();
         ++i) {
      Deliver(i);
    }
  }
  ObservationMerge& merge() { return *merge_; }

 private:
  const ObservationMerge::Options options_;
  absl::Time now_ = absl::FromUnixSeconds(5'000'000);
  std::unique_ptr<ObservationMerge> merge_;
  std::vector<uint64_t> next_step_;
  std::vector<ObservationRecord> topic_;
};

TEST(ObservationMergeTest, NobodyGoesBeforeTheSlowestJudgeHasPassed) {
  Merging merging(2);
  merging.Say({.partition = 0, .seconds = {1, 3, 50}, .mark = 60});
  EXPECT_THAT(merging.Take(), IsEmpty());
  merging.Say({.partition = 1, .seconds = {2}, .mark = 3});
  // What partition 1 says next may be of second 3, too.
  EXPECT_THAT(merging.Take(), ElementsAre("1 of 0 #0", "2 of 1 #0"));
  EXPECT_EQ(merging.merge().time(), AtSecond(3));
  merging.Say({.partition = 1, .seconds = {3}, .mark = 100});
  EXPECT_THAT(merging.Take(),
              ElementsAre("3 of 0 #1", "3 of 1 #1", "50 of 0 #2"));
  EXPECT_EQ(merging.merge().time(), AtSecond(60));
  EXPECT_EQ(merging.merge().late_steps(), 0u);
}

TEST(ObservationMergeTest, IsTheSameForAnyInterleavingAndAnyCut) {
  std::mt19937 random(7);
  constexpr uint32_t kPartitions = 5;
  std::vector<std::vector<int>> seconds(kPartitions);
  for (std::vector<int>& of_one : seconds) {
    for (int i = 0; i < 200; ++i) {
      of_one.push_back(static_cast<int>(random() % 300));
    }
    std::sort(of_one.begin(), of_one.end());
  }
  std::vector<std::tuple<int, uint32_t, uint64_t>> order;
  for (uint32_t p = 0; p < kPartitions; ++p) {
    for (uint64_t n = 0; n < seconds[p].size(); ++n) {
      order.emplace_back(seconds[p][n], p, n);
    }
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> expected;
  for (const auto& [second, p, n] : order) {
    expected.push_back(Merging::NameOf(p, second, n));
  }
  for (int round = 0; round < 50; ++round) {
    Merging merging(kPartitions);
    std::vector<size_t> next(kPartitions);
    std::vector<std::string> taken;
    auto take = [&] {
      for (std::string& name : merging.Take()) taken.push_back(std::move(name));
    };
    auto is_done = [&](uint32_t p) { return next[p] == seconds[p].size(); };
    while (taken.size() < expected.size()) {
      const auto p = static_cast<uint32_t>(random() % kPartitions);
      if (is_done(p)) {
        // Its judge has nothing left.
        merging.Idle(p);
        merging.Pass(absl::Seconds(6));
        take();
        continue;
      }
      Said said = {.partition = p};
      const size_t left = seconds[p].size() - next[p];
      for (size_t n = std::min<size_t>(1 + random() % 40, left); n > 0; --n) {
        said.seconds.push_back(seconds[p][next[p]++]);
      }
      if (random() % 2 == 0) said.mark = said.seconds.back();
      merging.Say(said);
      if (random() % 3 == 0) take();
      if (random() % 8 == 0) {
        merging.Restart();
        merging.ReadOn();
        for (uint32_t q = 0; q < kPartitions; ++q) {
          if (is_done(q)) merging.Idle(q);
        }
      }
    }
    EXPECT_THAT(taken, ElementsAreArray(expected)) << round;
    EXPECT_EQ(merging.merge().late_steps(), 0u);
    EXPECT_EQ(merging.merge().held_bytes(), 0u);
  }
}

TEST(ObservationMergeTest, AnIdlePartitionHoldsNobodyBackForLong) {
  Merging merging(2);
  merging.Idle(1);
  merging.Say({.partition = 0, .seconds = {1, 30}, .mark = 30});
  // What its writer has on its way may still come.
  EXPECT_THAT(merging.Take(), IsEmpty());
  merging.Pass(ObservationMerge::kSettling);
  // The lateness behind the newest.
  EXPECT_THAT(merging.Take(), ElementsAre("1 of 0 #0"));
  EXPECT_EQ(merging.merge().time(), AtSecond(20));
  merging.Idle(1, false);
  merging.Pass(absl::Seconds(30));
  EXPECT_THAT(merging.Take(), IsEmpty());
  merging.Say({.partition = 1, .seconds = {25}, .mark = 26});
  merging.Idle(1);
  merging.Idle(0);
  merging.Pass(kMergeLateness);
  EXPECT_THAT(merging.Take(), IsEmpty());
  merging.Pass(absl::Milliseconds(1));
  EXPECT_THAT(merging.Take(), ElementsAre("25 of 1 #0", "30 of 0 #1"));
}

TEST(ObservationMergeTest, ABusyJudgeThatIsSilentIsWaitedForUntilATakeover) {
  Merging merging(2);
  merging.Idle(1);
  merging.Pass(absl::Hours(1));
  // It had nothing to do for an hour; the hour does not count.
  merging.Idle(1, false);
  merging.Say({.partition = 0, .seconds = {1}, .mark = 100});
  merging.Pass(absl::Minutes(4));
  EXPECT_THAT(merging.Take(), IsEmpty());
  EXPECT_THAT(merging.merge().AwaitedSince(absl::FromUnixSeconds(5'010'000)),
              ElementsAre(0u, 1u));
  merging.Say({.partition = 0, .seconds = {}, .mark = 101});
  merging.Pass(absl::Minutes(2));
  EXPECT_THAT(merging.Take(), ElementsAre("1 of 0 #0"));
}

TEST(ObservationMergeTest, WhatComesLateGoesAtOnceAndIsCounted) {
  Merging merging(2);
  merging.Say({.partition = 0, .seconds = {50}, .mark = 100});
  merging.Idle(1);
  merging.Pass(absl::Seconds(2));
  EXPECT_THAT(merging.Take(), ElementsAre("50 of 0 #0"));
  merging.Idle(1, false);
  merging.Say({.partition = 1, .seconds = {3, 200}, .mark = 200});
  EXPECT_THAT(merging.Take(), ElementsAre("3 of 1 #0"));
  EXPECT_EQ(merging.merge().late_steps(), 1u);
  EXPECT_EQ(merging.merge().time(), AtSecond(100));
}

TEST(ObservationMergeTest, MemoryIsBounded) {
  Merging merging(2, /*max_held_bytes=*/500);
  for (int i = 0; i < 20; ++i) {
    merging.Say({.partition = 0, .seconds = {i}, .mark = i});
  }
  // Partition 1 is awaited, but not at any price.
  EXPECT_EQ(merging.Take().size(), 15u);
  EXPECT_EQ(merging.merge().held_bytes(), 500u);
  EXPECT_EQ(merging.merge().held_steps(), 5u);
}

TEST(ObservationMergeTest, ARestartRepeatsNothingAndLosesNothing) {
  Merging merging(2);
  merging.Say({.partition = 0, .seconds = {1, 40}, .mark = 50});
  merging.Say(
      {.partition = 1, .seconds = {2, 45}, .mark = 46, .bookmark = "b"});
  merging.Say({.partition = 0, .seconds = {60}, .mark = 60});
  EXPECT_THAT(merging.Take(), ElementsAre("1 of 0 #0", "2 of 1 #0",
                                          "40 of 0 #1", "45 of 1 #1"));
  EXPECT_EQ(merging.merge().resume_at(), 2);
  merging.Restart();
  EXPECT_EQ(merging.merge().bookmark(1), "b");
  EXPECT_EQ(merging.merge().time(), AtSecond(46));
  // While it has not read again what was read, nothing goes.
  merging.Idle(0);
  merging.Idle(1);
  merging.Pass(absl::Minutes(10));
  EXPECT_THAT(merging.Take(), IsEmpty());
  // And it may be stopped once more before it has.
  merging.Restart();
  merging.ReadOn();
  EXPECT_EQ(merging.Say({.partition = 1, .seconds = {70}, .mark = 80}), 0u);
  EXPECT_EQ(merging.Say({.partition = 0, .seconds = {}, .mark = 80}), 0u);
  EXPECT_THAT(merging.Take(), ElementsAre("60 of 0 #2"));
  EXPECT_EQ(merging.merge().late_steps(), 0u);
}

TEST(ObservationMergeTest, StepsThatAreGoneAreNoticed) {
  Merging merging(2);
  merging.Say({.partition = 0, .seconds = {1}, .mark = 1});
  ObservationRecord behind;
  behind.first_step = 8;
  behind.mark = ObservationMark{.stream_time = AtSecond(9)};
  EXPECT_EQ(merging.Add(behind), 7u);
  // Once.
  EXPECT_EQ(merging.Add(behind), 0u);
  ObservationRecord wrong;
  wrong.partition = 2;
  EXPECT_THAT(merging.merge().Add(wrong, 99, 10, absl::UnixEpoch()),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST(ObservationMergeTest, StateOfOtherPartitionsIsRefused) {
  StateWriter out;
  Merging(2).merge().Save(out);
  const std::string bytes = out.Release();
  Merging three(3);
  StateReader in(bytes);
  EXPECT_THAT(three.merge().Load(in), StatusIs(absl::StatusCode::kDataLoss, _));
}

// A jump of event time in the log of one partition.
ObservationRecord JumpOf(uint32_t partition, uint64_t number, int before,
                         int after) {
  Observation jump;
  jump.kind = ObservationKind::kTimeJumped;
  StreamBreak& seen = jump.stream.emplace();
  seen.source = "topic";
  seen.before = AtSecond(before);
  seen.after = AtSecond(after);
  seen.since = AtSecond(partition == 0 ? 0 : -100);
  seen.events = 500;
  ObservationRecord record;
  record.partition = partition;
  record.first_step = number;
  record.steps.push_back({AtSecond(after), jump});
  record.mark = ObservationMark{.stream_time = AtSecond(after),
                                .since = AtSecond(partition == 0 ? 0 : -100),
                                .events = 500};
  return record;
}

TEST(ObservationMergeTest, OnlyASilenceOfAllPartitionsIsOne) {
  Merging merging(2);
  // 0 is silent from 10 to 100, and 1 from 40 to 120: the topic from 40 to 100.
  merging.Add(JumpOf(0, 0, 10, 100));
  merging.Add(JumpOf(1, 0, 40, 120));
  merging.Say({.partition = 0, .seconds = {}, .mark = 130});
  std::vector<ObservationStep> steps = merging.merge().Take(
      absl::InfinitePast(), absl::FromUnixSeconds(5'000'000));
  ASSERT_EQ(steps.size(), 1u);
  const StreamBreak& seen = *std::get<Observation>(steps[0].said).stream;
  EXPECT_EQ(seen.before, AtSecond(40));
  EXPECT_EQ(seen.after, AtSecond(100));
  EXPECT_EQ(seen.since, AtSecond(-100));
  EXPECT_GE(seen.events, 1000u);
  // 0 went on while 1 was silent.
  merging.Add(JumpOf(1, 1, 120, 200));
  merging.Say({.partition = 0, .seconds = {}, .mark = 300});
  merging.Say({.partition = 1, .seconds = {}, .mark = 300});
  EXPECT_THAT(merging.Take(), IsEmpty());
}

}  // namespace
}  // namespace oddverb
