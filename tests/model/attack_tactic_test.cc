#include "model/attack_tactic.h"

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(AttackTacticTest, KnowsTheTacticOfATechniqueAndOfItsParts) {
  struct Case {
    std::string_view technique;
    std::string_view tactic;
  } cases[] = {{"T1613", "discovery"},
               {"T1552.005", "credential-access"},
               {"T1552", "credential-access"},
               {"T1036", "defense-evasion"},
               {"T1651", "execution"},
               {"T1550", "lateral-movement"},
               {"T15", ""},
               {"T9999", ""},
               {"t1613", ""},
               {".", ""},
               {"", ""}};
  for (const Case& c : cases) EXPECT_EQ(TacticOf(c.technique), c.tactic);
}

}  // namespace
}  // namespace oddverb
