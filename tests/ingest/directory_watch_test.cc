#include "ingest/directory_watch.h"

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using Change = DirectoryWatch::Change;

TEST(DirectoryWatchTest, TellsGrowthFromNewNames) {
  TempFolder folder;
  std::string path = folder.Write("audit.log", "x");
  DirectoryWatch watch(folder.path(), "audit");
  watch.Wait(absl::Now() + absl::Milliseconds(1));
  if (!watch.watching()) GTEST_SKIP() << "the kernel gives no inotify watch";
  EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNone);
  std::ofstream(path, std::ios::app) << "y" << std::flush;
  EXPECT_EQ(watch.Wait(absl::InfiniteFuture()), Change::kContent);
  std::filesystem::rename(path, folder.path("audit-1.log"));
  EXPECT_EQ(watch.Wait(absl::InfiniteFuture()), Change::kNames);
  folder.Write("audit.log", "z");
  EXPECT_EQ(watch.Wait(absl::InfiniteFuture()), Change::kNames);
  std::filesystem::remove(folder.path("audit.log"));
  EXPECT_EQ(watch.Wait(absl::InfiniteFuture()), Change::kNames);
  EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNone);
}

TEST(DirectoryWatchTest, IsNotWokenByOtherFiles) {
  TempFolder folder;
  DirectoryWatch watch(folder.path(), "audit");
  watch.Wait(absl::Now() + absl::Milliseconds(1));
  folder.Write("other.log", "x");
  EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNone);
}

TEST(DirectoryWatchTest, WatchesAFolderThatComesLaterAndOneThatComesAgain) {
  TempFolder folder;
  DirectoryWatch watch(folder.path("later"), "audit");
  EXPECT_EQ(watch.Wait(absl::Now() + absl::Milliseconds(2)), Change::kNone);
  EXPECT_FALSE(watch.watching());
  for (int i = 0; i < 2; ++i) {
    std::filesystem::create_directory(folder.path("later"));
    EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNames);
    folder.Write("later/audit.log", "x");
    EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNames);
    std::filesystem::remove_all(folder.path("later"));
    EXPECT_EQ(watch.Wait(absl::InfinitePast()), Change::kNames);
  }
}

}  // namespace
}  // namespace oddverb
