// State: bounded, saved and loaded without a trace in the findings.
#include "detectors/forbidden_state.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/packed_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/finding_state.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::SizeIs;

// All bytes of a finding.
std::string Bytes(const Finding& finding) {
  StateWriter out;
  SaveFinding(finding, out);
  return out.Release();
}

int Random(std::mt19937& random, int below) {
  return static_cast<int>(random() % static_cast<unsigned>(below));
}

// A mix of honest and curious actors, sometimes late, over days.
void RandomEvent(std::mt19937& random, absl::Time time, EventBuilder& event) {
  int actor = Random(random, 6);
  if (actor < 2) {
    event.ServiceAccount("ns", absl::StrCat("sa", actor));
  } else if (actor < 4) {
    event.User(absl::StrCat("person", actor));
  } else if (actor == 4) {
    event.Node("worker");
  } else {
    event.Anonymous().SourceIp(absl::StrCat("10.0.0.", Random(random, 3)));
  }
  const char* kVerbs[] = {"get", "list", "watch", "create", "delete"};
  const char* kResources[] = {"secrets", "pods", "leases", "configmaps"};
  event.Verb(kVerbs[Random(random, 5)]).Resource(kResources[Random(random, 4)]);
  event.Ns(absl::StrCat("ns", Random(random, 30)));
  if (Random(random, 2) == 0) event.Name(absl::StrCat(Random(random, 50)));
  if (Random(random, 3) == 0) {
    event.Allowed();
  } else {
    event.Forbidden();
  }
  if (Random(random, 20) == 0) event.Decision(Decision::kAbsent);
  event.AuditId(absl::StrCat("id", Random(random, 1000)));
  event.At(time - absl::Seconds(Random(random, 45)));
}

std::vector<std::string> RunStream(unsigned seed, bool restart) {
  std::mt19937 random(seed);
  ForbiddenStream stream;
  absl::Time time = kForbiddenStart;
  for (int i = 0; i < 1500; ++i) {
    // Bursts, and hours between.
    time += Random(random, 40) == 0 ? absl::Minutes(Random(random, 300))
                                    : absl::Seconds(Random(random, 20));
    EventBuilder event;
    RandomEvent(random, time, event);
    stream.Feed(event);
    bool now = Random(random, 25) == 0;
    if (restart && now) stream.Restart();
  }
  stream.End();
  EXPECT_TRUE(stream.restarts_ok());
  std::vector<std::string> all;
  for (const Finding& finding : stream.findings()) {
    all.push_back(Bytes(finding));
  }
  return all;
}

TEST(ForbiddenStateTest, RestartsLeaveNoTraceInTheFindings) {
  size_t findings = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::vector<std::string> whole = RunStream(seed, false);
    EXPECT_EQ(whole, RunStream(seed, true)) << seed;
    findings += whole.size();
  }
  EXPECT_GT(findings, 100u);
}

TEST(ForbiddenStateTest, EveryFindingEndsExactlyOnce) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    ForbiddenStream stream;
    for (int i = 0; i < 500; ++i) {
      EventBuilder event;
      RandomEvent(random, kForbiddenStart + absl::Seconds(i * 30), event);
      stream.Feed(event);
    }
    stream.End();
    std::vector<Hash128> opened;
    std::vector<Hash128> ended;
    for (const Finding& f : stream.InState(FindingState::kOpen)) {
      opened.push_back(f.id);
    }
    for (const Finding& f : stream.InState(FindingState::kFinal)) {
      ended.push_back(f.id);
    }
    EXPECT_THAT(ended, ::testing::UnorderedElementsAreArray(opened));
    EXPECT_FALSE(opened.empty());
  }
}

void Burst(ForbiddenStream& stream, const std::string& user) {
  for (int i = 0; i < 20; ++i) {
    EventBuilder event;
    event.User(user).Verb("list").Resource("secrets");
    stream.Feed(event.Ns(absl::StrCat(i)).Forbidden().At(kForbiddenStart));
  }
}

TEST(ForbiddenStateTest, AnEvictedActorsFindingStillEnds) {
  for (bool restart : {false, true}) {
    ForbiddenStream stream;
    stream.ShrinkTable();
    Burst(stream, "thief");
    EventBuilder other;
    stream.Feed(
        other.User("other").Resource("pods").Allowed().At(kForbiddenStart));
    if (restart) stream.Restart();
    EXPECT_TRUE(stream.restarts_ok());
    stream.Tick(kForbiddenStart + absl::Seconds(1));
    std::vector<Finding> ended = stream.InState(FindingState::kFinal);
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_EQ(ended[0].entity, "thief");
    EXPECT_EQ(ended[0].count, 20);
    stream.End();
    EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  }
}

TEST(ForbiddenStateTest, ForgottenStateIsGone) {
  ForbiddenStream stream;
  Burst(stream, "thief");
  stream.detector().Forget(EntityKind::kActor, 0);
  StateWriter saved;
  stream.detector().Save(EntityKind::kActor, 0, saved);
  EXPECT_TRUE(saved.bytes().empty());
  stream.detector().Forget(EntityKind::kActor, 12345);
  stream.detector().Forget(EntityKind::kCredential, 0);
}

// What it may do in as many namespaces, then refusals: after how many it is
// told.
int RefusalsUntilToldBehind(int successes) {
  ForbiddenStream stream;
  absl::Time time = kForbiddenStart;
  for (int i = 0; i < successes; ++i) {
    time += absl::Seconds(10);
    EventBuilder allowed;
    allowed.User("thief").Verb("list").Resource("pods");
    stream.Feed(allowed.Ns(absl::StrCat("mine", i)).Allowed().At(time));
  }
  time += absl::Hours(3);
  for (int i = 1; i <= 30; ++i) {
    EventBuilder refused;
    refused.User("thief").Verb("list").Resource("secrets");
    stream.Feed(refused.Ns(absl::StrCat(i)).Forbidden().At(time));
    if (!stream.findings().empty()) return i;
  }
  return 0;
}

// Its memory of what succeeded holds 1,024 kinds.
TEST(ForbiddenStateTest, WhoFillsTheMemoryOfItsSuccessesIsToldNoLater) {
  const int usual = RefusalsUntilToldBehind(20);
  EXPECT_GT(usual, 0);
  EXPECT_LE(RefusalsUntilToldBehind(5'000), usual);
}

// One refusal an hour, of ever new kinds or of the same three; between two of
// them somebody else takes the only place. How many there were until it is
// told; 0 = never.
int RefusalsUntilToldThoughForgotten(bool is_remembered, bool tries_new) {
  ForbiddenStream stream;
  stream.ShrinkTable();
  if (is_remembered) stream.RememberSuspects();
  absl::Time time = kForbiddenStart;
  for (int i = 1; i <= 40; ++i) {
    time += absl::Hours(1);
    EventBuilder refused;
    refused.User("patient").Verb("list").Resource("secrets");
    stream.Feed(
        refused.Ns(absl::StrCat(tries_new ? i : i % 3)).Forbidden().At(time));
    if (!stream.findings().empty()) return i;
    EventBuilder other;
    stream.Feed(other.User("other").Resource("pods").Allowed().At(time));
  }
  return 0;
}

TEST(ForbiddenStateTest, AForgottenSuspectGoesOnWhereItWas) {
  EXPECT_EQ(RefusalsUntilToldThoughForgotten(false, true), 0);
  const int refusals = RefusalsUntilToldThoughForgotten(true, true);
  EXPECT_GT(refusals, 3);
  EXPECT_LE(refusals, 12);
}

TEST(ForbiddenStateTest, WhatAForgottenOneTriesAgainIsNothingNew) {
  EXPECT_EQ(RefusalsUntilToldThoughForgotten(true, false), 0);
}

// Also when it is saved in between.
TEST(ForbiddenStateTest, WhatWasLeftOfAForgottenOneIsSaved) {
  RefusalRecord record = RefusalRecord::Of({.digest = DigestOf(77),
                                            .first_second = 1'700'000'000,
                                            .last_second = 1'700'003'600,
                                            .score = 5 * 256,
                                            .count = 2});
  StateWriter out;
  record.Save(out);
  RefusalRecord loaded;
  StateReader in(out.bytes());
  loaded.Load(in);
  ASSERT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(loaded.refused_before, DigestOf(77));
  EXPECT_EQ(loaded.slow.score.raw_value(), 5);
  const absl::Time first = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(loaded.Left(first), record.Left(first));
  EXPECT_EQ(loaded.Left(first)->count, 2);
}

TEST(ForbiddenStateTest, WhoWasToldOfLeavesNothing) {
  ForbiddenStream stream;
  Burst(stream, "thief");
  ASSERT_FALSE(stream.findings().empty());
  EXPECT_EQ(stream.detector().RemainsOf(EntityKind::kActor, 0), std::nullopt);
}

TEST(ForbiddenStateTest, DamagedStateIsDataLossAndNothingWorse) {
  ForbiddenStream stream;
  Burst(stream, "thief");
  StateWriter saved;
  stream.detector().Save(EntityKind::kActor, 0, saved);
  const std::string& bytes = saved.bytes();
  ForbiddenBurst fresh({}, {});
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    StateReader reader(std::string_view(bytes).substr(0, cut));
    EXPECT_THAT(fresh.Load(EntityKind::kActor, 0, reader),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << cut;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    StateReader reader(damaged);
    EntityId id = static_cast<EntityId>(i % 7);
    if (!fresh.Load(EntityKind::kActor, id, reader).ok()) continue;
    Emit out;
    fresh.AdvanceTo(absl::InfiniteFuture(), out);
  }
}

// Whoever leaves out what a quiet span says has the same state: late events,
// places that come and go, slots that end and the years before 1970, too.
TEST(ForbiddenStateTest, InAQuietSpanNothingIsNews) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    ForbiddenActor told, spared;
    int left_out = 0;
    absl::Time now =
        seed == 0 ? absl::UnixEpoch() - absl::Hours(20) : kForbiddenStart;
    for (int i = 0; i < 2000; ++i) {
      now += absl::Milliseconds(Random(random, 3000));
      if (Random(random, 40) == 0) now += absl::Minutes(Random(random, 300));
      const absl::Time time = now - absl::Milliseconds(Random(random, 1500));
      const int other = Random(random, 20) == 0 ? Random(random, 12) : 0;
      const KnownPlaces::Place place = {static_cast<uint32_t>(2 * other + 1),
                                        2};
      told.See(place, time);
      if (spared.IsQuiet(place, time)) {
        ++left_out;
      } else {
        spared.See(place, time);
      }
      StateWriter all, some;
      told.Save(all);
      spared.Save(some);
      ASSERT_EQ(all.bytes(), some.bytes()) << seed << " " << i;
    }
    EXPECT_GT(left_out, seed == 0 ? 0 : 1000) << seed;
  }
}

TEST(ForbiddenStateTest, WithoutAPlaceNothingIsQuiet) {
  ForbiddenActor actor;
  for (int i = 0; i < 3; ++i) {
    const absl::Time time = kForbiddenStart + absl::Seconds(i);
    actor.See({}, time);
    EXPECT_FALSE(actor.IsQuiet({}, time));
  }
}

// Counts of the last hour are not held against an actor, nor for it.
TEST(ForbiddenStateTest, CountsSettleAfterAnHourAndFailuresAreCapped) {
  ForbiddenActor actor;
  actor.SettleCounts(kForbiddenStart);
  actor.successes.current = 5;
  actor.failures.current = 7;
  actor.SettleCounts(kForbiddenStart + absl::Minutes(59));
  EXPECT_EQ(actor.successes.settled, 0);
  actor.SettleCounts(kForbiddenStart + absl::Hours(2));
  EXPECT_EQ(actor.successes.settled, 5);
  EXPECT_EQ(actor.failures.settled, 3);
  actor.failures.current = 7;
  actor.SettleCounts(kForbiddenStart +
                     absl::Hours(1));  // time does not run back
  EXPECT_EQ(actor.failures.current, 7);
  actor.SettleCounts(kForbiddenStart + absl::Hours(48));
  EXPECT_LE(actor.failures.settled, 6);
}

TEST(ForbiddenStateTest, TheOldestRequestIsForgottenFirstAfterARestartToo) {
  RefusalRecord record;
  for (uint64_t key = 1; key <= RefusalRecord::kRecentRequests; ++key) {
    EXPECT_TRUE(record.RememberRequest(key));
  }
  EXPECT_TRUE(record.RememberRequest(100));  // in the place of 1
  StateWriter saved;
  record.Save(saved);
  RefusalRecord loaded;
  StateReader reader(saved.bytes());
  loaded.Load(reader);
  ASSERT_THAT(reader.status(), IsOk());
  EXPECT_TRUE(loaded.RememberRequest(101));  // in the place of 2
  EXPECT_FALSE(loaded.RememberRequest(100));
  EXPECT_FALSE(loaded.RememberRequest(3));
}

TEST(ForbiddenStateTest, AnActorWithoutRefusalsIsSmall) {
  // 250 bytes for an identity seen ten times: this, a set of ten fingerprints
  // (64 and two headers), two places (16 and a header) and the examples.
  EXPECT_LE(sizeof(ForbiddenActor), 96u);
}

TEST(ForbiddenStateTest, WhatWasSavedBeforeIsRead) {
  StateWriter saved;
  saved.PutU64(5);
  saved.PutI64(1'700'000'000'000'000);  // first seen
  saved.PutU64(1);                      // place
  saved.PutU64(77);
  saved.PutU64(1'700'000'000);
  FingerprintSet allowed;
  allowed.Add(42, 512);
  allowed.Save(saved);
  PutPackedText("list pods", saved);
  saved.PutU64(1'700'000'000 / 3600);
  for (uint64_t count : {3, 2, 1}) saved.PutU64(count);  // successes
  for (uint64_t count : {6, 5, 4}) saved.PutU64(count);  // failures
  saved.PutU64(19'675);                                  // day
  saved.PutU64(2);
  WorkSlots().Save(saved);
  saved.PutU64(0);
  ForbiddenActor actor;
  StateReader in(saved.bytes());
  actor.Load(in);
  ASSERT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_EQ(actor.first_seen(), absl::FromUnixSeconds(1'700'000'000));
  EXPECT_TRUE(actor.allowed.Contains(42));
  EXPECT_EQ(actor.examples.Text(), "list pods");
  EXPECT_EQ(actor.successes.settled, 3);
  EXPECT_EQ(actor.failures.current, 4);
  EXPECT_EQ(actor.failures_today, 2);
  // And again as it is written now.
  StateWriter again;
  actor.Save(again);
  EXPECT_LT(again.bytes().size(), saved.bytes().size());
  ForbiddenActor second;
  StateReader in_again(again.bytes());
  second.Load(in_again);
  ASSERT_TRUE(in_again.status().ok() && in_again.AtEnd());
  EXPECT_EQ(second.hour, actor.hour);
  EXPECT_EQ(second.failures_day, 19'675);
  StateWriter third;
  second.Save(third);
  EXPECT_EQ(third.bytes(), again.bytes());
}

}  // namespace
}  // namespace oddverb
