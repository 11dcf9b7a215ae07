// `oddverb scan` with rules of users, from flags and from the configuration.
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/corpus.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSigma[] =
    "title: Anything refused\nname: refused\n"
    "logsource: {product: kubernetes, service: audit}\nlevel: low\n"
    "detection:\n  sel: {responseStatus.code: 403}\n  condition: sel\n";
constexpr char kFalco[] =
    "- list: verbs\n  items: [get, list]\n"
    "- macro: kread\n  condition: (ka.verb in (verbs))\n"
    "- rule: K8s Object Read\n  desc: Someone reads\n"
    "  condition: kread and ka.response.code startswith 2\n"
    "  output: read (user=%ka.user.name)\n  priority: INFO\n"
    "  source: k8s_audit\n  tags: [k8s]\n";

class ScanRulesTest : public ::testing::Test {
 protected:
  ScanRulesTest() {
    sigma_ = folder_.Write("rules/sigma.yml", kSigma);
    falco_ = folder_.Write("rules/falco.yaml", kFalco);
  }
  // Its exit code, output and errors.
  ChildResult Scan(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"scan", "-q", "--format", "ndjson",
                                 Sample("forbidden-burst-sa.log.gz")});
    return Oddverb(flags);
  }
  // The rules of the detector rule_match that found something.
  static std::set<std::string> RulesIn(const ChildResult& result) {
    std::set<std::string> rules;
    for (const nlohmann::json& finding : FindingsIn(result.output)) {
      if (finding["detector"] == "rule_match") {
        rules.insert(finding.value("source", "") + ":" +
                     finding.value("rule", ""));
      }
    }
    return rules;
  }

  const std::set<std::string> both_ = {"sigma:refused",
                                       "falco:K8s Object Read"};
  TempFolder folder_;
  std::string sigma_, falco_;
};

TEST_F(ScanRulesTest, RulesOfFlagsAndOfTheConfigurationFind) {
  EXPECT_EQ(RulesIn(Scan({})), std::set<std::string>());
  EXPECT_EQ(RulesIn(Scan({"--rules", sigma_, "--rules", falco_})), both_);
  EXPECT_EQ(RulesIn(Scan({"--rules", folder_.path("rules")})), both_);
  const std::string config =
      folder_.Write("c.yaml", "rules: {paths: rules, disable: [k8s]}\n");
  EXPECT_EQ(RulesIn(Scan({"--config", config})),
            std::set<std::string>{"sigma:refused"});
  folder_.Write("c.yaml", "rules: {paths: rules/sigma.yml}\n");
  EXPECT_EQ(RulesIn(Scan({"--config", config, "--rules", falco_})), both_);
}

TEST_F(ScanRulesTest, AnyNumberOfThreadsGivesTheSameBytes) {
  const ChildResult one =
      Scan({"--rules", folder_.path("rules"), "--threads", "1"});
  EXPECT_EQ(RulesIn(one), both_);
  for (const char* threads : {"2", "3", "8"}) {
    EXPECT_EQ(
        Scan({"--rules", folder_.path("rules"), "--threads", threads}).output,
        one.output)
        << threads;
  }
}

TEST_F(ScanRulesTest, ABrokenRuleIsToldAndCostsNoOther) {
  const std::string bad =
      folder_.Write("rules/bad.yml",
                    "title: B\nlogsource: {product: kubernetes}\n"
                    "detection:\n  sel: {verb: get}\n  condition: sell\n");
  const ChildResult result = Scan({"--rules", folder_.path("rules")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(RulesIn(result), both_);
  EXPECT_THAT(result.errors,
              AllOf(HasSubstr("oddverb: " + bad + ":5:14: error: "),
                    HasSubstr("oddverb:       condition: sell\n")));
  const std::string config =
      folder_.Write("c.yaml", "rules: {paths: rules, strict: true}\n");
  const ChildResult strict = Scan({"--config", config});
  EXPECT_EQ(strict.exit_code, 2);
  EXPECT_EQ(strict.output, "");
}

TEST_F(ScanRulesTest, APathThatCannotBeReadEndsTheScan) {
  const ChildResult result = Scan({"--rules", folder_.path("absent")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("absent: there is no such file"));
}

TEST_F(ScanRulesTest, MetricsSayWhatTheRulesMatched) {
  const std::string metrics = folder_.path("metrics");
  Scan({"--rules", folder_.path("rules"), "--metrics-out", metrics});
  const std::string text = ReadMaybeGzip(metrics);
  EXPECT_THAT(text,
              AllOf(HasSubstr("oddverb_rules{state=\"in_force\"} 2\n"),
                    HasSubstr("oddverb_rule_matches_total{rule=\"refused\"} "),
                    HasSubstr("oddverb_correlation_losses_total{reason=")));
}

}  // namespace
}  // namespace oddverb
