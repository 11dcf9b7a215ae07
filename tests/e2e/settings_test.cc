// Settings that change findings: cluster, trusted proxies, detector options,
// severity; from flags and from the configuration.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/corpus.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<nlohmann::json> ScanFindings(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"scan", "-q"});
  const ChildResult result = Oddverb(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return FindingsIn(result.output);
}

TEST(SettingsTest, TheClusterIsInEveryFindingAndInItsId) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  TempFolder folder;
  const std::string config = folder.Write("c.yaml", "cluster: one\n");
  const auto none = ScanFindings({log});
  const auto one = ScanFindings({"--cluster", "one", log});
  const auto two = ScanFindings({"--cluster", "two", log});
  ASSERT_THAT(none, SizeIs(2));
  EXPECT_EQ(none[0]["cluster"], "");
  EXPECT_EQ(one[0]["cluster"], "one");
  EXPECT_EQ(two[0]["cluster"], "two");
  std::set<std::string> ids;
  for (const auto& findings : {none, one, two}) {
    for (const auto& finding : findings) {
      ids.insert(finding.value("id", ""));
    }
  }
  EXPECT_THAT(ids, SizeIs(6));
  EXPECT_EQ(ScanFindings({"--config", config, log}), one);
  EXPECT_EQ(ScanFindings({"--config", config, "--cluster", "two", log}), two);
}

TEST(SettingsTest, SuppressedFindingsAreCountedAndNotWritten) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  TempFolder folder;
  auto scan = [&](const std::string& expires) {
    const std::string config = folder.Write(
        "c.yaml",
        absl::StrCat("suppress: [{name: job, matchers: {entity: '*:frontend'}, "
                     "reason: ticket 1, expires: ",
                     expires, "}]\n"));
    return Oddverb({"scan", "--format", "ndjson", "--fail-on", "low",
                    "--config", config, log});
  };
  // Event time decides: the log is of 2026.
  ChildResult muted = scan("2030-01-01");
  EXPECT_EQ(muted.exit_code, 0) << muted.errors;
  EXPECT_EQ(muted.output, "");
  EXPECT_THAT(muted.errors, HasSubstr("0 findings; 2 suppressed"));
  ChildResult expired = scan("2020-01-01");
  EXPECT_EQ(expired.exit_code, 3);
  EXPECT_THAT(FindingsIn(expired.output), SizeIs(2));
}

TEST(SettingsTest, VariablesAreExpandedAsTheServiceDoes) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  TempFolder folder;
  const std::string config =
      folder.Write("c.yaml", "cluster: ${ODDVERB_TEST_CLUSTER:-none}\n");
  ChildSetup setup = OddverbSetup({"scan", "-q", "--config", config, log});
  auto cluster = [&] {
    const ChildResult result = RunChild(setup);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    const auto findings = FindingsIn(result.output);
    return findings.empty() ? "" : findings[0].value("cluster", "");
  };
  EXPECT_EQ(cluster(), "none");
  setup.environment = {{"ODDVERB_TEST_CLUSTER", "from-the-environment"}};
  EXPECT_EQ(cluster(), "from-the-environment");
  folder.Write("c.yaml", "cluster: ${ODDVERB_TEST_NO_SUCH}\n");
  EXPECT_NE(RunChild(setup).errors.find("c.yaml:1:10: the environment variable "
                                        "ODDVERB_TEST_NO_SUCH is not set"),
            std::string::npos);
}

TEST(SettingsTest, TrustedProxiesDecideWhichAddressIsBelieved) {
  // The thief claims an address; the load balancer adds the true one, then the
  // API server adds the load balancer.
  const std::string log = absl::StrReplaceAll(
      ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz")),
      {{R"("sourceIPs":["203.0.113.66"])",
        R"("sourceIPs":["198.51.100.7","203.0.113.66","10.0.0.9"])"}});
  TempFolder folder;
  const std::string path = folder.Write("audit.log", log);
  const std::string config =
      folder.Write("c.yaml", "trusted_proxies: [10.0.0.0/8]\n");
  auto where = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = flags;
    arguments.push_back(path);
    const auto findings = ScanFindings(arguments);
    EXPECT_THAT(findings, SizeIs(2));
    return findings.empty() ? nlohmann::json() : findings[0]["where"];
  };
  EXPECT_EQ(where({})["source_ip"], "10.0.0.9");
  EXPECT_EQ(where({"--trusted-proxies", "10.0.0.9"})["source_ip"],
            "203.0.113.66");
  EXPECT_EQ(where({"--trusted-proxies", "10.0.0.9"})["claimed_ips"][0],
            "198.51.100.7");
  EXPECT_EQ(where({"--config", config})["source_ip"], "203.0.113.66");
  // The flag wins; twice or with a comma is the same.
  EXPECT_EQ(where({"--config", config, "--trusted-proxies",
                   "192.0.2.0/24"})["source_ip"],
            "10.0.0.9");
  EXPECT_EQ(
      where({"--trusted-proxies", "10.0.0.0/8,203.0.113.0/24"})["source_ip"],
      "198.51.100.7");
  EXPECT_EQ(where({"--trusted-proxies", "10.0.0.0/8", "--trusted-proxies",
                   "203.0.113.66/32"})["source_ip"],
            "198.51.100.7");
}

TEST(SettingsTest, OptionsOfADetectorTakeEffect) {
  const std::string log = Sample("forbidden-burst-sa.log.gz");
  TempFolder folder;
  auto threshold = [&](const std::string& options) {
    const std::string config = folder.Write(
        "c.yaml", "detectors:\n  forbidden_burst: {" + options + "}\n");
    const auto findings = ScanFindings({"--config", config, log});
    return findings.empty() ? 0.0 : findings[0].value("threshold", -1.0);
  };
  const double by_default = threshold("");
  EXPECT_GT(by_default, 0);
  EXPECT_GT(threshold("profile: quiet"), by_default);
  EXPECT_LT(threshold("profile: sensitive"), by_default);
  EXPECT_EQ(threshold("profile: default"), by_default);
  EXPECT_EQ(threshold("threshold_fast: 900, threshold_slow: 900"), 0)
      << "this attack must be too small for such thresholds";
}

TEST(SettingsTest, MinSeverityLeavesOutAndChangesNothingElse) {
  const std::string log = Sample("exec-metadata.log.gz");
  const auto all = ScanFindings({log});
  std::vector<nlohmann::json> high;
  for (const nlohmann::json& finding : all) {
    const std::string severity = finding.value("severity", "");
    if (severity == "high" || severity == "critical") high.push_back(finding);
  }
  ASSERT_THAT(high, Not(IsEmpty()));
  ASSERT_LT(high.size(), all.size());
  EXPECT_EQ(ScanFindings({"--min-severity", "high", log}), high);
  EXPECT_EQ(ScanFindings({"--min-severity", "info", log}), all);
}

}  // namespace
}  // namespace oddverb
