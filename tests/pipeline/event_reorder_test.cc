// order: event_time. Three API servers of one cluster, each with its own log in
// a slightly wrong order: what is found depends on the events alone.
// Long because: the stage alone and the whole of it are tested side by side.
#include "pipeline/event_reorder.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/stage_time.h"
#include "tests/support/demo_log.h"
#include "tests/support/event_builder.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/wall_clock.h"

namespace oddverb {
namespace {

using Lines = std::vector<std::string>;
constexpr absl::Duration kReorderLateness = absl::Seconds(10);

// The demo log as several sources have it: dealt out at random, each event up
// to nine tenths of the lateness behind its place.
std::vector<Lines> DealtOut(size_t sources, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> delay(0, 0.9);
  std::vector<std::vector<std::pair<absl::Time, std::string>>> dealt(sources);
  TimestampReader times;
  for (const std::string& line : DemoLogLines()) {
    absl::Time time = PeekStageTime(line, times);
    dealt[random() % sources].emplace_back(
        time + delay(random) * kReorderLateness, line);
  }
  std::vector<Lines> lines(sources);
  for (size_t i = 0; i < sources; ++i) {
    std::stable_sort(
        dealt[i].begin(), dealt[i].end(),
        [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [time, line] : dealt[i]) lines[i].push_back(std::move(line));
  }
  return lines;
}

PipelineOptions ByEventTime(int threads) {
  PipelineOptions options;
  options.threads = threads;
  options.order = EventOrder::kEventTime;
  options.allowed_lateness = kReorderLateness;
  options.duplicates = Duplicates::kPassedOver;
  options.checkpoint_bytes = 100'000;
  options.checkpoint_pause = absl::ZeroDuration();
  return options;
}

struct ReorderOutcome {
  absl::Status status;
  std::string findings;
  uint64_t late = 0, repeated = 0;
  std::deque<InputCounters> counters;  // one a source
};

ReorderOutcome JudgeReordered(const std::vector<Lines>& lines,
                              const PipelineOptions& options,
                              Checkpoint* checkpoint,
                              const std::vector<size_t>& fail_after = {},
                              size_t first_records_per_batch = 37) {
  ReorderOutcome outcome;
  auto pipeline = Pipeline::Make(options, AllParts(), checkpoint);
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  std::vector<std::unique_ptr<MemorySource>> sources;
  std::vector<NamedSource> named;
  for (size_t i = 0; i < lines.size(); ++i) {
    sources.push_back(std::make_unique<MemorySource>(
        lines[i], i == 0 ? first_records_per_batch : 37 + 13 * i));
    if (!fail_after.empty()) {
      sources[i]->FailAfter(fail_after[i], absl::AbortedError("killed"));
    }
    sources[i]->SetIndex(i);
    named.push_back({"api-server-" + std::to_string(i), sources[i].get(),
                     &outcome.counters.emplace_back()});
  }
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  outcome.status = (*pipeline)->Run(
      named, delivery, [](size_t, const Rejected&) {}, stop);
  outcome.findings = exporter.Ndjson();
  outcome.late = (*pipeline)->counters().late;
  outcome.repeated = (*pipeline)->counters().repeated;
  return outcome;
}

TEST(EventOrderTest, AnyInterleavingOfSourcesGivesTheSameFindings) {
  ReorderOutcome expected =
      JudgeReordered(DealtOut(1, 0), ByEventTime(1), nullptr);
  ASSERT_TRUE(expected.status.ok()) << expected.status;
  EXPECT_GT(
      std::count(expected.findings.begin(), expected.findings.end(), '\n'), 10);
  for (unsigned seed : {1u, 2u, 3u}) {
    for (int threads : {1, 3}) {
      ReorderOutcome outcome =
          JudgeReordered(DealtOut(3, seed), ByEventTime(threads), nullptr);
      ASSERT_TRUE(outcome.status.ok()) << outcome.status;
      EXPECT_EQ(outcome.late, 0u);
      EXPECT_EQ(outcome.findings, expected.findings)
          << "seed " << seed << ", " << threads << " threads";
    }
  }
}

TEST(EventOrderTest, ArrivalIsNotEventTime) {
  PipelineOptions options = ByEventTime(1);
  options.order = EventOrder::kArrival;
  ReorderOutcome outcome = JudgeReordered(DealtOut(1, 0), options, nullptr);
  EXPECT_NE(outcome.findings,
            JudgeReordered(DealtOut(1, 0), ByEventTime(1), nullptr).findings);
}

// Else all other sources would seem silent when the clock jumps, and would hold
// back nothing of the first, which is read far ahead of them.
TEST(EventOrderTest, AWallClockThatIsSetChangesNothing) {
  const std::vector<Lines> lines = DealtOut(3, 8);
  const ReorderOutcome expected =
      JudgeReordered(lines, ByEventTime(1), nullptr);
  for (absl::Duration by : {absl::Hours(1), absl::Hours(-1)}) {
    std::optional<WallClockJump> jump;
    PipelineOptions options = ByEventTime(1);
    options.on_judged = [&](const JudgedBatch&) {
      if (!jump.has_value()) jump.emplace(by);
    };
    const ReorderOutcome outcome =
        JudgeReordered(lines, options, nullptr, {}, 400);
    EXPECT_TRUE(jump.has_value());
    EXPECT_EQ(outcome.late, 0u) << by;
    EXPECT_EQ(outcome.findings, expected.findings) << by;
  }
}

TEST(EventOrderTest, RestartsChangeNoFinding) {
  std::vector<Lines> lines = DealtOut(3, 4);
  ReorderOutcome expected = JudgeReordered(lines, ByEventTime(2), nullptr);
  MemoryCheckpoint checkpoint;
  std::string shown;
  uint64_t repeated = 0;
  std::mt19937 random(5);
  std::vector<size_t> killed_at(3, 0);
  bool last = false;
  for (int life = 0; !last; ++life) {
    last = true;
    for (size_t i = 0; i < 3; ++i) {
      killed_at[i] += 300 + random() % 300;
      if (killed_at[i] < lines[i].size()) last = false;
    }
    ReorderOutcome outcome =
        JudgeReordered(lines, ByEventTime(2), &checkpoint,
                       last ? std::vector<size_t>() : killed_at);
    ASSERT_EQ(outcome.status.ok(), last) << outcome.status;
    shown += outcome.findings;
    repeated += outcome.repeated;
  }
  EXPECT_EQ(shown, expected.findings);
  // The test is of no use unless batches were cut in two by a kill.
  EXPECT_GT(repeated, 0u);
}

TEST(EventOrderTest, EverySourceIsCountedForItself) {
  std::vector<Lines> lines = DealtOut(3, 6);
  lines[1].insert(lines[1].begin() + 40, {"garbage", "more of it"});
  ReorderOutcome outcome = JudgeReordered(lines, ByEventTime(1), nullptr);
  for (size_t i = 0; i < 3; ++i) {
    const InputCounters& counters = outcome.counters[i];
    const uint64_t rejected = i == 1 ? 2 : 0;
    EXPECT_EQ(counters.records, lines[i].size());
    EXPECT_EQ(counters.events, lines[i].size() - rejected);
    EXPECT_EQ(
        counters.rejected[static_cast<size_t>(RejectReason::kNotJson)].load(),
        rejected);
  }
}

TEST(EventOrderTest, LateEventsAreCountedForTheirSource) {
  std::vector<Lines> lines = DealtOut(3, 9);
  std::string first = lines[2].front();
  lines[2].erase(lines[2].begin());
  lines[2].push_back(std::move(first));  // minutes behind all others
  const ReorderOutcome outcome = JudgeReordered(lines, ByEventTime(1), nullptr);
  EXPECT_EQ(outcome.late, 1u);
  EXPECT_EQ(outcome.counters[0].late, 0u);
  EXPECT_EQ(outcome.counters[1].late, 0u);
  EXPECT_EQ(outcome.counters[2].late, 1u);
}

TEST(EventOrderTest, ARestartTellsNoRejectedRecordTwice) {
  std::vector<Lines> lines = DealtOut(2, 7);
  for (size_t at : {2000, 900, 300, 50}) {
    lines[1].insert(lines[1].begin() + static_cast<ptrdiff_t>(at),
                    "garbage " + std::to_string(at));
  }
  PipelineOptions options = ByEventTime(1);
  options.checkpoint_bytes = 1;  // after each batch
  MemoryCheckpoint checkpoint;
  uint64_t repeated = 0;
  const size_t shortest = std::min(lines[0].size(), lines[1].size());
  for (size_t killed_at = 60; killed_at < shortest; killed_at += 150) {
    ReorderOutcome outcome = JudgeReordered(lines, ByEventTime(1), &checkpoint,
                                            {killed_at, killed_at});
    EXPECT_FALSE(outcome.status.ok());
    repeated += outcome.repeated;
  }
  EXPECT_TRUE(JudgeReordered(lines, options, &checkpoint).status.ok());
  EXPECT_GT(repeated, 0u);
  std::vector<std::string> told;
  for (const DeadLetterRow& letter : checkpoint.dead_letters()) {
    EXPECT_EQ(letter.source, "api-server-1");
    told.push_back(letter.sample);
  }
  EXPECT_THAT(told, ::testing::ElementsAre("garbage 50", "garbage 300",
                                           "garbage 900", "garbage 2000"));
}

// The stage alone. --------------------------------------------------------

class EventReorderTest : public ::testing::Test {
 protected:
  EventReorderTest() : reorder_(Options(), now_) {}
  static EventReorder::Options Options() {
    return {.sources = {{"a"}, {"b"}},
            .allowed_lateness = kReorderLateness,
            .max_held_bytes = 1 << 20};
  }

  // A batch of events at these seconds; the event key is the second.
  static std::unique_ptr<RoutedBatch> Batch(size_t source,
                                            const std::vector<int>& seconds,
                                            size_t bytes = 100) {
    auto routed = std::make_unique<RoutedBatch>();
    routed->batch = std::make_unique<EventBatch>();
    routed->batch->raw.bytes->Append(std::string(bytes, ' '));
    routed->source = source;
    for (int second : seconds) {
      AuditEvent event;
      event.stage_time =
          second < 0 ? absl::InfinitePast() : absl::FromUnixSeconds(second);
      routed->batch->events.push_back(event);
      routed->keys.emplace_back();
      routed->shards.push_back(0);
      routed->event_keys.push_back(static_cast<uint64_t>(second));
    }
    routed->complete.push_back({.source = source,
                                .records = seconds.size(),
                                .bookmark = std::to_string(seconds.back()),
                                .last_positions = {}});
    return routed;
  }
  static std::vector<int64_t> SecondsOf(const RoutedBatch& routed) {
    std::vector<int64_t> seconds;
    for (const AuditEvent& event : routed.batch->events) {
      seconds.push_back(absl::ToUnixSeconds(event.stage_time));
    }
    return seconds;
  }
  std::unique_ptr<RoutedBatch> Pass(size_t source,
                                    const std::vector<int>& seconds) {
    return reorder_.Pass(Batch(source, seconds), now_);
  }
  // A read that brought nothing.
  std::unique_ptr<RoutedBatch> PassNothing(bool expects_more = false) {
    auto routed = std::make_unique<RoutedBatch>();
    routed->batch = std::make_unique<EventBatch>();
    routed->batch->raw.expects_more = expects_more;
    routed->complete.push_back({});
    return reorder_.Pass(std::move(routed), now_);
  }

  absl::Time now_ = absl::FromUnixSeconds(5'000'000);
  EventReorder reorder_;
};

TEST_F(EventReorderTest, WaitsForTheSlowestSource) {
  EXPECT_THAT(SecondsOf(*Pass(0, {100, 150})), ::testing::IsEmpty());
  EXPECT_THAT(SecondsOf(*Pass(1, {120})), ::testing::ElementsAre(100));
  EXPECT_THAT(SecondsOf(*Pass(1, {131, 125})), ::testing::ElementsAre(120));
  EXPECT_EQ(reorder_.held_events(), 3u);
}

TEST_F(EventReorderTest, ABatchIsJudgedWithItsLastEvent) {
  Pass(0, {100, 150});
  std::unique_ptr<RoutedBatch> out = Pass(1, {140});
  EXPECT_THAT(SecondsOf(*out), ::testing::ElementsAre(100));
  EXPECT_THAT(out->complete, ::testing::IsEmpty());
  Pass(0, {200});
  out = Pass(1, {170});
  EXPECT_THAT(SecondsOf(*out), ::testing::ElementsAre(140, 150));
  ASSERT_EQ(out->complete.size(), 2u);
  EXPECT_EQ(out->complete[0].bookmark, "150");
  EXPECT_EQ(out->complete[1].bookmark, "140");
}

TEST_F(EventReorderTest, ASilentSourceHoldsNothingBack) {
  Pass(0, {100, 150});
  now_ += kReorderLateness;
  EXPECT_THAT(SecondsOf(*PassNothing()), ::testing::IsEmpty());
  EXPECT_THAT(SecondsOf(*Pass(0, {151})), ::testing::IsEmpty());
  now_ += absl::Milliseconds(1);
  EXPECT_THAT(SecondsOf(*PassNothing()), ::testing::ElementsAre(100));
  // Nothing comes from anybody: nothing is kept.
  now_ += kReorderLateness;
  EXPECT_THAT(SecondsOf(*PassNothing()), ::testing::ElementsAre(150, 151));
  EXPECT_EQ(reorder_.held_bytes(), 0u);
}

// A broker that is away, and comes back with what it holds.
TEST_F(EventReorderTest, ASourceThatExpectsMoreIsWaitedForAMinute) {
  Pass(0, {100, 150});
  Pass(1, {100});
  now_ += absl::Seconds(59);
  // The other one is merely silent.
  EXPECT_THAT(SecondsOf(*PassNothing(/*expects_more=*/true)),
              ::testing::ElementsAre(100, 100));
  EXPECT_THAT(SecondsOf(*PassNothing(/*expects_more=*/true)),
              ::testing::IsEmpty());
  now_ += absl::Seconds(2);
  EXPECT_THAT(SecondsOf(*PassNothing(/*expects_more=*/true)),
              ::testing::ElementsAre(150));
}

// Partitions: what was judged comes again in another interleaving, and with
// news in between that are behind what was judged.
TEST_F(EventReorderTest, KnowsByThePlaceWhatItReadBeforeOfParallelStreams) {
  auto place = [](std::unique_ptr<RoutedBatch> routed,
                  const std::vector<std::pair<uint32_t, uint64_t>>& places) {
    for (size_t i = 0; i < places.size(); ++i) {
      Position& position = routed->batch->events[i].position;
      position.stream = places[i].first;
      position.offset = places[i].second;
    }
    return routed;
  };
  EventReorder::Options options = Options();
  options.sources = {{"topic", /*streams_follow=*/false}};
  StateWriter state;
  {
    EventReorder before(options, now_);
    EXPECT_THAT(SecondsOf(*before.Pass(place(Batch(0, {100, 101, 103, 140}),
                                             {{0, 7}, {0, 8}, {1, 3}, {1, 4}}),
                                       now_)),
                ::testing::ElementsAre(100, 101, 103));
    before.Save(state);
  }
  EventReorder after(options, now_);
  StateReader reader(state.bytes());
  ASSERT_TRUE(after.Load(reader).ok());
  // 102 was not there the first time: late, but judged.
  EXPECT_THAT(
      SecondsOf(*after.Pass(place(Batch(0, {103, 100, 102, 101, 140}),
                                  {{1, 3}, {0, 7}, {2, 0}, {0, 8}, {1, 4}}),
                            now_)),
      ::testing::ElementsAre(102));
  EXPECT_EQ(after.repeated_events(), 3u);
  EXPECT_EQ(after.late_events(), 1u);
  EXPECT_EQ(after.held_events(), 1u);
}

TEST_F(EventReorderTest, AnEndedSourceHoldsNothingBack) {
  Pass(0, {100, 150});
  std::unique_ptr<RoutedBatch> last = Batch(1, {90});
  last->source_ended = true;
  EXPECT_THAT(SecondsOf(*reorder_.Pass(std::move(last), now_)),
              ::testing::ElementsAre(90, 100));
}

TEST_F(EventReorderTest, ALateEventGoesAtOnceAndIsCounted) {
  Pass(0, {100, 150});
  Pass(1, {150});
  EXPECT_THAT(SecondsOf(*Pass(1, {99, 145})), ::testing::ElementsAre(99));
  EXPECT_EQ(reorder_.late_events(), 1u);
}

// Else one forged time would hold its batch, and the bookmark, for ever.
TEST_F(EventReorderTest, AWildTimeStandsWhereItsSourceDoes) {
  Pass(0, {100, 900'000, 110});
  std::unique_ptr<RoutedBatch> out = Pass(1, {200});
  EXPECT_THAT(SecondsOf(*out), ::testing::ElementsAre(100, 900'000));
  EXPECT_THAT(out->complete, ::testing::IsEmpty());
  out = Pass(0, {150});
  EXPECT_THAT(SecondsOf(*out), ::testing::ElementsAre(110));
  EXPECT_EQ(out->complete.size(), 1u);
}

TEST_F(EventReorderTest, AnEventWithoutATimeStandsWhereItsSourceDoes) {
  Pass(0, {100, -1, 120});
  EXPECT_EQ(Pass(1, {200})->batch->events.size(), 2u);
  EXPECT_EQ(reorder_.late_events(), 0u);
}

TEST_F(EventReorderTest, MemoryIsBounded) {
  std::vector<int64_t> gone;
  for (int i = 0; i < 30; ++i) {
    std::unique_ptr<RoutedBatch> out =
        reorder_.Pass(Batch(0, {100 + i}, 100'000), now_);
    EXPECT_LE(reorder_.held_bytes(), Options().max_held_bytes);
    for (int64_t second : SecondsOf(*out)) gone.push_back(second);
  }
  // Source b has said nothing yet, but the earliest went all the same.
  EXPECT_EQ(gone.front(), 100);
  EXPECT_EQ(gone.size() + reorder_.held_events(), 30u);
  EXPECT_TRUE(std::is_sorted(gone.begin(), gone.end()));
}

TEST_F(EventReorderTest, KnowsAfterARestartWhatWasJudgedBefore) {
  Pass(0, {100, 150, 105});
  EXPECT_THAT(SecondsOf(*Pass(1, {114})), ::testing::ElementsAre(100));
  StateWriter saved;
  reorder_.Save(saved);
  std::string bytes = saved.Release();
  EventReorder next(Options(), now_);
  StateReader reader(bytes);
  ASSERT_TRUE(next.Load(reader).ok());
  // Read again in other batches, with an event behind them that is really late.
  EXPECT_THAT(SecondsOf(*next.Pass(Batch(0, {100, 150}), now_)),
              ::testing::IsEmpty());
  EXPECT_EQ(next.repeated_events(), 1u);
  EXPECT_THAT(SecondsOf(*next.Pass(Batch(0, {105, 99}), now_)),
              ::testing::ElementsAre(99));
  EXPECT_EQ(next.late_events(), 1u);
  EXPECT_THAT(SecondsOf(*next.Pass(Batch(1, {114, 160}), now_)),
              ::testing::ElementsAre(105, 114));
}

TEST_F(EventReorderTest, RefusesDamagedState) {
  StateWriter saved;
  reorder_.Save(saved);
  std::string bytes = saved.Release();
  bytes.resize(bytes.size() / 2);
  StateReader reader(bytes);
  EXPECT_TRUE(absl::IsDataLoss(reorder_.Load(reader)));
}

}  // namespace
}  // namespace oddverb
