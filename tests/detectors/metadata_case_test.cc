// How MetadataAccess joins events to cases, bounds them and keeps them over
// restarts.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "detectors/metadata_access.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(MetadataCaseTest, CountsOneRequestOnceOverItsStages) {
  MetadataStream stream;
  std::string uri = ExecUri(kPlain);
  auto feed = [&](Stage stage, double seconds) {
    EventBuilder builder;
    AsExec(builder, uri).Stage(stage).At(At(seconds)).Received(At(0));
    stream.Feed(builder.Build());
  };
  feed(Stage::kRequestReceived, 0);
  EXPECT_THAT(stream.findings(), IsEmpty());
  feed(Stage::kResponseStarted, 0.1);
  EXPECT_THAT(stream.findings(), SizeIs(1));
  feed(Stage::kResponseComplete, 60);
  // A session can outlive its case.
  feed(Stage::kResponseComplete, 7200);
  stream.End();
  EXPECT_THAT(stream.opened(), SizeIs(1));
  ASSERT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].count, 1);
  EXPECT_THAT(stream.findings(), SizeIs(2));
}

TEST(MetadataCaseTest, TakesResponseCompleteWhereItIsAllThereIs) {
  MetadataStream stream;
  EventBuilder builder;
  AsExec(builder, ExecUri(kPlain)).Stage(Stage::kResponseComplete);
  stream.Feed(builder.Build());
  EXPECT_THAT(stream.opened(), SizeIs(1));
}

TEST(MetadataCaseTest, UpdatesWhenTheCountDoublesOrSeverityRises) {
  MetadataStream stream;
  for (int i = 0; i < 8; ++i) stream.Exec(At(i), kPlain);
  std::vector<int64_t> counts;
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.id, stream.findings()[0].id);
    counts.push_back(finding.count);
  }
  EXPECT_THAT(counts, ElementsAre(1, 2, 4, 8));
  stream.Exec(At(10), kDisguised);
  ASSERT_THAT(stream.findings(), SizeIs(5));
  const Finding& update = stream.findings()[4];
  EXPECT_EQ(update.state, FindingState::kUpdate);
  EXPECT_EQ(update.count, 9);
  EXPECT_EQ(update.severity, Severity::kHigh);
  EXPECT_EQ(update.id, stream.findings()[0].id);
  EXPECT_THAT(update.summary, HasSubstr("2852039166"));
  EXPECT_THAT(update.evidence, SizeIs(Finding::kMaxEvidence));
  // A weaker step changes the count alone.
  stream.Exec(At(11), kWeak);
  EXPECT_THAT(stream.findings(), SizeIs(5));
  stream.End();
  const Finding& last = stream.findings().back();
  EXPECT_EQ(last.state, FindingState::kFinal);
  EXPECT_EQ(last.count, 10);
  EXPECT_EQ(last.severity, Severity::kHigh);
  EXPECT_EQ(last.first_seen, At(0));
  EXPECT_EQ(last.last_seen, At(11));
}

TEST(MetadataCaseTest, EndsACaseAfterHalfAnHourOfQuiet) {
  MetadataStream stream;
  stream.Exec(At(0), kPlain);
  stream.Exec(At(1700), kPlain);  // keeps it open
  stream.Tick(At(3499));
  EXPECT_THAT(stream.InState(FindingState::kFinal), IsEmpty());
  stream.Tick(At(3500));
  ASSERT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].count, 2);
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].time, At(3500));
  stream.End();
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  // The next one is another finding.
  stream.Exec(At(4000), kPlain);
  ASSERT_THAT(stream.opened(), SizeIs(2));
  EXPECT_NE(stream.opened()[0].id, stream.opened()[1].id);
}

// A jump of the watermark may reach the detector after the event.
TEST(MetadataCaseTest, EndsAQuietCaseBeforeALaterEventOpensAnother) {
  MetadataStream stream;
  stream.out().stream_time = At(100'000);  // no ticks between
  stream.Exec(At(0), kPlain);
  stream.Exec(At(1800), kPlain);
  EXPECT_THAT(stream.opened(), SizeIs(2));
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
}

TEST(MetadataCaseTest, KeepsActorsObjectsAndRulesApart) {
  MetadataStream stream;
  stream.Exec(At(0), kPlain, "p", "alice");
  stream.Exec(At(1), kPlain, "q", "alice");
  stream.Exec(At(2), kPlain, "p", "bob");
  stream.Feed(EventBuilder()
                  .Resource("pods")
                  .Sub("proxy")
                  .Ns("web")
                  .Name("p")
                  .Uri("/api/v1/namespaces/web/pods/p/proxy/"
                       "http://169.254.169.254/")
                  .At(At(3))
                  .Build());
  EXPECT_THAT(stream.opened(), SizeIs(4));
  std::set<std::string> ids;
  for (const Finding& finding : stream.findings())
    ids.insert(finding.id.ToHex());
  EXPECT_THAT(ids, SizeIs(4));
}

TEST(MetadataCaseTest, FoldsFurtherObjectsIntoTheOldestCase) {
  MetadataStream stream;
  constexpr int kMax = MetadataAccess::kMaxCasesPerActor;
  for (int i = 0; i < kMax + 5; ++i) {
    stream.Exec(At(i), kPlain, "pod-" + std::to_string(i));
  }
  EXPECT_THAT(stream.opened(), SizeIs(kMax));
  stream.End();
  std::vector<Finding> ended = stream.InState(FindingState::kFinal);
  ASSERT_THAT(ended, SizeIs(kMax));
  // Sorted by the time of the last event: the oldest was the last in use.
  EXPECT_EQ(ended.back().id, stream.opened()[0].id);
  EXPECT_EQ(ended.back().count, 6);
  EXPECT_THAT(ended.back().what.names, Contains("pod-20"));
}

TEST(MetadataCaseTest, BoundsTheCasesOfAllActors) {
  MetadataStream stream;
  constexpr int kMax = MetadataAccess::kMaxCases;
  for (int i = 0; i < kMax + 10; ++i) {
    stream.Exec(At(i), kPlain, "p", "user-" + std::to_string(i));
  }
  EXPECT_THAT(stream.opened(), SizeIs(kMax + 10));
  std::vector<Finding> ended = stream.InState(FindingState::kFinal);
  ASSERT_THAT(ended, SizeIs(10));
  EXPECT_EQ(ended[0].entity, "user-0");
  EXPECT_EQ(ended[9].entity, "user-9");
  stream.End();
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(kMax + 10));
}

TEST(MetadataCaseTest, ForgetsWithTheTable) {
  MetadataStream stream;
  stream.ShrinkTable(1);
  stream.Exec(At(0), kPlain, "p", "alice");
  stream.Exec(At(1), kPlain, "p", "bob");
  EXPECT_THAT(stream.opened(), SizeIs(2));
  EXPECT_EQ(stream.opened()[1].count, 1);
  stream.End();
  ASSERT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.InState(FindingState::kFinal)[0].entity, "bob");
}

// Cases that were forgotten leave their room to others.
TEST(MetadataCaseTest, CountsOnlyCasesThatAreOpen) {
  MetadataStream stream;
  stream.ShrinkTable(2);
  for (size_t i = 0; i < 2 * MetadataAccess::kMaxCases; ++i) {
    stream.Exec(At(static_cast<double>(i)), kPlain, "p",
                "user-" + std::to_string(i));
  }
  EXPECT_THAT(stream.InState(FindingState::kFinal), IsEmpty());
  stream.End();
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(2));
}

TEST(MetadataCaseTest, GivesTheSameFindingsOverRestarts) {
  auto run = [](bool restarts) {
    MetadataStream stream;
    std::mt19937_64 random(6);
    double now = 0;
    for (int i = 0; i < 300; ++i) {
      now += static_cast<double>(random() % 600);
      const std::vector<std::string>* commands[] = {&kPlain, &kDisguised,
                                                    &kWeak};
      stream.Exec(At(now), *commands[random() % 3],
                  "pod-" + std::to_string(random() % 4),
                  "user-" + std::to_string(random() % 5));
      if (restarts) stream.Restart();
    }
    stream.End();
    EXPECT_TRUE(stream.restarts_ok());
    std::string text;
    for (const Finding& finding : stream.findings()) {
      text += finding.id.ToHex() + " " +
              std::string(FindingStateName(finding.state)) + " " +
              std::to_string(finding.count) + " " + finding.summary + " " +
              absl::FormatTime(finding.time, absl::UTCTimeZone()) + " " +
              std::to_string(finding.evidence.size()) + "\n";
    }
    return text;
  };
  std::string plain = run(false);
  EXPECT_THAT(plain, HasSubstr("update"));
  EXPECT_EQ(run(true), plain);
}

TEST(MetadataCaseTest, RefusesDamagedState) {
  MetadataStream stream;
  stream.Exec(At(0), kPlain);
  std::string saved = stream.Saved(0);
  ASSERT_FALSE(saved.empty());
  MetadataStream other;
  for (size_t length = 1; length < saved.size(); ++length) {
    StateReader reader(std::string_view(saved).substr(0, length));
    EXPECT_THAT(other.detector().Load(EntityKind::kActor, 0, reader),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  }
  for (size_t i = 0; i < saved.size(); ++i) {
    std::string damaged = saved;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    StateReader reader(damaged);
    // May be another valid state; must not crash.
    (void)other.detector().Load(EntityKind::kActor, 0, reader);
  }
  other.End();
}

TEST(MetadataCaseTest, KeepsNoStateForHonestActors) {
  MetadataStream stream;
  stream.Exec(At(0), {"ls"});
  stream.Exec(At(1), kWeak);
  EXPECT_EQ(stream.Saved(0), "");
}

}  // namespace
}  // namespace oddverb
