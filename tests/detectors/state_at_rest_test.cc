// What detectors remember of an entity is the same after a rest, whatever it is
// and whenever that was.
#include <iterator>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/common_values.h"
#include "base/state_io.h"
#include "detectors/actor_habits.h"
#include "detectors/credential_contacts.h"
#include "detectors/forbidden_state.h"
#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

constexpr int kStates = 400;

template <class State>
std::string SavedOf(const State& state) {
  StateWriter out;
  state.Save(out);
  return out.Release();
}

// Makes states by `make`, in which values are common to some.
template <class State, class Make>
void ExpectEachWakesAsItRested(Make make) {
  std::mt19937_64 random(11);
  RestValues values;
  size_t rested_bytes = 0, saved_bytes = 0;
  for (int i = 0; i < kStates; ++i) {
    const State state = make(random);
    const RestStart start{.near_micros = i == 0 ? 0 : 1'700'000'000'000'000,
                          .values = &values};
    StateWriter out;
    out.BeginRest(start);
    state.Save(out);
    StateReader in(out.bytes(), start);
    State woken;
    woken.Load(in);
    ASSERT_TRUE(in.status().ok()) << i;
    ASSERT_TRUE(in.AtEnd()) << i;
    const std::string saved = SavedOf(state);
    ASSERT_EQ(SavedOf(woken), saved) << i;
    rested_bytes += out.bytes().size();
    saved_bytes += saved.size();
  }
  EXPECT_LT(rested_bytes, saved_bytes);
}

absl::Time SomeTime(std::mt19937_64& random) {
  // Some before 1970, far ahead, or without microseconds.
  static constexpr int64_t kDays[] = {0, 0, 0, 1, 30, -20'000, 100'000};
  return absl::FromUnixSeconds(1'700'000'000) +
         absl::Hours(24) * kDays[random() % std::size(kDays)] +
         absl::Microseconds(static_cast<int64_t>(random() % 40'000'000'000)) +
         absl::Nanoseconds(static_cast<int64_t>(random() % 2 * 123));
}

TEST(StateAtRestTest, ForbiddenActors) {
  ExpectEachWakesAsItRested<ForbiddenActor>([](std::mt19937_64& random) {
    ForbiddenActor actor;
    for (uint64_t n = 1 + random() % 12; n > 0; --n) {
      const absl::Time time = SomeTime(random);
      actor.See({.network = static_cast<uint32_t>(random() % 3 * 2 + 1),
                 .program = static_cast<uint32_t>(random() % 3 * 2)},
                time);
      actor.allowed.Add(random(), 20);
      actor.SettleCounts(time);
      if (random() % 2 == 0) ++actor.successes.current;
      if (random() % 8 == 0) ++actor.failures.current;
      if (random() % 4 == 0) actor.slots.NoveltyOfNew();
      if (n % 4 == 0) {
        actor.examples.Append(absl::StrCat("list pods in team-", n, "; "));
      }
    }
    return actor;
  });
}

TEST(StateAtRestTest, CredentialContacts) {
  ExpectEachWakesAsItRested<CredentialContacts>([](std::mt19937_64& random) {
    CredentialContacts contacts;
    for (uint64_t n = 1 + random() % 8; n > 0; --n) {
      EventBuilder builder;
      builder.At(SomeTime(random))
          .SourceIp(random() % 4 == 0 ? absl::StrCat("fd00::", random() % 4)
                                      : absl::StrCat("10.1.2.", random() % 4))
          .UserAgent(random() % 9 == 0
                         ? std::string(300, static_cast<char>(random()))
                         : absl::StrCat("shop/v1.", random() % 3))
          .AuditId(random() % 2 == 0 ? "7e000000-0000-4000-8000-000000000abc"
                                     : absl::StrCat(random()))
          .Code(static_cast<int>(random() % 600));
      contacts.Add(builder.Build());
    }
    return contacts;
  });
}

TEST(StateAtRestTest, ActorHabits) {
  ExpectEachWakesAsItRested<ActorHabits>([](std::mt19937_64& random) {
    ActorHabits habits;
    for (uint64_t n = 1 + random() % 8; n > 0; --n) {
      habits.See(random() % 2 == 0 ? "10.1.2.3" : "203.0.113.9",
                 SomeTime(random));
      if (random() % 4 == 0) {
        habits.FirstTime(ActorHabits::Kind::kSecretList, random() % 3);
      }
    }
    return habits;
  });
}

}  // namespace
}  // namespace oddverb
