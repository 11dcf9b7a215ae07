// ForbiddenBurst over the real audit corpus: the attacks are found after the
// numbers of tries that were worked out by hand, and nothing else is.
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

TEST(ForbiddenCorpusTest, HonestTrafficGivesNoFinding) {
  for (const char* file : {"benign.log.gz", "bootstrap.log.gz"}) {
    bool skipped;
    std::vector<Finding> findings = FindingsOfFile(file, skipped);
    if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
    EXPECT_THAT(findings, IsEmpty()) << file;
  }
}

TEST(ForbiddenCorpusTest, FindsTheThreeBurstsAmongAttacksAndNothingElse) {
  bool skipped;
  std::vector<Finding> findings = FindingsOfFile("mixed.log.gz", skipped);
  if (skipped) GTEST_SKIP() << "no audit corpus beside the source tree";
  std::vector<std::tuple<std::string, int64_t>> opened;
  size_t ended = 0;
  for (const Finding& finding : findings) {
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

}  // namespace
}  // namespace oddverb
