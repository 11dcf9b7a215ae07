#include "detectors/known_pods.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kPodsBegin = absl::FromUnixSeconds(1'700'000'000);
constexpr uint64_t kName = 77;

TEST(KnownPodsTest, AnEndByNameIsOfThePodThatUsedItLast) {
  KnownPods pods;
  Emit out;
  pods.NoteUse(5, kName, kPodsBegin);
  pods.NoteUse(3, kName, kPodsBegin + absl::Hours(1));
  // The older one comes from another address.
  pods.NoteUse(5, kName, kPodsBegin + absl::Hours(2));
  pods.NoteEnd(ObservationKind::kPodGone, kNoEntity, kName,
               kPodsBegin + absl::Hours(3), out);
  EXPECT_TRUE(pods.Gone(3).has_value());
  EXPECT_FALSE(pods.Gone(5).has_value());
  ASSERT_EQ(out.changed.size(), 1u);
  EXPECT_EQ(out.changed[0].second, 3u);
}

TEST(KnownPodsTest, ANameThatNobodyUsedOrUsedLaterIsNobodys) {
  KnownPods pods;
  Emit out;
  pods.NoteUse(1, kName, kPodsBegin);
  pods.NoteEnd(ObservationKind::kPodGone, kNoEntity, kName + 1,
               kPodsBegin + absl::Hours(1), out);
  pods.NoteEnd(ObservationKind::kPodGone, kNoEntity, kName,
               kPodsBegin - absl::Seconds(1), out);
  EXPECT_FALSE(pods.Gone(1).has_value());
  EXPECT_TRUE(out.changed.empty());
}

// Whose end it is that comes by a name is what a list of all pods says.
TEST(KnownPodsTest, OfManyPodsWithAFewNamesAnEndIsTheNewestOnes) {
  struct Listed {
    uint64_t name = 0;
    absl::Time since;
    bool is_gone = false;
  };
  std::mt19937 random(1);
  auto below = [&random](uint32_t end) {
    return static_cast<uint32_t>(random() % end);
  };
  KnownPods pods;
  std::map<EntityId, Listed> all;
  absl::Time now = kPodsBegin;
  size_t ends = 0, by_older_in_doubt = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += absl::Seconds(below(10));
    const EntityId id = below(40);
    const uint64_t name = kName + below(5);
    const uint32_t what = below(10);
    if (what < 6) {
      // Some are told late.
      const absl::Time used = now - absl::Seconds(below(100));
      pods.NoteUse(id, name, used);
      auto [listed, is_new] = all.try_emplace(id, Listed{name, used, false});
      listed->second.name = name;
      listed->second.since = std::min(listed->second.since, used);
    } else if (what < 8) {
      pods.Forget(id);
      all.erase(id);
    } else {
      std::vector<std::pair<absl::Time, EntityId>> of_name;
      for (const auto& [other, listed] : all) {
        if (listed.name == name) of_name.emplace_back(listed.since, other);
      }
      std::sort(of_name.rbegin(), of_name.rend());
      EntityId expected = kNoEntity;
      if (!of_name.empty() && of_name[0].first < now) {
        expected = of_name[0].second;
        const bool in_doubt = now - of_name[0].first < KnownPods::kLag &&
                              of_name.size() > 1 &&
                              !all[of_name[1].second].is_gone;
        if (in_doubt) expected = kNoEntity;
        by_older_in_doubt += in_doubt ? 1 : 0;
      }
      Emit out;
      pods.NoteEnd(ObservationKind::kPodGone, kNoEntity, name, now, out);
      ASSERT_EQ(out.changed.empty(), expected == kNoEntity) << step;
      if (expected == kNoEntity) continue;
      ASSERT_EQ(out.changed[0].second, expected) << step;
      all[expected].is_gone = true;
      ++ends;
    }
  }
  EXPECT_GT(ends, 500u);
  EXPECT_GT(by_older_in_doubt, 20u);
}

TEST(KnownPodsTest, ToAskForTheEndIsNoEnd) {
  KnownPods pods;
  Emit out;
  pods.NoteEnd(ObservationKind::kPodDeleteAsked, 1, kName, kPodsBegin, out);
  EXPECT_EQ(pods.AskedToEnd(1), kPodsBegin);
  EXPECT_FALSE(pods.Gone(1).has_value());
  // The first one counts.
  pods.NoteEnd(ObservationKind::kPodGone, 1, kName, kPodsBegin + absl::Hours(1),
               out);
  pods.NoteEnd(ObservationKind::kPodGone, 1, kName, kPodsBegin + absl::Hours(2),
               out);
  EXPECT_EQ(pods.AskedToEnd(1), kPodsBegin);
  EXPECT_EQ(pods.Gone(1), kPodsBegin + absl::Hours(1));
}

TEST(KnownPodsTest, WhatIsGoneIsForgottenInTime) {
  KnownPods pods;
  Emit out;
  for (EntityId id = 0; id < 1000; ++id) {
    pods.NoteUse(id, kName + id, kPodsBegin);
    pods.NoteEnd(ObservationKind::kPodGone, kNoEntity, kName + id,
                 kPodsBegin + absl::Minutes(id + 1), out);
  }
  out.changed.clear();
  pods.AdvanceTo(kPodsBegin + KnownPods::kKept + absl::Minutes(500), out);
  EXPECT_FALSE(pods.Knows(499));
  EXPECT_TRUE(pods.Knows(500));
  EXPECT_EQ(out.changed.size(), 500u);
}

TEST(KnownPodsTest, IsSavedForEachPodAndDamageIsRefused) {
  KnownPods pods;
  Emit out;
  pods.NoteUse(1, kName, kPodsBegin);
  pods.NoteEnd(ObservationKind::kPodGone, 1, kName, kPodsBegin + absl::Hours(1),
               out);
  pods.NoteAddress(1, 42, kPodsBegin);
  StateWriter saved;
  pods.Save(1, saved);
  KnownPods loaded;
  StateReader in(saved.bytes());
  loaded.Load(9, in);  // under another id
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(loaded.Gone(9), pods.Gone(1));
  EXPECT_TRUE(loaded.IsAddress(9, 42));
  StateWriter again;
  loaded.Save(9, again);
  EXPECT_EQ(again.bytes(), saved.bytes());
  loaded.AdvanceTo(kPodsBegin + absl::Hours(49), out);
  EXPECT_FALSE(loaded.Knows(9));
  for (size_t size = 0; size < saved.bytes().size(); ++size) {
    KnownPods victim;
    StateReader cut(std::string_view(saved.bytes()).substr(0, size));
    victim.Load(1, cut);
    EXPECT_FALSE(cut.status().ok()) << size;
    EXPECT_FALSE(victim.Knows(1));
  }
}

}  // namespace
}  // namespace oddverb
