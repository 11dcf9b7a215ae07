// Sinks on threads of their own: restarts, failures, and one that is down.
#include "pipeline/sink_set.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/scripted_exporter.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(60);

// Holds every attempt until it is opened.
class Gate {
 public:
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return is_open_; });
  }
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

class SinkSetTest : public ::testing::Test {
 protected:
  SinkSetTest() : logger_({}, clock_, log_) { Reopen(); }

  void Reopen() {
    set_.reset();
    checkpoint_.reset();
    checkpoint_ = OpenState(folder_.path("state"), clock_);
    EXPECT_EQ(checkpoint_->notice(), "");
  }
  SinkSet::Member Member(std::string name, Receiver& receiver,
                         ScriptedExporter::Script script = {}) {
    SinkOptions options;
    options.name = std::move(name);
    options.retry = {.first = absl::Milliseconds(1),
                     .max = absl::Milliseconds(2)};
    options.max_findings = 16;
    return {std::move(options),
            std::make_unique<ScriptedExporter>(receiver, std::move(script))};
  }
  void Start(std::vector<SinkSet::Member> members) {
    auto set = SinkSet::Start(
        std::move(members),
        {*checkpoint_, clock_, logger_, [](const Finding&) { return "f"; }});
    ASSERT_THAT(set, IsOk());
    set_ = *std::move(set);
  }
  void Commit(int findings) {
    CheckpointBatch batch;
    batch.findings.resize(static_cast<size_t>(findings));
    for (Finding& finding : batch.findings) finding.count = ++committed_;
    ASSERT_THAT(checkpoint_->Commit(batch), IsOk());
    ASSERT_THAT(set_->door().Export({}, absl::InfiniteFuture()), IsOk());
    ASSERT_THAT(checkpoint_->Delivered(checkpoint_->newest_finding()), IsOk());
  }
  uint64_t BehindOf(const std::string& name) {
    for (const SinkStats& stats : set_->stats()) {
      if (stats.name == name) return stats.behind;
    }
    return UINT64_MAX;
  }
  bool AwaitDelivery(const std::string& name) {
    absl::Time deadline = absl::Now() + kPatience;
    while (BehindOf(name) > 0 && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return BehindOf(name) == 0;
  }

  // Each once, in order.
  std::vector<int64_t> All() const {
    std::vector<int64_t> all;
    for (int64_t i = 1; i <= committed_; ++i) all.push_back(i);
    return all;
  }

  TempFolder folder_;
  SystemClock clock_;
  std::ostringstream log_;
  Logger logger_;
  std::unique_ptr<SqliteCheckpoint> checkpoint_;
  std::unique_ptr<SinkSet> set_;
  int64_t committed_ = 0;
};

TEST_F(SinkSetTest, OneThatHangsDelaysNeitherCommitsNorTheOthers) {
  Receiver good, hung;
  Gate gate;
  std::vector<SinkSet::Member> members;
  members.push_back(Member("good", good));
  members.push_back(Member("hung", hung, [&](auto) {
    gate.Wait();
    return absl::OkStatus();
  }));
  Start(std::move(members));
  for (int i = 0; i < 50; ++i) Commit(3);
  EXPECT_TRUE(AwaitDelivery("good"));
  EXPECT_EQ(BehindOf("hung"), 150);
  gate.Open();
  EXPECT_TRUE(AwaitDelivery("hung"));
  EXPECT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
  EXPECT_EQ(good.taken, All());
  EXPECT_EQ(hung.taken, All());
  EXPECT_EQ(good.finishes, 1);
}

TEST_F(SinkSetTest, StopHandsOverTheRestAndLeavesWhatDoesNotWork) {
  Receiver good, down;
  std::vector<SinkSet::Member> members;
  members.push_back(Member("good", good));
  members.push_back(
      Member("down", down, [](auto) { return absl::UnavailableError("no"); }));
  Start(std::move(members));
  Commit(100);
  EXPECT_THAT(set_->Stop(absl::Now() + absl::Seconds(3)), IsOk());
  EXPECT_EQ(good.taken, All());
  EXPECT_GT(down.asked.size(), 0u);
  Reopen();
  std::vector<SinkSet::Member> again;
  again.push_back(Member("good", good));
  again.push_back(Member("down", down));
  Start(std::move(again));
  EXPECT_TRUE(AwaitDelivery("down"));
  EXPECT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
  EXPECT_EQ(good.taken, All());
  EXPECT_EQ(down.taken, All());
}

TEST_F(SinkSetTest, TellsOfASinkThatWillNeverWorkAgain) {
  Receiver gone;
  std::vector<SinkSet::Member> members;
  members.push_back(Member("pipe", gone, [](auto) {
    return absl::FailedPreconditionError("reader gone");
  }));
  Start(std::move(members));
  EXPECT_THAT(set_->failure(), IsOk());
  Commit(1);
  absl::Time deadline = absl::Now() + kPatience;
  while (set_->failure().ok() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(set_->failure(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        HasSubstr("output pipe")));
  EXPECT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
  EXPECT_EQ(gone.finishes, 0);
}

TEST_F(SinkSetTest, TwoOutputsOfOneStateAreToldApartByName) {
  Receiver a, b;
  std::vector<SinkSet::Member> members;
  members.push_back(Member("a", a));
  Start(std::move(members));
  Commit(5);
  ASSERT_TRUE(AwaitDelivery("a"));
  Reopen();
  std::vector<SinkSet::Member> more;
  more.push_back(Member("b", b));  // new: from now on
  more.push_back(Member("a", a));
  Start(std::move(more));
  Commit(1);
  ASSERT_TRUE(AwaitDelivery("a"));
  ASSERT_TRUE(AwaitDelivery("b"));
  EXPECT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
  EXPECT_EQ(a.taken, All());
  EXPECT_EQ(b.taken, std::vector<int64_t>({6}));
}

// What a receiver holds after any failures and kills: everything, in order;
// repeats only of the hand-over that a kill or failure cut off.
void ExpectAllInOrder(const std::vector<int64_t>& taken, int64_t all) {
  int64_t highest = 0;
  for (int64_t number : taken) {
    ASSERT_LE(number, highest + 1) << "lost or out of order";
    highest = std::max(highest, number);
  }
  EXPECT_EQ(highest, all);
}

class RandomFailuresTest : public SinkSetTest,
                           public ::testing::WithParamInterface<uint64_t> {};

TEST_P(RandomFailuresTest, EveryReceiverGetsEverythingInOrder) {
  std::mt19937_64 random(GetParam());
  constexpr int kSinks = 3;
  Receiver receivers[kSinks];
  std::mt19937_64 randoms[kSinks];
  for (int life = 0; life < 8; ++life) {
    std::vector<SinkSet::Member> members;
    for (int i = 0; i < kSinks; ++i) {
      randoms[i].seed(random());
      members.push_back(Member(
          absl::StrCat("sink-", i), receivers[i], [i, &own = randoms[i]](auto) {
            // The third one fails nearly always.
            uint64_t part = own() % 8;
            if (part == 0 || (i == 2 && part < 6)) {
              return absl::UnavailableError("now and then");
            }
            return absl::OkStatus();
          }));
    }
    Start(std::move(members));
    for (uint64_t i = random() % 20; i > 0; --i) {
      Commit(static_cast<int>(random() % 40));
      if (random() % 3 == 0) std::this_thread::yield();
    }
    // Killed: threads end anywhere, and nobody says goodbye.
    if (life < 7) Reopen();
  }
  EXPECT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
  for (const Receiver& receiver : receivers) {
    ExpectAllInOrder(receiver.taken, committed_);
  }
  Reopen();
  auto cursors = checkpoint_->UseSinks(
      std::vector<std::string>{"sink-0", "sink-1", "sink-2"});
  ASSERT_THAT(cursors, IsOk());
  for (const SinkCursor& cursor : *cursors) {
    EXPECT_EQ(cursor.delivered, static_cast<uint64_t>(committed_));
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomFailuresTest,
                         ::testing::Range<uint64_t>(0, 6));

// After a kill between the hand-over and its commit, the one page comes again.
TEST_F(SinkSetTest, WhatIsDeliveredNeverComesAgain) {
  Receiver receiver;
  for (int life = 0; life < 20; ++life) {
    std::vector<SinkSet::Member> members;
    members.push_back(Member("only", receiver));
    Start(std::move(members));
    Commit(7);
    ASSERT_TRUE(AwaitDelivery("only"));
    ASSERT_THAT(set_->Stop(absl::Now() + kPatience), IsOk());
    Reopen();
  }
  EXPECT_EQ(receiver.taken, All());
}

}  // namespace
}  // namespace oddverb
