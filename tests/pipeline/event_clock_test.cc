#include "pipeline/event_clock.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kClockStart = absl::FromUnixSeconds(1'700'000'000);

void AddEvents(const std::vector<absl::Time>& times, EventBatch& batch) {
  for (absl::Time time : times) {
    AuditEvent& event = batch.events.emplace_back();
    event.stage_time = time;
  }
}

EventClock::Reading ReadAll(EventClock& clock,
                            const std::vector<absl::Time>& times) {
  EventBatch batch;
  AddEvents(times, batch);
  return clock.Read(batch);
}

TEST(EventClockTest, StreamTimeNeverRunsBack) {
  EventClock clock(absl::Seconds(10));
  EventClock::Reading reading =
      ReadAll(clock, {kClockStart + absl::Seconds(5), kClockStart,
                      kClockStart + absl::Seconds(7)});
  EXPECT_EQ(reading.stream_times[1], kClockStart + absl::Seconds(5));
  EXPECT_EQ(reading.stream_times[2], kClockStart + absl::Seconds(7));
}

TEST(EventClockTest, TicksAtEachWholeSecondOfTheWatermark) {
  EventClock clock(absl::Seconds(10));
  EventClock::Reading reading =
      ReadAll(clock, {kClockStart, kClockStart + absl::Milliseconds(900),
                      kClockStart + absl::Milliseconds(1100),
                      kClockStart + absl::Milliseconds(1500)});
  ASSERT_EQ(reading.ticks.size(), 2u);
  EXPECT_EQ(reading.ticks[0].event_index, 0u);
  EXPECT_EQ(reading.ticks[0].watermark, kClockStart - absl::Seconds(10));
  EXPECT_EQ(reading.ticks[1].event_index, 2u);
  EXPECT_EQ(reading.ticks[1].watermark, kClockStart - absl::Seconds(9));
}

TEST(EventClockTest, CountsEventsBeyondTheAllowedLateness) {
  EventClock clock(absl::Seconds(10));
  EventClock::Reading reading =
      ReadAll(clock, {kClockStart, kClockStart - absl::Seconds(9),
                      kClockStart - absl::Seconds(11)});
  EXPECT_EQ(reading.late_events, 1u);
}

TEST(EventClockTest, OneWildTimeDoesNotMoveTheStream) {
  EventClock clock(absl::Seconds(10));
  EventClock::Reading reading =
      ReadAll(clock, {kClockStart, kClockStart + absl::Hours(24 * 365 * 100),
                      kClockStart + absl::Seconds(1)});
  EXPECT_EQ(reading.stream_times[1], kClockStart);
  EXPECT_EQ(reading.stream_times[2], kClockStart + absl::Seconds(1));
}

TEST(EventClockTest, FollowsAGapThatManyEventsConfirm) {
  EventClock clock(absl::Seconds(10));
  std::vector<absl::Time> times = {kClockStart};
  for (int i = 0; i < 10; ++i) {
    times.push_back(kClockStart + absl::Hours(48) + absl::Seconds(i));
  }
  EventClock::Reading reading = ReadAll(clock, times);
  EXPECT_EQ(reading.stream_times.back(),
            kClockStart + absl::Hours(48) + absl::Seconds(9));
}

TEST(EventClockTest, GivesTheStreamsTimeToAnEventWithoutOne) {
  EventClock clock(absl::Seconds(10));
  EventBatch batch;
  AddEvents({kClockStart, absl::InfinitePast()}, batch);
  EventClock::Reading reading = clock.Read(batch);
  EXPECT_EQ(reading.without_time, 1u);
  EXPECT_EQ(batch.events[1].stage_time, kClockStart);
}

// Ticks and stream times depend on the order of events alone, and a restored
// clock goes on as the saved one would.
TEST(EventClockTest, IsIndependentOfBatchesAndRestarts) {
  std::mt19937_64 random(1);
  std::vector<absl::Time> times;
  absl::Time now = kClockStart;
  for (int i = 0; i < 2000; ++i) {
    now += absl::Milliseconds(static_cast<int64_t>(random() % 700));
    if (random() % 50 == 0) now += absl::Hours(2);
    times.push_back(
        now - absl::Milliseconds(static_cast<int64_t>(random() % 20'000)));
  }
  EventClock whole(absl::Seconds(10));
  EventClock::Reading expected = ReadAll(whole, times);

  EventClock clock(absl::Seconds(10));
  size_t done = 0;
  std::vector<absl::Time> stream_times;
  std::vector<std::pair<size_t, absl::Time>> ticks;
  while (done < times.size()) {
    size_t count = std::min<size_t>(1 + random() % 40, times.size() - done);
    EventClock::Reading part = ReadAll(
        clock, {times.begin() + static_cast<std::ptrdiff_t>(done),
                times.begin() + static_cast<std::ptrdiff_t>(done + count)});
    for (const Tick& tick : part.ticks) {
      ticks.emplace_back(done + tick.event_index, tick.watermark);
    }
    stream_times.insert(stream_times.end(), part.stream_times.begin(),
                        part.stream_times.end());
    done += count;
    StateWriter saved;
    clock.Save(saved);
    EventClock restored(absl::Seconds(10));
    StateReader reader(saved.bytes());
    ASSERT_TRUE(restored.Load(reader).ok());
    clock = restored;
  }
  EXPECT_EQ(stream_times, expected.stream_times);
  ASSERT_EQ(ticks.size(), expected.ticks.size());
  for (size_t i = 0; i < ticks.size(); ++i) {
    EXPECT_EQ(ticks[i].first, expected.ticks[i].event_index);
    EXPECT_EQ(ticks[i].second, expected.ticks[i].watermark);
  }
}

}  // namespace
}  // namespace oddverb
