// Messages of the observations topic: what a judge writes is what a correlator
// reads, whatever the size of batches, and what is damaged is told.
#include "pipeline/observation_record.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/observation_export.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::IsEmpty;
using ::testing::SizeIs;

absl::Time SecondOf(int second) {
  return absl::FromUnixSeconds(1'000'000 + second);
}

ObservationStep StepAt(int second, const std::string& ip = "10.0.0.1") {
  Observation observation;
  observation.time = SecondOf(second);
  observation.source_ip = ip;
  return {SecondOf(second), observation};
}

std::string Record(const std::vector<ObservationStep>& steps,
                   const std::optional<ObservationMark>& mark = {},
                   uint32_t partition = 3, uint64_t first = 17) {
  StateWriter out;
  for (const ObservationStep& step : steps) SaveObservationStep(step, out);
  return ObservationRecordBytes(partition, first, steps.size(), out.bytes(),
                                mark);
}

TEST(ObservationRecordTest, ComesOutAsItWentIn) {
  std::mt19937_64 random(1);
  std::vector<ObservationStep> steps = {StepAt(1),
                                        {SecondOf(2), RandomFinding(random)},
                                        StepAt(2, "::1"),
                                        {SecondOf(9), RandomFinding(random)}};
  const ObservationMark mark = {.stream_time = SecondOf(11),
                                .since = SecondOf(0),
                                .events = 12,
                                .bookmark = std::string("a\0b", 3)};
  auto record = ParseObservationRecord(Record(steps, mark));
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->partition, 3u);
  EXPECT_EQ(record->first_step, 17u);
  ASSERT_TRUE(record->mark.has_value());
  EXPECT_EQ(record->mark->stream_time, SecondOf(11));
  EXPECT_EQ(record->mark->since, SecondOf(0));
  EXPECT_EQ(record->mark->events, 12u);
  EXPECT_EQ(record->mark->bookmark, mark.bookmark);
  ASSERT_THAT(record->steps, SizeIs(4));
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(record->steps[i].time, steps[i].time);
    EXPECT_EQ(record->steps[i].said.index(), steps[i].said.index());
  }
  EXPECT_EQ(std::get<Finding>(record->steps[3].said).id,
            std::get<Finding>(steps[3].said).id);
  EXPECT_EQ(std::get<Observation>(record->steps[2].said).source_ip, "::1");
}

TEST(ObservationRecordTest, DamagedBytesAreTold) {
  const std::string good = Record({StepAt(1), StepAt(2)}, ObservationMark());
  ASSERT_THAT(ParseObservationRecord(good), IsOk());
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_THAT(ParseObservationRecord(std::string_view(good).substr(0, cut)),
                StatusIs(absl::StatusCode::kDataLoss, _));
  }
  EXPECT_THAT(ParseObservationRecord(good + "x"),
              StatusIs(absl::StatusCode::kDataLoss, _));
  // A count that promises more than there is asks for no memory.
  StateWriter endless;
  for (uint64_t value :
       {uint64_t{1}, uint64_t{0}, uint64_t{0}, uint64_t{0}, ~uint64_t{0}}) {
    endless.PutU64(value);
  }
  EXPECT_THAT(ParseObservationRecord(endless.bytes()),
              StatusIs(absl::StatusCode::kDataLoss, _));
  EXPECT_THAT(ParseObservationRecord(Record({StepAt(2), StepAt(1)})),
              StatusIs(absl::StatusCode::kDataLoss, _));
  EXPECT_THAT(
      ParseObservationRecord(Record({}, {}, ObservationRecord::kMaxPartitions)),
      StatusIs(absl::StatusCode::kDataLoss, _));
}

// A batch of one event at `second`, at which a shard reported `findings`.
struct OneEvent {
  explicit OneEvent(int second) {
    routed.batch = std::make_unique<EventBatch>();
    routed.batch->events.resize(1);
    routed.clock.stream_times = {SecondOf(second)};
    slices.resize(1);
  }
  RoutedBatch routed;
  std::vector<SliceOutput> slices;
};

TEST(ObservationExportTest, NumbersGoOnBehindARestart) {
  std::mt19937_64 random(1);
  ObservationExport before(5);
  OneEvent first(1);
  std::vector<Finding> found = {RandomFinding(random)};
  first.slices[0].Add({}, found, {});
  EXPECT_THAT(before.Process(first.routed, first.slices, {}), SizeIs(1));
  std::vector<std::string> records = before.TakeRecords("here");
  ASSERT_THAT(records, SizeIs(1));
  auto record = ParseObservationRecord(records[0]);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->partition, 5u);
  EXPECT_EQ(record->first_step, 0u);
  EXPECT_EQ(record->mark->bookmark, "here");
  EXPECT_EQ(record->mark->stream_time, SecondOf(1));
  EXPECT_EQ(record->mark->events, 1u);
  // Nothing new, nothing said.
  EXPECT_THAT(before.TakeRecords(""), IsEmpty());

  ObservationExport after(5);
  ASSERT_THAT(after.Load({before.Save()}), IsOk());
  EXPECT_THAT(after.TakeRecords(""), IsEmpty());
  OneEvent second(4);
  std::vector<Observation> seen(2);
  second.slices[0].Add({}, {}, seen);
  EXPECT_THAT(after.Process(second.routed, second.slices, {}), IsEmpty());
  records = after.TakeRecords("");
  ASSERT_THAT(records, SizeIs(1));
  record = ParseObservationRecord(records[0]);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->first_step, 1u);
  EXPECT_THAT(record->steps, SizeIs(2));
  EXPECT_EQ(record->mark->events, 2u);
  EXPECT_EQ(record->mark->since, SecondOf(1));
  EXPECT_THAT(ObservationExport(5).Load({}),
              StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST(ObservationExportTest, LargeOnesAreSeveralRecords) {
  ObservationExport exporting(0);
  OneEvent event(1);
  Observation large;
  large.other_ip = std::string(100'000, 'x');
  std::vector<Observation> seen(5, large);
  event.slices[0].Add({}, {}, seen);
  exporting.Process(event.routed, event.slices, {});
  const std::vector<std::string> records = exporting.TakeRecords("b");
  EXPECT_THAT(records, SizeIs(2));
  uint64_t next = 0;
  for (const std::string& bytes : records) {
    EXPECT_LE(bytes.size(), 512u << 10);
    auto record = ParseObservationRecord(bytes);
    ASSERT_THAT(record, IsOk());
    EXPECT_EQ(record->first_step, next);
    next += record->steps.size();
    EXPECT_EQ(record->mark.has_value(), &bytes == &records.back());
  }
  EXPECT_EQ(next, 5u);
}

TEST(ObservationExportTest, WhatIsOfOnePartitionHasItsNumber) {
  ObservationExport exporting(7);
  OneEvent event(1);
  Observation rejected, jumped;
  rejected.kind = ObservationKind::kRecordsRejected;
  rejected.stream.emplace().source = "topic";
  jumped.kind = ObservationKind::kTimeJumped;
  jumped.stream.emplace().source = "topic";
  exporting.Process(event.routed, event.slices, {{0, rejected}, {1, jumped}});
  const std::vector<std::string> records = exporting.TakeRecords("");
  ASSERT_THAT(records, SizeIs(1));
  auto record = ParseObservationRecord(records[0]);
  ASSERT_THAT(record, IsOk());
  ASSERT_THAT(record->steps, SizeIs(2));
  EXPECT_EQ(std::get<Observation>(record->steps[0].said).stream->source,
            "topic/7");
  EXPECT_EQ(std::get<Observation>(record->steps[1].said).stream->source,
            "topic");
}

}  // namespace
}  // namespace oddverb
