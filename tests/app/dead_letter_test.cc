#include "app/dead_letter.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/child_process.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

Rejected Torn(std::string sample) {
  Rejected rejected;
  rejected.position.offset = 4'711;
  rejected.reason = RejectReason::kTorn;
  rejected.detail = "the object is not closed";
  rejected.record_bytes = 9'000'000'000;
  rejected.sample = std::move(sample);
  return rejected;
}

TEST(DeadLetterTest, ARecordIsOneLineOfJsonWhateverBytesItHas) {
  TempFolder folder;
  const std::string path = folder.path("dead");
  absl::StatusOr<DeadLetterFile> letter = DeadLetterFile::Open(path);
  ASSERT_THAT(letter, IsOk());
  const std::string hostile("{\"a\":\"\n\x1b[2J\0\xff\xfe\"", 14);
  EXPECT_THAT(letter->Add(Torn(hostile), "audit\n.log:7"), IsOk());
  EXPECT_THAT(letter->Add(Torn(""), "audit.log:8"), IsOk());
  EXPECT_THAT(letter->Close(), IsOk());
  const std::vector<std::string> lines = LinesOf(TextOf(path));
  ASSERT_THAT(lines, SizeIs(2));
  const nlohmann::json first = nlohmann::json::parse(
      lines[0], /*cb=*/nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(first.is_object()) << lines[0];
  EXPECT_EQ(first["place"], "audit\n.log:7");
  EXPECT_EQ(first["offset"], 4'711);
  EXPECT_EQ(first["reason"], "torn");
  EXPECT_EQ(first["detail"], "the object is not closed");
  EXPECT_EQ(first["record_bytes"], 9'000'000'000);
  EXPECT_THAT(first["sample"].get<std::string>(), HasSubstr("\x1b[2J"));
  EXPECT_EQ(letter->left_out(), 0u);
}

TEST(DeadLetterTest, AFloodOfGarbageDoesNotFillTheDisk) {
  TempFolder folder;
  const std::string path = folder.path("dead");
  absl::StatusOr<DeadLetterFile> letter = DeadLetterFile::Open(path);
  ASSERT_THAT(letter, IsOk());
  const Rejected big = Torn(std::string(1 << 20, 'x'));
  uint64_t added = 0;
  while (letter->left_out() == 0) {
    ASSERT_THAT(letter->Add(big, "a:1"), IsOk());
    ASSERT_LT(++added, 200u);
  }
  // What is smaller may still fit.
  EXPECT_THAT(letter->Add(Torn("x"), "a:1"), IsOk());
  EXPECT_EQ(letter->left_out(), 1u);
  EXPECT_THAT(letter->Close(), IsOk());
  const std::string text = TextOf(path);
  EXPECT_LE(text.size(), DeadLetterFile::kMaxFileBytes);
  EXPECT_GT(text.size(), DeadLetterFile::kMaxFileBytes - (2 << 20));
  EXPECT_THAT(LinesOf(text), SizeIs(added));
}

TEST(DeadLetterTest, SaysWhyItCannotBeOpened) {
  EXPECT_THAT(
      DeadLetterFile::Open("/no/such/folder/x"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/folder/x")));
}

}  // namespace
}  // namespace oddverb
