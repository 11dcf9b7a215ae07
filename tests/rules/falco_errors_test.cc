// What is wrong in Falco's files is said with its place, all of it in one run,
// and costs no other object; what grows is bounded.
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

TEST(FalcoErrorsTest, PointsIntoConditionsOfEveryForm) {
  LoadedRules loaded = LoadFalco(R"x(- macro: plain
  condition: ka.verb=get and ka.target.nam=x
- macro: folded
  condition: >
    ka.verb=get and
    (ka.verb=list or
     ka.vreb=watch)
- macro: quoted
  condition: "ka.verb = get
    and ka.verb isin (a)"
- macro: lines
  condition:
    ka.verb=get and
    plian
- macro: literal
  condition: |
    ka.user.groups = a
)x");
  EXPECT_EQ(
      Messages(loaded),
      R"x(rules.yaml:2:30: error: no such field: "ka.target.nam", did you mean "ka.target.name"?
      condition: ka.verb=get and ka.target.nam=x
                                 ^
rules.yaml:7:6: error: no such field: "ka.vreb", did you mean "ka.verb"?
         ka.vreb=watch)
         ^
rules.yaml:10:17: error: no such operator: "isin", did you mean "in"?
        and ka.verb isin (a)"
                    ^
rules.yaml:14:5: error: no such macro: "plian", did you mean "plain"?
        plian
        ^
rules.yaml:17:20: error: "ka.user.groups" is a list: it has "in", "intersects" and "exists", not "="
        ka.user.groups = a
                       ^
)x");
  EXPECT_EQ(loaded.refused, 5u);
}

TEST(FalcoErrorsTest, PointsIntoWhatWasAppended) {
  LoadedRules loaded = LoadFalco(FalcoRuleOf("ka.verb=get") +
                                 "- rule: R\n  condition: or (ka.verb=\n  "
                                 "append: true\n");
  EXPECT_THAT(Messages(loaded), HasSubstr("rules.yaml:10:26: error: expected a "
                                          "value"));
}

TEST(FalcoErrorsTest, RefusesConditionsWithTheReason) {
  for (auto [condition, message] :
       std::vector<std::pair<std::string, std::string>>{
           {"ka.verb", "expected an operator"},
           {"ka.verb =", "expected a value"},
           {"ka.verb = get list", "expected \"and\", \"or\" or the end"},
           {"ka.uri endswith x=1", "expected \"and\", \"or\" or the end"},
           {"ka.verb = get and", "expected a comparison, a macro or \"(\""},
           {"and ka.verb = get", "expected a comparison"},
           {"not", "expected a comparison, a macro or"},
           {"(ka.verb = get", "expected \")\""},
           {"ka.verb = get)", "expected \"and\", \"or\" or the end"},
           {"ka.verb in (get, )", "expected a value"},
           {"ka.verb in (get list)", "expected \",\" or \")\""},
           {"ka.verb in (\"get)", "a quote that nothing ends"},
           {"verb = get", "no such field: \"verb\", did you mean \"ka.verb\"?"},
           {"proc.name = x", "no such field: \"proc.name\""},
           {"ka.uri.param = x", "\"ka.uri.param\" needs a key"},
           {"ka.verb[0] = x", "takes nothing in square brackets"},
           {"ka.req.pod.containers.image[x] in (a)", "takes a position"},
           {"ka.uri.param[a = x", "expected \"]\""},
           {"ka.verb < a", "expected a number, not \"a\""},
           {"ka.verb regex \"(\"", "missing ): ("},
           {"ka.verb regex \"(?=x)\"", "there is no lookaround"},
           {"ka.verb glob \"[[:digit:]]\"", "not supported in patterns"},
           {"ka.verb bcontains 00", "compares bytes"},
           {"ka.user.groups startswith anyof (a)", "is a list"},
           {"ka.verb in anyof (a)", "goes with comparisons of texts"},
           {"len(ka.verb) contains 3", "compares texts"},
           {"len(ka.verb) = x", "not a number: \"x\""},
           {"getopt(ka.verb, \"x\") = x", "no such function: \"getopt\""},
           {"lower(ka.verb) = x", "did you mean \"tolower\"?"},
           {"tolower(ka.verb = x", "expected \")\" to end \"tolower(\""},
           {"tolower(len(ka.verb)) = x", "takes a field with a text"},
           {"join(ka.user.groups) = x", "takes a text in quotes and a field"},
           {"concat(ka.user.groups, ka.verb) = x", "takes two or more texts"},
           {"ka.verb regex val(ka.uri)", "does not compare these two fields"},
           {"ka.verb = other", ""},
       }) {
    LoadedRules loaded =
        LoadFalco("- list: ls\n  items: [a, b]\n" + FalcoRuleOf(condition));
    EXPECT_THAT(Messages(loaded), HasSubstr(message)) << condition;
    EXPECT_EQ(loaded.rules->rules().size(), message.empty() ? 1u : 0u);
    EXPECT_EQ(loaded.refused, message.empty() ? 0u : 1u) << condition;
  }
  EXPECT_THAT(Messages(LoadFalco("- list: ls\n  items: [a, b]\n" +
                                 FalcoRuleOf("ka.verb = ls"))),
              HasSubstr("one value is expected, and the list has 2"));
  LoadedRules warned = LoadFalco(FalcoRuleOf("ka.target.name > 10"));
  EXPECT_THAT(Messages(warned), HasSubstr("rules.yaml:4:22: warning: "));
  EXPECT_EQ(warned.rules->rules().size(), 1u);
}

TEST(FalcoErrorsTest, RefusesObjectsWithTheReason) {
  const std::string rule = FalcoRuleOf("ka.verb=get", "Good");
  for (
      auto [object, message] : std::vector<std::pair<std::string, std::string>>{
          {"- rule: R\n  desc: d\n  condition: x\n  output: o\n",
           "9:3: error: the rule \"R\" has no \"priority\""},
          {"- rule: R\n  desc: d\n  condition: ''\n  output: o\n  priority: "
           "INFO",
           "error: \"condition\" is empty"},
          {"- rule: R\n  desc: d\n  condition: x\n  output: o\n  priority: "
           "HIGH",
           "no such priority: \"HIGH\""},
          {"- rul: R\n",
           "neither a rule nor a macro nor a list, did you mean "
           "\"rule\"?"},
          {"- text\n", "expected a map that begins with"},
          {"- list: l\n", "\"items\" must be a list"},
          {"- list: l\n  items: [[a]]\n", "\"items\" must be a text"},
          {"- macro: m\n  condition: [a]\n", "\"condition\" must be a text"},
          {"- rule: Goood\n  enabled: false\n",
           "there is no rule \"Goood\" before to change, did you mean "
           "\"Good\"?"},
          {"- macro: m\n  condition: x\n  append: true\n",
           "there is no macro \"m\" before"},
          {"- rule: Good\n  condition: or x\n  override: {condition: ad}\n",
           "expected append or replace, not \"ad\""},
          {"- rule: Good\n  priority: INFO\n  override: {priority: append}\n",
           "\"priority\" cannot be appended to"},
          {"- rule: Good\n  output: o\n  override: {desc: append}\n",
           "\"override\" names \"desc\", which is not here"},
          {"- rule: Good\n  desc: d\n  output: o\n  override: {desc: append}\n",
           "\"output\" is here, but \"override\" does not say"},
          {"- rule: Good\n  exceptions: [{name: e, values: [a]}]\n  append: "
           "true\n",
           "the exception \"e\" has no \"fields\""},
      }) {
    LoadedRules loaded = LoadFalco(rule + object);
    EXPECT_THAT(Messages(loaded), HasSubstr(message)) << object;
    EXPECT_EQ(loaded.rules->rules().size(), 1u) << object;
    EXPECT_EQ(loaded.refused, 1u) << object;
  }
  EXPECT_THAT(Messages(LoadFalco(
                  FalcoRuleOf("ka.verb=get", "R", "o", "  tgas: [x]\n"))),
              HasSubstr("rules.yaml:9:3: warning: unknown key: \"tgas\", did "
                        "you mean \"tags\"?"));
  EXPECT_THAT(Messages(LoadFalco(FalcoRuleOf("ka.verb=get", "R", "x %ka.usr"))),
              HasSubstr("rules.yaml:6:7: error: no such field"));
}

TEST(FalcoErrorsTest, RefusesExceptionsWithTheReason) {
  for (auto [exception, message] :
       std::vector<std::pair<std::string, std::string>>{
           {"fields: ka.vreb", "no such field"},
           {"fields: ka.verb x", "not a field"},
           {"fields: []", "names no field"},
           {"fields: ka.verb\n      comps: =", "must be in, intersects or"},
           {"fields: [ka.verb]\n      comps: [=, in]", "same form and length"},
           {"fields: [ka.verb]\n      comps: [is]", "no such operator"},
           {"fields: [ka.verb, ka.uri]\n      values: [[a]]",
            "expected a list of 2 values"},
           {"fields: [ka.user.groups]\n      values: [[a]]", "is a list"},
           {"fields: ka.verb\n      values: [[a]]", "expected a text"},
       }) {
    LoadedRules loaded = LoadFalco(
        FalcoRuleOf("ka.verb=get", "R", "o",
                    "  exceptions:\n    - name: e\n      " + exception + "\n"));
    EXPECT_THAT(Messages(loaded), HasSubstr(message)) << exception;
    EXPECT_TRUE(loaded.rules->rules().empty());
  }
}

TEST(FalcoErrorsTest, ABrokenItemCostsNoOther) {
  LoadedRules loaded = LoadFalco(
      "# rules\n- macro: m\n  condition: ka.verb=get\n" +
      std::string("- rule: Broken\n  desc: [x\n") + FalcoRuleOf("m", "Good"));
  EXPECT_EQ(loaded.rules->rules().size(), 1u) << Messages(loaded);
  EXPECT_EQ(loaded.refused, 1u) << Messages(loaded);
  // A rule that uses a broken macro says so; others live.
  loaded = LoadFalco("- macro: bad\n  condition: nothing\n" +
                     FalcoRuleOf("bad", "Hurt") +
                     FalcoRuleOf("ka.verb=get", "Good"));
  EXPECT_THAT(Messages(loaded), HasSubstr("rules.yaml:6:5: error: the macro "
                                          "\"bad\" is broken, at "
                                          "rules.yaml:1"));
  EXPECT_EQ(loaded.rules->rules().size(), 1u);
}

TEST(FalcoErrorsTest, FindsCycles) {
  EXPECT_THAT(
      Messages(LoadFalco("- macro: m\n  condition: m or ka.verb=get\n")),
      HasSubstr("rules.yaml:2:14: error: the macro \"m\" refers to "
                "itself"));
  EXPECT_THAT(Messages(LoadFalco("- macro: a\n  condition: ka.verb=get\n"
                                 "- macro: b\n  condition: a\n"
                                 "- macro: a\n  condition: not b\n")),
              HasSubstr("the macro \"a\" refers to itself"));
  EXPECT_THAT(Messages(LoadFalco("- list: a\n  items: [b]\n"
                                 "- list: b\n  items: [c]\n"
                                 "- list: c\n  items: [a]\n")),
              HasSubstr("the list \"a\" holds itself"));
}

TEST(FalcoErrorsTest, BoundsDepth) {
  auto nested = [](size_t depth) {
    return std::string(depth, '(') + "ka.verb=get" + std::string(depth, ')');
  };
  EXPECT_EQ(Messages(LoadFalco(FalcoRuleOf(nested(kMaxFalcoNesting)))), "");
  EXPECT_THAT(Messages(LoadFalco(FalcoRuleOf(nested(kMaxFalcoNesting + 1)))),
              HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(Messages(LoadFalco(FalcoRuleOf(std::string(100'000, '(')))),
              HasSubstr("nested deeper than 100 levels"));
  std::string calls, ends;
  for (int i = 0; i < 100; ++i) calls += "tolower(", ends += ")";
  EXPECT_THAT(Messages(LoadFalco(FalcoRuleOf(calls + "ka.verb" + ends + "=x"))),
              HasSubstr("functions nested too deeply"));
  // Each macro one level deeper than the one before.
  std::string macros = "- macro: m0\n  condition: ka.verb=get\n";
  for (int i = 1; i < 200; ++i) {
    std::string n = std::to_string(i), before = std::to_string(i - 1);
    macros += "- macro: m" + n + "\n  condition: (m" + before +
              " and ka.user.name=u" + n + ") or ka.target.name=t" + n + "\n";
  }
  EXPECT_THAT(Messages(LoadFalco(macros)),
              HasSubstr("nested deeper than 64 levels, macros included"));
  // References to what is defined later.
  std::string lists;
  for (int i = 0; i < 200; ++i) {
    lists += "- list: l" + std::to_string(i) + "\n  items: [l" +
             std::to_string(i + 1) + "]\n";
  }
  EXPECT_THAT(Messages(LoadFalco(lists)),
              HasSubstr("more than 100 lists within lists"));
}

TEST(FalcoErrorsTest, BoundsWhatDoubles) {
  std::string lists = "- list: l0\n  items: [a, b, c]\n";
  std::string macros = "- macro: m0\n  condition: ka.verb in (l60)\n";
  for (int i = 1; i <= 60; ++i) {
    std::string n = std::to_string(i), before = std::to_string(i - 1);
    lists +=
        "- list: l" + n + "\n  items: [l" + before + ", l" + before + "]\n";
    macros += "- macro: m" + n + "\n  condition: (m" + before +
              " and ka.target.name=a" + n + ") or (not m" + before +
              " and ka.user.name=b" + n + ")\n";
  }
  LoadedRules loaded = LoadFalco(lists + macros + FalcoRuleOf("m60", "Bomb") +
                                 FalcoRuleOf("ka.verb in (l60)", "Good"));
  EXPECT_THAT(Messages(loaded),
              HasSubstr("more than 20000 comparisons, macros included"));
  ASSERT_EQ(loaded.rules->rules().size(), 1u);
  EXPECT_EQ(loaded.rules->rules()[0].title, "Good");
  // Many large ones.
  std::string big = "- macro: m\n  condition: ka.uri=a0";
  for (int i = 1; i < 2000; ++i) {
    big += " or ka.target.name contains a" + std::to_string(i) +
           " and ka.uri=b" + std::to_string(i);
  }
  big += "\n";
  for (int i = 0; i < 2000; ++i) {
    big += FalcoRuleOf("not m", "R" + std::to_string(i));
  }
  loaded = LoadFalco(big);
  EXPECT_THAT(Messages(loaded), HasSubstr("too much in all"));
  EXPECT_GT(loaded.rules->rules().size(), 100u);
  EXPECT_LT(loaded.rules->rules().size(), 1000u);
}

TEST(FalcoErrorsTest, TellsAllOfARuleThatIsRefusedAlready) {
  LoadedRules loaded = LoadFalco(R"x(- rule: R
  desc: d
  condition: ka.verbb = get and nothing
  output: o %ka.usr
  priority: WARN
  source: k8s_audit
- rule: S
  condtion: ka.verb = get
  desc: d
  output: o %ka.vreb
  priority: INFO
  source: k8s_audit
- macro: m
  condiiton: ka.verb = get
)x");
  for (std::string_view message :
       {"rules.yaml:3:14: error: no such field: \"ka.verbb\"",
        "rules.yaml:3:33: error: no such macro: \"nothing\"",
        "rules.yaml:4:13: error: no such field",
        "rules.yaml:5:13: error: no such priority: \"WARN\"; they are "
        "EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFORMATIONAL, "
        "DEBUG",
        "the rule \"S\" has no \"condition\"",
        "unknown key: \"condtion\", did you mean \"condition\"?",
        "rules.yaml:10:13: error: no such field: \"ka.vreb\"",
        "rules.yaml:13:3: error: the macro \"m\" has no \"condition\"",
        "unknown key: \"condiiton\""}) {
    EXPECT_THAT(Messages(loaded), HasSubstr(std::string(message)));
  }
  EXPECT_EQ(loaded.refused, 3u);
}

TEST(FalcoErrorsTest, KnowsSlipsInTheSource) {
  EXPECT_THAT(Messages(LoadFalco("- rule: R\n  desc: d\n  condition: "
                                 "ka.verb=get\n  output: o\n  priority: INFO\n"
                                 "  source: k8saudit\n")),
              HasSubstr("left out: a rule for the source \"k8saudit\", did "
                        "you mean \"k8s_audit\"?"));
}

}  // namespace
}  // namespace oddverb
