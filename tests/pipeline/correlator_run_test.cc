// A topic judged in parts: a judge for each partition, and a correlator that
// hears them. What they find together is what one pipeline finds, however the
// actors are dealt out, however their messages interleave, and whoever is
// begun again in between.
#include "pipeline/correlator_run.h"

#include <algorithm>
#include <random>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/observation_export.h"
#include "pipeline/routed_batch.h"
#include "tests/support/capturing_exporter.h"
#include "tests/support/demo_log.h"
#include "tests/support/memory_checkpoint.h"
#include "tests/support/memory_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/raw_batches.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::ContainerEq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Lines = std::vector<std::string>;
constexpr absl::Duration kLateness = absl::Seconds(2);

PipelineOptions JudgeOptions() {
  PipelineOptions options;
  options.order = EventOrder::kEventTime;
  options.allowed_lateness = kLateness;
  options.duplicates = Duplicates::kPassedOver;
  options.checkpoint_bytes = 200'000;
  options.checkpoint_pause = absl::ZeroDuration();
  return options;
}

// Each actor's events in one part, in their order.
std::vector<Lines> DealtOutByActor(const Lines& lines, uint32_t parts) {
  Decoder::Options decoding;
  decoding.fields = AllFields();
  Decoder decoder(decoding);
  std::vector<Lines> dealt(parts);
  for (const std::string& line : lines) {
    auto routed = Route(decoder.Decode(FrameLines(line)), KeyedHash());
    if (routed->keys.empty()) continue;
    dealt[routed->keys[0].actor % parts].push_back(line);
  }
  return dealt;
}

std::set<std::string> IdsOf(const std::vector<Finding>& findings) {
  std::set<std::string> ids;
  for (const Finding& finding : findings) ids.insert(finding.id.ToHex());
  return ids;
}

Delivery::Options AtOnce() {
  Delivery::Options options;
  options.policy = DeliveryPolicy::kAtOnce;
  return options;
}

void JudgeRun(const PipelineOptions& options, const Lines& lines, size_t batch,
              MemoryCheckpoint& checkpoint) {
  auto pipeline = Pipeline::Make(options, AllParts(), &checkpoint);
  ASSERT_THAT(pipeline, IsOk());
  MemorySource source(lines, batch);
  CapturingExporter exporter;
  Delivery delivery(AtOnce(), {&exporter});
  std::atomic<bool> stop{false};
  EXPECT_THAT(
      (*pipeline)->Run(
          {{"topic", &source}}, delivery, [](size_t, const Rejected&) {}, stop),
      IsOk());
}

// The messages of all judges, read in an interleaving of one's own.
class MemoryFeed final : public ObservationFeed {
 public:
  MemoryFeed(std::vector<std::string> messages, std::vector<size_t> ends)
      : messages_(std::move(messages)), ends_(std::move(ends)) {}

  std::string name() const override { return "observations"; }
  std::string Describe(int64_t offset) const override {
    return "offset " + std::to_string(offset);
  }
  absl::Status Resume(std::string_view bookmark) override {
    return absl::SimpleAtoi(std::string(bookmark), &next_)
               ? absl::OkStatus()
               : absl::DataLossError("bookmark");
  }
  std::string BookmarkOf(int64_t offset) const override {
    return std::to_string(offset);
  }
  absl::Status Read(absl::Time, const std::function<void(int64_t)>&,
                    std::vector<ObservationMessage>& out) override {
    for (int i = 0; i < 7 && next_ < EndOfReading(); ++i, ++next_) {
      out.push_back({next_, messages_[static_cast<size_t>(next_)]});
    }
    if (next_ == EndOfReading() && on_end_) on_end_();
    return absl::OkStatus();
  }
  bool IsAtEnd(uint32_t partition, std::string_view bookmark) const override {
    size_t judged = 0;
    if (!bookmark.empty()) {
      EXPECT_TRUE(absl::SimpleAtoi(std::string(bookmark), &judged));
    }
    return judged >= ends_[partition];
  }
  absl::Time as_of() const override { return SteadyNow(); }
  absl::Status health() const override { return absl::OkStatus(); }

  // Called when all up to `end` has been read, again and again.
  void CallAtEnd(int64_t end, std::function<void()> call) {
    end_of_reading_ = end;
    on_end_ = std::move(call);
  }

 private:
  int64_t EndOfReading() const {
    return std::min(end_of_reading_, static_cast<int64_t>(messages_.size()));
  }
  const std::vector<std::string> messages_;
  const std::vector<size_t> ends_;  // by partition
  int64_t next_ = 0;
  int64_t end_of_reading_ = INT64_MAX;
  std::function<void()> on_end_;
};

class CorrelatorRunTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kParts = 5;

  static CorrelatorRun::Options OptionsOf(uint32_t partitions) {
    CorrelatorRun::Options options;
    options.merge.partitions = partitions;
    options.merge.allowed_lateness = kLateness;
    options.checkpoint = {.interval = absl::Milliseconds(50),
                          .bytes = 1 << 20,
                          .pause = absl::ZeroDuration()};
    return options;
  }
  // Until all was read and nothing happened for longer than the merge waits.
  static void Correlate(MemoryFeed& feed, MemoryCheckpoint& checkpoint,
                        uint32_t partitions, int64_t end = INT64_MAX,
                        absl::Duration quiet = kLateness + absl::Seconds(2)) {
    auto run =
        CorrelatorRun::Make(OptionsOf(partitions), AllParts(), checkpoint);
    ASSERT_THAT(run, IsOk());
    std::atomic<bool> stop{false};
    absl::Time since = absl::InfinitePast();
    feed.CallAtEnd(end, [&] {
      if (since == absl::InfinitePast()) since = SteadyNow();
      if (SteadyNow() - since > quiet) stop = true;
      absl::SleepFor(absl::Milliseconds(5));
    });
    CapturingExporter exporter;
    Delivery delivery(AtOnce(), {&exporter});
    EXPECT_THAT((*run)->Run(feed, delivery, stop), IsOk());
    EXPECT_EQ((*run)->late_steps(), 0u);
  }
};

TEST_F(CorrelatorRunTest, FindsTogetherWhatOnePipelineFinds) {
  const Lines lines = DemoLogLines();
  MemoryCheckpoint alone;
  JudgeRun(JudgeOptions(), lines, 500, alone);
  const std::set<std::string> expected = IdsOf(alone.committed_findings());
  EXPECT_GE(expected.size(), 20u);

  const std::vector<Lines> dealt = DealtOutByActor(lines, kParts);
  std::vector<std::vector<std::string>> said;
  std::vector<size_t> ends;
  std::set<std::string> found;
  for (uint32_t part = 0; part < kParts; ++part) {
    PipelineOptions options = JudgeOptions();
    options.exports_partition = part;
    MemoryCheckpoint checkpoint;
    JudgeRun(options, dealt[part], 100 + 77 * part, checkpoint);
    found.merge(IdsOf(checkpoint.committed_findings()));
    said.push_back(checkpoint.observations());
    ends.push_back(dealt[part].size());
    EXPECT_THAT(dealt[part], ::testing::Not(IsEmpty()));
  }
  EXPECT_NE(found, expected) << "there is nothing to correlate";

  std::mt19937 random(3);
  std::vector<std::string> topic;
  std::vector<size_t> next(kParts);
  while (true) {
    std::vector<uint32_t> left;
    for (uint32_t part = 0; part < kParts; ++part) {
      if (next[part] < said[part].size()) left.push_back(part);
    }
    if (left.empty()) break;
    const uint32_t part = left[random() % left.size()];
    topic.push_back(said[part][next[part]++]);
  }
  const auto third = static_cast<int64_t>(topic.size() / 3);
  MemoryCheckpoint checkpoint;
  for (int64_t end : {third, 2 * third, int64_t{INT64_MAX}}) {
    MemoryFeed feed(topic, ends);
    const bool is_last = end == INT64_MAX;
    Correlate(feed, checkpoint, kParts, end,
              is_last ? kLateness + absl::Seconds(2) : absl::ZeroDuration());
  }
  const std::set<std::string> correlated =
      IdsOf(checkpoint.committed_findings());
  EXPECT_GE(correlated.size(), 3u);
  found.insert(correlated.begin(), correlated.end());
  EXPECT_THAT(found, ContainerEq(expected));
}

TEST_F(CorrelatorRunTest, ADamagedMessageIsADeadLetterAndAGapIsAFinding) {
  // Judge 0 loses its second message.
  ObservationExport judge(0);
  std::vector<std::string> topic;
  for (int i = 0; i < 3; ++i) {
    RoutedBatch routed;
    routed.batch = std::make_unique<EventBatch>();
    routed.batch->events.resize(1);
    routed.clock.stream_times = {absl::FromUnixSeconds(1'700'000'000 + 60 * i)};
    std::vector<SliceOutput> slices(1);
    std::vector<Observation> seen(1);
    slices[0].Add({}, {}, seen);
    judge.Process(routed, slices, {});
    for (const std::string& message : judge.TakeRecords("1")) {
      topic.push_back(message);
    }
  }
  ASSERT_THAT(topic, SizeIs(3));
  topic[1] = "{\"who\": \"is this\"}";
  MemoryCheckpoint checkpoint;
  MemoryFeed feed(topic, {1});
  Correlate(feed, checkpoint, 1);
  ASSERT_THAT(checkpoint.dead_letters(), SizeIs(1));
  EXPECT_EQ(checkpoint.dead_letters()[0].source, "observations");
  EXPECT_EQ(checkpoint.dead_letters()[0].place, "offset 1");
  ASSERT_THAT(checkpoint.committed_findings(), SizeIs(1));
  EXPECT_EQ(checkpoint.committed_findings()[0].rule, "audit.gap");
  EXPECT_THAT(checkpoint.committed_findings()[0].summary,
              HasSubstr("observations"));
}

TEST_F(CorrelatorRunTest, StateWithoutItsPlaceInTheTopicIsRefused) {
  MemoryCheckpoint checkpoint;
  MemoryFeed feed({}, {0});
  Correlate(feed, checkpoint, 1, INT64_MAX, absl::ZeroDuration());
  ASSERT_TRUE(checkpoint.restored().has_value());
  std::erase_if(checkpoint.restored()->state,
                [](const StateRow& row) { return row.owner == "merge"; });
  EXPECT_THAT(CorrelatorRun::Make(OptionsOf(1), AllParts(), checkpoint),
              StatusIs(absl::StatusCode::kDataLoss, _));
}

}  // namespace
}  // namespace oddverb
