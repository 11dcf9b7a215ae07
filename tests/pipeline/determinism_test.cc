// One order in, one output out: any number of threads, any batch size, any
// restart points.
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/sigma_rules.h"

namespace oddverb {
namespace {

// What repeats often, what a long request shows twice, what names its stage,
// and what most events are; and correlations of each way of judging, within one
// actor and over many, one over another.
constexpr std::string_view kRules = R"(
title: Secrets are read
name: secrets.read
level: low
logsource: {product: kubernetes, service: audit}
detection:
  sel: {verb: [get, list], objectRef.resource: secrets}
  condition: sel
---
title: A command runs in a pod
name: pods.exec
logsource: {product: kubernetes, service: audit}
detection:
  sel: {objectRef.subresource: exec}
  condition: sel
---
title: A watch ends
name: watch.end
level: informational
logsource: {product: kubernetes, service: audit}
detection:
  sel: {verb: watch, stage: ResponseComplete}
  condition: sel
---
title: A write
name: any.write
level: informational
logsource: {product: kubernetes, service: audit}
detection:
  sel: {verb: [create, update, patch, delete]}
  condition: sel
---
title: Many writes
name: writes.many
correlation:
  {type: event_count, rules: [any.write], group-by: [user.username],
   timespan: 1m, condition: {gte: 4}, generate: true}
---
title: Writes of many
name: writes.of_many
correlation:
  {type: value_count, rules: [any.write], group-by: [objectRef.namespace],
   timespan: 10m, condition: {field: user.username, gte: 2}, generate: true}
---
title: Few writes
name: writes.few
level: low
correlation:
  {type: event_count, rules: [any.write], group-by: [sourceIPs], timespan: 2m,
   condition: {lt: 3}, generate: true}
---
title: Exec and secrets
name: exec.and_secrets
correlation:
  {type: temporal, rules: [pods.exec, secrets.read], timespan: 30m,
   generate: true}
---
title: Writes, then secrets
name: writes.then_secrets
correlation:
  {type: temporal_ordered, rules: [writes.many, secrets.read],
   group-by: [user.username], timespan: 1h, generate: true}
)";

std::shared_ptr<LiveRules> Rules() {
  LoadedRules loaded = LoadSigma(kRules);
  EXPECT_EQ(loaded.diagnostics.errors(), 0u) << Messages(loaded);
  return std::make_shared<LiveRules>(loaded, LiveRules::Reload::kNever);
}

class DeterminismTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    lines_ = new std::vector<std::string>(DemoLogLines());
    expected_ = new std::string(FindingsOf(*lines_, {.rules = Rules()}));
  }
  static void TearDownTestSuite() {
    delete lines_;
    delete expected_;
  }
  static std::vector<std::string>* lines_;
  static std::string* expected_;
};
std::vector<std::string>* DeterminismTest::lines_ = nullptr;
std::string* DeterminismTest::expected_ = nullptr;

TEST_F(DeterminismTest, TheLogHasFindingsToCompare) {
  EXPECT_GT(std::count(expected_->begin(), expected_->end(), '\n'), 10);
  for (std::string_view rule :
       {"secrets.read", "pods.exec", "watch.end", "any.write", "writes.many",
        "writes.of_many", "writes.few", "exec.and_secrets",
        "writes.then_secrets"}) {
    EXPECT_THAT(*expected_, ::testing::HasSubstr(
                                absl::StrCat("\"rule\":\"", A(rule), "\"")));
  }
}

TEST_F(DeterminismTest, RepeatsItself) {
  EXPECT_EQ(FindingsOf(*lines_, {.rules = Rules()}), *expected_);
}

TEST_F(DeterminismTest, AnyBatchSizeGivesTheSameBytes) {
  for (size_t size : {1, 7, 64, 1000, 100'000}) {
    EXPECT_EQ(
        FindingsOf(*lines_, {.records_per_batch = size, .rules = Rules()}),
        *expected_)
        << size << " records a batch";
  }
}

TEST_F(DeterminismTest, AnyNumberOfThreadsGivesTheSameBytes) {
  for (int threads : {2, 3, 4, 8}) {
    for (size_t size : {13, 190}) {
      EXPECT_EQ(FindingsOf(*lines_, {.threads = threads,
                                     .records_per_batch = size,
                                     .rules = Rules()}),
                *expected_)
          << threads << " threads, " << size << " records a batch";
    }
  }
}

// A service hashes entities with a key of its own; its findings have the ids of
// a scan all the same.
TEST_F(DeterminismTest, AnyHashKeyGivesTheSameBytes) {
  EXPECT_EQ(
      FindingsOf(*lines_, {.hash = KeyedHash(17, 4711), .rules = Rules()}),
      *expected_);
}

// Budgets belong to logical shards, so evictions do not depend on threads.
TEST_F(DeterminismTest, EvictionsDoNotDependOnThreads) {
  std::vector<std::string> lines;
  for (int i = 0; i < 3; ++i) {
    for (const std::string& line : *lines_) lines.push_back(line);
  }
  std::string one =
      FindingsOf(lines, {.threads = 1, .max_entities = 64, .rules = Rules()});
  EXPECT_EQ(
      FindingsOf(lines, {.threads = 4, .max_entities = 64, .rules = Rules()}),
      one);
}

// A service shows findings as they open; the same without restarts.
std::string ShownAtOnce(const std::vector<std::string>& lines) {
  auto pipeline = Pipeline::Make(PipelineOptions(), AllParts(Rules()), nullptr);
  MemorySource source(lines, 190);
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  EXPECT_TRUE((*pipeline)
                  ->Run(
                      {{"lines", &source}}, delivery,
                      [](size_t, const Rejected&) {}, stop)
                  .ok());
  return exporter.Ndjson();
}

class RestartTest : public DeterminismTest,
                    public ::testing::WithParamInterface<int> {};

// The process ends at arbitrary places; the next one seeks and loads. What was
// shown, all in all, is what an uninterrupted run shows, each state once.
TEST_P(RestartTest, RestartsChangeNoFinding) {
  const int threads = GetParam();
  MemoryCheckpoint checkpoint;
  std::string shown;
  std::atomic<bool> stop{false};
  PipelineOptions options;
  options.threads = threads;
  options.checkpoint_bytes = 200'000;  // every few batches
  options.checkpoint_pause = absl::ZeroDuration();
  size_t killed_at = 0;
  for (int life = 0;; ++life) {
    auto pipeline = Pipeline::Make(options, AllParts(Rules()), &checkpoint);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    CapturingExporter exporter;
    Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
    const std::optional<Restored>& restored = (*pipeline)->restored();
    size_t skip = restored ? restored->records_judged : 0;
    ASSERT_LE(skip, lines_->size());
    MemorySource source(*lines_, 50 + static_cast<size_t>(life) % 7, skip);
    killed_at += 1500 + 37 * static_cast<size_t>(life);
    bool last = killed_at >= lines_->size();
    // A kill: reading fails, so nothing behind the last commit gets out.
    if (!last) source.FailAfter(killed_at, absl::AbortedError("killed"));
    absl::Status status = (*pipeline)->Run(
        {{"lines", &source}}, delivery, [](size_t, const Rejected&) {}, stop);
    shown += exporter.Ndjson();
    if (last) {
      ASSERT_TRUE(status.ok()) << status;
      break;
    }
    ASSERT_TRUE(absl::IsAborted(status)) << status;
  }
  EXPECT_GT(checkpoint.commits(), 10);
  EXPECT_EQ(shown, ShownAtOnce(*lines_));
}
INSTANTIATE_TEST_SUITE_P(Threads, RestartTest, ::testing::Values(1, 4));

TEST_F(DeterminismTest, RefusesDamagedState) {
  MemoryCheckpoint checkpoint;
  PipelineOptions options;
  options.checkpoint_bytes = 1;
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  std::atomic<bool> stop{false};
  {
    auto pipeline = Pipeline::Make(options, AllParts(Rules()), &checkpoint);
    ASSERT_TRUE(pipeline.ok());
    MemorySource source(*lines_, 190);
    source.FailAfter(1000, absl::AbortedError("killed"));
    EXPECT_FALSE((*pipeline)
                     ->Run(
                         {{"lines", &source}}, delivery,
                         [](size_t, const Rejected&) {}, stop)
                     .ok());
  }
  for (StateRow& row : checkpoint.restored()->state) {
    row.bytes.resize(row.bytes.size() / 2);
  }
  auto pipeline = Pipeline::Make(options, AllParts(Rules()), &checkpoint);
  EXPECT_TRUE(absl::IsDataLoss(pipeline.status())) << pipeline.status();
}

}  // namespace
}  // namespace oddverb
