#include "ingest/byte_stream.h"

#include <unistd.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<ByteStream> OpenStream(const std::string& path) {
  absl::StatusOr<StoredFile> file = InspectFile(path);
  EXPECT_THAT(file, IsOk());
  return MakeDecodedStream(MakeFileStream(*file));
}

struct Content {
  std::string bytes;
  absl::Status error;
};

Content ReadWhole(ByteStream& stream, size_t at_once = 1000) {
  Content content;
  std::string buffer(at_once, '\0');
  for (;;) {
    absl::StatusOr<size_t> got =
        stream.Read(absl::InfiniteFuture(), {buffer.data(), buffer.size()});
    if (!got.ok()) {
      content.error = got.status();
      return content;
    }
    if (*got == 0) return content;
    content.bytes.append(buffer, 0, *got);
  }
}

std::string RandomText(size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text += absl::StrCat(random() % 1000, " ");
  return text;
}

struct FormatCase {
  std::string name;
  std::string (*stored)(std::string_view);
};

std::string NameOf(const ::testing::TestParamInfo<FormatCase>& format) {
  return format.param.name;
}

class ByteStreamFormatTest : public ::testing::TestWithParam<FormatCase> {};

TEST_P(ByteStreamFormatTest, IsKnownByContentWhateverTheName) {
  TempFolder folder;
  std::string text = RandomText(300'000);
  std::string stored = GetParam().stored(text);
  for (std::string name : {"a.log", "a.gz", "a.zst", "a"}) {
    auto stream = OpenStream(folder.Write(name, stored));
    Content content = ReadWhole(*stream);
    EXPECT_THAT(content.error, IsOk());
    EXPECT_TRUE(content.bytes == text) << name;
    EXPECT_EQ(stream->stored_bytes_read(), stored.size());
  }
}

TEST_P(ByteStreamFormatTest, GivesTheSameBytesForAnySizeOfRead) {
  TempFolder folder;
  std::string text = RandomText(50'000);
  std::string path = folder.Write("x", GetParam().stored(text));
  for (size_t at_once : {1u, 7u, 4096u, 1'000'000u}) {
    EXPECT_TRUE(ReadWhole(*OpenStream(path), at_once).bytes == text) << at_once;
  }
}

TEST_P(ByteStreamFormatTest, ReadsSeveralPartsInARow) {
  TempFolder folder;
  std::string path = folder.Write(
      "x", GetParam().stored("one ") + GetParam().stored("") +
               GetParam().stored("two ") + GetParam().stored("three"));
  Content content = ReadWhole(*OpenStream(path));
  EXPECT_THAT(content.error, IsOk());
  EXPECT_EQ(content.bytes, "one two three");
}

TEST_P(ByteStreamFormatTest, ComesThroughAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string text = RandomText(20'000);
  std::string stored = GetParam().stored(text);
  auto stream = OpenStream(absl::StrCat("/dev/fd/", ends[0]));
  char buffer[100];
  // Half of the first two bytes decides nothing, and is not lost.
  ASSERT_EQ(::write(ends[1], stored.data(), 1), 1);
  if (GetParam().name != "plain") {
    EXPECT_THAT(stream->Read(absl::InfinitePast(), buffer),
                StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("")));
  }
  ASSERT_EQ(::write(ends[1], stored.data() + 1, stored.size() - 1),
            static_cast<ssize_t>(stored.size() - 1));
  ::close(ends[1]);
  EXPECT_TRUE(ReadWhole(*stream).bytes == text);
  ::close(ends[0]);
}

TEST_P(ByteStreamFormatTest, GoesOnWhereItWasParked) {
  TempFolder folder;
  std::string text = RandomText(200'000);
  auto stream = OpenStream(folder.Write("x", GetParam().stored(text)));
  std::string bytes;
  char buffer[5000];
  for (;;) {
    stream->Park();
    absl::StatusOr<size_t> got = stream->Read(absl::InfinitePast(), buffer);
    ASSERT_THAT(got, IsOk());
    if (*got == 0) break;
    bytes.append(buffer, *got);
  }
  EXPECT_TRUE(bytes == text);
}

INSTANTIATE_TEST_SUITE_P(Formats, ByteStreamFormatTest,
                         ::testing::Values(FormatCase{"plain",
                                                      [](std::string_view s) {
                                                        return std::string(s);
                                                      }},
                                           FormatCase{"gzip", &GzipOf},
                                           FormatCase{"zstd", &ZstdOf}),
                         &NameOf);

class TruncatedStreamTest : public ::testing::TestWithParam<FormatCase> {};

TEST_P(TruncatedStreamTest, HandsOnWhatWasReadableThenDataLoss) {
  TempFolder folder;
  std::string text = RandomText(1'000'000);
  std::string stored = GetParam().stored(text);
  for (size_t cut : {size_t{1}, size_t{8}, stored.size() / 2}) {
    std::string path = folder.Write(
        "x", std::string_view(stored).substr(0, stored.size() - cut));
    Content content = ReadWhole(*OpenStream(path));
    EXPECT_THAT(content.error,
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cut off")));
    EXPECT_TRUE(text.starts_with(content.bytes));
    EXPECT_GT(content.bytes.size(),
              text.size() * (stored.size() - cut) / stored.size() - 200'000);
  }
}

TEST_P(TruncatedStreamTest, HandsOnWhatIsBeforeDamage) {
  TempFolder folder;
  std::string first = RandomText(100'000);
  std::string damaged = GetParam().stored(RandomText(500'000));
  for (size_t i = damaged.size() / 2; i < damaged.size() / 2 + 64; ++i) {
    damaged[i] = static_cast<char>(~damaged[i]);
  }
  auto stream =
      OpenStream(folder.Write("x", GetParam().stored(first) + damaged));
  Content content = ReadWhole(*stream);
  EXPECT_THAT(content.error,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
  EXPECT_GT(content.bytes.size(), first.size());
  EXPECT_TRUE(content.bytes.starts_with(first));
  // The error is final.
  char buffer[10];
  EXPECT_FALSE(stream->Read(absl::InfinitePast(), buffer).ok());
}

INSTANTIATE_TEST_SUITE_P(Formats, TruncatedStreamTest,
                         ::testing::Values(FormatCase{"gzip", &GzipOf},
                                           FormatCase{"zstd", &ZstdOf}),
                         &NameOf);

TEST(ByteStreamTest, AllowsNulsBehindAGzipMember) {
  TempFolder folder;
  std::string path =
      folder.Write("x", GzipOf("a") + std::string(100'000, '\0') + GzipOf("b") +
                            std::string(10, '\0'));
  Content content = ReadWhole(*OpenStream(path));
  EXPECT_THAT(content.error, IsOk());
  EXPECT_EQ(content.bytes, "ab");
}

TEST(ByteStreamTest, ReportsGarbageBehindAGzipMember) {
  TempFolder folder;
  Content content =
      ReadWhole(*OpenStream(folder.Write("x", GzipOf("a") + "zzz")));
  EXPECT_EQ(content.bytes, "a");
  EXPECT_TRUE(absl::IsDataLoss(content.error)) << content.error;
}

TEST(ByteStreamTest, NamesTheToolForOtherCompression) {
  TempFolder folder;
  struct {
    std::string bytes, tool;
  } cases[] = {{"BZh91AY", "bzcat"},
               {std::string("\xfd\x37zXZ\0", 6), "xzcat"},
               {"PK\x03\x04zip", "unzip -p"}};
  for (const auto& test : cases) {
    EXPECT_THAT(
        ReadWhole(*OpenStream(folder.Write("x", test.bytes))).error,
        StatusIs(absl::StatusCode::kUnimplemented, HasSubstr(test.tool)));
  }
}

TEST(ByteStreamTest, ReadsInputsShorterThanAnyMagic) {
  TempFolder folder;
  for (std::string text : {"", "{", "\x1f", "\x28\xb5", "BZ"}) {
    Content content = ReadWhole(*OpenStream(folder.Write("x", text)));
    EXPECT_THAT(content.error, IsOk());
    EXPECT_EQ(content.bytes, text);
  }
}

TEST(ByteStreamTest, WaitsForAPipeUntilTheDeadlineAndNoLonger) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto stream = OpenStream(absl::StrCat("/dev/fd/", ends[0]));
  char buffer[10];
  absl::Time deadline = absl::Now() + absl::Milliseconds(30);
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(stream->Read(deadline, buffer).status()));
  EXPECT_GE(absl::Now(), deadline);
  ASSERT_EQ(::write(ends[1], "ab", 2), 2);
  absl::StatusOr<size_t> got = stream->Read(absl::InfiniteFuture(), buffer);
  ASSERT_THAT(got, IsOk());
  EXPECT_GT(*got, 0u);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ByteStreamTest, NoticesThatAParkedFileWasReplaced) {
  TempFolder folder;
  std::string path = folder.Write("x", std::string(1000, 'a'));
  auto stream = OpenStream(path);
  char buffer[10];
  ASSERT_THAT(stream->Read(absl::InfinitePast(), buffer), IsOk());
  stream->Park();
  ASSERT_EQ(::rename(path.c_str(), folder.path("y").c_str()), 0);
  folder.Write("x", std::string(1000, 'b'));
  // The rest of the first bytes may be at hand still.
  EXPECT_THAT(ReadWhole(*stream).error,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("rotation")));
}

}  // namespace
}  // namespace oddverb
