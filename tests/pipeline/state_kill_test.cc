// A process that commits in a loop is killed at any moment: what is restored is
// exactly one of its commits.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Mode = SqliteCheckpoint::CommitMode;

constexpr int kKills = 200;
constexpr uint64_t kMaxCommits = 1'000'000;

// A child that runs `work`; what it writes to the descriptor is read here.
class Child {
 public:
  explicit Child(const std::function<void(int acknowledge)>& work) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      work(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    read_ = ends[0];
  }
  ~Child() { ::close(read_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  // Reads numbers until the child is gone, or for `microseconds` after the
  // first one.
  void ReadFor(int64_t microseconds) {
    timespec wait = {microseconds / 1'000'000,
                     microseconds % 1'000'000 * 1'000};
    if (ReadOne()) ::ppoll(nullptr, 0, &wait, nullptr);
  }
  // The last number that the child wrote before its end.
  uint64_t Kill() {
    ::kill(pid_, SIGKILL);
    while (ReadOne()) {
    }
    ::waitpid(pid_, nullptr, 0);
    return last_;
  }
  // For a child that ends by itself.
  uint64_t Wait() {
    while (ReadOne()) {
    }
    ::waitpid(pid_, nullptr, 0);
    return last_;
  }

 private:
  bool ReadOne() {
    return ::read(read_, &last_, sizeof(last_)) == sizeof(last_);
  }

  pid_t pid_ = -1;
  int read_ = -1;
  uint64_t last_ = 0;
};

// Commits first, first + 1, ... and writes each number when it is durable.
void CommitForEver(const SqliteCheckpoint::Options& options, uint64_t first,
                   int acknowledge) {
  FixedClock clock;
  auto opened = SqliteCheckpoint::Open(options, clock);
  if (!opened.ok() || !(*opened)->notice().empty()) return;
  SqliteCheckpoint& checkpoint = **opened;
  for (uint64_t n = first; n < kMaxCommits; ++n) {
    // Findings, dead letters and bodies: one a commit, so that number and
    // content are one. A body may have been spooled by the process before.
    std::string body = absl::StrCat(n);
    auto waiting = checkpoint.ReadSpool("hook", 0, 1'000);
    if (!waiting.ok()) return;
    std::string_view bodies[] = {body};
    if (waiting->empty() && !checkpoint.Spool("hook", bodies).ok()) return;
    if (!checkpoint.Commit(NumberedBatch(n)).ok()) return;
    if (::write(acknowledge, &n, sizeof(n)) != sizeof(n)) return;
    if (n % 3 == 0 && !checkpoint.Delivered(n - 1).ok()) return;
  }
}

// Checks that all parts are of one commit; returns its number, 0 = none yet.
uint64_t CheckedCommit(const std::string& directory) {
  FixedClock clock;
  auto checkpoint = OpenState(directory, clock);
  if (checkpoint == nullptr) return 0;
  EXPECT_EQ(checkpoint->notice(), "");
  auto restored = checkpoint->Restore();
  EXPECT_THAT(restored, IsOk());
  if (!restored.ok() || !restored->has_value()) return 0;
  uint64_t n = (*restored)->records_judged;
  EXPECT_THAT(NumbersIn(**restored), ElementsAre(n));
  EXPECT_THAT((*restored)->state, SizeIs(NumberedBatch(n).state.size()));
  // Neither lost nor twice: all since the last Delivered().
  uint64_t expected = n - ((*restored)->outbox.size() - 1);
  for (const OutboxEntry& entry : (*restored)->outbox) {
    EXPECT_EQ(entry.number, expected);
    EXPECT_EQ(entry.finding.count, static_cast<int64_t>(expected));
    ++expected;
  }
  auto letters = checkpoint->ReadDeadLetters(n - 1, 10);
  EXPECT_THAT(letters, IsOk());
  EXPECT_THAT(*letters, SizeIs(1));
  if (letters->size() == 1) {
    EXPECT_EQ((*letters)[0].number, n);
    EXPECT_EQ((*letters)[0].row.detail, absl::StrCat(n));
  }
  // The body of this commit is gone; only the next one may be there.
  auto bodies = checkpoint->ReadSpool("hook", 0, 1'000);
  EXPECT_THAT(bodies, IsOk());
  EXPECT_LE(bodies->size(), 1);
  for (const SpooledBody& body : *bodies) {
    EXPECT_EQ(body.number, n + 1);
    EXPECT_EQ(body.bytes, absl::StrCat(n + 1));
  }
  return n;
}

TEST(StateKillTest, EveryRestoreIsExactlyOneCommit) {
  TempFolder folder;
  std::string directory = folder.path("state");
  std::mt19937_64 random(11);
  uint64_t last = 0;
  for (int i = 0; i < kKills; ++i) {
    Child child([&](int acknowledge) {
      CommitForEver({.directory = directory}, last + 1, acknowledge);
    });
    child.ReadFor(static_cast<int64_t>(random() % 30'000));
    uint64_t acknowledged = child.Kill();
    uint64_t restored = CheckedCommit(directory);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "kill " << i;
    // What was acknowledged is there; the one after it may be.
    ASSERT_GT(acknowledged, last);
    ASSERT_GE(restored, acknowledged);
    ASSERT_LE(restored, acknowledged + 1);
    last = restored;
  }
  EXPECT_GE(last, kKills);
}

// The same check sees a checkpoint that is written in two transactions: the
// state knows of events whose finding is lost.
TEST(StateKillTest, AKillBetweenTwoTransactionsWouldBeSeen) {
  TempFolder folder;
  std::string directory = folder.path("state");
  SqliteCheckpoint::Options options{.directory = directory,
                                    .commit_mode = Mode::kSplitForTest};
  int commits = 0;
  options.between_for_test = [&commits] {
    if (++commits == 4) ::raise(SIGKILL);
  };
  Child child([&](int acknowledge) { CommitForEver(options, 1, acknowledge); });
  EXPECT_EQ(child.Wait(), 3);
  FixedClock clock;
  Restored restored = **OpenState(directory, clock)->Restore();
  EXPECT_THAT(NumbersIn(restored), ElementsAre(3, 4));
  EXPECT_EQ(restored.outbox.back().finding.count, 3);
}

TEST(StateKillTest, TheFirstStartIsWholeOrNotThere) {
  std::mt19937_64 random(12);
  for (int i = 0; i < 30; ++i) {
    TempFolder folder;
    std::string directory = folder.path("state");
    Child child([&](int acknowledge) {
      uint64_t started = 1;
      if (::write(acknowledge, &started, sizeof(started)) < 0) return;
      CommitForEver({.directory = directory}, 1, acknowledge);
    });
    child.ReadFor(static_cast<int64_t>(random() % 40'000));
    child.Kill();
    CheckedCommit(directory);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "kill " << i;
  }
}

TEST(StateKillTest, ASecondProcessIsToldWhoHasTheState) {
  TempFolder folder;
  std::string directory = folder.path("state");
  FixedClock clock;
  Child child([&](int acknowledge) {
    CommitForEver({.directory = directory}, 1, acknowledge);
  });
  child.ReadFor(0);
  EXPECT_THAT(SqliteCheckpoint::Open({.directory = directory}, clock),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::HasSubstr(absl::StrCat(
                           "another oddverb (pid ", child.pid(),
                           ") uses this state directory: ", directory))));
  // A dead process holds nothing.
  child.Kill();
  auto first = OpenState(directory, clock);
  // Nor may one process open it twice.
  EXPECT_THAT(SqliteCheckpoint::Open({.directory = directory}, clock),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::HasSubstr(absl::StrCat(::getpid()))));
  first.reset();
  EXPECT_NE(OpenState(directory, clock), nullptr);
}

}  // namespace
}  // namespace oddverb
