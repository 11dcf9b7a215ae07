// What an earlier process made durable and did not judge: each body is read
// once by the next one, though it stays in the spool until the checkpoint that
// holds its judgement.
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/pipeline.h"
#include "tests/support/capturing_exporter.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

// Nobody posts any more.
class EndedReceiver final : public Source {
 public:
  absl::Status Read(absl::Time, RawBatch& out) override {
    out.Clear();
    return absl::OutOfRangeError("drained");
  }
  absl::Status Accepted(const Position&) override { return absl::OkStatus(); }
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  bool replayable() const override { return false; }
  std::string Describe(const Position&) const override { return "body"; }
  Progress progress() const override { return {}; }
};

class SpooledBodiesTest : public ::testing::TestWithParam<int> {};

TEST_P(SpooledBodiesTest, AreReadOnceEach) {
  // Several batches of RawBatch::kTargetBytes.
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(1500);
  std::vector<std::string_view> bodies(lines.begin(), lines.end());
  MemoryCheckpoint checkpoint;
  ASSERT_TRUE(checkpoint.Spool("hook", bodies).ok());

  PipelineOptions options;
  options.threads = GetParam();
  options.duplicates = Duplicates::kPassedOver;
  // No checkpoint before the end.
  options.checkpoint_interval = absl::Hours(1);
  options.checkpoint_pause = absl::Hours(1);
  auto pipeline = Pipeline::Make(options, AllParts(), &checkpoint);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  EndedReceiver source;
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  ASSERT_TRUE((*pipeline)
                  ->Run(
                      {{"hook", &source}}, delivery,
                      [](size_t, const Rejected&) {}, stop)
                  .ok());
  EXPECT_EQ((*pipeline)->counters().events, lines.size());
  EXPECT_EQ((*pipeline)->counters().duplicates, 0u);
  EXPECT_EQ(checkpoint.spooled("hook"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Threads, SpooledBodiesTest, ::testing::Values(1, 3));

}  // namespace
}  // namespace oddverb
