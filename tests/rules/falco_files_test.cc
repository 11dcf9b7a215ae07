// The objects of Falco's files and what they do to one another.
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kGetEvent =
    R"("verb":"get","user":{"username":"jane"})";
constexpr std::string_view kList = R"("verb":"list","user":{"username":"joe"})";

// Which of two events rule R matches: "get", "list", "get list" or "".
std::string Matched(const std::string& text, FalcoOptions options = {}) {
  LoadedRules loaded = LoadFalco(text, std::move(options));
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  std::string matched;
  if (!FalcoMatches(loaded, kGetEvent).empty()) matched = "get";
  if (!FalcoMatches(loaded, kList).empty()) {
    matched += matched.empty() ? "list" : " list";
  }
  return matched;
}

TEST(FalcoFileTest, ResolvesListsWhereverValuesStand) {
  const std::string lists =
      "- list: reads\n  items: [get, watch]\n"
      "- list: nested\n  items: [reads, \"list\"]\n"
      "- list: one\n  items: ['get']\n"
      "- list: none\n  items: []\n"
      "- list: quoted\n  items: ['\"get\"', \"a b\"]\n";
  for (auto [condition, matched] :
       std::vector<std::pair<std::string, std::string>>{
           {"ka.verb in (reads)", "get"},
           {"ka.verb in (nested)", "get list"},
           {"ka.verb in (reads, list)", "get list"},
           {"ka.verb in (x, reads, none)", "get"},
           {"ka.verb in (none)", ""},
           {"not ka.verb in (none)", "get list"},
           {"ka.verb = one", "get"},
           {"ka.verb startswith one", "get"},
           {"ka.verb in (quoted)", "get"},
           {"ka.verb in (\"reads\")", ""},  // a text
           {"ka.verb startswith anyof (reads)", "get"},
       }) {
    EXPECT_EQ(Matched(lists + FalcoRuleOf(condition)), matched) << condition;
  }
  // Also where it is defined only later.
  EXPECT_EQ(Matched(FalcoRuleOf("ka.verb in (reads)") + lists), "get");
}

TEST(FalcoFileTest, ResolvesMacrosAsIfInParentheses) {
  const std::string macros =
      "- macro: a\n  condition: ka.verb=get or ka.verb=list\n"
      "- macro: b\n  condition: a and not ka.user.name=joe\n";
  EXPECT_EQ(Matched(macros + FalcoRuleOf("a and ka.user.name=jane")), "get");
  EXPECT_EQ(Matched(macros + FalcoRuleOf("b")), "get");
  EXPECT_EQ(Matched(macros + FalcoRuleOf("not b")), "list");
  EXPECT_EQ(Matched(FalcoRuleOf("b") + macros), "get");
}

TEST(FalcoFileTest, ReplacesWhatIsDefinedAgain) {
  const std::string rules =
      "- list: l\n  items: [get]\n"
      "- macro: m\n  condition: ka.verb in (l)\n" +
      FalcoRuleOf("m");
  EXPECT_EQ(Matched(rules + "- list: l\n  items: [list]\n"), "list");
  EXPECT_EQ(Matched(rules + "- macro: m\n  condition: ka.user.name=joe\n"),
            "list");
  EXPECT_EQ(Matched(rules + FalcoRuleOf("ka.verb=list")), "list");
}

TEST(FalcoFileTest, AppendsAndOverrides) {
  const std::string rules =
      "- list: l\n  items: [get]\n"
      "- macro: m\n  condition: ka.verb in (l)\n" +
      FalcoRuleOf("m");
  for (auto [more, matched] : std::vector<std::pair<std::string, std::string>>{
           {"- list: l\n  items: [list]\n  append: true\n", "get list"},
           {"- list: l\n  items: [list]\n  override: {items: append}\n",
            "get list"},
           {"- list: l\n  items: [list]\n  override: {items: replace}\n",
            "list"},
           {"- macro: m\n  condition: or ka.verb=list\n  append: true\n",
            "get list"},
           {"- macro: m\n  condition: and never\n  override: {condition: "
            "append}\n"
            "- macro: never\n  condition: ka.verb=x\n",
            "?"},
           {"- macro: m\n  condition: ka.verb=list\n  override: {condition: "
            "replace}\n",
            "list"},
           {"- rule: R\n  condition: or ka.verb=list\n  append: true\n",
            "get list"},
           {"- rule: R\n  condition: and ka.user.name=no\n  override: "
            "{condition: append}\n",
            ""},
           {"- rule: R\n  condition: ka.verb=list\n  override: {condition: "
            "replace}\n",
            "list"},
           {"- rule: R\n  enabled: false\n", ""},
           {"- rule: R\n  enabled: false\n  override: {enabled: replace}\n",
            ""},
           {"- rule: R\n  enabled: false\n- rule: R\n  enabled: true\n", "get"},
       }) {
    if (matched == "?") {
      // What is defined later is not seen.
      EXPECT_THAT(Messages(LoadFalco(rules + more)),
                  HasSubstr("error: the macro \"never\" is defined only later, "
                            "at rules.yaml:"));
      continue;
    }
    EXPECT_EQ(Matched(rules + more), matched) << more;
  }
}

TEST(FalcoFileTest, ChangesEverythingOfARule) {
  LoadedRules loaded = LoadFalco(
      FalcoRuleOf("ka.verb=get", "R", "a %ka.verb", "  tags: [x]\n") +
      "- rule: R\n  output: b\n  desc: e\n  tags: [y, x]\n  priority: error\n"
      "  override: {output: append, desc: append, tags: append, priority: "
      "replace}\n");
  ASSERT_EQ(Messages(loaded), "");
  const Rule& rule = loaded.rules->rules()[0];
  EXPECT_EQ(rule.description, "d e");
  EXPECT_THAT(rule.tags, ElementsAre("x", "y"));
  EXPECT_EQ(rule.priority, "ERROR");
  EXPECT_EQ(rule.level, RuleLevel::kHigh);
  EXPECT_EQ(rule.language, RuleLanguage::kFalco);
  EXPECT_EQ(rule.occasion, Occasion::kEvent);
  EXPECT_EQ(rule.place.ToString(), "rules.yaml:1");
  EXPECT_TRUE(loaded.rules->fields().test(static_cast<size_t>(FieldId::kVerb)));
  EXPECT_EQ(FalcoPrints("a %ka.verb b", kGetEvent), "a get b");
}

TEST(FalcoFileTest, TakesKeysThatAreForFalcosProbes) {
  EXPECT_EQ(Messages(LoadFalco(FalcoRuleOf(
                "ka.verb=get", "R", "o",
                "  warn_evttypes: false\n  capture: true\n"
                "  capture_duration: 5000\n  skip-if-unknown-filter: "
                "false\n"))),
            "");
}

TEST(FalcoFileTest, KeepsExceptionsApart) {
  const std::string list = "- list: l\n  items: [jane, x]\n";
  for (auto [exceptions, matched] :
       std::vector<std::pair<std::string, std::string>>{
           {"fields: ka.verb\n      values: [get, x]", "list"},
           {"fields: ka.user.name\n      values: [l]", "list"},
           {"fields: ka.uri\n      comps: pmatch\n      values: [/]",
            "get list"},
           {"fields: ka.verb\n      comps: startswith anyof\n      values: "
            "[ge]",
            "list"},
           {"fields: [ka.verb, ka.user.name]\n      values: [[get, jane]]",
            "list"},
           {"fields: [ka.verb, ka.user.name]\n      values: [[get, joe], "
            "[list, joe]]",
            "get"},
           {"fields: [ka.verb, ka.user.name]\n      comps: [in, startswith]\n"
            "      values: [[[get, list], jo]]",
            "get"},
           {"fields: [ka.verb, ka.user.name]\n      comps: [in, in]\n      "
            "values: [[get, l]]",
            "list"},
           {"fields: [ka.verb, ka.user.name]\n      comps: [in, =]\n      "
            "values: [['(get, x)', jane]]",
            "list"},
           {"fields: [ka.verb]\n      comps: [in]\n      values: []",
            "get list"},
           {"fields: [\"tolower(ka.verb)\"]\n      values: [[get]]", "list"},
       }) {
    std::string text = list + FalcoRuleOf("ka.verb exists", "R", "o",
                                          "  exceptions:\n    - name: e\n"
                                          "      " +
                                              exceptions + "\n");
    EXPECT_EQ(Matched(text), matched) << exceptions;
  }
}

TEST(FalcoFileTest, AppendsToExceptions) {
  const std::string rule =
      FalcoRuleOf("ka.verb exists", "R", "o",
                  "  exceptions:\n    - name: e\n      fields: ka.verb\n");
  EXPECT_EQ(Matched(rule), "get list");
  EXPECT_EQ(Matched(rule + "- rule: R\n  exceptions:\n    - name: e\n      "
                           "values: [get]\n  append: true\n"),
            "list");
  EXPECT_EQ(Matched(rule + "- rule: R\n  exceptions:\n    - name: f\n      "
                           "fields: ka.user.name\n      values: [joe]\n  "
                           "override: {exceptions: append}\n"),
            "get");
}

TEST(FalcoFileTest, LeavesOutWhatIsNotWanted) {
  const std::string rules =
      FalcoRuleOf("ka.verb=get", "A", "o", "  tags: [x]\n") +
      FalcoRuleOf("ka.verb=list", "B", "o", "  enabled: false\n");
  EXPECT_EQ(Matched(rules), "get");
  EXPECT_EQ(Matched(rules, {.min_priority = FalcoPriority::kNotice}), "");
  EXPECT_EQ(Matched(rules, {.min_priority = FalcoPriority::kInformational}),
            "get");
  EXPECT_EQ(Matched(rules, {.selections = {{true, "*", ""}}}), "get list");
  EXPECT_EQ(Matched(rules, {.selections = {{false, "", "x"}}}), "");
  EXPECT_EQ(Matched(rules, {.selections = {{false, "*", ""}, {true, "B", ""}}}),
            "list");
  LoadedRules other = LoadFalco(
      "- rule: S\n  desc: d\n  condition: evt.type=open\n  output: o\n  "
      "priority: INFO\n");
  EXPECT_EQ(other.other_sources, 1u);
  EXPECT_EQ(other.diagnostics.errors(), 0u);
  EXPECT_THAT(Messages(other), HasSubstr("for the source \"syscall\""));
  LoadedRules skipped = LoadFalco(FalcoRuleOf(
      "ka.new.field=x", "N", "o", "  skip-if-unknown-filter: true\n"));
  EXPECT_EQ(skipped.diagnostics.errors(), 0u) << Messages(skipped);
  EXPECT_EQ(skipped.diagnostics.warnings(), 1u);
}

TEST(FalcoFileTest, MatchesTheFirstRuleOrAll) {
  const std::string rules = FalcoRuleOf("ka.verb=list", "A") +
                            FalcoRuleOf("ka.verb exists", "B") +
                            FalcoRuleOf("ka.user.name exists", "C");
  EXPECT_THAT(FalcoMatches(LoadFalco(rules), kList),
              ElementsAre("A", "B", "C"));
  FalcoOptions first{.matching = RuleMatching::kFirst};
  EXPECT_THAT(FalcoMatches(LoadFalco(rules, first), kList), ElementsAre("A"));
  EXPECT_THAT(FalcoMatches(LoadFalco(rules, first), kGetEvent),
              ElementsAre("B"));
  EXPECT_THAT(FalcoMatches(LoadFalco(rules, first), ""), IsEmpty());
}

TEST(FalcoFileTest, SigmaAndFalcoStandSideBySide) {
  RuleLoader loader({}, {.matching = RuleMatching::kFirst});
  loader.Add("f.yaml",
             FalcoRuleOf("ka.verb=get", "F") + FalcoRuleOf("ka.verb=get", "G"));
  loader.Add("s.yml",
             "title: S\nlogsource: {product: kubernetes}\ndetection:\n  sel: "
             "{verb: get, stage: Panic}\n  condition: sel\n");
  LoadedRules loaded = std::move(loader).Finish();
  EXPECT_EQ(Messages(loaded), "");
  EXPECT_THAT(FalcoMatches(loaded, R"("verb":"get","stage":"Panic")"),
              ElementsAre("S", "F"));
}

TEST(FalcoFileTest, AsksForNoMoreThanThereIs) {
  const std::string rule = FalcoRuleOf("ka.verb=get");
  for (const char* good :
       {"required_engine_version: 15", "required_engine_version: 62",
        "required_engine_version: 0.31.0",
        "required_plugin_versions: [{name: k8saudit, version: 0.18.0}]",
        "required_plugin_versions: [{name: other, version: 1.0.0, "
        "alternatives: [{name: json, version: 0.1.0}]}]"}) {
    LoadedRules loaded = LoadFalco("- " + std::string(good) + "\n" + rule);
    EXPECT_EQ(Messages(loaded), "") << good;
    EXPECT_EQ(loaded.rules->rules().size(), 1u) << good;
  }
  for (const char* bad :
       {"required_engine_version: 63", "required_engine_version: 1.0.0",
        "required_engine_version: x",
        "required_plugin_versions: [{name: json, version: 0.99.0}]",
        "required_plugin_versions: [{name: json, version: 1.0.0}]",
        "required_plugin_versions: [{name: json}]"}) {
    LoadedRules loaded = LoadFalco("- " + std::string(bad) + "\n" + rule);
    EXPECT_EQ(loaded.diagnostics.errors(), 1u) << bad << Messages(loaded);
    EXPECT_TRUE(loaded.rules->rules().empty()) << bad;
  }
  LoadedRules loaded = LoadFalco(
      "- required_plugin_versions: [{name: okta, version: 1.0.0}]\n" + rule);
  EXPECT_THAT(Messages(loaded), HasSubstr("warning: the plugin \"okta\""));
  EXPECT_EQ(loaded.rules->rules().size(), 1u);
}

}  // namespace
}  // namespace oddverb
