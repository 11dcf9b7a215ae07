// What is wrong with a rule is said with its place, all of it in one run, and
// costs no other rule.
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SigmaErrorsTest, NamesThePlaceAndPointsAtIt) {
  LoadedRules loaded = LoadSigma(R"(title: T
logsource: {product: test}
detection:
  selection:
    a|contain: x
  condition: selektion
)");
  EXPECT_EQ(
      Messages(loaded),
      R"(rules.yml:5:7: error: unknown modifier: "contain", did you mean "contains"?
        a|contain: x
          ^
rules.yml:6:14: error: no selection of this name: "selektion", did you mean "selection"?
      condition: selektion
                 ^
)");
  EXPECT_EQ(loaded.refused, 1u);
}

// What is read no further for one mistake is looked through for others.
TEST(SigmaErrorsTest, TellsMisspeltFieldsBesideAnotherMistake) {
  const std::string rule = R"(title: T
logsource: {product: kubernetes, service: audit}
detection:
  selection:
    verbb: create
    objectRef.name|contain: x
    annotations.mine: y
  condition: selection
)";
  auto messages = [](std::string_view text) {
    RuleLoader loader({});
    loader.Add("rules.yml", text);
    return Messages(std::move(loader).Finish());
  };
  EXPECT_EQ(
      messages(rule),
      R"(rules.yml:6:20: error: unknown modifier: "contain", did you mean "contains"?
        objectRef.name|contain: x
                       ^
rules.yml:5:5: warning: audit events have no field "verbb", did you mean "verb"?
        verbb: create
        ^
)");
  // Fields below an element are the array's own, and another log has others.
  for (const auto& [from, to] :
       {std::pair("verbb:", "requestObject.list[any].verbb:"),
        std::pair("service: audit", "service: application")}) {
    std::string other = "sigma-version: 3\n" + rule;
    other.replace(other.find(from), std::string_view(from).size(), to);
    EXPECT_THAT(messages(other),
                AllOf(HasSubstr("unknown modifier"), Not(HasSubstr("verbb"))));
  }
}

struct Case {
  std::string_view detection;
  std::string_view message;
};

TEST(SigmaErrorsTest, RefusesWhatCannotHold) {
  const std::vector<Case> cases = {
      {"sel: {a: [x, null]}\ncondition: sel", "null is not allowed in a list"},
      {"sel: {a|contains: null}\ncondition: sel", "null goes with no modifier"},
      {"sel: {a|re: '(?<!x)y'}\ncondition: sel", "there is no lookaround"},
      {"sel: {a|re: '(a)\\1'}\ncondition: sel", "there are no back-references"},
      {"sel: {a|re: '(x{1000}){1000}'}\ncondition: sel", "repeat less"},
      {"sel: {a|re: '['}\ncondition: sel", "missing ]"},
      {"sel: {a|i: x}\ncondition: sel", "belongs behind \"re\""},
      {"sel: {a|contains|re: x}\ncondition: sel", "cannot follow"},
      {"sel: {a|base64|re: x}\ncondition: sel", "cannot follow"},
      {"sel: {a|cidr: 10.0.0.0/40}\ncondition: sel", "not an address"},
      {"sel: {a|gt: x}\ncondition: sel", "not a number: \"x\""},
      {"sel: {a|exists: maybe}\ncondition: sel", "takes true or false"},
      {"sel: {a|base64: 'x*'}\ncondition: sel", "wildcards cannot be encoded"},
      {"sel: {a|base64offset: x}\ncondition: sel", "too short"},
      {"sel: {a|expand: '%nope%'}\ncondition: sel",
       "no values for the placeholder \"%nope%\"; they belong into the "
       "configuration, rules.placeholders"},
      {"sel: {a|base64|expand: '%nope%'}\ncondition: sel", "cannot follow"},
      {"sel: {a: []}\ncondition: sel", "an empty list"},
      {"sel: {a: {b: c}}\ncondition: sel", "a map cannot be the value"},
      {"sel: {}\ncondition: sel", "an empty selection"},
      {"sel:\ncondition: sel", "an empty selection"},
      {"condition: sel", "no selection"},
      {"sel: {a: 1}", "no condition"},
      {"sel: {a: 1}\ncondtion: sel",
       "no condition, but a selection \"condtion\""},
      {"sel: {a: 1}\ncondition: sel and", "expected a selection, got the end"},
      {"sel: {a: 1}\ncondition: sel sel", "expected \"and\" or \"or\""},
      {"sel: {a: 1}\ncondition: (sel", "expected \")\""},
      {"sel: {a: 1}\ncondition: sel | count() > 5", "write a correlation rule"},
      {"sel: {a: 1}\ncondition: 1 of filter*", "no selection fits"},
      {"sel: {a: 1}\ncondition: 2 of sel*", "only 1 selections fit"},
      {"sel: {a: 1}\ncondition: 0 of sel*", "or a number"},
      {"sel: {a..b: 1}\ncondition: sel", "empty part between dots"},
      {"keywords: [null]\ncondition: keywords", "cannot be null"},
      {"keywords: {'|gt': 5}\ncondition: keywords", "needs a field"},
      {"sel: {a|hour|contains: x}\ncondition: sel", "cannot follow"},
  };
  for (const Case& c : cases) {
    LoadedRules loaded = LoadSigma(RuleOf(c.detection));
    EXPECT_THAT(Messages(loaded), HasSubstr(std::string(c.message)))
        << c.detection;
    EXPECT_EQ(loaded.refused, 1u) << c.detection;
    EXPECT_TRUE(loaded.rules->rules().empty()) << c.detection;
  }
}

TEST(SigmaErrorsTest, RefusesDocumentsThatAreNoRules) {
  auto messages = [](std::string_view text) {
    return Messages(LoadSigma(text));
  };
  EXPECT_THAT(messages("title: T\n"), AllOf(HasSubstr("no \"logsource\""),
                                            HasSubstr("no \"detection\"")));
  EXPECT_THAT(messages("title: T\nlogsource: {}\ndetecton: {}\n"),
              HasSubstr("unknown key: \"detecton\", did you mean "
                        "\"detection\"?"));
  EXPECT_THAT(messages("just text\n"), HasSubstr("expected a rule"));
  EXPECT_THAT(messages(RuleOf("sel: {a: 1}\ncondition: sel", "level: hihg\n")),
              HasSubstr("unknown level: \"hihg\", did you mean \"high\"?"));
  EXPECT_THAT(
      messages(RuleOf("sel: {a: 1}\ncondition: sel", "sigma-version: 4\n")),
      HasSubstr("Sigma 4 is not known here"));
  EXPECT_THAT(messages("action: repeat\n"), HasSubstr("no document before"));
  EXPECT_THAT(messages("title: F\nlogsource: {}\nfilter: {sel: {a: 1}, "
                       "condition: sel}\n"),
              HasSubstr("must name the rules"));
}

TEST(SigmaErrorsTest, ABrokenDocumentCostsNoOther) {
  std::string good = RuleOf("sel: {a: 1}\ncondition: sel");
  for (std::string_view bad :
       {"a: [\n", "a: 1\na: 2\n", "\ttab: 1\n", "a: \x01\n", "a: \xff\n",
        "{[}\n", "- x\n- y: [\n", "%bad\na: &x [*x]\n"}) {
    LoadedRules loaded =
        LoadSigma(good + "---\n" + std::string(bad) + "---\n" + good);
    EXPECT_EQ(loaded.rules->rules().size(), 2u) << bad << Messages(loaded);
    EXPECT_EQ(loaded.refused, 1u) << bad;
    EXPECT_EQ(loaded.documents, 3u) << bad;
  }
}

TEST(SigmaErrorsTest, IdsAndNamesAreUnique) {
  std::string one = RuleOf("sel: {a: 1}\ncondition: sel", "id: i\nname: n\n");
  std::string two = RuleOf("sel: {a: 2}\ncondition: sel", "id: i\n");
  LoadedRules loaded = LoadSigma(one + "---\n" + two);
  EXPECT_EQ(loaded.rules->rules().size(), 1u);
  EXPECT_THAT(Messages(loaded),
              HasSubstr("already used by the rule at rules.yml:1: \"i\""));
}

TEST(SigmaErrorsTest, NoErrorIsLostBehindWarnings) {
  const std::string other =
      "title: T\nlogsource: {product: windows}\ndetection:\n  sel: {a: 1}\n"
      "  condition: sel\n---\n";
  const std::string odd =
      "title: T\nlogsource: {product: kubernetes}\ndetection:\n"
      "  sel: {verb|all: x}\n  condition: sel\n---\n";
  std::string text;
  for (size_t i = 0; i < RuleDiagnostics::kMaxKept + 5; ++i) text += odd;
  for (uint64_t i = 0; i < RuleDiagnostics::kMaxLeftOut + 5; ++i) text += other;
  RuleLoader loader({});
  loader.Add("r.yml", text + "title: T\nlogsource: {}\n");
  LoadedRules loaded = std::move(loader).Finish();
  EXPECT_THAT(Messages(loaded), HasSubstr("error: no \"detection\""));
  EXPECT_EQ(loaded.diagnostics.errors(), 1u);
  EXPECT_EQ(loaded.diagnostics.kept().size(), RuleDiagnostics::kMaxKept + 1);
  EXPECT_EQ(loaded.other_sources, RuleDiagnostics::kMaxLeftOut + 5);
  // Of these some are told.
  EXPECT_EQ(loaded.diagnostics.warnings(),
            RuleDiagnostics::kMaxKept + 5 + RuleDiagnostics::kMaxLeftOut);
}

TEST(SigmaErrorsTest, IsBounded) {
  // Too large, too deep, too much.
  RuleLoader loader({});
  loader.Add("big.yml", std::string(RuleLoader::kMaxTextBytes + 1, '#'));
  EXPECT_EQ(loader.diagnostics().errors(), 1u);

  std::string nested(61, '('), closed(61, ')');
  EXPECT_THAT(Messages(LoadSigma(RuleOf("sel: {a: 1}\ncondition: " + nested +
                                        "sel" + closed))),
              HasSubstr("nested deeper than 60 levels"));
  std::string maps = "x";
  for (int i = 0; i < 100; ++i) maps = "[" + maps + "]";
  EXPECT_EQ(LoadSigma(RuleOf("sel: " + maps + "\ncondition: sel")).refused, 1u);
  std::string blocks = "a";
  for (int i = 0; i < 70; ++i) blocks += "[any].a";
  EXPECT_THAT(
      Messages(LoadSigma(RuleOf("sel: {'" + blocks + "': 1}\ncondition: sel",
                                "sigma-version: 3\n"))),
      HasSubstr("nested deeper than 64 levels"));
  std::string dashes;
  for (int i = 0; i < 5; ++i) dashes += " -a";
  EXPECT_THAT(Messages(LoadSigma(RuleOf("sel: {a|windash: '" + dashes +
                                        "'}\ncondition: sel"))),
              HasSubstr("more than 625 forms"));
  std::string selections;
  for (int i = 0; i < 60; ++i) {
    selections +=
        "s" + std::to_string(i) + ": {a" + std::to_string(i) + ": 1}\n";
  }
  EXPECT_THAT(Messages(LoadSigma(RuleOf(selections + "condition: 30 of s*"))),
              HasSubstr("too many combinations"));
  std::string nonsense;
  for (int i = 0; i < 2000; ++i) nonsense += "---\nx: 1\n";
  LoadedRules loaded = LoadSigma(nonsense);
  EXPECT_EQ(loaded.diagnostics.kept().size(), RuleDiagnostics::kMaxKept);
  EXPECT_EQ(loaded.diagnostics.errors(), 6000u);
}

TEST(SigmaErrorsTest, WarnsOfWhatIsLegalButUseless) {
  auto messages = [](std::string_view detection) {
    return Messages(
        LoadSigma("title: T\nlogsource: {product: kubernetes}\n"
                  "detection:\n  " +
                  std::string(detection)));
  };
  EXPECT_THAT(messages("sel: {verb|contains|all: x}\n  condition: sel\n"),
              HasSubstr("warning: \"all\" of a single value"));
  EXPECT_THAT(messages("sel: {verb: x}\n  other: {verb: y}\n"
                       "  condition: sel\n"),
              HasSubstr("does not use \"other\""));
  EXPECT_THAT(messages("sel: {objectRef.resourse: x}\n  condition: sel\n"),
              HasSubstr("dead rule: it can never match: audit events have no "
                        "field \"objectRef.resourse\", did you mean "
                        "\"objectRef.resource\"?"));
  EXPECT_THAT(messages("sel: {responseStatus.code: ALLOW}\n"
                       "  condition: sel\n"),
              HasSubstr("is a number, never \"allow\""));
  EXPECT_THAT(messages("sel: {stage: Done}\n  condition: sel\n"),
              HasSubstr("\"stage\" is never \"done\""));
  // Alive, but less than its author thinks.
  EXPECT_THAT(messages("sel: {verb: x}\n  not_us: {user.usrname: me}\n"
                       "  condition: sel and not not_us\n"),
              HasSubstr("warning: a part of it can never hold: audit events "
                        "have no field \"user.usrname\", did you mean "
                        "\"user.username\"?"));
  EXPECT_THAT(messages("sel:\n  - verb: x\n  - stage: Done\n"
                       "  condition: sel\n"),
              HasSubstr("a part of it can never hold: \"stage\" is never"));
  EXPECT_EQ(messages("sel: {objectRef.resourse: null, verb: x}\n"
                     "  condition: sel\n"),
            "");
  EXPECT_THAT(messages("sel: {verb: create, objectRef.subresource: exec}\n"
                       "  condition: sel\n"),
              HasSubstr("kubectl 1.30"));
  EXPECT_EQ(messages("sel: {verb: [create, get], objectRef.subresource: exec}\n"
                     "  condition: sel\n"),
            "");
}

TEST(SigmaErrorsTest, WarnsOfSlipsInWhatARuleSaysOfItself) {
  const std::string detection =
      "detection:\n  sel: {verb: x}\n"
      "  condition: sel\n";
  auto messages = [&](std::string_view keys) {
    RuleLoader loader({});
    loader.Add("r.yml", "title: T\n" + std::string(keys) + detection);
    return Messages(std::move(loader).Finish());
  };
  EXPECT_THAT(
      messages("logsource: {product: kubernets}\n"),
      HasSubstr("r.yml:2:12: warning: left out: a rule for another log source, "
                "did you mean \"kubernetes\"?"));
  EXPECT_THAT(messages("logsource: {product: kubernetes, service: audti}\n"),
              HasSubstr("did you mean \"audit\"?"));
  EXPECT_THAT(messages("logsource: {product: windows, service: audti}\n"),
              Not(HasSubstr("did you mean")));
  EXPECT_THAT(messages("logsource: {product: kubernetes}\nstatus: expermental"
                       "\n"),
              HasSubstr("r.yml:3:9: warning: unknown status, taken for stable: "
                        "\"expermental\", did you mean \"experimental\"?"));
  EXPECT_EQ(messages("logsource: {product: kubernetes}\nstatus: test\n"), "");
}

TEST(SigmaErrorsTest, WarnsOfFiltersThatKeepNobodyOut) {
  const std::string filter =
      "title: F\nlogsource: {product: kubernetes}\nfilter:\n"
      "  rules: [missing]\n  sel: {user.usrname: me}\n  condition: sel\n";
  const std::string messages = Messages(LoadSigma(filter));
  EXPECT_THAT(messages, HasSubstr("a part of it can never hold: audit events "
                                  "have no field \"user.usrname\""));
  EXPECT_THAT(messages,
              HasSubstr("rules.yml:4:11: warning: no rule of this id or name: "
                        "\"missing\"\n      rules: [missing]\n"
                        "              ^\n"));
}

}  // namespace
}  // namespace oddverb
