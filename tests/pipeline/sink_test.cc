#include "pipeline/sink.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/scripted_exporter.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

class SinkTest : public ::testing::Test {
 protected:
  SinkTest() : logger_({}, clock_, log_) {
    options_ = {.name = "out", .max_findings = 16, .seed = 9};
    checkpoint_ = OpenState(folder_.path("state"), clock_);
  }

  void Commit(int findings) {
    CheckpointBatch batch;
    batch.findings.resize(static_cast<size_t>(findings));
    for (Finding& finding : batch.findings) {
      finding.count = ++committed_;
      finding.id.low = static_cast<uint64_t>(committed_);
    }
    ASSERT_THAT(checkpoint_->Commit(batch), IsOk());
    ASSERT_THAT(checkpoint_->Delivered(checkpoint_->newest_finding()), IsOk());
  }

  // A new process: the old objects are gone, nothing was said to them.
  ScriptedExporter& StartSink(ScriptedExporter::Script script = {}) {
    sink_.reset();
    exporter_ =
        std::make_unique<ScriptedExporter>(receiver_, std::move(script));
    sink_ = std::make_unique<Sink>(
        options_,
        SinkParts{*exporter_, *checkpoint_, clock_, logger_,
                  [](const Finding& f) { return absl::StrCat("f", f.count); }});
    auto cursors =
        checkpoint_->UseSinks(std::vector<std::string>{options_.name});
    EXPECT_THAT(cursors, IsOk());
    EXPECT_THAT(sink_->Start(cursors->at(0)), IsOk());
    return *exporter_;
  }

  // Steps until nothing is due; returns when the next step is.
  absl::Time Settle() {
    for (int i = 0; i < 1000; ++i) {
      absl::Time next = sink_->Step();
      if (next > clock_.now) return next;
    }
    ADD_FAILURE() << "the sink does not come to rest";
    return absl::InfinitePast();
  }
  // Settles as often as it takes, with the clock moved to each due time.
  void SettleWithTime(int rounds = 1000) {
    for (int i = 0; i < rounds; ++i) {
      absl::Time next = Settle();
      if (next == absl::InfiniteFuture()) return;
      clock_.now = next;
    }
  }

  std::vector<int64_t> Numbers(int64_t from, int64_t to) {
    std::vector<int64_t> numbers;
    for (; from <= to; ++from) numbers.push_back(from);
    return numbers;
  }

  TempFolder folder_;
  FixedClock clock_;
  std::ostringstream log_;
  Logger logger_;
  SinkOptions options_;
  std::unique_ptr<SqliteCheckpoint> checkpoint_;
  Receiver receiver_;
  std::unique_ptr<ScriptedExporter> exporter_;
  std::unique_ptr<Sink> sink_;
  int64_t committed_ = 0;
};

TEST_F(SinkTest, HandsOverInOrderAndInPages) {
  StartSink();
  Commit(40);
  EXPECT_EQ(sink_->stats().behind, 40);
  const absl::Time before = SteadyNow();
  EXPECT_EQ(Settle(), absl::InfiniteFuture());
  EXPECT_EQ(receiver_.taken, Numbers(1, 40));
  EXPECT_THAT(receiver_.asked, ElementsAre(16, 16, 8));
  SinkStats stats = sink_->stats();
  EXPECT_EQ(stats.behind, 0);
  EXPECT_EQ(stats.succeeded, 3);
  EXPECT_EQ(stats.delivered_findings, 40);
  EXPECT_EQ(stats.last_success, clock_.now);
  EXPECT_FALSE(sink_->IsBehind());
  // The deadline of an attempt, which a clock that is set does not move.
  EXPECT_THAT(receiver_.tried, Each(AllOf(Ge(before + options_.timeout),
                                          Le(SteadyNow() + options_.timeout))));
  Commit(1);
  Settle();
  EXPECT_THAT(receiver_.taken, SizeIs(41));
}

TEST_F(SinkTest, TriesAgainEverMoreSlowlyAndLosesNothing) {
  int fails = 8;
  StartSink([&](auto) {
    return fails-- > 0 ? absl::UnavailableError("down") : absl::OkStatus();
  });
  Commit(3);
  absl::Duration longest;
  for (int i = 0; i < 8; ++i) {
    absl::Duration pause = Settle() - clock_.now;
    EXPECT_LE(pause, absl::Seconds(std::min(1 << i, 60))) << i;
    longest = std::max(longest, pause);
    // Nothing happens before its time.
    EXPECT_EQ(sink_->Step() - clock_.now, pause);
    EXPECT_THAT(receiver_.asked, SizeIs(i + 1));
    clock_.now += pause;
  }
  EXPECT_GT(longest, absl::Seconds(4));
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 3));
  EXPECT_EQ(sink_->stats().failed, 8);
  // A success ends the slowness.
  fails = 1;
  Commit(1);
  EXPECT_LE(Settle() - clock_.now, absl::Seconds(1));
}

TEST_F(SinkTest, HeedsHowLongTheReceiverAsksToWait) {
  absl::Duration asked = absl::Minutes(3);
  bool down = true;
  StartSink([&](auto) {
    return down ? WithRetryAfter(absl::UnavailableError("429"), asked)
                : absl::OkStatus();
  });
  Commit(1);
  EXPECT_EQ(Settle() - clock_.now, asked);
  // Not for a year.
  clock_.now += asked;
  asked = absl::Hours(24 * 365);
  EXPECT_EQ(Settle() - clock_.now, options_.max_retry_after);
  clock_.now += options_.max_retry_after;
  down = false;
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 1));
}

TEST_F(SinkTest, AfterFailuresInARowItProbesWithOneFinding) {
  bool down = true;
  StartSink([&](auto) {
    return down ? absl::DeadlineExceededError("slow") : absl::OkStatus();
  });
  Commit(30);
  for (int i = 0; i < options_.breaker_after; ++i) {
    EXPECT_EQ(sink_->stats().breaker, BreakerState::kClosed) << i;
    clock_.now = Settle();
  }
  EXPECT_EQ(sink_->stats().breaker, BreakerState::kOpen);
  EXPECT_THAT(log_.str(), HasSubstr("output does not work"));
  receiver_.asked.clear();
  clock_.now = Settle();
  EXPECT_THAT(receiver_.asked, ElementsAre(1));
  down = false;
  Settle();
  EXPECT_EQ(sink_->stats().breaker, BreakerState::kClosed);
  EXPECT_THAT(log_.str(), HasSubstr("output works again"));
  EXPECT_EQ(receiver_.taken, Numbers(1, 30));
  EXPECT_THAT(receiver_.asked, ElementsAre(1, 1, 15, 14));
}

TEST_F(SinkTest, FindsTheOnesThatAreRefusedAndSendsAllOthers) {
  auto is_bad = [](const Finding& f) {
    return f.count == 5 || f.count == 6 || f.count == 32;
  };
  StartSink([&](std::span<const Finding> findings) {
    return std::any_of(findings.begin(), findings.end(), is_bad)
               ? absl::InvalidArgumentError("400 bad request")
               : absl::OkStatus();
  });
  Commit(40);
  EXPECT_EQ(Settle(), absl::InfiniteFuture()) << "no pause: it answers";
  std::vector<int64_t> good = Numbers(1, 40);
  std::erase_if(good, [](int64_t n) { return n == 5 || n == 6 || n == 32; });
  EXPECT_EQ(receiver_.taken, good);
  // Twice by halves from 16, once from 16 again, and the rest.
  EXPECT_LE(receiver_.asked.size(), 3 * 2 * 4 + 6);
  EXPECT_EQ(sink_->stats().dead_letters, 3);
  auto letters = *checkpoint_->ReadDeadLetters(0, 10);
  ASSERT_THAT(letters, SizeIs(3));
  EXPECT_EQ(letters[2].row.source, "out");
  EXPECT_EQ(letters[2].row.reason, "refused_by_output");
  EXPECT_EQ(letters[2].row.detail, "400 bad request");
  EXPECT_EQ(letters[2].row.sample, "f32");
  EXPECT_THAT(letters[2].row.place, HasSubstr("0020"));
}

TEST_F(SinkTest, SendsFewerAtOnceWhereManyAreTooLarge) {
  StartSink([&](std::span<const Finding> findings) {
    return findings.size() > 5 ? absl::OutOfRangeError("413")
                               : absl::OkStatus();
  });
  Commit(200);
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 200));
  EXPECT_EQ(sink_->stats().dead_letters, 0);
  // It does not begin with 16 each time: most attempts fit.
  EXPECT_LT(sink_->stats().refused, sink_->stats().succeeded);
}

TEST_F(SinkTest, OneThatIsTooLargeAloneIsADeadLetter) {
  StartSink([&](std::span<const Finding> findings) {
    return findings[0].count == 2 || findings.size() > 1
               ? absl::OutOfRangeError("413")
               : absl::OkStatus();
  });
  Commit(3);
  Settle();
  EXPECT_THAT(receiver_.taken, ElementsAre(1, 3));
  EXPECT_EQ(sink_->stats().dead_letters, 1);
}

TEST_F(SinkTest, ADeadReceiverBreaksItForGood) {
  StartSink([&](auto) { return absl::FailedPreconditionError("pipe closed"); });
  Commit(2);
  EXPECT_THAT(sink_->failure(), IsOk());
  EXPECT_EQ(Settle(), absl::InfiniteFuture());
  EXPECT_THAT(sink_->failure(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("output out: pipe closed")));
  clock_.now += absl::Hours(1);
  Settle();
  EXPECT_THAT(receiver_.asked, SizeIs(1));
  // A later process tries again.
  StartSink();
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 2));
}

TEST_F(SinkTest, ARestartGoesOnBehindWhatWasDelivered) {
  StartSink();
  Commit(20);
  sink_->Step();
  StartSink();
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 20));
}

TEST_F(SinkTest, WorksWhenTheExporterWantsToAndKeepsItsState) {
  ScriptedExporter& exporter = StartSink();
  EXPECT_EQ(receiver_.loaded, "");
  absl::Time due = clock_.now + absl::Minutes(1);
  exporter.WorkFrom(due);
  exporter.work_period = absl::Minutes(2);
  exporter.state = "firing: 1";
  EXPECT_EQ(Settle(), due);
  EXPECT_EQ(receiver_.works, 0);
  clock_.now = due;
  EXPECT_EQ(Settle(), due + absl::Minutes(2));
  EXPECT_EQ(receiver_.works, 1);
  exporter.state = "firing: 2";
  Commit(1);
  Settle();
  exporter.state = "not yet saved";
  StartSink();
  EXPECT_EQ(receiver_.loaded, "firing: 2");
  // Work that fails is tried again, and nothing is sent meanwhile.
  ScriptedExporter& later = StartSink();
  later.WorkFrom(clock_.now);
  later.work_status = absl::InvalidArgumentError("400");
  Commit(1);
  clock_.now = Settle();
  EXPECT_THAT(receiver_.taken, SizeIs(1));
  later.work_status = absl::OkStatus();
  Settle();
  EXPECT_THAT(receiver_.taken, SizeIs(2));
}

TEST_F(SinkTest, AClockThatIsSetBackDoesNotStopIt) {
  bool down = true;
  StartSink([&](auto) {
    return down ? absl::UnavailableError("") : absl::OkStatus();
  });
  Commit(1);
  Settle();
  down = false;
  clock_.now -= absl::Hours(24);
  Settle();
  EXPECT_EQ(receiver_.taken, Numbers(1, 1));
}

// The outbox of a disk that is full now and then.
class FailingOutbox final : public Outbox {
 public:
  explicit FailingOutbox(Outbox& to) : to_(to) {}
  absl::StatusOr<std::vector<SinkCursor>> UseSinks(
      std::span<const std::string> names) override {
    return to_.UseSinks(names);
  }
  absl::StatusOr<std::vector<OutboxEntry>> ReadOutbox(uint64_t after,
                                                      size_t max) override {
    if (fails_read) return absl::UnavailableError("busy");
    return to_.ReadOutbox(after, max);
  }
  absl::Status Advance(const SinkProgress& progress) override {
    if (fails_write) return absl::ResourceExhaustedError("disk full");
    return to_.Advance(progress);
  }
  uint64_t newest_finding() const override { return to_.newest_finding(); }

  bool fails_read = false;
  bool fails_write = false;

 private:
  Outbox& to_;
};

TEST_F(SinkTest, AFullDiskRepeatsNothingWhileTheProcessLives) {
  FailingOutbox outbox(*checkpoint_);
  ScriptedExporter exporter(receiver_);
  Sink sink(options_, {exporter, outbox, clock_, logger_,
                       [](const Finding&) { return ""; }});
  auto cursors = outbox.UseSinks(std::vector<std::string>{"out"});
  ASSERT_THAT(cursors, IsOk());
  ASSERT_THAT(sink.Start(cursors->at(0)), IsOk());
  Commit(20);
  outbox.fails_read = true;
  EXPECT_GT(sink.Step(), clock_.now);
  EXPECT_THAT(receiver_.asked, IsEmpty());
  outbox.fails_read = false;
  outbox.fails_write = true;
  clock_.now += absl::Minutes(1);
  for (int i = 0; i < 5; ++i) clock_.now = std::max(clock_.now, sink.Step());
  EXPECT_THAT(receiver_.asked, ElementsAre(16)) << "not before it is written";
  outbox.fails_write = false;
  for (int i = 0; i < 5; ++i) sink.Step();
  EXPECT_EQ(receiver_.taken, Numbers(1, 20));
  EXPECT_EQ(sink.stats().failed, 0) << "the receiver did nothing wrong";
  EXPECT_THAT(log_.str(), HasSubstr("disk full"));
}

}  // namespace
}  // namespace oddverb
