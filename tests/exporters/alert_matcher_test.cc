#include "exporters/alert_matcher.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

const AlertTexts kLabels = {{"alertname", "Stolen"},
                            {"severity", "critical"},
                            {"subject", "a\"b\\c\nd"}};

TEST(AlertMatcherTest, MatchesAsAlertmanagerDoes) {
  struct Case {
    std::string_view text;
    bool matches;
  } cases[] = {{"severity=critical", true},
               {"severity=\"critical\"", true},
               {" severity = \"critical\" ", true},
               {"severity=crit", false},
               {"severity!=critical", false},
               {"severity!=\"warning\"", true},
               {"severity=~crit.*", true},
               {"severity=~crit", false},
               {"severity=~\"warning|critical\"", true},
               {"severity=~\"w|c\"", false},
               {"severity!~\"warning|info\"", true},
               {"severity!~crit.*", false},
               {"severity=", false},
               {"other=", true},
               {"other=\"\"", true},
               {"other!=x", true},
               {"other=~.*", true},
               {"other=~.+", false},
               {"subject=\"a\\\"b\\\\c\\nd\"", true},
               {"subject=~\"a.*\"", false},  // a dot is not a line end
               {"subject=~\"(?s)a.*\"", true}};
  for (const Case& c : cases) {
    absl::StatusOr<AlertMatcher> matcher = AlertMatcher::Parse(c.text);
    ASSERT_THAT(matcher, IsOk()) << c.text;
    EXPECT_EQ(matcher->Matches(kLabels), c.matches) << c.text;
  }
}

TEST(AlertMatcherTest, RefusesWhatIsNone) {
  struct Case {
    std::string text;
    std::string_view mistake;
  } cases[] = {{"", "bad matcher format"},
               {"bad{", "bad matcher format: bad{"},
               {"=x", "bad matcher format"},
               {"1a=x", "bad matcher format"},
               {"a.b=x", "bad matcher format"},
               {"a~x", "bad matcher format"},
               {"a=\"x", "unescaped double quote"},
               {"a=x\"", "unescaped double quote"},
               {"a=\"x\"y\"", "unescaped double quote"},
               {"a=\"", "unescaped double quote"},
               {"a=\xff", "not valid UTF-8"},
               {"a=~(", "error parsing regexp"},
               {"a=~((x{100}){100}){100}", "error parsing regexp"},
               {"a=~" + std::string(1 << 20, '('), "error parsing regexp"},
               {"a=~\\pL{200}", "error parsing regexp"},  // too much memory
               {"a=~\\1", "error parsing regexp"}};
  for (const Case& c : cases) {
    EXPECT_THAT(AlertMatcher::Parse(c.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string(c.mistake))))
        << c.text.substr(0, 40);
  }
}

TEST(WholeMatchTest, AnEvilExpressionTakesNoTime) {
  absl::StatusOr<WholeMatch> evil = WholeMatch::Parse("(a*)*(a|aa)+b");
  ASSERT_THAT(evil, IsOk());
  EXPECT_FALSE(evil->Matches(std::string(10'000, 'a')));
}

}  // namespace
}  // namespace oddverb
