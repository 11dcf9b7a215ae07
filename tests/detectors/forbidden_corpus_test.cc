// ForbiddenBurst over the real audit corpus: the attacks are found after the
// numbers of tries that were worked out by hand, and nothing else is.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Findings of one file; empty and `skipped` where the corpus is absent.
std::vector<Finding> FindingsOfFile(const char* name, bool& skipped) {
  std::optional<std::string> path = CorpusPath(name);
  skipped = !path.has_value();
  if (skipped) return {};
  std::unique_ptr<EventBatch> batch = DecodeLines(ReadMaybeGzip(*path));
  EXPECT_THAT(batch->rejected, IsEmpty());
  EXPECT_GT(batch->events.size(), 2000u);
  ForbiddenStream stream;
  for (const AuditEvent& event : batch->events) stream.Feed(event);
  stream.End();
  return stream.findings();
}

bool IsBurst(const Finding& finding) {
  return finding.rule == "forbidden.fanout" ||
         finding.rule == "forbidden.low_and_slow";
}

// Finished findings as "RULE SEVERITY ENTITY", without the bursts.
std::vector<std::string> CasesOf(const std::vector<Finding>& findings) {
  std::vector<std::string> cases;
  for (const Finding& finding : findings) {
    if (finding.state != FindingState::kFinal || IsBurst(finding)) continue;
    cases.push_back(absl::StrCat(finding.rule, " ",
                                 A(SeverityName(finding.severity)), " ",
                                 finding.entity));
  }
  return cases;
}

TEST(ForbiddenCorpusTest, OfHonestTrafficOnlyTheFlakyOperatorIsInfo) {
  bool skipped;
  std::vector<Finding> findings = FindingsOfFile("benign.log.gz", skipped);
  if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(), IsBurst), 0);
  EXPECT_THAT(CasesOf(findings),
              ElementsAre("forbidden.storm info "
                          "system:serviceaccount:staging:flaky-operator"));
}

TEST(ForbiddenCorpusTest, TheBirthOfAClusterGivesNoFinding) {
  bool skipped;
  std::vector<Finding> findings = FindingsOfFile("bootstrap.log.gz", skipped);
  if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
  EXPECT_THAT(findings, IsEmpty());
}

TEST(ForbiddenCorpusTest, FindsTheThreeBurstsAmongAttacks) {
  bool skipped;
  std::vector<Finding> findings = FindingsOfFile("mixed.log.gz", skipped);
  if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
  std::vector<std::tuple<std::string, int64_t>> opened;
  size_t ended = 0;
  for (const Finding& finding : findings) {
    if (!IsBurst(finding)) continue;
    if (finding.state == FindingState::kFinal) ++ended;
    if (finding.state != FindingState::kOpen) continue;
    opened.emplace_back(finding.entity, finding.count);
  }
  EXPECT_THAT(
      opened,
      ElementsAre(std::tuple("system:serviceaccount:web:frontend", 5),
                  std::tuple("mallory@corp.example", 8),
                  std::tuple("system:serviceaccount:payments:ledger", 6)));
  EXPECT_EQ(ended, 3u);
}

TEST(ForbiddenCorpusTest, FindsTheOtherAttacksByRule) {
  bool skipped;
  std::vector<Finding> findings = FindingsOfFile("mixed.log.gz", skipped);
  if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
  EXPECT_THAT(
      CasesOf(findings),
      UnorderedElementsAre(
          "permission.probing medium system:serviceaccount:web:frontend",
          "anonymous.enumeration high system:anonymous@203.0.113.5",
          "authn.failure_surge medium unauthenticated@203.0.113.12",
          "forbidden.storm info system:serviceaccount:staging:flaky-operator",
          "rbac.escalation_denied medium alice@corp.example",
          "rbac.escalation_denied low bob@corp.example",
          "anonymous.enumeration low system:anonymous@203.0.113.59"));
}

}  // namespace
}  // namespace oddverb
