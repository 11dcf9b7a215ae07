// Whole Sigma documents: conditions, array blocks, filters, several documents.
#include "tests/support/sigma_rules.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

// Which of {a: 1, b: 1, c: 1} must be there?
bool Holds(std::string_view condition, std::string_view present) {
  std::string detection;
  for (char name : std::string("abc")) {
    detection += "sel_" + std::string(1, name) + ": {" + name + ": 1}\n";
  }
  detection += "_hidden: {h: 1}\ncondition: " + std::string(condition);
  std::string record = "{\"x\":0";
  for (char name : present) record += ",\"" + std::string(1, name) + "\":1";
  return MatchesRecord(LoadSigma(RuleOf(detection)), record + "}");
}

TEST(SigmaConditionTest, Precedence) {
  EXPECT_TRUE(Holds("sel_a or sel_b and sel_c", "a"));
  EXPECT_FALSE(Holds("sel_a or sel_b and sel_c", "b"));
  EXPECT_TRUE(Holds("sel_a or sel_b and sel_c", "bc"));
  EXPECT_FALSE(Holds("(sel_a or sel_b) and sel_c", "a"));
  EXPECT_TRUE(Holds("not sel_a and sel_b", "b"));
  EXPECT_FALSE(Holds("not (sel_a or sel_b)", "b"));
  EXPECT_TRUE(Holds("not sel_a or sel_b", "ab"));
  EXPECT_TRUE(Holds("not 1 of sel_*", ""));
  EXPECT_TRUE(Holds("not not sel_a", "a"));
  EXPECT_TRUE(Holds("NOT sel_a AND (sel_b OR sel_c)", "c"));
  EXPECT_TRUE(Holds("((((sel_a))))", "a"));
}

TEST(SigmaConditionTest, CountsOfSelections) {
  EXPECT_TRUE(Holds("1 of them", "b"));
  EXPECT_FALSE(Holds("1 of them", "h"));  // "_hidden" is left out
  EXPECT_TRUE(Holds("_hidden", "h"));
  EXPECT_TRUE(Holds("1 of _*", "h"));
  EXPECT_TRUE(Holds("any of sel_*", "c"));
  EXPECT_TRUE(Holds("all of them", "abc"));
  EXPECT_FALSE(Holds("all of sel*", "ab"));
  EXPECT_TRUE(Holds("1 of *_b", "b"));
  EXPECT_TRUE(Holds("1 of s*_b", "b"));
  EXPECT_TRUE(Holds("2 of sel_*", "ac"));
  EXPECT_FALSE(Holds("2 of sel_*", "a"));
  EXPECT_TRUE(Holds("3 of them", "abc"));
  EXPECT_TRUE(Holds("1 of sel_a and not sel_b", "a"));
  EXPECT_TRUE(Holds("1 OF THEM", "b"));
  EXPECT_FALSE(Holds("ALL Of Them", "ab"));
}

TEST(SigmaConditionTest, AListOfConditionsIsAlternatives) {
  EXPECT_TRUE(Holds("[sel_a, sel_b and sel_c]", "bc"));
  EXPECT_TRUE(Holds("[sel_a, sel_b and sel_c]", "a"));
  EXPECT_FALSE(Holds("[sel_a, sel_b and sel_c]", "b"));
}

TEST(SigmaRuleTest, MapsAndListsNest) {
  LoadedRules loaded = LoadSigma(RuleOf(R"(sel:
- a: 1
  b: [1, 2]
- - c: 3
  - d: 4
condition: sel)"));
  EXPECT_TRUE(MatchesRecord(loaded, R"({"a":1,"b":2})"));
  EXPECT_FALSE(MatchesRecord(loaded, R"({"a":1,"b":3})"));
  EXPECT_TRUE(MatchesRecord(loaded, R"({"d":4})"));
}

TEST(SigmaRuleTest, ArrayBlocksAreOfVersion3) {
  auto matches = [](std::string_view selection, std::string_view record) {
    return MatchesRecord(LoadSigma(RuleOf("sel:\n  " + std::string(selection) +
                                              "\ncondition: sel",
                                          "sigma-version: 3\n")),
                         record);
  };
  constexpr std::string_view kSame = "c[any]: {p: TCP, ip|cidr: 10.0.0.0/8}";
  EXPECT_TRUE(
      matches(kSame, R"({"c":[{"p":"u"},{"p":"tcp","ip":"10.1.1.1"}]})"));
  EXPECT_FALSE(
      matches(kSame, R"({"c":[{"p":"u","ip":"10.1.1.1"},{"p":"tcp"}]})"));
  EXPECT_TRUE(matches(kSame, R"({"c":{"p":"tcp","ip":"10.1.1.1"}})"));
  for (std::string_view empty : {"{}", R"({"c":[]})", R"({"c":null})"}) {
    EXPECT_FALSE(matches("c[any]: {p: 1}", empty)) << empty;
    EXPECT_FALSE(matches("c[all]: {p: 1}", empty)) << empty;
    EXPECT_TRUE(matches("c[all_or_empty]: {p: 1}", empty)) << empty;
    EXPECT_TRUE(matches("c[none]: {p: 1}", empty)) << empty;
  }
  EXPECT_TRUE(matches("c[all]: {p: 1}", R"({"c":[{"p":1},{"p":"1"}]})"));
  EXPECT_FALSE(matches("c[all]: {p: 1}", R"({"c":[{"p":1},{"q":1}]})"));
  EXPECT_FALSE(matches("c[none]: {p: 1}", R"({"c":[{"p":1},{"q":1}]})"));
  EXPECT_TRUE(
      matches("t[all]|startswith: '123.'", R"({"t":["123.1","123.2"]})"));
  EXPECT_FALSE(matches("t[all]|startswith: '123.'", R"({"t":["123.1","2"]})"));
  EXPECT_TRUE(matches("r[any]: {type: allow, 'ip[all]|startswith': '1.'}",
                      R"({"r":[{"type":"allow","ip":["1.1","1.2"]}]})"));
  EXPECT_TRUE(matches("r[any].ip[0]: '1'", R"({"r":[{"ip":[2]},{"ip":[1]}]})"));
  EXPECT_TRUE(matches("'a\\[0\\]': x", R"({"a[0]":"x"})"));
  constexpr std::string_view kExtended =
      "rc[any]:\n    condition: err and not gw\n    err: {'.|gte': 500}\n"
      "    gw: {.: 504}";
  EXPECT_TRUE(matches(kExtended, R"({"rc":[504,502]})"));
  EXPECT_FALSE(matches(kExtended, R"({"rc":[504,200]})"));
  // Before version 3 the brackets are letters.
  EXPECT_TRUE(Selects("'c[any]': x", R"({"c[any]":"x"})"));
}

TEST(SigmaRuleTest, KeepsWhatARuleSaysOfItself) {
  LoadedRules loaded = LoadSigma(R"(title: One
id: 0e95725d-7320-415d-80f7-004da920fc11
name: one
status: test
level: high
description: What it is
author: Me
date: 2026-01-02
tags: [attack.t1078, attack.persistence]
falsepositives:
  - Admins
references: https://example.org/
custom: {kept: silently}
logsource: {product: Kubernetes, service: audit}
detection:
  sel: {verb: create}
  condition: sel
)");
  ASSERT_EQ(loaded.rules->rules().size(), 1u) << Messages(loaded);
  const Rule& rule = loaded.rules->rules()[0];
  EXPECT_EQ(rule.title, "One");
  EXPECT_EQ(rule.id, "0e95725d-7320-415d-80f7-004da920fc11");
  EXPECT_EQ(rule.name, "one");
  EXPECT_EQ(rule.level, RuleLevel::kHigh);
  EXPECT_EQ(rule.tags.size(), 2u);
  EXPECT_EQ(rule.falsepositives, std::vector<std::string>{"Admins"});
  EXPECT_EQ(rule.references.size(), 1u);
  EXPECT_EQ(rule.product, "kubernetes");
  EXPECT_EQ(rule.place.ToString(), "rules.yml:1");
  EXPECT_EQ(rule.predicate.ToString(), R"(verb = "create")");
  EXPECT_EQ(Messages(loaded), "");
}

TEST(SigmaRuleTest, RequestsAreJudgedOnceUnlessARuleNamesTheStage) {
  LoadedRules loaded = LoadSigma(
      RuleOf("sel: {verb: get}\ncondition: sel") + "---\n" +
      RuleOf("sel: {verb: get, stage: RequestReceived}\ncondition: sel"));
  ASSERT_EQ(loaded.rules->rules().size(), 2u) << Messages(loaded);
  RuleMatcher matcher(loaded.rules);
  EventBuilder builder;
  const AuditEvent& event = builder.Stage(Stage::kRequestReceived).Build();
  EXPECT_FALSE(CarriesResponseStatus(event));
  auto matches = matcher.Match(event, RuleMatcher::Request::kOther);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0], &loaded.rules->rules()[1]);
  EventBuilder done;
  matches = matcher.Match(done.Build(), RuleMatcher::Request::kFirstWithStatus);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0], &loaded.rules->rules()[0]);
}

TEST(SigmaRuleTest, EmptyMeansAbsentOnlyInTheAuditLogsObjectRef) {
  auto load = [](std::string_view product) {
    return LoadSigma("title: T\nlogsource: {product: " + std::string(product) +
                     "}\ndetection:\n  sel: {objectRef.apiGroup: ''}\n"
                     "  condition: sel\n");
  };
  EXPECT_TRUE(MatchesRecord(load("kubernetes"), R"({"objectRef":{}})"));
  EXPECT_FALSE(MatchesRecord(load("other"), R"({"objectRef":{}})"));
  EXPECT_TRUE(MatchesRecord(load("other"), R"({"objectRef":{"apiGroup":""}})"));
}

TEST(SigmaRuleTest, GlobalDocumentsAreInherited) {
  LoadedRules loaded = LoadSigma(R"(action: global
title: G
logsource: {product: test}
detection:
  sel: {a: 1}
  condition: sel
---
detection:
  more: {b: 2}
  condition: sel and more
---
action: repeat
title: R
detection:
  condition: more
---
action: reset
---
title: Alone
logsource: {product: test}
detection:
  sel: {c: 3}
  condition: sel
)");
  ASSERT_EQ(loaded.rules->rules().size(), 3u) << Messages(loaded);
  EXPECT_EQ(loaded.rules->rules()[0].title, "G");
  EXPECT_EQ(loaded.rules->rules()[0].predicate.ToString(),
            R"(a = "1" and b = "2")");
  EXPECT_EQ(loaded.rules->rules()[1].title, "R");
  EXPECT_EQ(loaded.rules->rules()[1].predicate.ToString(), R"(b = "2")");
  EXPECT_EQ(loaded.rules->rules()[2].predicate.ToString(), R"(c = "3")");
}

std::string FilterOf(std::string_view rules, std::string_view condition,
                     std::string_view product = "test") {
  return "---\ntitle: F\nlogsource: {product: " + std::string(product) +
         "}\nfilter:\n  rules: " + std::string(rules) +
         "\n  sel: {user: adm}\n  condition: " + std::string(condition) + "\n";
}

TEST(SigmaFilterTest, SuppressesWhatItSelects) {
  std::string rule =
      RuleOf("sel: {a: 1}\ncondition: sel", "id: id-1\nname: one\n");
  struct FilterCase {
    std::string filter;
    bool suppresses;
  };
  for (const FilterCase& c : std::vector<FilterCase>{
           {FilterOf("[id-1]", "sel"), true},
           {FilterOf("one", "sel"), true},
           {FilterOf("any", "sel"), true},
           {FilterOf("[id-1]", "not sel"), true},  // as pySigma writes it
           {FilterOf("any", "sel", "windows"), false},
           {FilterOf("[id-2]", "sel"), false}}) {
    for (const std::string& text :
         {rule + c.filter, c.filter + "---\n" + rule}) {
      LoadedRules loaded = LoadSigma(text);
      EXPECT_TRUE(MatchesRecord(loaded, R"({"a":1,"user":"joe"})")) << text;
      EXPECT_EQ(MatchesRecord(loaded, R"({"a":1,"user":"adm"})"), !c.suppresses)
          << text;
    }
  }
  EXPECT_THAT(Messages(LoadSigma(rule + FilterOf("[id-2]", "sel"))),
              HasSubstr("no rule of this id or name: \"id-2\", did you mean "
                        "\"id-1\"?"));
}

TEST(SigmaRuleTest, AllPartsOfLogSourcesThatBothNameMustAgree) {
  const SigmaLogSource log = {"kubernetes", "audit", "application"};
  for (auto [rule, fits] : std::vector<std::pair<SigmaLogSource, bool>>{
           {{"kubernetes", "audit", "application"}, true},
           {{"kubernetes", "audit", ""}, true},
           {{"kubernetes", "", ""}, true},
           {{"", "audit", ""}, true},
           {{"", "", "application"}, true},
           {{"azure", "", ""}, false},
           {{"azure", "audit", ""}, false},
           {{"kubernetes", "activitylogs", ""}, false},
           {{"kubernetes", "audit", "webserver"}, false},
           {{"", "", "process_creation"}, false}}) {
    EXPECT_EQ(FitsLogSource(rule, log), fits)
        << rule.product << " " << rule.service << " " << rule.category;
    EXPECT_TRUE(FitsLogSource(rule, {}));
  }
}

// Rules for the logs of clouds: not for the API server's, but they match
// records of their own.
TEST(SigmaRuleTest, RulesForLogsOfCloudsMatchRecordsOfTheseLogs) {
  struct Cloud {
    std::string source, selection, record, other;
  };
  for (
      const Cloud& c : std::vector<Cloud>{
          {"product: azure, service: activitylogs",
           "operationName: [MICROSOFT.KUBERNETES/CONNECTEDCLUSTERS/BATCH/"
           "CRONJOBS/WRITE, MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/WRITE]",
           R"({"operationName":"Microsoft.ContainerService/managedClusters/write"})",
           R"({"operationName":"Microsoft.ContainerService/managedClusters/read"})"},
          {"product: gcp, service: gcp.audit",
           "gcp.audit.method_name: [io.k8s.api.batch.v*.Job, "
           "io.k8s.core.v*.secrets.update]",
           R"({"gcp":{"audit":{"method_name":"io.k8s.core.v1.secrets.update"}}})",
           R"({"gcp":{"audit":{"method_name":"io.k8s.core.v1.secrets.get"}}})"},
          {"product: aws, service: cloudtrail",
           "{eventSource: eks.amazonaws.com, eventName: [CreateCluster, "
           "DeleteCluster]}",
           R"({"eventSource":"eks.amazonaws.com","eventName":"DeleteCluster"})",
           R"({"eventSource":"eks.amazonaws.com","eventName":"ListClusters"})"}}) {
    const std::string text =
        "title: T\nlogsource: {" + c.source +
        "}\ndetection:\n  sel: " + (c.selection[0] == '{' ? "" : "\n    ") +
        c.selection + "\n  condition: sel\n";
    RuleLoader audit({});
    audit.Add("r.yml", text);
    LoadedRules left_out = std::move(audit).Finish();
    EXPECT_EQ(left_out.other_sources, 1u) << Messages(left_out);
    EXPECT_EQ(left_out.refused, 0u);
    LoadedRules loaded = LoadSigma(text);
    EXPECT_TRUE(MatchesRecord(loaded, c.record)) << c.source;
    EXPECT_FALSE(MatchesRecord(loaded, c.other)) << c.source;
  }
}

TEST(SigmaRuleTest, KnowsTheAnchorsOfYaml) {
  LoadedRules loaded = LoadSigma(RuleOf(
      "sel: {a: &both [x, y]}\nother: {b: *both}\ncondition: sel or other"));
  EXPECT_TRUE(MatchesRecord(loaded, R"({"b":"y"})"));
  EXPECT_FALSE(MatchesRecord(loaded, R"({"b":"z"})"));
}

TEST(SigmaRuleTest, LeavesOutWhatIsForOthers) {
  LoadedRules loaded =
      LoadSigma("title: C\ncorrelation: {type: event_count}\n---\n" +
                RuleOf("sel: {a: 1}\ncondition: sel"));
  EXPECT_TRUE(loaded.correlations->empty());
  EXPECT_EQ(loaded.refused, 1u);
  EXPECT_EQ(loaded.rules->rules().size(), 1u);
  EXPECT_THAT(Messages(LoadSigma("- a\n- b\n")),
              HasSubstr("rules.yml:1:1: error: a list, but not of Falco's"));
  RuleLoader loader({});
  loader.Add("w.yml", RuleOf("sel: {a: 1}\ncondition: sel"));
  LoadedRules other = std::move(loader).Finish();
  EXPECT_EQ(other.other_sources, 1u);
  EXPECT_TRUE(other.rules->rules().empty());
}

}  // namespace
}  // namespace oddverb
