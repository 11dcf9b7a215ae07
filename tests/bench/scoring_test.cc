#include "bench/detection/scoring.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr Micros kMinute = Micros{60} * 1'000'000;

// Of olga, whose credential a thief uses from the first to the second minute.
class ScorerTest : public ::testing::Test {
 protected:
  ScorerTest() {
    Attack attack;
    attack.users = {"olga"};
    attack.addresses = {"203.0.113.66"};
    attack.start = kMinute;
    attack.end = 2 * kMinute;
    attack.requests = {kMinute, 2 * kMinute};
    attacks_.push_back(attack);
  }

  static Statement Of(const std::string& user, Micros when,
                      const std::string& summary, bool is_of_credential) {
    Statement statement;
    statement.id = summary;
    statement.user = user;
    statement.first = statement.last = when;
    statement.summary = summary;
    statement.is_of_credential = is_of_credential;
    return statement;
  }
  size_t FalseFindings(const Statement& statement) {
    Scorer scorer(attacks_);
    scorer.Say("ours", statement);
    return scorer.Finish().at("ours").false_findings.size();
  }

  std::vector<Attack> attacks_;
};

TEST_F(ScorerTest, WhatIsSaidOfOthersOrBeforeAnAttackIsFalse) {
  EXPECT_EQ(FalseFindings(Of("olga", kMinute, "a", false)), 0u);
  EXPECT_EQ(FalseFindings(Of("paul", kMinute, "a", false)), 1u);
  EXPECT_EQ(FalseFindings(Of("olga", kMinute - 1, "a", true)), 1u);
}

TEST_F(ScorerTest, TheDayAfterAnAttackOnlyTheThiefsAddressIsTrue) {
  const Micros late = 24 * 60 * kMinute;
  EXPECT_EQ(FalseFindings(Of("olga", 30 * kMinute, "a", false)), 0u);
  EXPECT_EQ(FalseFindings(Of("olga", late, "a", false)), 1u);
  EXPECT_EQ(FalseFindings(Of("olga", late, "a", true)), 1u);
  EXPECT_EQ(FalseFindings(Of("olga", late, "from 203.0.113.66", true)), 0u);
  EXPECT_EQ(FalseFindings(Of("olga", late, "from 203.0.113.66", false)), 1u);
}

}  // namespace
}  // namespace oddverb
