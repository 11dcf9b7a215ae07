// Directories that cannot be written, and disks that are full.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/small_disk.h"
#include "tests/support/state_probe.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string OpenError(const std::string& directory) {
  FixedClock clock;
  auto opened = SqliteCheckpoint::Open({.directory = directory}, clock);
  return opened.status().ToString();
}

TEST(StateSpaceTest, SaysWhyADirectoryCannotBeUsed) {
  TempFolder folder;
  ::chmod(folder.path().c_str(), 0755);
  folder.Write("file", "x");
  for (const char* name : {"closed", "owned"}) {
    ::mkdir(folder.path(name).c_str(), 0755);
  }
  folder.Write("owned/oddverb.db", "x");
  ::chmod(folder.path("owned/oddverb.db").c_str(), 0600);
  ::chmod(folder.path("closed").c_str(), 0500);
  struct Case {
    const char* name;
    const char* code;
    const char* cause;
    const char* cure;
  };
  const Case cases[] = {
      {"no/such", "NOT_FOUND", "No such file", "create its parent"},
      {"file", "FAILED_PRECONDITION", "Not a directory", "another --state-dir"},
      {"closed", "PERMISSION_DENIED", "Permission denied", "mode 0700"},
      {"owned", "PERMISSION_DENIED", "Permission denied", "mode 0700"},
      {"new", "PERMISSION_DENIED", "Permission denied", "mode 0700"},
  };
  for (const Case& c : cases) {
    std::string path = folder.path(c.name);
    if (::getuid() != 0 && (std::string_view(c.name) == "owned" ||
                            std::string_view(c.name) == "new")) {
      continue;  // these belong to us then
    }
    EXPECT_THAT(RunWithoutRights([&] { return OpenError(path); }),
                AllOf(HasSubstr(c.code), HasSubstr(path), HasSubstr(c.cause),
                      HasSubstr(c.cure)));
  }
  ::chmod(folder.path("closed").c_str(), 0700);
}

TEST(StateSpaceTest, FollowsNoLinkThatSomebodyPutThere) {
  TempFolder folder;
  std::string victim = folder.Write("victim", "precious");
  for (const char* name : {"oddverb.db", "oddverb.lock"}) {
    std::string directory = folder.path(absl::StrCat("for_", name));
    std::filesystem::create_directory(directory);
    std::filesystem::create_symlink(victim, directory + "/" + name);
    EXPECT_THAT(OpenError(directory), HasSubstr("FAILED_PRECONDITION"));
  }
  EXPECT_EQ(std::filesystem::file_size(victim), 8);
}

CheckpointBatch LargeBatch(uint64_t n) {
  CheckpointBatch batch = NumberedBatch(n);
  batch.state.push_back(
      {"large", 0, 0, absl::StrCat(n, std::string(1'000'000, ' '))});
  return batch;
}

// `fill` makes the disk full, `free` makes room again.
template <class Fill, class Free>
void ExpectToSurviveAFullDisk(const std::string& directory, Fill fill,
                              Free free) {
  FixedClock clock;
  auto checkpoint = OpenState(directory, clock);
  ASSERT_THAT(checkpoint->Commit(NumberedBatch(1)), IsOk());
  std::string large(1'000'000, 'x');
  std::string_view bodies[] = {"small", large};
  fill();
  EXPECT_THAT(checkpoint->Commit(LargeBatch(2)),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr(directory), HasSubstr("free space"))));
  EXPECT_THAT(
      checkpoint->Spool("hook", bodies),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("free space")));
  // Nothing of either, in this process or in the next one.
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(NumbersIn(**checkpoint->Restore()), ElementsAre(1));
    EXPECT_TRUE(checkpoint->ReadSpool("hook", 0, 1'000)->empty());
    EXPECT_EQ(checkpoint->usage().spool_bytes, 0);
    checkpoint.reset();
    checkpoint = OpenState(directory, clock);
    ASSERT_NE(checkpoint, nullptr);
    EXPECT_EQ(checkpoint->notice(), "");
  }
  EXPECT_FALSE(checkpoint->Commit(LargeBatch(2)).ok());
  free();
  // The same commit, by the same object, works as soon as there is room.
  EXPECT_EQ(*checkpoint->Commit(LargeBatch(2)), 2);
  EXPECT_EQ(*checkpoint->Spool("hook", bodies), 1);
  EXPECT_THAT(NumbersIn(**checkpoint->Restore()), ElementsAre(2));
}

TEST(StateSpaceTest, AFullFileSystemIsSurvived) {
  TempFolder folder;
  SmallDisk disk(folder.path("disk"), "8m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  std::string filler = folder.path("disk/filler");
  ExpectToSurviveAFullDisk(
      folder.path("disk/state"),
      [&] { folder.Write("disk/filler", std::string(7'300'000, 'f')); },
      [&] { std::filesystem::remove(filler); });
}

TEST(StateSpaceTest, ALimitOfFileSizesIsSurvived) {
  TempFolder folder;
  auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  auto set_limit = [&](rlim_t bytes) {
    rlimit limit = {bytes, old_limit.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  };
  ExpectToSurviveAFullDisk(
      folder.path("state"), [&] { set_limit(700'000); },
      [&] { set_limit(old_limit.rlim_cur); });
  set_limit(old_limit.rlim_cur);
  ::signal(SIGXFSZ, old_handler);
}

TEST(StateSpaceTest, AFileSystemThatIsFullAtTheStartIsNamed) {
  TempFolder folder;
  SmallDisk disk(folder.path("disk"), "64k");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  folder.Write("disk/filler", std::string(40'000, 'f'));
  EXPECT_THAT(OpenError(folder.path("disk/state")),
              AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("free space"),
                    HasSubstr("disk/state")));
  // The half-made database is no damage later.
  std::filesystem::remove(folder.path("disk/filler"));
  EXPECT_FALSE(std::filesystem::exists(folder.path("disk/state/oddverb.db")));
}

TEST(StateSpaceTest, AReadOnlyFileSystemIsNamed) {
  TempFolder folder;
  SmallDisk disk(folder.path("disk"), "2m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  FixedClock clock;
  ASSERT_NE(OpenState(folder.path("disk/state"), clock), nullptr);
  ASSERT_TRUE(disk.MakeReadOnly());
  for (const char* name : {"disk/state", "disk/new"}) {
    EXPECT_THAT(OpenError(folder.path(name)),
                AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr(name),
                      HasSubstr("Read-only file system"),
                      HasSubstr("mount it writable")));
  }
}

}  // namespace
}  // namespace oddverb
