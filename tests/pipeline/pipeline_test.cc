#include "pipeline/pipeline.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/routed_batch.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  absl::Status status;
  std::vector<Finding> findings;
  std::vector<uint64_t> rejected_lines;
  std::vector<WorkerShare> shares;
  uint64_t events = 0;
};

Outcome RunPipeline(MemorySource& source, int threads,
                    absl::Status export_failure = absl::OkStatus()) {
  PipelineOptions options;
  options.threads = threads;
  auto pipeline = Pipeline::Make(options, AllParts(), nullptr);
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  CapturingExporter exporter;
  exporter.FailWith(export_failure);
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  Outcome outcome;
  outcome.status = (*pipeline)->Run(
      {{"lines", &source}}, delivery,
      [&](size_t, const Rejected& r) {
        outcome.rejected_lines.push_back(r.position.line);
      },
      stop);
  outcome.findings = exporter.findings();
  outcome.shares = (*pipeline)->worker_shares();
  outcome.events = (*pipeline)->counters().events;
  return outcome;
}

TEST(PipelineTest, JudgesEveryEventOnceWithAnyThreads) {
  std::vector<std::string> lines = DemoLogLines();
  for (int threads : {1, 2, 4}) {
    MemorySource source(lines, 100);
    Outcome outcome = RunPipeline(source, threads);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.events, lines.size());
    uint64_t judged = 0;
    for (const WorkerShare& share : outcome.shares) {
      judged += share.events_judged;
    }
    EXPECT_EQ(judged, lines.size());
    EXPECT_TRUE(outcome.rejected_lines.empty());
  }
}

TEST(PipelineTest, FourWorkersShareTheDetecting) {
  std::vector<std::string> lines = DemoLogLines();
  MemorySource source(lines, 100);
  Outcome outcome = RunPipeline(source, 4);
  ASSERT_EQ(outcome.shares.size(), 4u);
  for (const WorkerShare& share : outcome.shares) {
    EXPECT_GT(share.events_judged, lines.size() / 20);
    EXPECT_GT(share.detect_cpu, absl::ZeroDuration());
  }
}

TEST(PipelineTest, TellsRejectedRecordsInOrderAndGoesOn) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(1000);
  lines[10] = "garbage";
  lines[500] = "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",";
  for (int threads : {1, 4}) {
    MemorySource source(lines, 33);
    Outcome outcome = RunPipeline(source, threads);
    EXPECT_THAT(outcome.rejected_lines, ::testing::ElementsAre(11, 501));
    EXPECT_EQ(outcome.events, 998u);
  }
}

TEST(PipelineTest, ReturnsTheErrorOfTheSource) {
  std::vector<std::string> lines = DemoLogLines();
  for (int threads : {1, 4}) {
    MemorySource source(lines, 100);
    source.FailAfter(500, absl::UnavailableError("disk has gone"));
    Outcome outcome = RunPipeline(source, threads);
    EXPECT_TRUE(absl::IsUnavailable(outcome.status)) << outcome.status;
  }
}

TEST(PipelineTest, StopsWhenAnExporterFails) {
  std::vector<std::string> lines = DemoLogLines();
  for (int threads : {1, 4}) {
    MemorySource source(lines, 100);
    Outcome outcome =
        RunPipeline(source, threads, absl::ResourceExhaustedError("disk full"));
    EXPECT_THAT(std::string(outcome.status.message()), HasSubstr("disk full"));
  }
}

TEST(PipelineTest, AcknowledgesTheLastRecord) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(777);
  for (int threads : {1, 4}) {
    MemorySource source(lines, 100);
    ASSERT_TRUE(RunPipeline(source, threads).status.ok());
    EXPECT_EQ(source.committed().line, 777u);
  }
}

TEST(PipelineTest, JudgesAnEventThatComesAgainOnce) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(5000);
  std::vector<std::string> twice;
  for (size_t i = 0; i < lines.size(); ++i) {
    twice.push_back(lines[i]);
    if (i >= 100) twice.push_back(lines[i - 100]);
  }
  PipelineOptions options;
  options.duplicates = Duplicates::kPassedOver;
  options.threads = 3;
  auto pipeline = Pipeline::Make(options, AllParts(), nullptr);
  ASSERT_TRUE(pipeline.ok());
  MemorySource source(twice, 64);
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  std::atomic<bool> stop{false};
  ASSERT_TRUE((*pipeline)
                  ->Run(
                      {{"lines", &source}}, delivery,
                      [](size_t, const Rejected&) {}, stop)
                  .ok());
  ASSERT_TRUE(delivery.Finish().ok());
  EXPECT_EQ((*pipeline)->counters().duplicates, lines.size() - 100);
  EXPECT_EQ(exporter.Ndjson(), FindingsOf(lines, {}));
}

// Two actors of different shards and one address: only the correlator, where
// their observations meet, can tell that the address is not new.
std::string RequestLine(const std::string& user, const std::string& credential,
                        const std::string& ip, const std::string& agent,
                        int second) {
  return absl::StrCat(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
      R"("auditID":")", user, second, R"(","stage":"ResponseComplete",)",
      R"("requestURI":"/api/v1/pods","verb":"list","user":{"username":")", user,
      R"(","groups":["system:authenticated"],"extra":{)",
      R"("authentication.kubernetes.io/credential-id":["X509SHA256=)",
      credential, R"("]}},"sourceIPs":[")", ip, R"("],"userAgent":")", agent,
      R"(","objectRef":{"resource":"pods","apiVersion":"v1"},)",
      R"("responseStatus":{"metadata":{},"code":200},)",
      R"("requestReceivedTimestamp":"2026-01-01T00:00:)", 10 + second,
      R"(.000000Z","stageTimestamp":"2026-01-01T00:00:)", 10 + second,
      R"(.000001Z","annotations":{"authorization.k8s.io/decision":"allow"}})");
}

std::vector<std::string> AlternatingLog(bool address_known) {
  std::vector<std::string> lines;
  if (address_known) {
    lines.push_back(RequestLine("visitor", "bb", "198.51.100.7", "k9s", 0));
  }
  for (int i = 1; i < 8; ++i) {
    bool thief = i % 2 == 0;
    lines.push_back(RequestLine("owner", "aa",
                                thief ? "198.51.100.7" : "10.0.0.5",
                                thief ? "curl/8" : "kubectl/v1.30", i));
  }
  return lines;
}

TEST(PipelineTest, OneSourceOfTwoActorsMeetsInTheCorrelator) {
  EntityKeys owner, visitor;
  owner.actor = KeyedHash().Hash("owner");
  visitor.actor = KeyedHash().Hash("visitor");
  ASSERT_NE(owner.actor % kLogicalShards % 4,
            visitor.actor % kLogicalShards % 4)
      << "choose names that fall on different workers";
  for (int threads : {1, 4}) {
    std::vector<std::string> fresh = AlternatingLog(false);
    MemorySource fresh_source(fresh, 3);
    Outcome outcome = RunPipeline(fresh_source, threads);
    // As it opened, and in its last state.
    ASSERT_EQ(outcome.findings.size(), 2u);
    EXPECT_EQ(outcome.findings[0].id, outcome.findings[1].id);
    EXPECT_EQ(outcome.findings[0].rule, "credential.two_networks");
    EXPECT_GE(outcome.findings[0].severity, Severity::kHigh);

    std::vector<std::string> known = AlternatingLog(true);
    MemorySource known_source(known, 3);
    outcome = RunPipeline(known_source, threads);
    ASSERT_EQ(outcome.findings.size(), 2u);
    EXPECT_EQ(outcome.findings[0].id, outcome.findings[1].id);
    EXPECT_EQ(outcome.findings[0].severity, Severity::kLow);
  }
}

}  // namespace
}  // namespace oddverb
