// `oddverb rules ...`, as people use it who write rules.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kExec[] =
    "title: Somebody runs a command\n"
    "id: 11111111-1111-4111-8111-111111111111\n"
    "name: exec\n"
    "level: high\n"
    "tags: [attack.t1609]\n"
    "logsource: {product: kubernetes, service: audit}\n"
    "detection:\n"
    "  sel: {objectRef.subresource: exec}\n"
    "  condition: sel\n";

std::string Sigma(const std::string& title, const std::string& selection) {
  return absl::StrCat("title: ", title, "\nname: ", title,
                      "\nlogsource: {product: web}\ndetection:\n  sel: {",
                      selection, "}\n  condition: sel\n---\n");
}

std::vector<json> Lines(const std::string& text) {
  std::vector<json> lines;
  for (const std::string& line : LinesOf(text)) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

// "TITLE N", or "TITLE -" where a window's end found it.
std::vector<std::string> Matches(const ChildResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  std::vector<std::string> matches;
  for (const json& line : Lines(result.output)) {
    matches.push_back(line["rule"].get<std::string>() + " " +
                      (line["event"].is_null() ? "-" : line["event"].dump()));
  }
  return matches;
}

TEST(RulesTest, CheckTellsEveryMistakeOfEveryFileAtOnce) {
  TempFolder folder;
  folder.Write("good.yml", kExec);
  folder.Write("bad.yml",
               "title: Bad\nlogsource: {product: kubernetes}\ndetection:\n"
               "  sel: {verb|contians: x}\n  condition: sel and sol\n");
  folder.Write("falco.yaml",
               "- rule: F\n  desc: d\n  condition: ka.verbb = get\n"
               "  output: o\n  priority: INFO\n  source: k8s_audit\n");
  ChildResult result = Oddverb({"rules", "check", folder.path()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.errors,
              HasSubstr("/bad.yml:4:14: error: unknown modifier: \"contians\", "
                        "did you mean \"contains\"?\n"
                        "      sel: {verb|contians: x}\n"
                        "                 ^\n"));
  EXPECT_THAT(result.errors,
              HasSubstr("/bad.yml:5:22: error: no selection of this name"));
  EXPECT_THAT(result.errors,
              HasSubstr("/falco.yaml:3:14: error: no such field: "
                        "\"ka.verbb\", did you mean \"ka.verb\"?"));
  EXPECT_THAT(result.errors, HasSubstr("1 rule in 3 files; "));

  ChildResult good = Oddverb({"rules", "check", folder.path("good.yml")});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.errors, HasSubstr("1 rule in 1 file; 0 errors, 0 warnings"));
  EXPECT_EQ(Oddverb({"rules", "check", folder.path("none.yml")}).exit_code, 2);
}

TEST(RulesTest, CheckAgainstALogCountsMatchesADayAndByWhom) {
  TempFolder folder;
  const std::string rules = folder.Write("exec.yml", kExec);
  folder.Write("never.yml", Sigma("never", "verb: nothing"));
  const std::string log = Sample("exec-metadata.log.gz");
  ChildResult result = Oddverb({"rules", "check", rules, "--against", log});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("RULE"));
  EXPECT_THAT(result.output, HasSubstr("\nexec "));

  ChildResult as_json =
      Oddverb({"rules", "check", rules, "--against", log, "--format", "json"});
  const json rows = json::parse(as_json.output);
  ASSERT_EQ(rows.size(), 1u);
  const ChildResult matches =
      Oddverb({"rules", "match", "--rules", rules, log});
  const size_t expected = Matches(matches).size();
  ASSERT_GT(expected, 0u);
  EXPECT_EQ(rows[0]["rule"], "exec");
  EXPECT_EQ(rows[0]["matches"], expected);
  EXPECT_GT(rows[0]["matches_per_day"].get<double>(), expected);
  EXPECT_GE(rows[0]["top_entities"].size(), 1u);
}

TEST(RulesTest, CheckAgainstALogNamesRulesAndGoesOnWithoutTheBroken) {
  TempFolder folder;
  std::string unnamed = kExec;
  unnamed.erase(unnamed.find("name: exec\n"), 11);
  folder.Write("exec.yml", unnamed);
  folder.Write("never.yml",
               "title: Never seen\nlogsource: {product: kubernetes}\n"
               "detection:\n  sel: {verb: nothing}\n  condition: sel\n");
  folder.Write("bad.yml", "title: Bad\n");
  ChildResult result = Oddverb({"rules", "check", folder.path(), "--against",
                                Sample("exec-metadata.log.gz")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("\nSomebody runs a command "));
  EXPECT_THAT(result.output,
              HasSubstr("\n1 rule matched nothing: Never seen\n"));
}

TEST(RulesTest, CheckTellsAllHoweverMany) {
  TempFolder folder;
  std::string text;
  for (int i = 0; i < 600; ++i) text += "---\ntitle: T\n";
  folder.Write("bad.yml", text);
  ChildResult result = Oddverb({"rules", "check", folder.path()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("/bad.yml:1000:1: error: "));
  EXPECT_THAT(result.errors, HasSubstr("\nand 200 more\n"));
}

TEST(RulesTest, PlaceholdersComeFromTheConfiguration) {
  TempFolder folder;
  const std::string rules =
      folder.Write("r.yml",
                   "title: R\nlogsource: {product: web}\ndetection:\n"
                   "  sel: {user|expand: '%admins%'}\n  condition: sel\n");
  const std::string log =
      folder.Write("l.log", "{\"user\":\"bob\"}\n{\"user\":\"adm-1\"}\n");
  EXPECT_THAT(Oddverb({"rules", "match", "--rules", rules, log}).errors,
              HasSubstr("no values for the placeholder \"%admins%\"; they "
                        "belong into the configuration, rules.placeholders"));
  const std::string config = folder.Write(
      "c.yaml",
      "sources: [{type: stdin}]\nrules:\n  paths: [r.yml]\n  placeholders:\n"
      "    - {name: admins, values: [root, \"adm-*\"]}\n");
  EXPECT_THAT(Matches(Oddverb({"rules", "match", "--config", config, "--rules",
                               rules, log})),
              ElementsAre("R 1"));
  // Its rules, where no others are named.
  EXPECT_THAT(Matches(Oddverb({"rules", "match", "--config", config, log})),
              ElementsAre("R 1"));
  EXPECT_EQ(Oddverb({"rules", "check", "--config", folder.path() + "/none"})
                .exit_code,
            2);
}

TEST(RulesTest, ListSaysWhatRulesThereAre) {
  TempFolder folder;
  const std::string path = folder.Write("exec.yml", kExec);
  const json rows =
      json::parse(Oddverb({"rules", "list", path, "--format", "json"}).output);
  EXPECT_EQ(rows, json::array({{{"name", "exec"},
                                {"title", "Somebody runs a command"},
                                {"level", "high"},
                                {"tags", {"attack.t1609"}},
                                {"place", path + ":1"}}}));
  EXPECT_THAT(Oddverb({"rules", "list", path}).output,
              HasSubstr("exec  Somebody runs a command\n"));
}

TEST(RulesTest, MatchTakesAnyJsonObjectAndCountsEveryRecord) {
  TempFolder folder;
  const std::string rules = folder.Write(
      "r.yml", Sigma("login", "action: login") + Sigma("root", "who: root"));
  const std::string log = folder.Write(
      "log",
      "{\"action\":\"login\",\"who\":\"root\"}\nno json\n"
      "{\"action\":\"logout\"}\n"
      "{\"action\":\"LOGIN\",\"timestamp\":\"2026-01-02T03:04:05Z\"}\n");
  ChildResult result = Oddverb({"rules", "match", "--rules", rules, log});
  EXPECT_THAT(Matches(result), ElementsAre("login 0", "root 0", "login 3"));
  EXPECT_EQ(LinesOf(result.output).at(2),
            R"({"rule":"login","id":"","event":3,)"
            R"("time":"2026-01-02T03:04:05Z"})");
  EXPECT_THAT(result.errors, HasSubstr("/log:2: not judged: "));
  EXPECT_THAT(result.errors, HasSubstr("1 record in all could not be judged"));
  // Of several logs each is named.
  const std::string other = folder.Write("other", "{\"who\":\"root\"}\n");
  result = Oddverb({"rules", "match", "--rules", rules, log, other});
  EXPECT_EQ(Lines(result.output).back()["file"], other);
}

TEST(RulesTest, MatchNamesTheRecordThatCompletesACorrelation) {
  TempFolder folder;
  auto correlation = [&](const std::string& condition) {
    return folder.Write(
        "c.yml", Sigma("fail", "result: fail") +
                     "title: Many\ncorrelation: {type: event_count, rules: "
                     "[fail], group-by: [who], timespan: 1m, condition: {" +
                     condition + "}}\n");
  };
  std::string log;
  for (int second : {50, 10, 0, 30}) {  // not in the order of time
    absl::StrAppend(&log, "{\"result\":\"fail\",\"who\":\"a\",\"time\":\"2026-",
                    "01-02T03:04:", second == 0 ? "00" : absl::StrCat(second),
                    "Z\"}\n");
  }
  const std::string path = folder.Write("log", log);
  auto match = [&](const std::string& condition) {
    return Matches(
        Oddverb({"rules", "match", "--rules", correlation(condition), path}));
  };
  EXPECT_THAT(match("gte: 3"), ElementsAre("Many 3"));
  EXPECT_THAT(match("gte: 4"), ElementsAre("Many 0"));
  EXPECT_THAT(match("lt: 5"), ElementsAre("Many -"));
}

TEST(RulesTest, MatchCanLeaveFalcosRulesTheFirstMatchOnly) {
  TempFolder folder;
  std::string text;
  for (const char* name : {"One", "Two"}) {
    absl::StrAppend(&text, "- rule: ", name,
                    "\n  desc: d\n  condition: ka.verb = get\n  output: o\n"
                    "  priority: INFO\n  source: k8s_audit\n");
  }
  const std::string rules = folder.Write("f.yaml", text);
  const std::string log = folder.Write(
      "log", R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)"
             R"("auditID":"1","stage":"ResponseComplete","verb":"get"})"
             "\n");
  EXPECT_THAT(Matches(Oddverb({"rules", "match", "--rules", rules, log})),
              ElementsAre("One 0", "Two 0"));
  EXPECT_THAT(Matches(Oddverb({"rules", "match", "--matching", "first",
                               "--rules", rules, log})),
              ElementsAre("One 0"));
}

TEST(RulesTest, MatchJudgesARequestOnceThoughItIsLoggedTwice) {
  TempFolder folder;
  const std::string rules = folder.Write("exec.yml", kExec);
  std::string log;
  for (const char* stage : {"ResponseStarted", "ResponseComplete"}) {
    absl::StrAppend(&log, R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)",
                    R"("auditID":"1","verb":"create","stage":")", stage,
                    R"(","responseStatus":{"code":101},)",
                    R"("objectRef":{"resource":"pods","subresource":"exec"}})",
                    "\n");
  }
  EXPECT_THAT(Matches(Oddverb({"rules", "match", "--rules", rules,
                               folder.Write("log", log)})),
              ElementsAre("Somebody runs a command 0"));
}

TEST(RulesTest, MatchWithoutAnyRuleIsAMistake) {
  TempFolder folder;
  const std::string bad = folder.Write("bad.yml", "title: x\n");
  ChildResult result =
      Oddverb({"rules", "match", "--rules", bad, Sample("damaged.log.gz")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("bad.yml:1:"));
  EXPECT_THAT(result.errors, HasSubstr("there is no rule to match with"));
}

TEST(RulesTest, TestJudgesTheCasesBesideTheRules) {
  TempFolder folder;
  folder.Write("exec.yml", kExec);
  folder.Write("cases.yml",
               "cases:\n"
               "  - rule: exec\n"
               "    match:\n"
               "      - {resource: pods, subresource: exec}\n"
               "      - {resource: pods, subresource: log}\n");
  ChildResult result = Oddverb({"rules", "test", folder.path()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("/cases.yml:5:"));
  EXPECT_THAT(result.errors, HasSubstr("exec has no case that it must not"));
  EXPECT_THAT(result.errors, HasSubstr("2 cases, 1 failed; 1 rule not tested"));

  folder.Write("cases.yml",
               "cases:\n"
               "  - rule: exec\n"
               "    match: [{resource: pods, subresource: exec}]\n"
               "    no_match: [{resource: pods, subresource: log}]\n");
  result = Oddverb({"rules", "test", folder.path()});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("2 cases, 0 failed; 0 rules not"));
  // Cases are no rules, whatever reads the folder.
  EXPECT_EQ(Oddverb({"rules", "check", folder.path()}).exit_code, 0);

  EXPECT_EQ(Oddverb({"rules", "test", folder.path("exec.yml")}).exit_code, 2);
}

TEST(RulesTest, TheProgramsOwnRulesPassTheirCases) {
  const ChildResult result =
      Oddverb({"rules", "test", ODDVERB_SOURCE_DIR "/rules/content"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr(" 0 failed; 0 rules not tested"));
}

TEST(RulesTest, TheProgramsOwnRulesAreOnForWhoAsksForThem) {
  TempFolder folder;
  auto rules_found = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"scan", "-q", "--format", "ndjson",
                                 Sample("exec-metadata.log.gz")});
    std::vector<std::string> rules;
    for (const json& finding : FindingsIn(Oddverb(flags).output)) {
      if (finding["detector"] == "rule_match") rules.push_back(finding["rule"]);
    }
    return rules;
  };
  const std::string on = folder.Write("c.yaml", "rules: {builtin: true}");
  EXPECT_THAT(rules_found({}), IsEmpty());
  EXPECT_THAT(rules_found({"--builtin"}), Contains("exec.used"));
  EXPECT_EQ(rules_found({"--config", on}), rules_found({"--builtin"}));
  EXPECT_THAT(rules_found({"--config", on, "--no-builtin"}), IsEmpty());
  EXPECT_THAT(rules_found({"--rules", folder.Write("exec.yml", kExec)}),
              ElementsAre("exec"));
}

}  // namespace
}  // namespace oddverb
