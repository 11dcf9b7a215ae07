#include "detectors/site_history.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

const absl::Time kSiteBegin = absl::FromUnixSeconds(1'700'000'000);

class SiteHistoryTest : public ::testing::Test {
 protected:
  // Sessions of one minute, one each two hours.
  void Come(uint32_t site, int sessions) {
    for (int i = 0; i < sessions; ++i, now_ += absl::Hours(2)) {
      history_.Note(site, now_);
    }
  }

  SiteHistory history_;
  absl::Time now_ = kSiteBegin;
};

TEST(SiteOfTest, IsTheSlash24OrTheSlash48) {
  const KeyedHash hash;
  auto same = [&](const char* a, const char* b) {
    return SiteOf(hash, a) == SiteOf(hash, b);
  };
  EXPECT_TRUE(same("203.0.113.1", "203.0.113.254"));
  EXPECT_FALSE(same("203.0.113.1", "203.0.112.1"));
  EXPECT_TRUE(same("::ffff:203.0.113.1", "203.0.113.9"));
  EXPECT_TRUE(same("2001:db8:1:2::1", "2001:db8:1:ffff::9"));
  EXPECT_FALSE(same("2001:db8:1::1", "2001:db8:2::1"));
  EXPECT_EQ(SiteOf(hash, "nowhere"), 0u);
  EXPECT_NE(SiteOf(hash, "10.0.0.1"), 0u);
}

TEST_F(SiteHistoryTest, ASiteIsNewToWhoAlwaysCameFromOne) {
  Come(1, 4);
  EXPECT_EQ(history_.Novelty(2), 0);  // too few
  Come(1, 196);
  Come(2, 1);
  // -ln(0.5 / 202).
  EXPECT_NEAR(history_.Novelty(2), 6.0, 0.01);
  EXPECT_TRUE(history_.IsNew(2, now_));
  EXPECT_FALSE(history_.IsEstablished(2, now_));
  EXPECT_TRUE(history_.IsEstablished(1, now_));
  EXPECT_FALSE(history_.IsNew(3, now_));
  Come(1, 10'000);
  EXPECT_EQ(history_.Novelty(2), SiteHistory::kMaxNovelty);
}

TEST_F(SiteHistoryTest, SitesComeTogetherWithinTenMinutes) {
  history_.Note(1, now_);
  history_.Note(2, now_ + SiteHistory::kTogether - absl::Seconds(1));
  history_.Note(3, now_ + SiteHistory::kTogether);
  EXPECT_TRUE(history_.CameTogether(1, 2));
  EXPECT_TRUE(history_.CameTogether(2, 1));
  EXPECT_TRUE(history_.CameTogether(2, 3));
  EXPECT_FALSE(history_.CameTogether(3, 1));
  EXPECT_FALSE(history_.CameTogether(1, 4));  // which never came
}

TEST_F(SiteHistoryTest, WhoRoamsHasNoNewSites) {
  for (uint32_t i = 0; i < 100; ++i) {
    Come(1, 1);
    Come(100 + i, 1);
  }
  // 99 of 200 sessions were from a new site, also from those that made room.
  EXPECT_LT(history_.Novelty(199), 0.8);
}

TEST_F(SiteHistoryTest, ASessionEndsWithAPauseOrAfterEightHours) {
  for (absl::Duration t; t < absl::Hours(24); t += absl::Minutes(10)) {
    history_.Note(1, kSiteBegin + t);
  }
  EXPECT_EQ(history_.sessions(), 3u);
  history_.Note(1, kSiteBegin + absl::Hours(25) + absl::Minutes(1));
  EXPECT_EQ(history_.sessions(), 4u);
  // What comes late is none.
  history_.Note(1, kSiteBegin);
  EXPECT_EQ(history_.sessions(), 4u);
}

TEST_F(SiteHistoryTest, IsLongAfterFiveDaysOrTwentySessions) {
  EXPECT_FALSE(history_.IsLong(now_));
  Come(1, 19);
  EXPECT_FALSE(history_.IsLong(now_));
  EXPECT_TRUE(history_.IsLong(kSiteBegin + absl::Hours(24 * 5)));
  Come(1, 1);
  EXPECT_TRUE(history_.IsLong(now_));
}

TEST_F(SiteHistoryTest, RemembersEightSites) {
  Come(1, 2);
  for (uint32_t i = 0; i < SiteHistory::kMaxSites; ++i) Come(10 + i, 1);
  EXPECT_FALSE(history_.IsEstablished(1, now_ + absl::Hours(48)));
  EXPECT_TRUE(history_.IsEstablished(10, now_ + absl::Hours(48)));
}

TEST_F(SiteHistoryTest, IsSavedAndDamageIsRefused) {
  Come(1, 30);
  Come(2, 1);
  StateWriter saved;
  history_.Save(saved);
  SiteHistory loaded;
  StateReader in(saved.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(loaded.Novelty(2), history_.Novelty(2));
  EXPECT_EQ(loaded.IsNew(2, now_), history_.IsNew(2, now_));
  StateWriter again;
  loaded.Save(again);
  EXPECT_EQ(again.bytes(), saved.bytes());
  for (size_t size = 0; size < saved.bytes().size(); ++size) {
    SiteHistory victim;
    StateReader cut(std::string_view(saved.bytes()).substr(0, size));
    victim.Load(cut);
    EXPECT_FALSE(cut.status().ok()) << size;
    EXPECT_EQ(victim.sessions(), 0u);
  }
}

}  // namespace
}  // namespace oddverb
