// MetadataAccess over the real audit corpus: every attack is found, honest
// traffic is left alone.
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr const char* kNoCorpus = "no audit corpus beside the source tree";

struct FileRun {
  bool skipped = false;
  std::vector<Finding> opened;
  std::vector<Finding> ended;
};

FileRun RunOver(const char* name) {
  FileRun run;
  std::optional<std::string> path = CorpusPath(name);
  run.skipped = !path.has_value();
  if (run.skipped) return run;
  std::unique_ptr<EventBatch> batch = DecodeLines(ReadMaybeGzip(*path));
  MetadataStream stream;
  for (const AuditEvent& event : batch->events) stream.Feed(event);
  stream.End();
  run.opened = stream.opened();
  run.ended = stream.InState(FindingState::kFinal);
  return run;
}

TEST(MetadataCorpusTest, HonestTrafficGivesNoFinding) {
  for (const char* file :
       {"benign.log.gz", "bootstrap.log.gz", "extremes.log.gz",
        "odd-bodies.log.gz", "attacks/nodes-proxy.log.gz"}) {
    FileRun run = RunOver(file);
    if (run.skipped) GTEST_SKIP() << kNoCorpus;
    for (const Finding& finding : run.opened) {
      ADD_FAILURE() << file << ": " << finding.rule << ": " << finding.summary;
    }
  }
}

TEST(MetadataCorpusTest, FindsEveryCommandThatReachesForMetadata) {
  for (const char* file :
       {"attacks/exec-metadata.log.gz", "attacks/exec-metadata-2.log.gz"}) {
    FileRun run = RunOver(file);
    if (run.skipped) GTEST_SKIP() << kNoCorpus;
    int64_t requests = 0;
    std::set<std::string> audit_ids;
    for (const Finding& finding : run.ended) {
      EXPECT_EQ(finding.rule, "metadata.exec");
      EXPECT_EQ(finding.entity, "bob@corp.example");
      EXPECT_GE(finding.severity, Severity::kMedium);
      requests += finding.count;
      for (const Evidence& evidence : finding.evidence) {
        audit_ids.insert(evidence.audit_id);
      }
    }
    // 12 commands, each logged in three stages.
    EXPECT_EQ(requests, 12) << file;
    EXPECT_THAT(audit_ids, SizeIs(12)) << file;
  }
}

TEST(MetadataCorpusTest, FindsTheRealKubectl) {
  FileRun run = RunOver("attacks/exec-metadata-kubectl.log.gz");
  if (run.skipped) GTEST_SKIP() << kNoCorpus;
  ASSERT_THAT(run.ended, SizeIs(1));  // one pod
  EXPECT_EQ(run.ended[0].entity, "carol@corp.example");
  EXPECT_EQ(run.ended[0].count, 2);
}

TEST(MetadataCorpusTest, FindsProxiesToMetadata) {
  FileRun run = RunOver("attacks/proxy-to-metadata.log.gz");
  if (run.skipped) GTEST_SKIP() << kNoCorpus;
  std::vector<std::string> owners;
  for (const Finding& finding : run.ended) {
    // The routes that lead there are made first, in vain.
    if (finding.rule == "metadata.routing") continue;
    EXPECT_EQ(finding.rule, "metadata.proxy");
    owners.push_back(finding.what.resources.at(0) + " " +
                     std::to_string(finding.count));
  }
  // The node named as the address, with and without port; the pod so named.
  EXPECT_THAT(owners, UnorderedElementsAre("nodes/proxy 2", "pods/proxy 1"));
}

TEST(MetadataCorpusTest, FindsTheSameAmongOtherTraffic) {
  FileRun run = RunOver("mixed.log.gz");
  if (run.skipped) GTEST_SKIP() << kNoCorpus;
  std::set<std::string> entities;
  std::multiset<std::string> bodies;
  int64_t requests = 0;
  for (const Finding& finding : run.ended) {
    if (finding.rule != "metadata.exec" && finding.rule != "metadata.proxy") {
      bodies.insert(finding.rule + " " + finding.entity);
      continue;
    }
    entities.insert(finding.entity);
    requests += finding.count;
  }
  EXPECT_THAT(bodies,
              UnorderedElementsAre("metadata.routing alice@corp.example",
                                   "metadata.routing alice@corp.example",
                                   "metadata.routing kubernetes-admin",
                                   "metadata.routing kubernetes-admin",
                                   "metadata.webhook kubernetes-admin",
                                   "metadata.workload ivan@corp.example",
                                   "metadata.workload ivan@corp.example",
                                   "metadata.workload ivan@corp.example"));
  EXPECT_THAT(entities,
              UnorderedElementsAre("bob@corp.example", "carol@corp.example",
                                   "kubernetes-admin"));
  EXPECT_EQ(requests, 12 + 12 + 2 + 3);
}

}  // namespace
}  // namespace oddverb
