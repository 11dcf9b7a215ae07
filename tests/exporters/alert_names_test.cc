#include "exporters/alert_names.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(AlertNamesTest, NamesAlertsByRule) {
  struct Case {
    std::string rule;
    std::string title;
    std::string name;
  } cases[] = {{"token.outside_its_pod", "", "StolenServiceAccountToken"},
               {"forbidden.fanout", "", "ForbiddenProbingBurst"},
               {"audit.gap", "", "AuditLogGap"},
               {"noun.new_fact", "", "NounNewFact"},
               {"Contact K8S API Server", "", "ContactK8SAPIServer"},
               {"rule \"x\"\n{}\xff=y", "", "RuleXY"},
               {"7d9263bd-dc47-4a58-bc92-5474abab390c",
                "Deployment deleted in k8s", "DeploymentDeletedInK8s"},
               {"7d9263bd-dc47-4a58-bc92-5474abab390c", "", "OddverbFinding"},
               {"", "a title", "OddverbFinding"},
               {"\xe4\xb8\xad\xe6\x96\x87", "", "OddverbFinding"},
               {std::string(1 << 20, 'a'), "", "A" + std::string(63, 'a')}};
  for (const Case& c : cases) {
    Finding finding;
    finding.rule = c.rule;
    finding.title = c.title;
    EXPECT_EQ(AlertName(finding), c.name) << c.rule.substr(0, 80);
  }
}

TEST(AlertNamesTest, SpeaksTheThreeSeveritiesOfRoutes) {
  EXPECT_EQ(AlertSeverityName(Severity::kCritical), "critical");
  EXPECT_EQ(AlertSeverityName(Severity::kHigh), "critical");
  EXPECT_EQ(AlertSeverityName(Severity::kMedium), "warning");
  EXPECT_EQ(AlertSeverityName(Severity::kLow), "info");
  EXPECT_EQ(AlertSeverityName(Severity::kInfo), "info");
}

}  // namespace
}  // namespace oddverb
