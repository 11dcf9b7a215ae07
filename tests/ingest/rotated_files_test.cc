#include "ingest/rotated_files.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> NamesOf(const TempFolder& folder,
                                 const std::string& active) {
  absl::StatusOr<std::vector<LogFile>> files =
      RotatedFiles(folder.path(active)).List();
  EXPECT_THAT(files, IsOk());
  std::vector<std::string> names;
  for (const LogFile& file : *files) {
    EXPECT_EQ(file.active, file.path == folder.path(active));
    names.push_back(file.path.substr(folder.path().size() + 1));
  }
  return names;
}

// The file has its plain name, its compressed one or both, at any time.
TEST(RotatedFilesTest, MissesNoFileThatIsRenamedMeanwhile) {
  TempFolder folder;
  const std::string plain = "audit-2026-11-23T23-20-41.296.log";
  const std::string compressed = plain + ".gz";
  folder.Write(plain, "{}\n");
  // Work between the names and the look at them.
  for (int day = 10; day < 30; ++day) {
    folder.Write(absl::StrCat("audit-2026-10-", day, "T00-00-00.000.log"), "");
  }
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      folder.Write(compressed, "{}\n");
      std::filesystem::remove(folder.path(plain));
      folder.Write(plain, "{}\n");
      std::filesystem::remove(folder.path(compressed));
    }
  });
  const RotatedFiles names(folder.path("audit.log"));
  int listed = 0;
  for (int i = 0; i < 20'000 || listed == 0; ++i) {
    absl::StatusOr<std::vector<LogFile>> files = names.List();
    if (absl::IsAborted(files.status())) continue;
    ++listed;
    if (files.ok() && files->size() == 21) continue;
    ADD_FAILURE() << files.status() << ", listing " << listed;
    break;
  }
  stop = true;
  writer.join();
}

TEST(RotatedFilesTest, LeavesOutALinkToNothing) {
  TempFolder folder;
  folder.Write("audit.log", "");
  std::filesystem::create_symlink(
      "nowhere", folder.path("audit-2026-11-23T23-20-41.296.log"));
  EXPECT_THAT(NamesOf(folder, "audit.log"), ElementsAre("audit.log"));
}

TEST(RotatedFilesTest, FindsTheNamesOfTheApiServerOldestFirst) {
  TempFolder folder;
  for (const char* name :
       {"audit.log", "audit-2026-11-23T23-20-41.296.log",
        "audit-2026-11-23T23-20-41.295.log.gz",
        "audit-2025-12-31T23-59-59.999.log", "audit-webhook.log", "audit.txt",
        "audit-2026-11-23T23-20-41.log", "audit-2026-11-23T23-20-41.296.txt",
        "other-2026-11-23T23-20-41.296.log", "audit-2026-11-23.log",
        "xaudit-2026-11-23T23-20-41.296.log", "audit.log.gz",
        "audit.log.bak"}) {
    folder.Write(name, "x");
  }
  EXPECT_THAT(NamesOf(folder, "audit.log"),
              ElementsAre("audit-2025-12-31T23-59-59.999.log",
                          "audit-2026-11-23T23-20-41.295.log.gz",
                          "audit-2026-11-23T23-20-41.296.log", "audit.log"));
}

TEST(RotatedFilesTest, LeavesOutWhatIsBeingCompressed) {
  TempFolder folder;
  folder.Write("audit-2026-11-23T23-20-41.296.log", "x");
  folder.Write("audit-2026-11-23T23-20-41.296.log.gz", "x");
  folder.Write("audit-2026-11-23T23-20-42.296.log.gz", "x");
  EXPECT_THAT(NamesOf(folder, "audit.log"),
              ElementsAre("audit-2026-11-23T23-20-41.296.log",
                          "audit-2026-11-23T23-20-42.296.log.gz"));
}

TEST(RotatedFilesTest, FindsTheNamesOfKubeletAndLogrotate) {
  TempFolder folder;
  for (const char* name :
       {"0.log", "0.log.20261123-232041", "0.log.20261123-232040.gz",
        "0.log.20261123-232042.tmp", "1.log", "00.log.20261123-232041"}) {
    folder.Write(name, "x");
  }
  EXPECT_THAT(NamesOf(folder, "0.log"),
              ElementsAre("0.log.20261123-232040.gz", "0.log.20261123-232041",
                          "0.log"));
  for (const char* name : {"a", "a.1", "a.2.gz", "a.10", "a-20261123", "a.x"}) {
    folder.Write(name, "x");
  }
  EXPECT_THAT(NamesOf(folder, "a"),
              ElementsAre("a.10", "a.2.gz", "a.1", "a-20261123", "a"));
}

TEST(RotatedFilesTest, SaysWhyThereIsNothing) {
  TempFolder folder;
  EXPECT_THAT(NamesOf(folder, "audit.log"), IsEmpty());
  EXPECT_THAT(RotatedFiles(folder.path("no/audit.log")).List(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no")));
  folder.Write("audit.log/x", "");
  EXPECT_THAT(
      RotatedFiles(folder.path("audit.log")).List(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a folder")));
}

TEST(RotatedFilesTest, KnowsFolderAndStem) {
  EXPECT_EQ(RotatedFiles("audit.log").folder(), ".");
  EXPECT_EQ(RotatedFiles("/audit.log").folder(), "/");
  EXPECT_EQ(RotatedFiles("/var/log/audit.log").folder(), "/var/log");
  EXPECT_EQ(RotatedFiles("/var/log/kube.audit.log").name_stem(), "kube.audit");
  EXPECT_EQ(RotatedFiles("/var/log.d/audit").name_stem(), "audit");
}

}  // namespace
}  // namespace oddverb
