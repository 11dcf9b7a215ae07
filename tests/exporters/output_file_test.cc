#include "exporters/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OutputFileTest : public ::testing::Test {
 protected:
  OutputFileTest() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
    directory_ = ::testing::TempDir() + "/output_file_test." +
                 std::to_string(::getpid());
    std::filesystem::create_directories(directory_);
  }
  ~OutputFileTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name;
  }
  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::unique_ptr<OutputFile> Opened(
      const std::string& name,
      OutputFile::Mode mode = OutputFile::Mode::kReplace) const {
    auto file = OutputFile::Open(Path(name), mode);
    EXPECT_THAT(file, IsOk());
    return *std::move(file);
  }

 private:
  std::string directory_;
};

TEST_F(OutputFileTest, ReplacesOrAppends) {
  ASSERT_THAT(Opened("f")->Write("one\n"), IsOk());
  ASSERT_THAT(Opened("f")->Write("two\n"), IsOk());
  ASSERT_THAT(Opened("f", OutputFile::Mode::kAppend)->Write("three\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "two\nthree\n");
}

TEST_F(OutputFileTest, LinesAreOutBeforeTheFileIsClosed) {
  auto file = Opened("f");
  ASSERT_THAT(file->Write("one\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "one\n");
}

TEST_F(OutputFileTest, NewFilesAreNotForEverybody) {
  Opened("f");
  struct stat status {};
  ASSERT_EQ(::stat(Path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007, 0u);
}

TEST_F(OutputFileTest, NamesFileCauseAndCureWhenItCannotOpen) {
  EXPECT_THAT(OutputFile::Open(Path("no/such"), OutputFile::Mode::kReplace),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(StartsWith("cannot write " + Path("no/such")),
                             HasSubstr("No such file or directory"),
                             HasSubstr("create its directory first"))));
  EXPECT_THAT(
      OutputFile::Open("/tmp", OutputFile::Mode::kReplace).status().ToString(),
      HasSubstr("name a file in that directory"));
}

TEST_F(OutputFileTest, FullDeviceIsWorthAnotherTry) {
  auto file = OutputFile::Open("/dev/full", OutputFile::Mode::kReplace);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->Write("x\n"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "cannot write /dev/full: No space left on device; free "
                       "space or choose another file"));
}

TEST_F(OutputFileTest, ReaderWhoHasGoneIsAnErrorNotASignal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  OutputFile file(ends[1], "pipe", OutputFile::Ownership::kOwned);
  ::close(ends[0]);
  EXPECT_THAT(file.Write("x\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Broken pipe; the program that reads")));
}

// A limit on the file size makes the kernel write a part, then fail.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~ScopedFileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(OutputFileTest, FailedWriteLeavesNothingBehind) {
  auto file = Opened("f");
  ASSERT_THAT(file->Write("kept\n"), IsOk());
  {
    ScopedFileSizeLimit limit(100);
    EXPECT_THAT(file->Write(std::string(200, 'x') + "\n").ToString(),
                HasSubstr("File too large; raise the file size limit"));
  }
  EXPECT_EQ(Content(Path("f")), "kept\n");
  ASSERT_THAT(file->Write("again\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "kept\nagain\n");
}

TEST_F(OutputFileTest, TornLineInASharedFileStandsAlone) {
  auto file = Opened("f", OutputFile::Mode::kAppend);
  {
    ScopedFileSizeLimit limit(4);
    EXPECT_FALSE(file->Write("broken line\n").ok());
  }
  ASSERT_THAT(file->Write("whole\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "brok\nwhole\n");
}

TEST_F(OutputFileTest, GoesOnInANewFileOnceTheOldOneIsRenamedOrRemoved) {
  auto file = Opened("f", OutputFile::Mode::kAppend);
  ASSERT_THAT(file->Write("one\n"), IsOk());
  std::filesystem::rename(Path("f"), Path("f.1"));
  ASSERT_THAT(file->Write("two\n"), IsOk());
  ASSERT_THAT(file->Write("three\n"), IsOk());
  EXPECT_EQ(Content(Path("f.1")), "one\n");
  EXPECT_EQ(Content(Path("f")), "two\nthree\n");
  // As logrotate's "create" does.
  std::filesystem::rename(Path("f"), Path("f.2"));
  std::ofstream(Path("f")) << "new\n";
  ASSERT_THAT(file->Write("four\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "new\nfour\n");
  std::filesystem::remove(Path("f"));
  ASSERT_THAT(file->Write("five\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "five\n");
  EXPECT_THAT(file->Close(), IsOk());
}

TEST_F(OutputFileTest, GoesOnAtTheStartOfAFileThatIsCutDown) {
  auto file = Opened("f", OutputFile::Mode::kAppend);
  ASSERT_THAT(file->Write("one\n"), IsOk());
  std::filesystem::resize_file(Path("f"), 0);  // copytruncate
  ASSERT_THAT(file->Write("two\n"), IsOk());
  EXPECT_EQ(Content(Path("f")), "two\n");
}

TEST_F(OutputFileTest, ANewFileThatCannotBeMadeYetIsAnErrorThatHeals) {
  std::filesystem::create_directories(Path("d"));
  auto file = Opened("d/f", OutputFile::Mode::kAppend);
  ASSERT_THAT(file->Write("one\n"), IsOk());
  std::filesystem::rename(Path("d"), Path("moved"));
  EXPECT_THAT(file->Write("two\n"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("create its directory first")));
  std::filesystem::create_directories(Path("d"));
  EXPECT_THAT(file->Write("two\n"), IsOk());
  EXPECT_EQ(Content(Path("d/f")), "two\n");
  EXPECT_EQ(Content(Path("moved/f")), "one\n");
}

TEST_F(OutputFileTest, AFileThatItReplacesIsNotFollowed) {
  auto file = Opened("f");
  std::filesystem::rename(Path("f"), Path("f.1"));
  ASSERT_THAT(file->Write("one\n"), IsOk());
  EXPECT_EQ(Content(Path("f.1")), "one\n");
  EXPECT_FALSE(std::filesystem::exists(Path("f")));
}

TEST_F(OutputFileTest, ATornLineStaysInTheFileThatWasRotated) {
  auto file = Opened("f", OutputFile::Mode::kAppend);
  {
    ScopedFileSizeLimit limit(4);
    EXPECT_FALSE(file->Write("broken line\n").ok());
  }
  std::filesystem::rename(Path("f"), Path("f.1"));
  ASSERT_THAT(file->Write("whole\n"), IsOk());
  EXPECT_EQ(Content(Path("f.1")), "brok");
  EXPECT_EQ(Content(Path("f")), "whole\n");
}

void IgnoreSignal(int) {}

TEST_F(OutputFileTest, ContinuesShortInterruptedAndBlockedWrites) {
  struct sigaction action {};
  action.sa_handler = IgnoreSignal;  // without SA_RESTART: EINTR
  ::sigaction(SIGUSR1, &action, nullptr);
  std::string sent;
  for (int i = 0; sent.size() < 3'000'000; ++i) {
    sent += "line " + std::to_string(i) + "\n";
  }
  for (int flags : {0, O_NONBLOCK}) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ASSERT_EQ(::fcntl(ends[1], F_SETFL, flags), 0);
    const pthread_t writer = ::pthread_self();
    std::string received;
    std::thread reader([&] {
      char buffer[10'000];
      ssize_t got;
      while ((got = ::read(ends[0], buffer, sizeof(buffer))) > 0) {
        received.append(buffer, static_cast<size_t>(got));
        if (received.size() < sent.size()) ::pthread_kill(writer, SIGUSR1);
      }
    });
    {
      OutputFile file(ends[1], "pipe", OutputFile::Ownership::kOwned);
      EXPECT_THAT(file.Write(sent), IsOk());
    }
    reader.join();
    ::close(ends[0]);
    EXPECT_TRUE(received == sent) << received.size();
  }
}

TEST_F(OutputFileTest, StandardOutputStaysOpen) {
  auto file = OutputFile::Open("-", OutputFile::Mode::kReplace);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ((*file)->name(), "standard output");
  EXPECT_THAT((*file)->Close(), IsOk());
  EXPECT_NE(::fcntl(STDOUT_FILENO, F_GETFD), -1);
}

TEST_F(OutputFileTest, RefusesToWriteOnceClosed) {
  auto file = Opened("f");
  ASSERT_THAT(file->Close(), IsOk());
  EXPECT_THAT(file->Close(), IsOk());
  EXPECT_FALSE(file->Write("x\n").ok());
  EXPECT_EQ(Content(Path("f")), "");
}

}  // namespace
}  // namespace oddverb
