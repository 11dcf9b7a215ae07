// An observation comes out of its bytes as it went in; damaged bytes are told.
#include "model/observation_state.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;

std::string BytesOf(const Observation& observation) {
  StateWriter out;
  SaveObservation(observation, out);
  return out.Release();
}

CorrelationInput RandomMatch(std::mt19937_64& random) {
  CorrelationInput match;
  match.correlation = static_cast<uint32_t>(random() % 100);
  match.member = static_cast<uint32_t>(random() % 10);
  match.time = absl::FromUnixMicros(static_cast<int64_t>(random() >> 12));
  match.request = random();
  for (uint64_t n = random() % 3; n > 0; --n) {
    match.group.push_back(RandomHostileText(random));
    match.values.push_back(random());
    match.numbers.push_back(static_cast<double>(random() % 1000) / 7);
    match.samples.push_back(RandomHostileText(random));
  }
  match.fingerprint = random();
  return match;
}

Observation RandomObservation(std::mt19937_64& random) {
  Observation observation;
  observation.kind = static_cast<ObservationKind>(
      random() % static_cast<uint64_t>(ObservationKind::kCount));
  observation.time = absl::FromUnixMicros(static_cast<int64_t>(random() >> 12));
  observation.credential = random();
  observation.pod_bound = random() % 2 == 0;
  observation.may_be_dual_stack = random() % 2 == 0;
  observation.actor = random();
  observation.account = random();
  observation.pod_name = random();
  observation.subject = random();
  observation.minted = random();
  observation.weight = static_cast<double>(random() % 1000) / 3;
  observation.novelty = static_cast<double>(random() % 1000) / 3;
  observation.source_ip = RandomHostileText(random);
  observation.other_ip = RandomHostileText(random);
  if (random() % 2 == 0) {
    const Finding draft = RandomFinding(random);
    observation.draft =
        random() % 2 == 0 ? FindingDraft(draft) : FindingDraft::Packed(draft);
  }
  if (random() % 2 == 0) {
    StreamBreak& seen = observation.stream.emplace();
    seen.source = RandomHostileText(random);
    seen.place = RandomHostileText(random);
    seen.place_before = RandomHostileText(random);
    seen.before = absl::FromUnixMicros(static_cast<int64_t>(random() >> 12));
    seen.since = absl::InfinitePast();
    seen.events = random();
    seen.reason = RejectReason::kReplaced;
    seen.records = random();
    seen.bytes = random();
    seen.offset = random();
    seen.is_event = random() % 2 == 0;
    seen.detail = RandomHostileText(random);
  }
  if (random() % 2 == 0) {
    PolicyChange& change = observation.policy.emplace();
    change.ns = random();
    change.policy = random();
    change.is_created = random() % 2 == 0;
    change.is_deleted = random() % 2 == 0;
    change.before = random();
    change.excepted = random();
    change.blocked = random();
  }
  for (uint64_t n = random() % 4; n > 0; --n) {
    observation.matches.push_back(RandomMatch(random));
  }
  return observation;
}

TEST(ObservationStateTest, ComesOutAsItWentIn) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    const Observation observation = RandomObservation(random);
    const std::string bytes = BytesOf(observation);
    StateReader in(bytes);
    const Observation loaded = LoadObservation(in);
    ASSERT_THAT(in.status(), IsOk());
    EXPECT_TRUE(in.AtEnd());
    EXPECT_EQ(BytesOf(loaded), bytes);
    EXPECT_EQ(loaded.kind, observation.kind);
    EXPECT_EQ(loaded.time, observation.time);
    EXPECT_EQ(loaded.credential, observation.credential);
    EXPECT_EQ(loaded.pod_bound, observation.pod_bound);
    EXPECT_EQ(loaded.may_be_dual_stack, observation.may_be_dual_stack);
    EXPECT_EQ(loaded.account, observation.account);
    EXPECT_EQ(loaded.pod_name, observation.pod_name);
    EXPECT_EQ(loaded.subject, observation.subject);
    EXPECT_EQ(loaded.minted, observation.minted);
    EXPECT_EQ(loaded.weight, observation.weight);
    EXPECT_EQ(loaded.novelty, observation.novelty);
    EXPECT_EQ(loaded.source_ip, observation.source_ip);
    EXPECT_EQ(loaded.draft.has_value(), observation.draft.has_value());
    ASSERT_EQ(loaded.policy.has_value(), observation.policy.has_value());
    if (loaded.policy.has_value()) {
      EXPECT_EQ(loaded.policy->is_created, observation.policy->is_created);
      EXPECT_EQ(loaded.policy->is_deleted, observation.policy->is_deleted);
      EXPECT_EQ(loaded.policy->blocked, observation.policy->blocked);
    }
    ASSERT_EQ(loaded.stream.has_value(), observation.stream.has_value());
    if (loaded.stream.has_value()) {
      EXPECT_EQ(loaded.stream->since, absl::InfinitePast());
      EXPECT_EQ(loaded.stream->detail, observation.stream->detail);
    }
    ASSERT_EQ(loaded.matches.size(), observation.matches.size());
    for (size_t n = 0; n < loaded.matches.size(); ++n) {
      EXPECT_EQ(loaded.matches[n].group, observation.matches[n].group);
      EXPECT_EQ(loaded.matches[n].numbers, observation.matches[n].numbers);
      EXPECT_EQ(loaded.matches[n].fingerprint,
                observation.matches[n].fingerprint);
    }
  }
}

TEST(ObservationStateTest, EveryCutIsTold) {
  std::mt19937_64 random(2);
  const std::string bytes = BytesOf(RandomObservation(random));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    StateReader in(std::string_view(bytes).substr(0, cut));
    LoadObservation(in);
    EXPECT_THAT(in.status(), StatusIs(absl::StatusCode::kDataLoss, _)) << cut;
  }
}

}  // namespace
}  // namespace oddverb
