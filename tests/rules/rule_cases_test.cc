#include "rules/rule_cases.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "rules/rule_case_runner.h"
#include "tests/support/builtin_rules.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> ErrorsIn(std::string_view text) {
  RuleDiagnostics diagnostics;
  ReadRuleCases("cases.yaml", text, diagnostics);
  std::vector<std::string> errors;
  for (const RuleDiagnostic& diagnostic : diagnostics.kept()) {
    errors.push_back(diagnostic.ToString());
  }
  return errors;
}

std::vector<RuleCase> Read(std::string_view text) {
  RuleDiagnostics diagnostics;
  std::vector<RuleCase> cases = ReadRuleCases("cases.yaml", text, diagnostics);
  for (const RuleDiagnostic& d : diagnostics.kept()) {
    ADD_FAILURE() << d.ToString();
  }
  return cases;
}

// The JSON of the only event of a file with these keys.
std::string EventOf(std::string_view fields, std::string_view bases = "") {
  std::vector<RuleCase> cases =
      Read(std::string(bases) + "cases:\n  - rule: r\n    match: [" +
           std::string(fields) + "]\n");
  if (cases.size() != 1 || cases[0].events.size() != 1) return "?";
  return cases[0].events[0].json;
}

constexpr std::string_view kRules =
    "title: Secrets\n"
    "name: secrets\n"
    "logsource: {product: kubernetes}\n"
    "detection:\n"
    "  sel: {resource: secrets}\n"
    "  condition: sel\n"
    "---\n"
    "title: Many\n"
    "name: many\n"
    "correlation:\n"
    "  type: event_count\n"
    "  rules: secrets\n"
    "  group-by: user.username\n"
    "  timespan: 1m\n"
    "  condition: {gte: 3}\n";

std::vector<std::string> Failures(std::string_view cases) {
  RuleLoader loader({});
  loader.Add("rules.yaml", kRules);
  LoadedRules loaded = std::move(loader).Finish();
  std::vector<std::string> failures;
  for (const CaseResult& result :
       RunRuleCases(Read(cases), loaded, DecoderForCases())) {
    EXPECT_EQ(result.passed, result.reason.empty());
    if (result.passed) continue;
    failures.push_back(result.place.ToString() + " " + result.reason);
  }
  return failures;
}

TEST(RuleCasesTest, AnEventIsASuccessfulRequestWithFieldsOfItsOwn) {
  std::string event = EventOf("{verb: list, resource: pods, namespace: a}");
  EXPECT_THAT(event, HasSubstr(R"("verb":"list")"));
  EXPECT_THAT(event, HasSubstr(R"("objectRef":{"resource":"pods",)"
                               R"("namespace":"a"})"));
  EXPECT_THAT(event, HasSubstr(R"("requestURI":"/api/v1/namespaces/a/pods")"));
  EXPECT_THAT(event, HasSubstr(R"("responseStatus":{"code":200})"));
  EXPECT_THAT(event, HasSubstr(R"("stageTimestamp":"2026-01-05T09:00:00.)"));
}

TEST(RuleCasesTest, MapsAreAddedAllElseReplaces) {
  constexpr std::string_view kBases =
      "events:\n"
      "  b: {requestObject.spec: {a: 1, list: [1, 2]}, user.groups: [g]}\n";
  std::string event = EventOf(
      "{base: b, requestObject: {spec: {b: 2, list: [3]}}, userAgent: null}",
      kBases);
  EXPECT_THAT(event, HasSubstr(R"("spec":{"a":1,"list":[3],"b":2})"));
  EXPECT_THAT(event, HasSubstr(R"("groups":["g"])"));
  EXPECT_THAT(event, ::testing::Not(HasSubstr("userAgent")));
}

TEST(RuleCasesTest, TypesAreThoseOfYaml) {
  std::string event = EventOf(
      "{requestObject: {a: 1, b: '1', c: true, d: \"true\", e: null, f: 1.30,"
      " g: x}}");
  EXPECT_THAT(event, HasSubstr(R"({"a":1,"b":"1","c":true,"d":"true","e":null,)"
                               R"("f":"1.30","g":"x"})"));
}

TEST(RuleCasesTest, KeysWithDotsStayWhole) {
  EXPECT_THAT(EventOf("{annotations.k8s.io/deprecated: 'true'}"),
              HasSubstr(R"("k8s.io/deprecated":"true")"));
  EXPECT_THAT(EventOf("{requestObject.metadata.labels: {a.b/c: d}}"),
              HasSubstr(R"("labels":{"a.b/c":"d"})"));
}

TEST(RuleCasesTest, RepeatsWithNumbersAndTimes) {
  std::vector<RuleCase> cases = Read(
      "cases:\n"
      "  - rule: r\n"
      "    firings: 2\n"
      "    events:\n"
      "      - {name: 's-{n}', repeat: 2, every: 5s}\n"
      "      - {name: last}\n"
      "      - {name: later, at: 1m}\n");
  ASSERT_THAT(cases, SizeIs(1));
  EXPECT_EQ(cases[0].firings, 2u);
  ASSERT_THAT(cases[0].events, SizeIs(4));
  const char* names[] = {"s-1", "s-2", "last", "later"};
  const char* times[] = {"09:00:00", "09:00:05", "09:00:10", "09:01:00"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(cases[0].events[i].json, HasSubstr(names[i]));
    EXPECT_THAT(cases[0].events[i].json, HasSubstr(times[i]));
  }
}

TEST(RuleCasesTest, AWholeEventAsJson) {
  EXPECT_EQ(EventOf(R"({json: '{"kind":"Event"}', why: as it came})"),
            R"({"kind":"Event"})");
  EXPECT_THAT(ErrorsIn("cases: [{rule: r, match: [{json: '{}', verb: get}]}]"),
              ElementsAre(HasSubstr("nothing can be added")));
}

TEST(RuleCasesTest, ErrorsNameTheirPlaceAndTheRestIsRead) {
  EXPECT_THAT(
      ErrorsIn("cases:\n"
               "  - rule: a\n"
               "    match: [{objectRef.nmae: x}, {base: none}]\n"
               "  - match: [{verb: get}]\n"
               "  - {rule: b, mach: [{verb: get}]}\n"
               "  - {rule: c, events: [{verb: get, at: soon}]}\n"
               "  - {rule: d, match: [{repeat: 0}]}\n"
               "caes: []\n"),
      ElementsAre(
          HasSubstr("cases.yaml:3:14: error: audit events have no field "
                    "\"objectRef.nmae\", did you mean \"objectRef.name\"?"),
          HasSubstr("cases.yaml:3:41: error: no event of this name above"),
          HasSubstr("cases.yaml:4:5: error: no \"rule\""),
          HasSubstr("cases.yaml:5:5: error: nothing to check"),
          HasSubstr("unknown key: \"mach\""), HasSubstr("cases.yaml:6:"),
          HasSubstr("cases.yaml:7:32: error: \"repeat\" must be from 1"),
          HasSubstr("caes")));
  RuleDiagnostics diagnostics;
  EXPECT_THAT(ReadRuleCases("c.yaml",
                            "cases: [{rule: a, match: [{x: 1}, {verb: b}]}]\n"
                            "---\n"
                            "cases: [\n"
                            "---\n"
                            "cases: [{rule: c, no_match: [{verb: d}]}]\n",
                            diagnostics),
              SizeIs(2));
  EXPECT_EQ(diagnostics.errors(), 2u);
}

TEST(RuleCasesTest, IsBounded) {
  EXPECT_THAT(ErrorsIn("cases:\n"
                       "  - rule: r\n"
                       "    events:\n"
                       "      - {verb: a, repeat: 10000, every: 1ms}\n"
                       "      - {verb: a, repeat: 10000, every: 1ms}\n"
                       "      - {verb: a, repeat: 10000, every: 1ms}\n"),
              ElementsAre(HasSubstr("more than 20000 events")));
  EXPECT_THAT(ErrorsIn("cases: [{rule: r, match: [{repeat: 10001}]}]"),
              ElementsAre(HasSubstr("\"repeat\" must be from 1 to 10000")));
  EXPECT_THAT(
      ErrorsIn("cases: [{rule: r, match: [{repeat: 10000, every: 1d}]}]"),
      ElementsAre(HasSubstr("later than a year")));
  EXPECT_THAT(ErrorsIn(std::string(17 << 20, '#')),
              ElementsAre(HasSubstr("larger than 16 MiB")));
}

TEST(RuleCaseRunnerTest, SaysWhichEventFailsAndWhatMatchesInstead) {
  EXPECT_THAT(Failures("cases:\n"
                       "  - rule: secrets\n"
                       "    match:\n"
                       "      - {resource: secrets}\n"
                       "      - {resource: pods}\n"
                       "    no_match:\n"
                       "      - {resource: pods}\n"
                       "      - {resource: secrets}\n"),
              ElementsAre("cases.yaml:5 must match, and does not; no other "
                          "rule does",
                          "cases.yaml:8 matches, and must not"));
}

TEST(RuleCaseRunnerTest, CountsTheFiringsOfACorrelation) {
  constexpr std::string_view kCases =
      "cases:\n"
      "  - {rule: many, events: [{resource: secrets, repeat: 3}]}\n"
      "  - {rule: many, firings: 0, events: [{resource: secrets, repeat: 2}]}\n"
      "  - {rule: many, firings: 2, events: [{resource: secrets, repeat: 3}]}\n"
      "  - {rule: many, firings: 0, events: "
      "[{resource: secrets, repeat: 3, every: 31s}]}\n";
  EXPECT_THAT(Failures(kCases),
              ElementsAre("cases.yaml:4 fires 1 times, and must 2 times"));
}

TEST(RuleCaseRunnerTest, NamesARuleThatIsNotThere) {
  EXPECT_THAT(Failures("cases:\n"
                       "  - {rule: secret, match: [{verb: get}]}\n"
                       "  - {rule: many, match: [{verb: get}]}\n"
                       "  - {rule: secrets, events: [{verb: get}]}\n"
                       "  - {rule: secrets, match: [{json: '[]'}]}\n"),
              ElementsAre(HasSubstr("there is no rule \"secret\", did you mean "
                                    "\"secrets\"?"),
                          HasSubstr("a correlation: write \"events\""),
                          HasSubstr("no correlation: write \"match\""),
                          HasSubstr("no audit event")));
}

TEST(RuleCaseRunnerTest, FindsRulesWithoutCases) {
  RuleLoader loader({});
  loader.Add("rules.yaml", kRules);
  LoadedRules loaded = std::move(loader).Finish();
  std::vector<UntestedRule> untested = FindUntestedRules(
      Read("cases:\n"
           "  - {rule: secrets, match: [{verb: get}]}\n"
           "  - {rule: many, firings: 0, events: [{verb: get}]}\n"
           "  - {rule: many, firings: 1, events: [{verb: get}]}\n"),
      loaded);
  ASSERT_THAT(untested, SizeIs(1));
  EXPECT_EQ(untested[0].rule, "secrets");
  EXPECT_FALSE(untested[0].lacks_match);
  EXPECT_TRUE(untested[0].lacks_no_match);
}

}  // namespace
}  // namespace oddverb
