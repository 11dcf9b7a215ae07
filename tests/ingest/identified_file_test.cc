#include "ingest/identified_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using FirstLine = IdentifiedFile::FirstLine;

LogFile Look(const std::string& path) {
  absl::StatusOr<std::vector<LogFile>> files = RotatedFiles(path).List();
  EXPECT_THAT(files, IsOk());
  LogFile file = files->back();
  file.active = false;  // compressed content is looked for in rotated files
  return file;
}

std::shared_ptr<const IdentifiedFile> OpenIdentified(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const IdentifiedFile>> file =
      IdentifiedFile::Open(Look(path));
  EXPECT_THAT(file, IsOk());
  return *file;
}

TEST(IdentifiedFileTest, TellsFilesByTheirFirstLine) {
  TempFolder folder;
  auto first = OpenIdentified(folder.Write("a", "first line\nsecond\n"));
  EXPECT_EQ(first->first_line(), FirstLine::kWhole);
  std::string longer = "first line\nsecond\nthird\n";
  for (const std::string& content :
       {longer, GzipOf(longer), ZstdOf(longer), std::string("first line\n"),
        std::string(100'000, '\0') + longer, "\n \n" + longer}) {
    auto same = OpenIdentified(folder.Write("b", content));
    EXPECT_EQ(same->identity(), first->identity());
    EXPECT_EQ(same->first_line(), FirstLine::kWhole);
  }
  for (const char* content : {"first lime\nsecond\n", "First line\n", "f\n"}) {
    EXPECT_NE(OpenIdentified(folder.Write("b", content))->identity(),
              first->identity());
  }
}

TEST(IdentifiedFileTest, SaysThatALineIsNotWhole) {
  TempFolder folder;
  EXPECT_EQ(OpenIdentified(folder.Write("a", "torn"))->first_line(),
            FirstLine::kTorn);
  EXPECT_EQ(OpenIdentified(folder.Write("a", ""))->first_line(),
            FirstLine::kNone);
  EXPECT_EQ(
      OpenIdentified(folder.Write("a", std::string(5000, '\0')))->first_line(),
      FirstLine::kNone);
}

TEST(IdentifiedFileTest, LooksAtTwoMebibytesOfALine) {
  TempFolder folder;
  std::string line(IdentifiedFile::kMostLineBytes, 'x');
  auto shortest = OpenIdentified(folder.Write("a", line));
  EXPECT_EQ(shortest->first_line(), FirstLine::kWhole);
  EXPECT_EQ(OpenIdentified(folder.Write("a", line + "yyy\n"))->identity(),
            shortest->identity());
  line.pop_back();
  EXPECT_EQ(OpenIdentified(folder.Write("a", line))->first_line(),
            FirstLine::kTorn);
}

TEST(IdentifiedFileTest, NoticesAnotherContentInPlace) {
  TempFolder folder;
  std::string path = folder.Write("a", "first line\nsecond\n");
  auto file = OpenIdentified(path);
  std::ofstream(path, std::ios::app) << "third\n";
  EXPECT_FALSE(file->StartChanged());
  folder.Write("a", "another line\nof some more bytes than before\n");
  EXPECT_TRUE(file->StartChanged());
  folder.Write("a", "");
  EXPECT_TRUE(file->StartChanged());
}

TEST(IdentifiedFileTest, KnowsSizesAndLineEnds) {
  TempFolder folder;
  std::string content = "first\nsecond\n";
  auto plain = OpenIdentified(folder.Write("a", content));
  EXPECT_EQ(plain->ContentBytes(), content.size());
  EXPECT_EQ(OpenIdentified(folder.Write("b", GzipOf(content)))->ContentBytes(),
            content.size());
  EXPECT_TRUE(plain->LineEndsAt(0));
  EXPECT_TRUE(plain->LineEndsAt(6));
  EXPECT_FALSE(plain->LineEndsAt(7));
  EXPECT_FALSE(plain->LineEndsAt(content.size() + 1));
}

TEST(IdentifiedFileTest, DoesNotOpenAFileThatTookTheName) {
  TempFolder folder;
  LogFile before = Look(folder.Write("a", "first\n"));
  std::filesystem::rename(folder.path("a"), folder.path("b"));
  EXPECT_THAT(IdentifiedFile::Open(before),
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
  folder.Write("a", "second\n");
  EXPECT_THAT(IdentifiedFile::Open(before),
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
}

TEST(IdentifiedFileTest, RefusesDamagedCompression) {
  TempFolder folder;
  std::string gzip = GzipOf("some content that is long enough\n");
  LogFile file = Look(folder.Write("a", gzip.substr(0, gzip.size() / 3)));
  EXPECT_THAT(IdentifiedFile::Open(file),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("a")));
}

}  // namespace
}  // namespace oddverb
