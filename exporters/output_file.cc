#include "exporters/output_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr mode_t kNewFileMode = 0640;
// One write(2) of Linux takes at most 0x7ffff000 bytes; smaller pieces also
// keep a signal from waiting long.
constexpr size_t kMaxWriteBytes = 1 << 20;

std::string_view Advice(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free space or choose another file";
    case EFBIG:
      return "raise the file size limit (ulimit -f) or choose another file";
    case EPIPE:
      return "the program that reads the findings has ended";
    case EACCES:
    case EPERM:
      return "give this user permission to write there or choose another file";
    case EROFS:
      return "choose a file on another file system";
    case ENOENT:
    case ENOTDIR:
      return "create its directory first or choose another file";
    case EISDIR:
      return "name a file in that directory";
    case EIO:
      return "the device is failing: check it with dmesg";
    default:
      return "choose another file";
  }
}

absl::Status WriteError(std::string_view name, int error_number) {
  return absl::Status(
      absl::ErrnoToStatusCode(error_number),
      absl::StrCat("cannot write ", A(name), ": ", std::strerror(error_number),
                   "; ", A(Advice(error_number))));
}

// Waits until a descriptor that does not block (inherited that way: standard
// output shared with another program) takes bytes again.
void WaitUntilWritable(int descriptor) {
  pollfd poll_entry{};
  poll_entry.fd = descriptor;
  poll_entry.events = POLLOUT;
  ::poll(&poll_entry, 1, /*timeout=*/-1);
}

// -1 and errno on failure.
int OpenPath(const std::string& path, OutputFile::Mode mode) {
  const int how = mode == OutputFile::Mode::kAppend ? O_APPEND : O_TRUNC;
  int descriptor;
  do {
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how,
                        kNewFileMode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

bool IsRegularFile(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Open(
    const std::string& path, Mode mode) {
  if (path == "-") {
    return std::make_unique<OutputFile>(STDOUT_FILENO, "standard output",
                                        Ownership::kBorrowed);
  }
  const int descriptor = OpenPath(path, mode);
  if (descriptor < 0) return WriteError(path, errno);
  auto file = std::make_unique<OutputFile>(descriptor, path, Ownership::kOwned);
  const bool regular = IsRegularFile(descriptor);
  file->can_cut_ = mode == Mode::kReplace && regular;
  file->follows_rotation_ = mode == Mode::kAppend && regular;
  return file;
}

OutputFile::OutputFile(int descriptor, std::string name, Ownership ownership)
    : descriptor_(descriptor), name_(std::move(name)), ownership_(ownership) {}

OutputFile::~OutputFile() { Close().IgnoreError(); }

absl::Status OutputFile::Write(std::string_view lines) {
  if (descriptor_ < 0) return WriteError(name_, EBADF);
  if (follows_rotation_) ODDVERB_RETURN_IF_ERROR(FollowRotation());
  if (torn_line_) {
    size_t written = 0;
    if (int error = WriteAll("\n", written); error != 0) return Error(error);
    torn_line_ = false;
  }
  size_t written = 0;
  const int error = WriteAll(lines, written);
  if (error == 0) return absl::OkStatus();
  if (written > 0) TakeBack(written, lines[written - 1]);
  return Error(error);
}

absl::Status OutputFile::FollowRotation() {
  struct stat ours {};
  struct stat named {};
  if (::stat(name_.c_str(), &named) == 0) {
    if (::fstat(descriptor_, &ours) != 0) return Error(errno);
    const bool same =
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
    if (same) return absl::OkStatus();
  } else if (errno != ENOENT) {
    return absl::OkStatus();  // cannot tell; the open file still works
  }
  const int descriptor = OpenPath(name_, Mode::kAppend);
  if (descriptor < 0) {
    // A person mends the folder; until then nothing may be lost.
    return absl::UnavailableError(Error(errno).message());
  }
  ::close(std::exchange(descriptor_, descriptor));
  torn_line_ = false;  // it stays behind, as the end of the old file
  return absl::OkStatus();
}

absl::Status OutputFile::Close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0 || ownership_ == Ownership::kBorrowed) {
    return absl::OkStatus();
  }
  // Linux has closed the descriptor even when close() was interrupted.
  if (::close(descriptor) != 0 && errno != EINTR) return Error(errno);
  return absl::OkStatus();
}

int OutputFile::WriteAll(std::string_view bytes, size_t& written) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxWriteBytes);
    const ssize_t got = ::write(descriptor_, piece.data(), piece.size());
    if (got > 0) {
      written += static_cast<size_t>(got);
      bytes.remove_prefix(static_cast<size_t>(got));
    } else if (got == 0) {
      return EIO;  // no progress and no reason: never try that for ever
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      WaitUntilWritable(descriptor_);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void OutputFile::TakeBack(size_t written, char last_byte) {
  if (can_cut_) {
    const off_t end = ::lseek(descriptor_, 0, SEEK_CUR);
    const off_t start = end - static_cast<off_t>(written);
    if (end >= 0 && ::ftruncate(descriptor_, start) == 0 &&
        ::lseek(descriptor_, start, SEEK_SET) == start) {
      return;
    }
  }
  torn_line_ = last_byte != '\n';
}

absl::Status OutputFile::Error(int error_number) const {
  return WriteError(name_, error_number);
}

}  // namespace oddverb
