#include "pipeline/source_watch.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/memory_source.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const absl::Time kWatchStart = absl::FromUnixSeconds(1'700'000'000);

// One record of a log: an event at a second, or a rejected one.
struct WatchedRecord {
  int second = 0;
  std::optional<RejectReason> rejected = std::nullopt;
  uint32_t stream = 0;
  uint32_t source = 0;
  std::string sample = "{";
};

WatchedRecord Bad(RejectReason reason, std::string sample = "{") {
  return {.rejected = reason, .sample = std::move(sample)};
}

class SourceWatchTest : public ::testing::Test {
 protected:
  SourceWatchTest()
      : source_(lines_, 1), sources_({{"a", &source_}, {"b", &source_}}) {}

  // The records from `begin` to `end`, as the decoder would give them: what was
  // rejected stands apart.
  static RoutedBatch Batch(const std::vector<WatchedRecord>& records,
                           size_t begin, size_t end) {
    RoutedBatch routed;
    routed.batch = std::make_unique<EventBatch>();
    for (size_t i = begin; i < end; ++i) {
      const WatchedRecord& record = records[i];
      Position position{record.source, record.stream, 100 * i, i + 1};
      if (record.rejected.has_value()) {
        Rejected& rejected = routed.batch->rejected.emplace_back();
        rejected.position = position;
        rejected.reason = *record.rejected;
        rejected.sample = record.sample;
        rejected.record_bytes = 10;
        continue;
      }
      AuditEvent& event = routed.batch->events.emplace_back();
      event.position = position;
      event.stage_time = kWatchStart + absl::Seconds(record.second);
    }
    return routed;
  }

  // "INDEX KIND ..." of each observation, the index over all batches;
  // neighbours that say the same of rejected records are one.
  void Tell(const std::vector<PlacedObservation>& seen, size_t events_before) {
    for (const PlacedObservation& placed : seen) {
      const StreamBreak& stream = *placed.observation.stream;
      auto seconds = [](absl::Time time) {
        return time == absl::InfinitePast()
                   ? std::string("-")
                   : absl::StrCat(absl::ToInt64Seconds(time - kWatchStart));
      };
      std::string text =
          absl::StrCat(events_before + placed.event_index, " ", stream.source);
      switch (placed.observation.kind) {
        case ObservationKind::kRecordsRejected:
          absl::StrAppend(&text, " ", RejectReasonName(stream.reason),
                          stream.is_event ? "!" : "", " behind ",
                          seconds(stream.before));
          if (!told_.empty() && told_.back().first == text) {
            told_.back().second += static_cast<int>(stream.records);
            continue;
          }
          told_.emplace_back(text, stream.records);
          continue;
        case ObservationKind::kTimeJumped:
          absl::StrAppend(&text, " jump ", seconds(stream.before), " to ",
                          seconds(stream.after));
          if (!stream.place_before.empty()) {
            absl::StrAppend(&text, " from ", stream.place_before, " on to ",
                            stream.place);
          }
          break;
        default:
          absl::StrAppend(&text, " on at ", seconds(stream.after));
      }
      told_.emplace_back(text, 0);
    }
  }

  // What is told of `records` in batches of `size`, by a watch that is saved
  // and loaded after each one.
  std::vector<std::pair<std::string, int>> TellAll(
      const std::vector<WatchedRecord>& records, size_t size) {
    told_.clear();
    size_t events = 0;
    std::vector<StateRow> saved;
    for (size_t begin = 0; begin < records.size(); begin += size) {
      SourceWatch watch;
      EXPECT_THAT(watch.Load(saved), IsOk());
      watch.Start(sources_);
      RoutedBatch batch =
          Batch(records, begin, std::min(begin + size, records.size()));
      Tell(watch.Read(batch), events);
      events += batch.batch->events.size();
      saved = {watch.Save()};
      times_ = watch.last_event_times();
    }
    return told_;
  }

  std::vector<std::string> lines_;
  MemorySource source_;
  std::vector<NamedSource> sources_;
  std::vector<std::pair<std::string, int>> told_;
  std::map<std::string, absl::Time> times_;
};

TEST_F(SourceWatchTest, TellsNothingOfAnOrdinaryStream) {
  std::vector<WatchedRecord> records;
  for (int i = 0; i < 50; ++i) records.push_back({.second = i * 18 - i % 3});
  EXPECT_THAT(TellAll(records, 7), IsEmpty());
  EXPECT_THAT(times_, ElementsAre(Pair("a", kWatchStart + absl::Seconds(881))));
}

TEST_F(SourceWatchTest, PlacesWhatWasRejectedBetweenItsEvents) {
  std::vector<WatchedRecord> records = {
      Bad(RejectReason::kNotJson, "E0102 klog"),
      {.second = 0},
      {.second = 1},
      Bad(RejectReason::kTorn),
      Bad(RejectReason::kTorn),
      Bad(RejectReason::kNotJson),
      Bad(RejectReason::kNotJson, "E0102 klog"),
      {.second = 3},
      Bad(RejectReason::kNotJson, std::string(1, '\0')),
      Bad(RejectReason::kNotAuditEvent),
  };
  for (size_t size = 1; size <= records.size(); ++size) {
    EXPECT_THAT(
        TellAll(records, size),
        ElementsAre(Pair("0 a not_json behind -", 1), Pair("1 a on at 0", 0),
                    Pair("2 a torn! behind 1", 2),
                    Pair("2 a not_json! behind 1", 1),
                    Pair("2 a not_json behind 1", 1), Pair("3 a on at 3", 0),
                    Pair("3 a not_json! behind 3", 1),
                    Pair("3 a not_audit_event behind 3", 1)))
        << size;
  }
}

TEST_F(SourceWatchTest, TellsLossesOneByOne) {
  std::vector<WatchedRecord> records = {{.second = 0},
                                        Bad(RejectReason::kLost),
                                        Bad(RejectReason::kLost),
                                        {.second = 5}};
  SourceWatch watch;
  watch.Start(sources_);
  std::vector<PlacedObservation> seen =
      watch.Read(Batch(records, 0, records.size()));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].observation.stream->records, 1u);
  EXPECT_EQ(seen[0].observation.stream->place, "memory:2");
  EXPECT_EQ(seen[0].observation.stream->bytes, 10u);
  EXPECT_EQ(seen[1].observation.stream->place, "memory:3");
}

TEST_F(SourceWatchTest, BelievesAJumpWhenThreeEventsAgree) {
  std::vector<WatchedRecord> records = {{.second = 0},   {.second = 5},
                                        {.second = 101}, {.second = 100},
                                        {.second = 102}, {.second = 103}};
  for (size_t size = 1; size <= records.size(); ++size) {
    EXPECT_THAT(TellAll(records, size),
                ElementsAre(Pair("5 a jump 5 to 100", 0)));
  }
}

TEST_F(SourceWatchTest, IsNotMisledByOneWildTime) {
  std::vector<WatchedRecord> records = {{.second = 0},  {.second = 9'999'999},
                                        {.second = 5},  {.second = 9'999'999},
                                        {.second = 10}, {.second = 15}};
  for (size_t size = 1; size <= records.size(); ++size) {
    EXPECT_THAT(TellAll(records, size), IsEmpty());
  }
  EXPECT_THAT(times_, ElementsAre(Pair("a", kWatchStart + absl::Seconds(15))));
}

TEST_F(SourceWatchTest, NamesBothFilesOfAJumpFromOneToTheNext) {
  std::vector<WatchedRecord> records = {{.second = 0},
                                        {.second = 1},
                                        {.second = 90, .stream = 1},
                                        {.second = 91, .stream = 1},
                                        {.second = 92, .stream = 1}};
  for (size_t size = 1; size <= records.size(); ++size) {
    EXPECT_THAT(
        TellAll(records, size),
        ElementsAre(Pair("5 a jump 1 to 90 from memory:2 on to memory:3", 0)));
  }
}

TEST_F(SourceWatchTest, WatchesEachSourceForItself) {
  std::vector<WatchedRecord> records;
  for (int i = 0; i < 100; ++i) {
    bool is_b = i % 2 != 0;
    // b falls silent; the stream as a whole does not.
    if (is_b && i > 20 && i < 80) continue;
    records.push_back({.second = i, .source = is_b ? 1U : 0U});
  }
  for (size_t size : {1, 2, 3, 5, 100}) {
    EXPECT_THAT(TellAll(records, size),
                ElementsAre(Pair("56 b jump 19 to 81", 0)))
        << size;
  }
  EXPECT_THAT(times_, ElementsAre(Pair("a", kWatchStart + absl::Seconds(98)),
                                  Pair("b", kWatchStart + absl::Seconds(99))));
}

TEST_F(SourceWatchTest, KnowsASourceByItsNameAfterARestart) {
  std::vector<WatchedRecord> records = {{.second = 0},
                                        {.second = 1},
                                        {.second = 61, .source = 1},
                                        {.second = 62, .source = 1},
                                        {.second = 63, .source = 1}};
  SourceWatch before;
  before.Start(sources_);
  EXPECT_THAT(before.Read(Batch(records, 0, 2)), IsEmpty());
  SourceWatch after;
  ASSERT_THAT(after.Load({before.Save()}), IsOk());
  std::vector<NamedSource> swapped = {sources_[1], sources_[0]};
  after.Start(swapped);
  Tell(after.Read(Batch(records, 2, 5)), 2);
  EXPECT_THAT(told_, ElementsAre(Pair("5 a jump 1 to 61", 0)));
}

TEST_F(SourceWatchTest, RefusesDamagedState) {
  SourceWatch watch;
  watch.Start(sources_);
  EXPECT_THAT(watch.Read(Batch({{.second = 0}}, 0, 1)), IsEmpty());
  StateRow row = watch.Save();
  for (size_t size = 1; size < row.bytes.size(); ++size) {
    StateRow cut = row;
    cut.bytes.resize(size);
    SourceWatch loaded;
    EXPECT_THAT(loaded.Load({cut}),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << size;
  }
}

}  // namespace
}  // namespace oddverb
