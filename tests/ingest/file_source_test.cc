#include "ingest/file_source.h"

#include <unistd.h>

#include <random>
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

FileSource OpenSource(const std::string& path,
                      const FileSourceOptions& options = {}) {
  absl::StatusOr<StoredFile> file = InspectFile(path);
  EXPECT_THAT(file, IsOk());
  return FileSource(*file, 3, options);
}

FileSourceOptions Blocks(size_t block_bytes) {
  FileSourceOptions options;
  options.source_index = 5;
  options.block_bytes = block_bytes;
  return options;
}

TEST(FileSourceTest, HandsOnRecordsWithTheirPlaces) {
  TempFolder folder;
  FileSource source = OpenSource(
      folder.Write("a.log", "{\"a\":1}\n\n{\"b\":2}\n"), Blocks(1000));
  SourceOutput output = ReadAll(source);
  EXPECT_THAT(output.records, ElementsAre("{\"a\":1}", "{\"b\":2}"));
  EXPECT_THAT(output.positions,
              ElementsAre(Position{5, 3, 0, 1}, Position{5, 3, 9, 3}));
  EXPECT_TRUE(absl::IsOutOfRange(output.end));
  EXPECT_EQ(output.source_bytes, 17u);
  EXPECT_EQ(source.Describe(output.positions[1]), folder.path("a.log") + ":3");
  EXPECT_EQ(source.progress().read_bytes, 17u);
  EXPECT_EQ(source.progress().total_bytes, 17u);
}

TEST(FileSourceTest, EndsAgainAfterTheEnd) {
  TempFolder folder;
  FileSource source = OpenSource(folder.Write("a.log", "{}"));
  ReadAll(source);
  RawBatch batch;
  EXPECT_TRUE(absl::IsOutOfRange(source.Read(absl::InfiniteFuture(), batch)));
  EXPECT_TRUE(batch.empty());
  FileSource nothing = OpenSource(folder.Write("empty.log", ""));
  EXPECT_THAT(ReadAll(nothing).records, IsEmpty());
}

// Lines of all lengths, some longer than a block, some longer than allowed.
std::string RandomLog(unsigned seed) {
  std::mt19937 random(seed);
  std::string log;
  for (int i = 0; i < 2000; ++i) {
    size_t length = random() % 300;
    if (random() % 50 == 0) length = random() % 20'000;
    if (random() % 400 == 0) length = 100'000 + random() % 50'000;
    log += absl::StrCat("{\"n\":", i, ",\"x\":\"", std::string(length, 'x'),
                        random() % 9 == 0 ? "\"}\r\n" : "\"}\n");
    if (random() % 30 == 0) log += "\n";
    if (random() % 100 == 0) log += std::string(50, '\0');
  }
  return log;
}

TEST(FileSourceTest, GivesTheSameRecordsForAnyBlocksAndCompression) {
  TempFolder folder;
  for (unsigned seed : {1u, 2u}) {
    std::string log = RandomLog(seed);
    FileSourceOptions options = Blocks(1 << 20);
    options.max_record_bytes = 110'000;
    FileSource reference = OpenSource(folder.Write("r", log), options);
    SourceOutput expected = ReadAll(reference);
    EXPECT_EQ(expected.source_bytes, log.size());
    EXPECT_FALSE(expected.rejected.empty());
    EXPECT_EQ(expected.records.size() + expected.rejected.size(), 2000u);
    for (std::string stored : {log, GzipOf(log), ZstdOf(log)}) {
      std::string path = folder.Write("x", stored);
      for (size_t block : {1u << 10, 3333u, 1u << 14, 1u << 16, 1u << 18}) {
        options.block_bytes = block;
        FileSource source = OpenSource(path, options);
        SourceOutput output = ReadAll(source);
        EXPECT_EQ(output.source_bytes, log.size());
        ASSERT_TRUE(Summary(output) == Summary(expected))
            << "blocks of " << block;
      }
    }
  }
}

TEST(FileSourceTest, BlocksStayNearTheirSize) {
  TempFolder folder;
  std::string log;
  for (int i = 0; i < 20'000; ++i) log += absl::StrCat("{\"n\":", i, "}\n");
  FileSource source = OpenSource(folder.Write("a", log), Blocks(10'000));
  SourceOutput output = ReadAll(source);
  EXPECT_EQ(output.records.size(), 20'000u);
  EXPECT_NEAR(static_cast<double>(output.batches),
              static_cast<double>(log.size()) / 10'000, 3);
}

TEST(FileSourceTest, RejectsWhatIsBehindDamageAndKeepsWhatIsBefore) {
  TempFolder folder;
  std::string log;
  for (int i = 0; i < 20'000; ++i) log += absl::StrCat("{\"n\":", i * i, "}\n");
  std::string gzip = GzipOf(log);
  FileSource source =
      OpenSource(folder.Write("a.gz", gzip.substr(0, gzip.size() / 2)));
  SourceOutput output = ReadAll(source);
  EXPECT_TRUE(absl::IsOutOfRange(output.end));
  EXPECT_GT(output.records.size(), 5000u);
  ASSERT_EQ(output.rejected.size(), 1u);
  EXPECT_EQ(output.rejected[0].reason, RejectReason::kUnreadable);
  EXPECT_THAT(output.rejected[0].detail, HasSubstr("cut off"));
  EXPECT_EQ(output.rejected[0].position.offset, output.source_bytes);
  EXPECT_GE(output.rejected[0].position.line, output.positions.back().line);
  EXPECT_TRUE(log.starts_with(output.records[0]));
}

TEST(FileSourceTest, AFileThatVanishedIsRejected) {
  TempFolder folder;
  std::string path = folder.Write("a.log", "{}\n");
  FileSource source = OpenSource(path);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  SourceOutput output = ReadAll(source);
  ASSERT_EQ(output.rejected.size(), 1u);
  EXPECT_EQ(output.rejected[0].reason, RejectReason::kUnreadable);
  EXPECT_THAT(output.rejected[0].detail, HasSubstr(path));
}

class PipeTest : public ::testing::Test {
 protected:
  PipeTest() { EXPECT_EQ(::pipe(ends_), 0); }
  ~PipeTest() override {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  FileSource Source() { return OpenSource(absl::StrCat("/dev/fd/", ends_[0])); }
  void Write(std::string_view bytes) {
    ASSERT_EQ(::write(ends_[1], bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  void EndInput() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }
  std::vector<std::string> ReadNow(FileSource& source) {
    RawBatch batch;
    status_ = source.Read(absl::Now() + absl::Milliseconds(20), batch);
    std::vector<std::string> records;
    for (const RecordSpan& span : batch.records) {
      records.emplace_back(
          batch.bytes->view().substr(span.offset, span.length));
    }
    return records;
  }

  int ends_[2];
  absl::Status status_;
};

TEST_F(PipeTest, HandsOnWholeLinesAtTheDeadlineAndKeepsTheRest) {
  FileSource source = Source();
  EXPECT_THAT(ReadNow(source), IsEmpty());
  EXPECT_THAT(status_, IsOk());
  Write("{\"a\":");
  EXPECT_THAT(ReadNow(source), IsEmpty());
  Write("1}\n{\"b\":2}\n{\"c\"");
  EXPECT_THAT(ReadNow(source), ElementsAre("{\"a\":1}", "{\"b\":2}"));
  Write(":3}");
  EXPECT_THAT(ReadNow(source), IsEmpty());
  EXPECT_THAT(status_, IsOk());
  EndInput();
  EXPECT_THAT(ReadNow(source), ElementsAre("{\"c\":3}"));
  EXPECT_TRUE(absl::IsOutOfRange(status_));
  EXPECT_EQ(source.progress().total_bytes, 0u);
  EXPECT_EQ(source.progress().read_bytes, 23u);
}

TEST_F(PipeTest, DecompressesAPipeAsItComes) {
  FileSource source = Source();
  std::string stored = GzipOf("{\"a\":1}\n") + GzipOf("{\"b\":2}\n");
  Write(std::string_view(stored).substr(0, stored.size() - 5));
  EXPECT_THAT(ReadNow(source), ElementsAre("{\"a\":1}", "{\"b\":2}"));
  EXPECT_THAT(status_, IsOk());
  Write(std::string_view(stored).substr(stored.size() - 5));
  EndInput();
  EXPECT_THAT(ReadNow(source), IsEmpty());
  EXPECT_TRUE(absl::IsOutOfRange(status_));
}

TEST_F(PipeTest, ReadsStandardInput) {
  int saved = ::dup(STDIN_FILENO);
  ASSERT_EQ(::dup2(ends_[0], STDIN_FILENO), STDIN_FILENO);
  {
    FileSource source = OpenSource("-");
    Write("{\"a\":1}\n");
    EndInput();
    SourceOutput output = ReadAll(source);
    EXPECT_THAT(output.records, ElementsAre("{\"a\":1}"));
    EXPECT_EQ(source.Describe(output.positions[0]), "stdin:1");
  }
  // It is not ours to close.
  EXPECT_GE(::dup2(STDIN_FILENO, ends_[0]), 0);
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}

TEST(FileSourceTest, RemembersTheHighestCommit) {
  TempFolder folder;
  FileSource source = OpenSource(folder.Write("a", "{}\n"), Blocks(1000));
  EXPECT_EQ(source.committed_offset(), std::nullopt);
  EXPECT_THAT(source.Commit({5, 3, 40, 2}), IsOk());
  EXPECT_THAT(source.Commit({5, 3, 0, 1}), IsOk());
  EXPECT_EQ(source.committed_offset(), 40u);
  EXPECT_TRUE(absl::IsInvalidArgument(source.Commit({5, 4, 50, 3})));
}

TEST(FileSourceTest, ReadsTheCorpusAsZlibDoes) {
  std::vector<std::string> files = CorpusAuditFiles();
  if (files.empty()) GTEST_SKIP() << "no corpus (set ODDVERB_SHARED)";
  for (const std::string& path : files) {
    std::string content = ReadMaybeGzip(path);
    FileSource source = OpenSource(path);
    SourceOutput output = ReadAll(source);
    EXPECT_THAT(output.rejected, IsEmpty()) << path;
    EXPECT_EQ(output.source_bytes, content.size()) << path;
    ASSERT_FALSE(output.records.empty()) << path;
    for (size_t i = 0; i < output.records.size(); ++i) {
      ASSERT_EQ(
          content.substr(output.positions[i].offset, output.records[i].size()),
          output.records[i])
          << path;
    }
  }
}

}  // namespace
}  // namespace oddverb
