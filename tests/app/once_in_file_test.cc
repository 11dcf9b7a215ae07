#include "app/once_in_file.h"

#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "exporters/finding_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

class OnceInFileTest : public ::testing::Test {
 protected:
  static Finding Make(uint64_t id, Severity severity = Severity::kHigh) {
    Finding finding;
    finding.id = {1, id};
    finding.severity = severity;
    finding.time = absl::FromUnixSeconds(1'700'000'000);
    finding.first_seen = finding.last_seen = finding.time;
    return finding;
  }
  static std::string Line(const Finding& finding) {
    std::string line;
    AppendFindingJson(finding, line);
    return line + "\n";
  }
  // As a process would that starts now.
  void Export(const std::vector<Finding>& findings) {
    auto output = OnceInFile::Open(path_, FindingFormat::kNative);
    ASSERT_THAT(output, IsOk());
    ASSERT_THAT((*output)->Export(findings, absl::InfiniteFuture()), IsOk());
    ASSERT_THAT((*output)->Finish(), IsOk());
  }
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file),
            std::istreambuf_iterator<char>()};
  }

  TempFolder folder_;
  std::string path_ = folder_.path("findings.ndjson");
};

TEST_F(OnceInFileTest, WritesWhatWasNotAcknowledgedOnlyOnce) {
  Export({Make(1), Make(2)});
  Export({Make(2), Make(3)});
  EXPECT_EQ(Content(), Line(Make(1)) + Line(Make(2)) + Line(Make(3)));
}

TEST_F(OnceInFileTest, ANewStateOfAFindingIsWritten) {
  Export({Make(1, Severity::kMedium)});
  Export({Make(1, Severity::kHigh)});
  EXPECT_EQ(Content(),
            Line(Make(1, Severity::kMedium)) + Line(Make(1, Severity::kHigh)));
}

TEST_F(OnceInFileTest, CutsOffATornLineAndWritesItWhole) {
  Export({Make(1)});
  std::string torn = Line(Make(2));
  std::ofstream(path_, std::ios::app) << torn.substr(0, torn.size() / 2);
  Export({Make(2)});
  EXPECT_EQ(Content(), Line(Make(1)) + Line(Make(2)));
}

TEST_F(OnceInFileTest, KeepsWhatElseIsInTheFile) {
  std::ofstream(path_) << "not a finding\n";
  Export({Make(1)});
  EXPECT_EQ(Content(), "not a finding\n" + Line(Make(1)));
}

// In one process: the disk is full in the middle of the second line, and has
// room again.
TEST_F(OnceInFileTest, WritesOnceWhatAFailedWriteLeftHalf) {
  ::signal(SIGXFSZ, SIG_IGN);
  auto output = OnceInFile::Open(path_, FindingFormat::kNative);
  ASSERT_THAT(output, IsOk());
  rlimit unlimited = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  rlimit small = unlimited;
  small.rlim_cur = Line(Make(1)).size() + 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<Finding> findings = {Make(1), Make(2), Make(3)};
  absl::Status first = (*output)->Export(findings, absl::InfiniteFuture());
  absl::Status second = (*output)->Export(findings, absl::InfiniteFuture());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  for (const absl::Status& status : {first, second}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                                 ::testing::HasSubstr(path_)));
  }
  ASSERT_THAT((*output)->Export(findings, absl::InfiniteFuture()), IsOk());
  ASSERT_THAT((*output)->Finish(), IsOk());
  EXPECT_EQ(Content(), Line(Make(1)) + Line(Make(2)) + Line(Make(3)));
}

TEST_F(OnceInFileTest, SaysWhichFileCannotBeOpened) {
  path_ = folder_.path("no/such/folder/findings.ndjson");
  EXPECT_THAT(
      std::string(
          OnceInFile::Open(path_, FindingFormat::kNative).status().message()),
      ::testing::HasSubstr(path_));
}

}  // namespace
}  // namespace oddverb
