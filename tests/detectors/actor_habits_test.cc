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

}  // namespace
}  // namespace oddverb
