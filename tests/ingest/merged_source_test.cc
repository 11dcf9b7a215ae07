#include "ingest/merged_source.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/corpus.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

std::string LineAt(int seconds, std::string_view id) {
  return EventLine(kStart + absl::Seconds(seconds), id) + "\n";
}

SourceOutput Read(const std::vector<std::string>& paths,
                  const FileSourceOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Source>> source = OpenFiles(paths, options);
  EXPECT_THAT(source, IsOk());
  return ReadAll(**source);
}

std::string Id(const std::string& record) {
  size_t at = record.find("auditID\":\"") + 10;
  return record.substr(at, record.find('"', at) - at);
}

std::string StageText(const std::string& record) {
  return record.substr(record.find("stageTimestamp"), 43);
}

std::vector<std::string> Ids(const SourceOutput& output) {
  std::vector<std::string> ids;
  for (const std::string& record : output.records) ids.push_back(Id(record));
  return ids;
}

TEST(MergedSourceTest, ReadsRotatedFilesOneAfterTheOther) {
  TempFolder folder;
  std::string late = folder.Write("a", LineAt(30, "30") + LineAt(40, "40"));
  std::string early = folder.Write("b", LineAt(10, "10") + LineAt(20, "20"));
  SourceOutput output = Read({late, early});
  EXPECT_THAT(Ids(output), ElementsAre("10", "20", "30", "40"));
  EXPECT_EQ(output.positions[0].stream, 1u);
  EXPECT_EQ(output.positions[3].stream, 0u);
  EXPECT_EQ(output.positions[3].line, 2u);
  EXPECT_TRUE(absl::IsOutOfRange(output.end));
}

TEST(MergedSourceTest, InterleavesFilesThatOverlap) {
  TempFolder folder;
  std::string a =
      folder.Write("a", LineAt(1, "1") + LineAt(4, "4") + LineAt(5, "5"));
  std::string b =
      folder.Write("b", LineAt(2, "2") + LineAt(3, "3") + LineAt(6, "6"));
  EXPECT_THAT(Ids(Read({a, b})), ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST(MergedSourceTest, KeepsTheOrderInsideOfAFile) {
  TempFolder folder;
  // 2 is late in its file: the file's watermark stays at 5.
  std::string a =
      folder.Write("a", LineAt(1, "1") + LineAt(5, "5") + LineAt(2, "2"));
  std::string b = folder.Write("b", LineAt(3, "3") + LineAt(4, "4"));
  EXPECT_THAT(Ids(Read({a, b})), ElementsAre("1", "3", "4", "5", "2"));
}

TEST(MergedSourceTest, ARecordWithoutTimeKeepsTheWatermark) {
  TempFolder folder;
  std::string a =
      folder.Write("a", "{\"auditID\":\"x\"}\n" + LineAt(5, "5") +
                            "{\"auditID\":\"y\"}\n" + LineAt(7, "7"));
  std::string b = folder.Write("b", LineAt(3, "3") + LineAt(6, "6"));
  EXPECT_THAT(Ids(Read({a, b})), ElementsAre("x", "3", "5", "y", "6", "7"));
}

// Overlapping files with disorder, equal times, times missing, copies.
std::vector<std::string> RandomFiles(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> contents;
  for (int file = 0; file < 6; ++file) {
    int seconds = static_cast<int>(random() % 100);
    std::string content;
    for (int i = 0; i < 300; ++i) {
      seconds += static_cast<int>(random() % 3);
      int skew = random() % 10 == 0 ? static_cast<int>(random() % 20) : 0;
      std::string id = absl::StrCat(file, "-", i);
      content += random() % 40 == 0
                     ? absl::StrCat("{\"auditID\":\"", id, "\"}\n")
                     : LineAt(seconds - skew, id);
    }
    contents.push_back(content);
  }
  contents.push_back(contents[0]);
  contents.push_back("");
  return contents;
}

TEST(MergedSourceTest, OrderDoesNotDependOnArgumentsNamesOrBlocks) {
  for (unsigned seed : {1u, 2u, 3u}) {
    std::vector<std::string> contents = RandomFiles(seed);
    std::vector<std::string> expected;
    std::mt19937 random(seed);
    for (size_t block : {1u << 10, 5000u, 1u << 16, 1u << 20}) {
      for (size_t max_open_files : {1u, 3u, 100u}) {
        std::shuffle(contents.begin(), contents.end(), random);
        TempFolder folder;
        std::vector<std::string> paths;
        for (const std::string& content : contents) {
          std::string name = absl::StrCat(random());
          paths.push_back(folder.Write(
              name, random() % 3 == 0 ? GzipOf(content) : content));
        }
        FileSourceOptions options;
        options.block_bytes = block;
        options.max_open_files = max_open_files;
        SourceOutput output = Read(paths, options);
        EXPECT_THAT(output.rejected, IsEmpty());
        if (expected.empty()) expected = output.records;
        ASSERT_EQ(output.records.size(), 7u * 300);
        ASSERT_TRUE(output.records == expected)
            << "blocks of " << block << ", " << max_open_files << " open";
      }
    }
  }
}

TEST(MergedSourceTest, EqualTimesAreOrderedByContent) {
  TempFolder folder;
  std::string a = folder.Write("a", LineAt(1, "first") + LineAt(1, "second"));
  std::string b = folder.Write("b", LineAt(1, "third") + LineAt(1, "fourth"));
  std::vector<std::string> one = Ids(Read({a, b}));
  EXPECT_EQ(Ids(Read({b, a})), one);
  ASSERT_EQ(::rename(a.c_str(), folder.path("z").c_str()), 0);
  EXPECT_EQ(Ids(Read({folder.path("z"), b})), one);
}

TEST(MergedSourceTest, ReadsManyFilesWithFewDescriptors) {
  TempFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 2000; ++i) {
    // Every tenth overlaps with all that follow.
    int seconds = (i * 7919) % 2000;
    std::string content =
        LineAt(seconds, absl::StrCat(i)) +
        LineAt(i % 10 == 0 ? 5000 + i : seconds, absl::StrCat(i, "b"));
    paths.push_back(
        folder.Write(absl::StrCat(i), i % 5 == 0 ? GzipOf(content) : content));
  }
  struct rlimit saved;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
  struct rlimit few = {64, saved.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  FileSourceOptions options;
  options.block_bytes = 64;  // so that a file takes several blocks
  SourceOutput output = Read(paths, options);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
  EXPECT_THAT(output.rejected, IsEmpty());
  ASSERT_EQ(output.records.size(), 4000u);
  std::vector<std::string> ids = Ids(output);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 4000u);
  EXPECT_EQ(ids.front(), "0");
  EXPECT_TRUE(std::is_sorted(output.records.begin(), output.records.end(),
                             [](const std::string& a, const std::string& b) {
                               return StageText(a) < StageText(b);
                             }));
  EXPECT_EQ(ids.back(), "1990b");
}

TEST(MergedSourceTest, SumsUpProgress) {
  TempFolder folder;
  std::string a = folder.Write("a", LineAt(1, "1"));
  std::string b = folder.Write("b", GzipOf(LineAt(2, "2")));
  uint64_t stored =
      std::filesystem::file_size(a) + std::filesystem::file_size(b);
  for (size_t max_open_files : {1u, 10u}) {
    FileSourceOptions options;
    options.max_open_files = max_open_files;
    absl::StatusOr<std::unique_ptr<Source>> source = OpenFiles({a, b}, options);
    ASSERT_THAT(source, IsOk());
    EXPECT_EQ((*source)->progress().total_bytes, stored);
    SourceOutput output = ReadAll(**source);
    EXPECT_EQ((*source)->progress().read_bytes, stored);
    EXPECT_EQ(output.source_bytes, LineAt(1, "1").size() * 2);
  }
}

TEST(MergedSourceTest, DamageInOneFileCostsNoOther) {
  TempFolder folder;
  std::string content;
  for (int i = 0; i < 5000; ++i) content += LineAt(i, absl::StrCat("g", i * i));
  std::string gzip = GzipOf(content);
  std::string damaged = folder.Write("a", gzip.substr(0, gzip.size() / 2));
  std::string good = folder.Write("b", LineAt(10, "x") + LineAt(9000, "y"));
  std::string vanishing = folder.Write("c", LineAt(1, "c"));
  absl::StatusOr<std::unique_ptr<Source>> source =
      OpenFiles({damaged, good, vanishing}, {});
  ASSERT_THAT(source, IsOk());
  ASSERT_EQ(::unlink(vanishing.c_str()), 0);
  SourceOutput output = ReadAll(**source);
  EXPECT_EQ(Ids(output).back(), "y");
  EXPECT_GT(output.records.size(), 1000u);
  ASSERT_EQ(output.rejected.size(), 2u);
  std::vector<std::string> places;
  for (const Rejected& rejected : output.rejected) {
    EXPECT_EQ(rejected.reason, RejectReason::kUnreadable);
    places.push_back((*source)->Describe(rejected.position));
  }
  EXPECT_THAT(places, ::testing::UnorderedElementsAre(HasSubstr(damaged + ":"),
                                                      vanishing + ":1"));
}

TEST(MergedSourceTest, ASlowPipeIsWaitedForUntilTheDeadline) {
  TempFolder folder;
  std::string file = folder.Write("a", LineAt(1, "1") + LineAt(5, "5"));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  absl::StatusOr<std::unique_ptr<Source>> source =
      OpenFiles({file, absl::StrCat("/dev/fd/", ends[0])}, {});
  ASSERT_THAT(source, IsOk());
  EXPECT_EQ((*source)->progress().total_bytes, 0u);
  auto read = [&source] {
    RawBatch batch;
    EXPECT_THAT((*source)->Read(absl::Now() + absl::Milliseconds(20), batch),
                IsOk());
    return batch.records.size();
  };
  auto write = [&ends](const std::string& line) {
    ASSERT_EQ(::write(ends[1], line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
  };
  EXPECT_EQ(read(), 0u);  // its first record may be the earliest
  write(LineAt(2, "2"));
  EXPECT_EQ(read(), 2u);  // 1, 2
  EXPECT_EQ(read(), 0u);
  write(LineAt(6, "6"));
  EXPECT_EQ(read(), 2u);  // 5, 6
  ::close(ends[1]);
  SourceOutput output = ReadAll(**source);
  EXPECT_THAT(output.records, IsEmpty());
  ::close(ends[0]);
}

TEST(MergedSourceTest, RemembersTheHighestCommitOfEachFile) {
  TempFolder folder;
  std::vector<StoredFile> files;
  for (std::string name : {"a", "b"}) {
    files.push_back(*InspectFile(folder.Write(name, "{}\n")));
  }
  MergedSource source(files, {});
  EXPECT_THAT(source.Commit({0, 1, 40, 2}), IsOk());
  EXPECT_THAT(source.Commit({0, 1, 20, 1}), IsOk());
  EXPECT_EQ(source.committed_offset(0), std::nullopt);
  EXPECT_EQ(source.committed_offset(1), 40u);
  EXPECT_TRUE(absl::IsInvalidArgument(source.Commit({0, 2, 0, 1})));
}

TEST(MergedSourceTest, OpenFilesNamesAMissingFile) {
  EXPECT_THAT(
      OpenFiles({"/no/such/file"}, {}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/file")));
  EXPECT_THAT(OpenFiles({"/"}, {}), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("folder")));
}

// The lab's two logs, cut into pieces as rotation would, come out in the order
// of the whole.
TEST(MergedSourceTest, PutsARotatedRealLogTogetherAgain) {
  std::optional<std::string> path = CorpusPath("mixed.log.gz");
  if (!path.has_value()) GTEST_SKIP() << "no corpus (set ODDVERB_SHARED)";
  SourceOutput whole = Read({*path});
  ASSERT_GT(whole.records.size(), 10'000u);
  TempFolder folder;
  std::vector<std::string> paths;
  const size_t each = whole.records.size() / 50 + 1;
  for (size_t begin = 0; begin < whole.records.size(); begin += each) {
    std::string content;
    for (size_t i = begin; i < std::min(begin + each, whole.records.size());
         ++i) {
      content += whole.records[i] + "\n";
    }
    paths.push_back(folder.Write(absl::StrCat(999 - begin / each), content));
  }
  SourceOutput merged = Read(paths);
  ASSERT_EQ(merged.records.size(), whole.records.size());
  // At the seams the log itself is out of order by a little; nowhere else.
  size_t same = 0;
  for (size_t i = 0; i < whole.records.size(); ++i) {
    same += merged.records[i] == whole.records[i] ? 1 : 0;
  }
  EXPECT_GT(same, whole.records.size() * 9 / 10);
}

}  // namespace
}  // namespace oddverb
