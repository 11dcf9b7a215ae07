// What the pipeline measures of itself, for metrics.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/pipeline.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

struct Told {
  size_t events = 0;
  absl::Duration since_read;
  std::string first_id;
};

// The measurements of a run over `lines` in batches of 100.
class MeasurementsTest : public ::testing::TestWithParam<int> {
 protected:
  void Run(const std::vector<std::string>& lines) {
    PipelineOptions options;
    options.threads = GetParam();
    options.on_judged = [this](const JudgedBatch& batch) {
      for (const AuditEvent& event : batch.events) {
        EXPECT_EQ(event.position.source, 0u);
      }
      std::string id(batch.events.empty() ? "" : batch.events[0].audit_id);
      told_.push_back({batch.events.size(), batch.since_read, id});
    };
    auto made = Pipeline::Make(options, AllParts(), nullptr);
    ASSERT_TRUE(made.ok()) << made.status();
    pipeline_ = *std::move(made);
    MemorySource source(lines, 100);
    CapturingExporter exporter;
    Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
    std::atomic<bool> stop{false};
    const absl::Time before = absl::Now();
    ASSERT_TRUE(pipeline_
                    ->Run(
                        {{"lines", &source}}, delivery,
                        [](size_t, const Rejected&) {}, stop)
                    .ok());
    took_ = absl::Now() - before;
  }

  std::unique_ptr<Pipeline> pipeline_;
  std::vector<Told> told_;
  absl::Duration took_;
};

INSTANTIATE_TEST_SUITE_P(Threads, MeasurementsTest, ::testing::Values(1, 3));

TEST_P(MeasurementsTest, TellsOfEachJudgedBatchInOrder) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(2050);
  Run(lines);
  ASSERT_EQ(told_.size(), 21u);
  for (size_t i = 0; i < told_.size(); ++i) {
    EXPECT_EQ(told_[i].events, i == 20 ? 50u : 100u);
    EXPECT_GE(told_[i].since_read, absl::ZeroDuration());
    EXPECT_LE(told_[i].since_read, took_);
    EXPECT_NE(lines[100 * i].find("\"auditID\":\"" + told_[i].first_id + "\""),
              std::string::npos)
        << i;
  }
}

TEST_P(MeasurementsTest, EveryDetectorTookSomeOfTheTime) {
  Run(DemoLogLines());
  absl::Duration sum;
  std::vector<std::string> names;
  for (const auto& [name, nanoseconds] : pipeline_->counters().detector_times) {
    EXPECT_GT(nanoseconds, 0u) << name;
    names.push_back(name);
    sum += absl::Nanoseconds(nanoseconds.load());
  }
  EXPECT_THAT(
      names, ::testing::ElementsAre(
                 "attack_sequence", "audit_stream", "forbidden_burst",
                 "honeytoken", "metadata_access", "node_identity", "rule_match",
                 "sensitive_acts", "service_account_use", "stolen_credential"));
}

TEST_P(MeasurementsTest, NothingWaitsAtTheEnd) {
  Run(DemoLogLines());
  const PipelineCounters& counters = pipeline_->counters();
  EXPECT_EQ(counters.batches_waiting, 0u);
  EXPECT_EQ(counters.batches_read, told_.size());
  EXPECT_GE(counters.batches_concluded, told_.size());
}

}  // namespace
}  // namespace oddverb
