// StolenCredential over a real log: every theft in it, and nothing else of
// weight.
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"
#include "tests/support/demo_log.h"

namespace oddverb {
namespace {

using testing::Each;
using testing::Field;
using testing::Le;
using testing::UnorderedElementsAre;

std::vector<Finding> CorpusFindings(std::string_view text) {
  std::unique_ptr<EventBatch> batch = DecodeLines(text);
  EXPECT_TRUE(batch->rejected.empty());
  CredentialStream stream;
  for (const AuditEvent& event : batch->events) stream.Feed(event);
  stream.End();
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen),
            CountOf(stream.reports(), FindingState::kFinal));
  return stream.findings();
}

TEST(StolenCredentialCorpusTest, FindsEveryTheftInTheBundledLog) {
  std::string text;
  for (const std::string& line : DemoLogLines()) text += line + "\n";
  std::vector<std::tuple<std::string, std::string, Severity>> found;
  for (const Finding& finding : CorpusFindings(text)) {
    if (finding.severity <= Severity::kLow) continue;
    found.emplace_back(finding.entity, finding.where.source_ip,
                       finding.severity);
  }
  std::string account = "system:serviceaccount:";
  EXPECT_THAT(
      found,
      UnorderedElementsAre(
          std::tuple(account + "web:frontend", "203.0.113.66",
                     Severity::kCritical),
          std::tuple(account + "payments:ledger", "10.244.99.7",
                     Severity::kHigh),
          std::tuple(account + "data:etl", "203.0.113.80", Severity::kCritical),
          std::tuple(account + "ingress-nginx:ingress-nginx-controller",
                     "10.244.5.250", Severity::kCritical),
          std::tuple(account + "kube-system:metrics-server", "203.0.113.55",
                     Severity::kCritical),
          std::tuple(account + "argocd:argocd-application-controller",
                     "203.0.113.81", Severity::kCritical),
          std::tuple("alice@corp.example", "203.0.113.90", Severity::kHigh),
          std::tuple("carol@corp.example", "10.8.0.213", Severity::kHigh),
          std::tuple("system:node:worker-4", "10.244.3.77", Severity::kHigh),
          // Commands through the kubelet.
          std::tuple(account + "kube-system:metrics-server", "203.0.113.55",
                     Severity::kHigh),
          // What is made to be misused, and secrets that are taken.
          std::tuple(account + "ingress-nginx:ingress-nginx-controller",
                     "10.244.5.250", Severity::kHigh),
          std::tuple("kubernetes-admin", "203.0.113.40", Severity::kCritical),
          std::tuple("kubernetes-admin", "203.0.113.43", Severity::kHigh),
          std::tuple("frank@corp.example", "203.0.113.42", Severity::kHigh),
          std::tuple("frank@corp.example", "203.0.113.45", Severity::kHigh)));
}

TEST(StolenCredentialCorpusTest, HonestTrafficIsAtMostLow) {
  for (const char* file : {"benign.log.gz", "bootstrap.log.gz"}) {
    std::optional<std::string> path = CorpusPath(file);
    if (!path.has_value()) GTEST_SKIP() << "no audit corpus beside the tree";
    std::vector<Finding> findings = CorpusFindings(ReadMaybeGzip(*path));
    EXPECT_LE(findings.size(), 1u) << file;  // one person who roams
    EXPECT_THAT(findings, Each(Field(&Finding::severity, Le(Severity::kLow))));
  }
}

}  // namespace
}  // namespace oddverb
