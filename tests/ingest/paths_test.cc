#include "ingest/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/stored_file.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PathsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Expand(const std::vector<std::string>& arguments) {
    absl::StatusOr<std::vector<std::string>> paths = ExpandPaths(arguments);
    EXPECT_THAT(paths, IsOk());
    return paths.ok() ? *paths : std::vector<std::string>{};
  }

  TempFolder folder_;
};

TEST_F(PathsTest, KeepsTheOrderOfArguments) {
  std::string b = folder_.Write("b", "1");
  std::string a = folder_.Write("a", "2");
  EXPECT_THAT(Expand({b, "-", a}), ElementsAre(b, "-", a));
}

TEST_F(PathsTest, AFolderIsItsVisibleRegularFilesByName) {
  std::string b = folder_.Write("d/b.log", "1");
  std::string a = folder_.Write("d/a.log", "2");
  folder_.Write("d/.hidden", "3");
  folder_.Write("d/sub/c.log", "4");
  EXPECT_THAT(Expand({folder_.path("d")}), ElementsAre(a, b));
  EXPECT_THAT(Expand({folder_.path("d/")}), ElementsAre(a, b));
}

TEST_F(PathsTest, LeavesOutAGzipThatRotationHasNotFinished) {
  std::string old = folder_.Write("d/audit-1.log.gz", "1");
  std::string plain = folder_.Write("d/audit-2.log", "2");
  std::string partial = folder_.Write("d/audit-2.log.gz", "3");
  EXPECT_THAT(Expand({folder_.path("d")}), ElementsAre(old, plain));
  EXPECT_THAT(Expand({folder_.path("d/*")}), ElementsAre(old, plain));
  // As the shell expands the pattern.
  EXPECT_THAT(Expand({old, plain, partial}), ElementsAre(old, plain));
  // Named alone it is what was asked for.
  EXPECT_THAT(Expand({partial}), ElementsAre(partial));
}

TEST_F(PathsTest, ExpandsPatternsThatTheShellLeft) {
  std::string a = folder_.Write("x/a.log", "1");
  std::string b = folder_.Write("y/b.log", "2");
  folder_.Write("y/b.txt", "3");
  EXPECT_THAT(Expand({folder_.path("*/*.log")}), ElementsAre(a, b));
  EXPECT_THAT(Expand({folder_.path("[xy]/?.log")}), ElementsAre(a, b));
}

TEST_F(PathsTest, AFileNamedLikeAPatternIsThatFile) {
  std::string odd = folder_.Write("a[1].log", "1");
  folder_.Write("a1.log", "2");
  EXPECT_THAT(Expand({odd}), ElementsAre(odd));
}

TEST_F(PathsTest, TakesAFileOnceHoweverItIsReached) {
  std::string a = folder_.Write("d/a.log", "1");
  std::string link = folder_.path("link.log");
  std::filesystem::create_symlink(a, link);
  std::string hard = folder_.path("hard.log");
  std::filesystem::create_hard_link(a, hard);
  EXPECT_THAT(Expand({link, a, hard, folder_.path("d"), folder_.path("d/*")}),
              ElementsAre(link));
}

TEST_F(PathsTest, NamesWhatIsMissing) {
  EXPECT_THAT(ExpandPaths({folder_.path("no.log")}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("no.log"), HasSubstr("no such file"))));
  EXPECT_THAT(ExpandPaths({folder_.path("no*.log")}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("no*.log"), HasSubstr("pattern"))));
  folder_.Write("empty/sub/a.log", "1");
  EXPECT_THAT(ExpandPaths({folder_.path("empty")}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("empty: this folder holds no files"),
                             HasSubstr("sub-folders"))));
  EXPECT_THAT(ExpandPaths({}), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("standard input")));
}

TEST_F(PathsTest, ReportsAllMistakesAtOnce) {
  std::string good = folder_.Write("good", "1");
  EXPECT_THAT(
      ExpandPaths({folder_.path("no1"), good, folder_.path("no2")}),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("no1: "), HasSubstr("\n"), HasSubstr("no2: "))));
}

// Gives up the right to read everything, if this process has it.
class AsNobody {
 public:
  AsNobody() : was_root_(::geteuid() == 0) {
    if (was_root_) changed_ = ::seteuid(65534) == 0;
  }
  ~AsNobody() {
    if (was_root_ && changed_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

 private:
  bool was_root_;
  bool changed_ = false;
};

TEST_F(PathsTest, SaysHowToGetPermission) {
  std::string secret = folder_.Write("audit.log", "1");
  ASSERT_EQ(::chmod(secret.c_str(), 0), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  AsNobody nobody;
  // Not access(2), which asks about the real user.
  int descriptor = ::open(secret.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::close(descriptor);
    GTEST_SKIP() << "this process may read everything";
  }
  EXPECT_THAT(
      ExpandPaths({secret}),
      StatusIs(absl::StatusCode::kPermissionDenied,
               AllOf(HasSubstr(secret), HasSubstr("root:oddverb"),
                     HasSubstr("0640"), HasSubstr("CAP_DAC_READ_SEARCH"))));
}

}  // namespace
}  // namespace oddverb
