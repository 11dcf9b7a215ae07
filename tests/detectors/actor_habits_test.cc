#include "detectors/actor_habits.h"

#include <optional>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

using Kind = ActorHabits::Kind;

constexpr uint64_t kAllSecrets = 7;

class ActorHabitsTest : public ::testing::Test {
 protected:
  // The next session.
  void Work() {
    time_ += absl::Hours(8);
    habits_.See("10.244.1.7", time_);
  }
  bool IsFirst(Kind kind, uint64_t act) {
    return habits_.FirstTime(kind, act).has_value();
  }

  ActorHabits habits_;
  absl::Time time_ = absl::FromUnixSeconds(1'700'000'000);
};

// As of an account that lists all secrets and is a console's, too.
TEST_F(ActorHabitsTest, ManyActsOfOneKindDisplaceOnlyOneAnother) {
  Work();
  EXPECT_TRUE(IsFirst(Kind::kSecretList, kAllSecrets));
  for (uint64_t person = 0; person < 3 * ActorHabits::kMaxActs; ++person) {
    Work();
    EXPECT_TRUE(IsFirst(Kind::kImpersonation, person));
  }
  EXPECT_FALSE(IsFirst(Kind::kSecretList, kAllSecrets));
  EXPECT_TRUE(IsFirst(Kind::kImpersonation, 0));
}

TEST_F(ActorHabitsTest, WhatIsDoneAgainAndAgainStays) {
  for (uint64_t person = 0; person < 3 * ActorHabits::kMaxActs; ++person) {
    Work();
    EXPECT_EQ(IsFirst(Kind::kImpersonation, 1'000'000), person == 0);
    EXPECT_TRUE(IsFirst(Kind::kImpersonation, person));
  }
}

// Version 1: each time as it is.
TEST_F(ActorHabitsTest, WhatWasSavedBeforeIsRead) {
  const auto last = static_cast<uint64_t>(absl::ToUnixSeconds(time_));
  const uint64_t first = last - 3600;
  StateWriter saved;
  saved.PutU64(1);
  for (uint64_t value : {last, first, uint64_t{5}}) saved.PutU64(value);
  saved.PutU64(first);
  saved.PutU64(0);              // never from outside
  saved.PutU64(last & 0xffff);  // when the last span began
  saved.PutU64(9);              // spans from inside
  saved.PutU64(1);              // an act, of the fourth session
  saved.PutU64(kAllSecrets);
  saved.PutU64(4);
  saved.PutU64(static_cast<uint64_t>(Kind::kSecretList) << 1);
  StateReader in(saved.bytes());
  habits_.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(habits_.first_seen(),
            absl::FromUnixSeconds(static_cast<int64_t>(first)));
  EXPECT_TRUE(habits_.IsNewlyOutside("203.0.113.7", time_));
  EXPECT_FALSE(habits_.IsUsedTo(Kind::kSecretList));
  EXPECT_FALSE(IsFirst(Kind::kSecretList, kAllSecrets));
  EXPECT_TRUE(habits_.IsUsedTo(Kind::kSecretList));
}

}  // namespace
}  // namespace oddverb
