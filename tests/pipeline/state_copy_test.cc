// What a copy of a log on this machine holds after a restart, and what becomes
// of one that is of no use.
#include "pipeline/state_copy.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
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
using ::testing::Pair;

const StateCopy::Mark kMark = {.identity = "0 17 origin",
                               .next_offset = 3,
                               .complete_as_of = absl::FromUnixSeconds(1000)};

class StateCopyTest : public ::testing::Test {
 protected:
  std::unique_ptr<StateCopy> Open() const {
    absl::StatusOr<std::unique_ptr<StateCopy>> copy = StateCopy::Open(path());
    EXPECT_THAT(copy, IsOk());
    return copy.ok() ? *std::move(copy) : nullptr;
  }
  std::string path() const { return folder_.path("copy"); }
  std::string Bytes() const {
    std::ifstream in(path() + "/oddverb.db", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Overwrite(std::string_view bytes) const {
    folder_.Write("copy/oddverb.db", bytes);
  }

  static absl::StatusOr<std::map<std::string, std::string>> ContentOf(
      StateCopy& copy) {
    std::map<std::string, std::string> content;
    absl::Status status = copy.Read(
        [&](std::string_view key, std::optional<std::string_view> value) {
          EXPECT_TRUE(content.emplace(key, value.value()).second) << key;
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return content;
  }

  TempFolder folder_;
};

TEST_F(StateCopyTest, KeepsTheLastValueOfEachKeyAndTheMark) {
  {
    std::unique_ptr<StateCopy> copy = Open();
    EXPECT_FALSE(copy->mark().has_value());
    const std::vector<StateLogRecord> records = {{"a", "1"},
                                                 {"b", std::string("\0x", 2)},
                                                 {"a", "2"},
                                                 {"c", ""},
                                                 {"gone", "1"},
                                                 {"gone", std::nullopt},
                                                 {"never", std::nullopt}};
    ASSERT_THAT(copy->Apply(records, kMark), IsOk());
  }
  std::unique_ptr<StateCopy> copy = Open();
  ASSERT_TRUE(copy->mark().has_value());
  EXPECT_EQ(copy->mark()->identity, kMark.identity);
  EXPECT_EQ(copy->mark()->next_offset, kMark.next_offset);
  EXPECT_EQ(copy->mark()->complete_as_of, kMark.complete_as_of);
  EXPECT_THAT(*ContentOf(*copy),
              ElementsAre(Pair("a", "2"), Pair("b", std::string("\0x", 2)),
                          Pair("c", "")));
}

TEST_F(StateCopyTest, ClearLeavesNothing) {
  std::unique_ptr<StateCopy> copy = Open();
  const std::vector<StateLogRecord> records = {{"a", "1"}};
  ASSERT_THAT(copy->Apply(records, kMark), IsOk());
  ASSERT_THAT(copy->Clear(), IsOk());
  EXPECT_FALSE(copy->mark().has_value());
  EXPECT_THAT(*ContentOf(*copy), IsEmpty());
  copy.reset();
  copy = Open();
  EXPECT_FALSE(copy->mark().has_value());
  EXPECT_THAT(*ContentOf(*copy), IsEmpty());
}

TEST_F(StateCopyTest, AByteThatChangedIsSeen) {
  const std::vector<StateLogRecord> records = {{"key", "an honest value"}};
  ASSERT_THAT(Open()->Apply(records, kMark), IsOk());
  std::string file = Bytes();
  const size_t at = file.find("honest");
  ASSERT_NE(at, std::string::npos);
  file[at] = 'H';
  Overwrite(file);
  EXPECT_THAT(ContentOf(*Open()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
}

TEST_F(StateCopyTest, WhatIsNoCopyIsMadeAnew) {
  const std::vector<StateLogRecord> records = {{"key", "value"}};
  ASSERT_THAT(Open()->Apply(records, kMark), IsOk());
  const std::string whole = Bytes();
  for (const std::string& bad :
       {std::string("no database"), std::string(), whole.substr(0, 5000),
        // Of another version: user_version (sqlite.org/fileformat.html 1.3.14).
        whole.substr(0, 63) + "\x07" + whole.substr(64)}) {
    Overwrite(bad);
    std::unique_ptr<StateCopy> copy = Open();
    ASSERT_NE(copy, nullptr);
    EXPECT_FALSE(copy->mark().has_value()) << bad.size();
    EXPECT_THAT(*ContentOf(*copy), IsEmpty());
    ASSERT_THAT(copy->Apply(records, kMark), IsOk());
    EXPECT_THAT(*ContentOf(*copy), ElementsAre(Pair("key", "value")));
  }
}

TEST_F(StateCopyTest, IsOfOneProcessAndForItsOwnerAlone) {
  std::unique_ptr<StateCopy> copy = Open();
  EXPECT_THAT(StateCopy::Open(path()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("name another copy_dir")));
  struct stat found;
  for (const auto& entry : std::filesystem::directory_iterator(path())) {
    ASSERT_EQ(::stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 077, 0u) << entry.path();
  }
}

TEST_F(StateCopyTest, ADirectoryThatCannotBeNamesTheSettingToChange) {
  EXPECT_THAT(StateCopy::Open(folder_.path("no/such")),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("create its parent directory, or name another "
                                 "copy_dir")));
}

}  // namespace
}  // namespace oddverb
