#include "detectors/pod_tokens.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(PodTokensTest, ATokenIsNewOnceThoughOthersTakeTurnsWithIt) {
  PodTokens tokens;
  for (uint64_t key = 1; key <= PodTokens::kMany; ++key) {
    EXPECT_TRUE(tokens.Note(key));
  }
  for (int round = 0; round < 3; ++round) {
    for (uint64_t key = 1; key <= PodTokens::kMany; ++key) {
      EXPECT_FALSE(tokens.Note(key));
    }
  }
}

TEST(PodTokensTest, TheOldestIsForgottenFirst) {
  PodTokens tokens;
  for (uint64_t key = 1; key <= PodTokens::kMany + 1; ++key) tokens.Note(key);
  for (uint64_t key = 2; key <= PodTokens::kMany + 1; ++key) {
    EXPECT_FALSE(tokens.Note(key));
  }
  EXPECT_TRUE(tokens.Note(1));
}

// One container keeps its token while the kubelet renews another's.
TEST(PodTokensTest, OneInSteadyUseIsNeverNewAgain) {
  PodTokens tokens;
  tokens.Note(1);
  for (uint64_t renewed = 2; renewed < 50; ++renewed) {
    EXPECT_TRUE(tokens.Note(renewed));
    EXPECT_FALSE(tokens.Note(1));
  }
}

TEST(PodTokensTest, WhatIsLoadedIsKnown) {
  PodTokens tokens, loaded;
  tokens.Note(uint64_t{5} << 32 | 5);  // whose halves cancel out
  tokens.Note(7);
  StateWriter out;
  tokens.Save(out);
  loaded.Note(9);
  StateReader in(out.bytes());
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_FALSE(loaded.Note(uint64_t{5} << 32 | 5));
  EXPECT_FALSE(loaded.Note(7));
  EXPECT_TRUE(loaded.Note(9));
}

TEST(PodTokensTest, MoreThanThereCanBeIsDamage) {
  StateWriter out;
  out.PutU64(PodTokens::kMany + 1);
  for (uint32_t i = 0; i <= PodTokens::kMany; ++i) out.PutFixed32(i + 1);
  StateReader in(out.bytes());
  PodTokens loaded;
  loaded.Load(in);
  EXPECT_FALSE(in.status().ok());
  EXPECT_TRUE(loaded.Note(1));
}

}  // namespace
}  // namespace oddverb
