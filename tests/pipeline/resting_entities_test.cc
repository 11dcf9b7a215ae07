// When entities rest changes nothing but memory: any schedule, over threads,
// evictions and restarts, gives the findings and the state of a run in which
// all stay awake.
#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/corpus.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"

namespace oddverb {
namespace {

constexpr uint32_t kPlenty = 1'000'000;

// Of each kind at most `awake` in a shard and `in_correlator` there.
EntityBudget Budget(uint32_t awake, uint32_t in_correlator,
                    uint32_t max_entities = kPlenty) {
  return {.shards = SameForEachKind(
              {.max_entities = max_entities, .max_awake = awake * 64}),
          .correlator = SameForEachKind(
              {.max_entities = max_entities, .max_awake = in_correlator})};
}

// Nobody stays awake behind an event; few; some.
std::vector<EntityBudget> Schedules(uint32_t max_entities = kPlenty) {
  return {Budget(0, 0, max_entities), Budget(1, 3, max_entities),
          Budget(3, 1, max_entities), Budget(7, 40, max_entities)};
}

struct Served {
  std::string findings;  // as they open and grow
  std::vector<StateRow> state;
  uint64_t resting = 0;  // at the end
};

struct Life {
  size_t skip = 0;
  size_t end = ~size_t{0};  // killed there
};

// One life of a service.
void Live(const std::vector<std::string>& lines, const Life& life,
          const PipelineOptions& options, MemoryCheckpoint& checkpoint,
          Served& run) {
  auto pipeline = Pipeline::Make(options, AllParts(), &checkpoint);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  MemorySource source(lines, 190, life.skip);
  const bool is_killed = life.end < lines.size();
  if (is_killed) source.FailAfter(life.end, absl::AbortedError("killed"));
  CapturingExporter exporter;
  Delivery delivery({DeliveryPolicy::kAtOnce}, {&exporter});
  std::atomic<bool> stop{false};
  absl::Status status = (*pipeline)->Run(
      {{"lines", &source}}, delivery, [](size_t, const Rejected&) {}, stop);
  EXPECT_EQ(status.ok(), !is_killed) << status;
  run.findings += exporter.Ndjson();
  run.resting = 0;
  for (const auto& resting : (*pipeline)->counters().resting) {
    run.resting += resting;
  }
}

// Of a service that is killed after each `lines_a_life`.
Served Serve(const std::vector<std::string>& lines, const EntityBudget& budget,
             size_t lines_a_life = ~size_t{0}) {
  PipelineOptions options;
  options.entity_budget = budget;
  options.checkpoint_bytes = 200'000;
  options.checkpoint_interval = absl::Hours(1);
  options.checkpoint_pause = absl::Hours(1);
  MemoryCheckpoint checkpoint;
  Served run;
  for (size_t killed_at = 0; killed_at < lines.size();) {
    const size_t skip = checkpoint.restored().has_value()
                            ? checkpoint.restored()->records_judged
                            : 0;
    killed_at = lines_a_life < lines.size() - killed_at
                    ? killed_at + lines_a_life
                    : lines.size();
    Live(lines, {skip, killed_at}, options, checkpoint, run);
  }
  run.state = checkpoint.restored()->state;
  return run;
}

std::string TextOf(const std::vector<StateRow>& rows) {
  std::string text;
  for (const StateRow& row : rows) {
    absl::StrAppend(&text, row.owner, "/", row.kind, "/", row.id, ":",
                    row.bytes, "\n");
  }
  return text;
}

class RestingEntitiesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    lines_ = new std::vector<std::string>(DemoLogLines());
  }
  static void TearDownTestSuite() { delete lines_; }
  static std::vector<std::string>* lines_;
};
std::vector<std::string>* RestingEntitiesTest::lines_ = nullptr;

TEST_F(RestingEntitiesTest, AnyScheduleGivesTheSameFindings) {
  const std::string expected = FindingsOf(*lines_, {});
  ASSERT_GT(std::count(expected.begin(), expected.end(), '\n'), 10);
  for (const EntityBudget& budget : Schedules()) {
    for (int threads : {1, 4}) {
      EXPECT_EQ(
          FindingsOf(*lines_, {.threads = threads, .entity_budget = budget}),
          expected)
          << budget.shards[0].max_awake << " awake, " << threads << " threads";
    }
  }
}

// Each shard keeps at most 1024 of a kind, the correlator 30.
TEST_F(RestingEntitiesTest, WhatIsForgottenWhileItRestsIsForgottenAsIfAwake) {
  constexpr uint32_t kFew = 30;
  const std::string expected = FindingsOf(*lines_, {.max_entities = kFew});
  for (const EntityBudget& budget : Schedules(kFew)) {
    EXPECT_EQ(FindingsOf(*lines_, {.entity_budget = budget}), expected)
        << budget.shards[0].max_awake << " awake";
  }
}

TEST_F(RestingEntitiesTest, RestartsFindThoseThatRestToo) {
  const EntityBudget all_awake = {
      .shards = SameForEachKind({.max_entities = kPlenty}),
      .correlator = SameForEachKind({.max_entities = kPlenty})};
  const Served expected = Serve(*lines_, all_awake);
  EXPECT_EQ(expected.resting, 0u);
  ASSERT_GT(
      std::count(expected.findings.begin(), expected.findings.end(), '\n'), 10);
  for (const EntityBudget& budget : Schedules()) {
    const Served run = Serve(*lines_, budget, 2'500);
    EXPECT_GT(run.resting, 0u);
    EXPECT_EQ(run.findings, expected.findings)
        << budget.shards[0].max_awake << " awake";
  }
}

TEST_F(RestingEntitiesTest, CheckpointsHoldTheSameRows) {
  const EntityBudget all_awake = {
      .shards = SameForEachKind({.max_entities = kPlenty}),
      .correlator = SameForEachKind({.max_entities = kPlenty})};
  const std::string expected = TextOf(Serve(*lines_, all_awake).state);
  for (const EntityBudget& budget : Schedules()) {
    // Not by EXPECT_EQ, which would print megabytes.
    EXPECT_TRUE(TextOf(Serve(*lines_, budget).state) == expected)
        << budget.shards[0].max_awake << " awake";
  }
}

TEST(RestingCorpusTest, AnyScheduleGivesTheSameFindings) {
  std::optional<std::string> path = CorpusPath("mixed.log.gz");
  if (!path.has_value()) GTEST_SKIP() << "no audit corpus";
  const std::vector<std::string> lines =
      absl::StrSplit(ReadMaybeGzip(*path), '\n', absl::SkipEmpty());
  const std::string expected = FindingsOf(lines, {});
  for (const EntityBudget& budget : {Budget(0, 0), Budget(2, 9)}) {
    EXPECT_EQ(FindingsOf(lines, {.threads = 2, .entity_budget = budget}),
              expected)
        << budget.shards[0].max_awake << " awake";
  }
}

}  // namespace
}  // namespace oddverb
