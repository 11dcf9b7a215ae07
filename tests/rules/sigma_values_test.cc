// How one item of a Sigma detection compares with the values of an event: the
// tables of Sigma 2.1's modifiers, and the traps that other engines fell into.
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {
namespace {

struct ValuesCase {
  std::string_view selection;
  std::string_view record;
  bool matches;
};

void CheckAll(const std::vector<ValuesCase>& cases) {
  for (const ValuesCase& c : cases) {
    EXPECT_EQ(Selects(c.selection, c.record), c.matches)
        << c.selection << "  on  " << c.record;
  }
}

TEST(SigmaValuesTest, ComparesWholeTextsWithoutCase) {
  CheckAll({
      {R"(a: x)", R"({"a":"x"})", true},
      {R"(a: x)", R"({"a":"X"})", true},
      {R"(a: X)", R"({"a":"x"})", true},
      {R"(a: x)", R"({"a":"xy"})", false},
      {R"(a: x)", R"({"b":"x"})", false},
      {R"(a: x)", R"({"a":{"b":"x"}})", false},
      // Unicode's folding, not that of ASCII alone.
      {R"(a: ÄRGER)", R"({"a":"ärger"})", true},
      {R"(a: ärger)", R"({"a":"\u00c4RGER"})", true},
      {R"(a: ΣΊΣΥΦΟΣ)", R"({"a":"σίσυφος"})", true},
      {R"(a: task)", "{\"a\":\"ta\u017f\u212a\"}", true},
      {R"(a|cased: Ärger)", R"({"a":"ärger"})", false},
  });
}

TEST(SigmaValuesTest, WildcardsAreAnyRunAndOneCharacter) {
  CheckAll({
      {R"(a: 'x*z')", R"({"a":"xz"})", true},
      {R"(a: 'x*z')", R"({"a":"x y z"})", true},
      {R"(a: 'x*z')", R"({"a":"x\ny\nz"})", true},
      {R"(a: 'x*z')", R"({"a":"xzy"})", false},
      {R"(a: 'x?z')", R"({"a":"xäz"})", true},
      {R"(a: 'x?z')", R"({"a":"xz"})", false},
      {R"(a: 'x??z')", R"({"a":"xäz"})", false},
      {R"(a: '*')", R"({"a":""})", true},
      {R"(a: '*')", R"({"a":7})", true},
      {R"(a: '*')", R"({"a":null})", false},
      {R"(a: '*')", R"({})", false},
      {R"(a: '*b*b*c')", R"({"a":"abbc"})", true},
      {R"(a: '*b*b*c')", R"({"a":"abc"})", false},
      {R"(a: '*ab')", R"({"a":"aab"})", true},
      {R"(a|contains: 'b?d*f')", R"({"a":"abcdefg"})", true},
  });
}

TEST(SigmaValuesTest, BackslashesAreReadAsPySigmaReadsThem) {
  CheckAll({
      {R"(a: 'x\*z')", R"({"a":"x*z"})", true},
      {R"(a: 'x\*z')", R"({"a":"xyz"})", false},
      {R"(a: 'x\?z')", R"({"a":"x?z"})", true},
      {R"(a: 'x\\*')", R"({"a":"x\\anything"})", true},
      {R"(a: 'x\\*')", R"({"a":"x*"})", false},
      {R"(a: 'x\\\*')", R"({"a":"x\\*"})", true},
      {R"(a: 'x\\\*')", R"({"a":"x\\y"})", false},
      {R"(a: 'x\y')", R"({"a":"x\\y"})", true},
      {R"(a: 'x\\y')", R"({"a":"x\\y"})", true},
      {R"(a: 'x\\\\y')", R"({"a":"x\\\\y"})", true},
      {R"(a: 'x\')", R"({"a":"x\\"})", true},
      {R"(a: 'escaped\*\?\\*?')", R"({"a":"escaped*?\\..!"})", true},
  });
}

TEST(SigmaValuesTest, EmptyNullAndAbsentAreThreeThings) {
  CheckAll({
      {R"(a: '')", R"({"a":""})", true},
      {R"(a: '')", R"({"a":null})", false},
      {R"(a: '')", R"({})", false},
      {R"(a: null)", R"({"a":""})", false},
      {R"(a: null)", R"({"a":null})", true},
      {R"(a: null)", R"({})", true},
      {R"(a:)", R"({})", true},
      {R"(a|neq: null)", R"({"a":"x"})", true},
      {R"(a|neq: null)", R"({})", false},
      {R"(a|exists: true)", R"({"a":""})", true},
      {R"(a|exists: true)", R"({"a":null})", true},
      {R"(a|exists: true)", R"({"a":[]})", true},
      {R"(a|exists: true)", R"({})", false},
      {R"(a|exists: yes)", R"({"a":1})", true},
      {R"(a|exists: on)", R"({"a":1})", true},
      {R"(a|exists: off)", R"({"a":1})", false},
      {R"(a|exists: no)", R"({})", true},
      {R"(a|exists: false)", R"({"a":null})", false},
      {R"(a|neq: x)", R"({})", true},  // NOT of a test that is false
      {R"(a|neq: x)", R"({"a":"y"})", true},
      {R"(a|neq: [x, y])", R"({"a":"y"})", false},
      {R"(a: "null")", R"({"a":null})", false},
  });
}

TEST(SigmaValuesTest, NumbersAndBooleansEqualTheirText) {
  CheckAll({
      {R"(a: 403)", R"({"a":403})", true},
      {R"(a: 403)", R"({"a":"403"})", true},
      {R"(a: '403')", R"({"a":403})", true},
      {R"(a: 403)", R"({"a":403.0})", true},
      {R"(a: 403)", R"({"a":4.03e2})", true},
      {R"(a: 403.0)", R"({"a":403})", true},
      {R"(a: 403)", R"({"a":4030})", false},
      {R"(a: '40*')", R"({"a":403})", true},
      {R"(a: ALLOW)", R"({"a":200})", false},
      // Exact beyond 2^53.
      {R"(a: 9007199254740993)", R"({"a":9007199254740993})", true},
      {R"(a: 9007199254740993)", R"({"a":9007199254740992})", false},
      {R"(a|cased: 403)", R"({"a":403.0})", true},
      {R"(a: true)", R"({"a":true})", true},
      {R"(a: true)", R"({"a":"TRUE"})", true},
      {R"(a: 'True')", R"({"a":true})", true},
      {R"(a: true)", R"({"a":1})", false},
      {R"(a: 1)", R"({"a":true})", false},
      {R"(a: true)", R"({"a":"yes"})", false},
  });
}

TEST(SigmaValuesTest, ListsAreAlternativesAndArraysAnyMember) {
  CheckAll({
      {R"(a: [x, y])", R"({"a":"y"})", true},
      {R"(a: [x, y])", R"({"a":"z"})", false},
      {R"(a|contains|all: [x, y])", R"({"a":"yx"})", true},
      {R"(a|all|contains: [x, y])", R"({"a":"yx"})", true},
      {R"(a|contains|all: [x, y])", R"({"a":"x"})", false},
      {R"(a: x)", R"({"a":["z","x"]})", true},
      {R"(a|all: [x, z])", R"({"a":["z","x"]})", true},
      {R"(a|neq: x)", R"({"a":["z","x"]})", false},
      {R"(a.b: x)", R"({"a":[{"b":"z"},{"b":["y","x"]}]})", true},
      {R"(a: x)", R"({"a":[]})", false},
      {R"(a: x)", R"({"a":[[["x"]]]})", true},
  });
}

TEST(SigmaValuesTest, PositionsInTheText) {
  CheckAll({
      {R"(a|contains: bc)", R"({"a":"ABCD"})", true},
      {R"(a|contains|cased: bc)", R"({"a":"ABCD"})", false},
      {R"(a|startswith: ab)", R"({"a":"ABCD"})", true},
      {R"(a|startswith: b)", R"({"a":"ABCD"})", false},
      {R"(a|endswith: cd)", R"({"a":"ABCD"})", true},
      {R"(a|endswith: c)", R"({"a":"ABCD"})", false},
      {R"(a|startswith: ['x', 'a?c'])", R"({"a":"abcd"})", true},
      {R"(a|cased: [Ab, Cd])", R"({"a":"Cd"})", true},
      {R"(a|cased: [Ab, Cd])", R"({"a":"cd"})", false},
      {R"(a|contains: '')", R"({"a":"x"})", true},
      {R"(a|cased|contains: bc)", R"({"a":"ABCD"})", false},
      {R"(a|cased|contains: BC)", R"({"a":"ABCD"})", true},
      {R"(a|startswith|cased: ab)", R"({"a":"ABCD"})", false},
      {R"(a|startswith|cased: AB)", R"({"a":"ABCD"})", true},
      {R"(a|endswith|cased: cd)", R"({"a":"ABCD"})", false},
      {R"(a|endswith|cased: CD)", R"({"a":"ABCD"})", true},
  });
}

TEST(SigmaValuesTest, RegularExpressionsAreSearchedWithCase) {
  CheckAll({
      {R"(a|re: b+c)", R"({"a":"abbcd"})", true},
      {R"(a|re: B+C)", R"({"a":"abbcd"})", false},
      {R"(a|re|i: B+C)", R"({"a":"abbcd"})", true},
      {R"(a|re|ignorecase: B+C)", R"({"a":"abbcd"})", true},
      {R"(a|re: ^b)", R"({"a":"a\nb"})", false},
      {R"(a|re|m: ^b)", R"({"a":"a\nb"})", true},
      {R"(a|re: a.b)", R"({"a":"a\nb"})", false},
      {R"(a|re|s: a.b)", R"({"a":"a\nb"})", true},
      {R"(a|re|i|s: A.B)", R"({"a":"a\nb"})", true},
      {R"(a|re|startswith: b)", R"({"a":"abc"})", false},
      {R"(a|re|endswith: 'b.')", R"({"a":"abc"})", true},
      {R"(a|re: '\d{3}')", R"({"a":403})", true},
      {R"(a|re: '^\\$')", R"({"a":"\\"})", true},  // taken raw
      {R"(a|re|multiline: ^b)", R"({"a":"a\nb"})", true},
      {R"(a|re|dotall: a.b)", R"({"a":"a\nb"})", true},
      {R"(a|re|contains: b)", R"({"a":"abc"})", true},
      {R"(a|re|contains: ^b)", R"({"a":"abc"})", false},
      {R"(a|re|neq: b)", R"({"a":"abc"})", false},
      {R"(a|re|all: [a, c$])", R"({"a":"abc"})", true},
  });
}

TEST(SigmaValuesTest, EncodingsAreBytes) {
  CheckAll({
      {R"(a|base64: foo)", R"({"a":"Zm9v"})", true},
      {R"(a|base64: ä)", R"({"a":"w6Q="})", true},
      {R"(a|base64offset|contains: 'http://')", R"({"a":"xxaHR0cDovLxx"})",
       true},
      {R"(a|base64offset|contains: 'http://')", R"({"a":"xxodHRwOi8vxx"})",
       true},
      {R"(a|base64offset|contains: 'http://')", R"({"a":"h0dHA6Ly"})", true},
      {R"(a|base64offset|contains: 'http://')", R"({"a":"aHR0cDov"})", false},
      // The length is that of bytes, not of letters.
      {R"(a|base64offset|contains: aäb)", R"({"a":"YcOkYnl5eQ=="})", true},
      {R"(a|base64offset|contains: aäb)", R"({"a":"eGHDpGJ5eXk="})", true},
      {R"(a|base64offset|contains: aäb)", R"({"a":"eHhhw6RieXl5"})", true},
      {R"(a|wide|base64: cmd)", R"({"a":"YwBtAGQA"})", true},
      {R"(a|utf16le|base64: cmd)", R"({"a":"YwBtAGQA"})", true},
      {R"(a|utf16be|base64: cmd)", R"({"a":"AGMAbQBk"})", true},
      {R"(a|utf16|base64: cmd)", R"({"a":"//5jAG0AZAA="})", true},
      {R"(a|base64offset|contains|all: ['/bin/sh', 'curl '])",
       R"({"a":"L2Jpbi9zaCBjdXJsIA=="})", true},
  });
}

TEST(SigmaValuesTest, DashesStandForEachOther) {
  CheckAll({
      {R"(a|windash|contains: ' -enc')", R"({"a":"ps /enc x"})", true},
      {R"(a|windash|contains: ' -enc')", R"({"a":"ps –enc x"})", true},
      {R"(a|windash|contains: ' -enc')", R"({"a":"ps —enc x"})", true},
      {R"(a|windash|contains: ' -enc')", R"({"a":"ps ―enc x"})", true},
      {R"(a|windash|contains: ' –enc')", R"({"a":"ps -enc x"})", true},
      {R"(a|windash: '-test-test')", R"({"a":"/test-test"})", true},
      {R"(a|windash: '-test-test')", R"({"a":"/test/test"})", false},
      {R"(a|windash|contains|all: ['-a', '-b'])", R"({"a":"x /b -a"})", true},
      {R"(a|windash|contains|all: ['-a', '-b'])", R"({"a":"x /a -a"})", false},
  });
}

TEST(SigmaValuesTest, Networks) {
  CheckAll({
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":"10.1.2.3"})", true},
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":"11.1.2.3"})", false},
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":["::1","10.1.2.3"]})", true},
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":"10.1.2.3:443"})", true},
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":"::ffff:10.1.2.3"})", true},
      {R"(a|cidr: 'fd00::/8')", R"({"a":"[fd00::1]:6443"})", true},
      {R"(a|cidr: ['192.168.0.0/16', '10.0.0.0/8'])", R"({"a":"10.1.2.3"})",
       true},
      {R"(a|cidr|all: ['10.0.0.0/8', '10.1.0.0/16'])", R"({"a":"10.1.2.3"})",
       true},
      {R"(a|cidr|all: ['10.0.0.0/8', '10.1.0.0/16'])", R"({"a":"10.2.2.3"})",
       false},
      {R"(a|cidr: 10.0.0.0/8)", R"({"a":"not an address"})", false},
      {R"(a|cidr|neq: 10.0.0.0/8)", R"({"a":"not an address"})", true},
  });
}

TEST(SigmaValuesTest, NumbersInOrder) {
  CheckAll({
      {R"(a|gt: 5)", R"({"a":6})", true},
      {R"(a|gt: 5)", R"({"a":5})", false},
      {R"(a|gte: 5)", R"({"a":5})", true},
      {R"(a|lt: 5)", R"({"a":-1.5})", true},
      {R"(a|lte: 5)", R"({"a":"5"})", true},
      {R"(a|lt: 5)", R"({"a":"x"})", false},
      {R"(a|lt: 5)", R"({"a":true})", false},
      {R"(a|gt: 9007199254740992)", R"({"a":9007199254740993})", true},
      {R"(a|gt|neq: 5)", R"({"a":6})", false},
      {R"(a|gt: 0.5)", R"({"a":0.75})", true},
  });
}

TEST(SigmaValuesTest, FieldsAreComparedWithFields) {
  CheckAll({
      {R"(a|fieldref: b)", R"({"a":"X","b":"x"})", true},
      {R"(a|fieldref|cased: b)", R"({"a":"X","b":"x"})", false},
      {R"(a|fieldref: b)", R"({"a":"x","b":"y"})", false},
      {R"(a|fieldref: b)", R"({})", false},
      {R"(a|fieldref: b)", R"({"a":"x"})", false},
      {R"(a|fieldref|neq: b)", R"({"a":"x","b":"y"})", true},
      {R"(a|fieldref|startswith: b)", R"({"a":"xyz","b":"xy"})", true},
      {R"(a|fieldref|endswith: b)", R"({"a":"xyz","b":"yz"})", true},
      {R"(a|fieldref|contains: b)", R"({"a":"xyz","b":"y"})", true},
      {R"(a|fieldref: [c, b])", R"({"a":"x","b":"x"})", true},
      {R"(a|fieldref: b.c)", R"({"a":["p","q"],"b":[{"c":"r"},{"c":"Q"}]})",
       true},
  });
}

TEST(SigmaValuesTest, PartsOfTimes) {
  CheckAll({
      {R"(t|hour: 23)", R"({"t":"2026-02-03T23:04:05.000000Z"})", true},
      {R"(t|minute: 4)", R"({"t":"2026-02-03T23:04:05Z"})", true},
      {R"(t|day: 3)", R"({"t":"2026-02-03T23:04:05Z"})", true},
      {R"(t|month: 2)", R"({"t":"2026-02-03T23:04:05Z"})", true},
      {R"(t|year: 2026)", R"({"t":"2026-02-03T23:04:05Z"})", true},
      {R"(t|week: 53)", R"({"t":"2027-01-01T00:00:00Z"})", true},
      {R"(t|week: 1)", R"({"t":"2024-12-30T00:00:00Z"})", true},
      {R"(t|hour|gte: 22)", R"({"t":"2026-02-03T23:04:05+09:00"})", true},
      {R"(t|hour|lt: 22)", R"({"t":"2026-02-03T23:04:05Z"})", false},
      {R"(t|hour: 1)", R"({"t":"yesterday"})", false},
      {R"(t|week: 1)", R"({"t":"2024-02-31T00:00:00Z"})", false},
  });
}

TEST(SigmaValuesTest, PlaceholdersComeFromTheConfiguration) {
  SigmaOptions options{
      .placeholders = {{"admins", {"root", "adm_*"}}, {"x", {"1", "2"}}},
      .source = {}};
  auto matches = [&](std::string_view item, std::string_view record) {
    std::string detection = "sel:\n  " + std::string(item) + "\ncondition: sel";
    return MatchesRecord(LoadSigma(RuleOf(detection), options), record);
  };
  EXPECT_TRUE(matches("u|expand: '%admins%'", R"({"u":"ROOT"})"));
  EXPECT_TRUE(matches("u|expand: '%admins%'", R"({"u":"adm_joe"})"));
  EXPECT_FALSE(matches("u|expand: '%admins%'", R"({"u":"joe"})"));
  EXPECT_TRUE(matches("u|expand|contains: 'a%x%-%x%'", R"({"u":"<a1-2>"})"));
  // In any order, as many packs have it.
  EXPECT_TRUE(matches("u|contains|expand: '%admins%'", R"({"u":"xROOTx"})"));
  EXPECT_TRUE(matches("u|startswith|expand: '%admins%'", R"({"u":"root1"})"));
  EXPECT_FALSE(matches("u|startswith|expand: '%admins%'", R"({"u":"aroot"})"));
  EXPECT_FALSE(matches("u|endswith|expand: '%admins%'", R"({"u":"root1"})"));
  EXPECT_TRUE(matches("u|contains|all|expand: ['%x%', '%admins%']",
                      R"({"u":"2root"})"));
  EXPECT_FALSE(matches("u|contains|all|expand: ['%x%', '%admins%']",
                       R"({"u":"3root"})"));
  EXPECT_TRUE(matches("u|expand: '100\\%'", R"({"u":"100%"})"));
  EXPECT_TRUE(matches("u: '%admins%'", R"({"u":"%admins%"})"));
}

TEST(SigmaValuesTest, KeywordsAreSearchedInAllTextsOfTheRecord) {
  auto matches = [](std::string_view list, std::string_view record) {
    return MatchesRecord(
        LoadSigma(RuleOf(std::string(list) + "\ncondition: keywords")), record);
  };
  EXPECT_TRUE(matches("keywords: [evil]", R"({"a":{"b":["an EVIL one"]}})"));
  EXPECT_TRUE(matches("keywords:\n- 4103", R"({"a":4103})"));
  EXPECT_TRUE(matches("keywords: ['true']", R"({"a":true})"));
  EXPECT_TRUE(matches("keywords: ['some?key']", R"({"x":{"some_key":1}})"));
  EXPECT_TRUE(matches("keywords: ['e*l']", R"({"a":"an evil one"})"));
  EXPECT_FALSE(matches("keywords: [evil]", R"({"a":"good"})"));
  EXPECT_TRUE(
      matches("keywords:\n  '|all': [ab, cd]", R"({"a":"cd","b":"ab"})"));
  EXPECT_FALSE(matches("keywords:\n  '|all': [ab, xy]", R"({"a":"cdab"})"));
  EXPECT_TRUE(matches("keywords:\n  '|re': '^a.c$'", R"({"a":"abc"})"));
  EXPECT_TRUE(matches("keywords: just one", R"({"a":"just one word"})"));
  // Lists may mix texts and maps.
  EXPECT_TRUE(matches("keywords:\n- evil\n- b: 1", R"({"b":1})"));
  EXPECT_TRUE(matches("keywords:\n- evil\n- b: 1", R"({"b":"evil"})"));
}

}  // namespace
}  // namespace oddverb
