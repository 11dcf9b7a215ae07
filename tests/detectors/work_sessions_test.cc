#include "detectors/work_sessions.h"

#include <cmath>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1'700'000'000);

WorkSessions SinceBegin(int sessions) {
  WorkSessions work;
  for (int i = 0; i < sessions; ++i) work.See(kBegin + absl::Hours(8) * i);
  return work;
}

TEST(WorkSessionsTest, AnHourOfPauseEndsASession) {
  WorkSessions work;
  for (int minutes : {0, 59, 118}) work.See(kBegin + absl::Minutes(minutes));
  EXPECT_EQ(work.count(), 1);
  work.See(kBegin + absl::Minutes(178));
  EXPECT_EQ(work.count(), 2);
  // A late event is none.
  work.See(kBegin);
  EXPECT_EQ(work.count(), 2);
}

TEST(WorkSessionsTest, WhatNeverPausesHasSixHours) {
  WorkSessions work;
  for (int i = 0; i < 24 * 60; ++i) work.See(kBegin + absl::Minutes(i));
  EXPECT_EQ(work.count(), 4);
}

TEST(WorkSessionsTest, NoveltyNeedsFiveSessionsBeforeThisOne) {
  EXPECT_EQ(WorkSessions().Novelty(0), 0);
  EXPECT_EQ(SinceBegin(5).Novelty(0), 0);
  EXPECT_NEAR(SinceBegin(6).Novelty(0), -std::log(0.5 / 6), 1e-9);
  // Whoever does something new each time surprises nobody.
  EXPECT_LT(SinceBegin(6).Novelty(5), 0.1);
  EXPECT_EQ(SinceBegin(20'000).Novelty(0), WorkSessions::kMaxNovelty);
}

TEST(WorkSlotsTest, CountsSessionsThatBroughtSomethingNew) {
  WorkSlots slots;
  auto work = [&, day = 0]() mutable {
    slots.See(kBegin + absl::Hours(24) * day++);
  };
  // All is new in the first session, and nothing is known of five.
  work();
  EXPECT_EQ(slots.NoveltyOfNew(), 0);
  for (int i = 0; i < 6; ++i) work();
  EXPECT_NEAR(slots.NoveltyOfNew(), -std::log(0.5 / 7), 1e-9);
  // More of the same session.
  EXPECT_NEAR(slots.NoveltyOfNew(), -std::log(0.5 / 7), 1e-9);
  work();
  EXPECT_NEAR(slots.NoveltyOfNew(), -std::log(1.5 / 8), 1e-9);
  // Months later half is forgotten, and no counter overflows.
  for (int i = 0; i < 1000; ++i) {
    work();
    slots.NoveltyOfNew();
  }
  EXPECT_LT(slots.NoveltyOfNew(), 0.1);
  for (int i = 0; i < 1000; ++i) work();
  EXPECT_GT(slots.NoveltyOfNew(), 4);

  StateWriter saved;
  slots.Save(saved);
  WorkSlots loaded;
  StateReader in(saved.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(loaded.NoveltyOfNew(), slots.NoveltyOfNew());
  StateWriter wrong;
  for (uint64_t value : {1, 3, 4}) wrong.PutU64(value);  // 4 new of 3
  StateReader bad(wrong.bytes());
  loaded.Load(bad);
  EXPECT_FALSE(bad.status().ok());
}

TEST(WorkSlotsTest, TakesFourBytes) { EXPECT_EQ(sizeof(WorkSlots), 4u); }

TEST(WorkSessionsTest, IsSavedAndWhatIsDamagedIsRefused) {
  constexpr uint32_t kNear = 1'700'000'000;
  StateWriter saved;
  SinceBegin(7).SaveNear(kNear, saved);
  WorkSessions loaded;
  StateReader in(saved.bytes());
  loaded.LoadNear(kNear, in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(loaded.count(), 7);
  EXPECT_EQ(loaded.last_second(), SinceBegin(7).last_second());
  EXPECT_EQ(loaded.Novelty(0), SinceBegin(7).Novelty(0));
  StateWriter wrong;
  wrong.PutI64(1 - int64_t{kNear});
  wrong.PutU64(2);  // begun before 1970
  wrong.PutU64(1);
  StateReader bad(wrong.bytes());
  loaded.LoadNear(kNear, bad);
  EXPECT_FALSE(bad.status().ok());
  StateWriter beyond;
  beyond.PutI64(INT64_MAX);
  for (uint64_t value : {0, 1}) beyond.PutU64(value);
  StateReader in_beyond(beyond.bytes());
  loaded.LoadNear(kNear, in_beyond);
  EXPECT_FALSE(in_beyond.status().ok());
}

TEST(WorkSessionsTest, WhatWasSavedBeforeIsRead) {
  StateWriter saved;
  saved.PutU64(1'700'000'600);
  saved.PutU64(1'700'000'000);
  saved.PutU64(9);
  WorkSessions loaded;
  StateReader in(saved.bytes());
  loaded.LoadWide(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(loaded.count(), 9);
  EXPECT_EQ(loaded.last_second(), 1'700'000'600u);
}

}  // namespace
}  // namespace oddverb
