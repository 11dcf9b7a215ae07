#include "ingest/stored_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

StoredFile::Kind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return StoredFile::Kind::kRegular;
  if (S_ISDIR(mode)) return StoredFile::Kind::kFolder;
  if (S_ISFIFO(mode) || S_ISCHR(mode)) return StoredFile::Kind::kStream;
  return StoredFile::Kind::kOther;
}

StoredFile Describe(const std::string& path, const struct stat& facts) {
  StoredFile file;
  file.path = path;
  file.device = facts.st_dev;
  file.inode = facts.st_ino;
  file.kind = KindOf(facts.st_mode);
  if (file.kind == StoredFile::Kind::kRegular) {
    file.size_bytes = static_cast<uint64_t>(facts.st_size);
  }
  return file;
}

// kube-apiserver creates its log as root with mode 0600, and its rotation
// (lumberjack) gives each new file the mode and owner of the old one.
constexpr char kPermissionCure[] =
    "this process may not read it or a folder above it. kube-apiserver writes "
    "its audit log as root with mode 0600. Either create the file beforehand "
    "as root:oddverb with mode 0640, or change the one that is there (chgrp "
    "oddverb FILE; chmod 0640 FILE): rotation keeps mode and owner. Or give "
    "this process the capability CAP_DAC_READ_SEARCH";

}  // namespace

absl::Status FileError(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(
          absl::StrCat(path, ": there is no such file or folder"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat(path, ": permission denied: ", kPermissionCure));
    case EISDIR:
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is a folder, not a log file"));
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(absl::StrCat(
          path, ": too many open files: raise the limit (ulimit -n)"));
    default:
      return absl::ErrnoToStatus(error_number, path);
  }
}

absl::StatusOr<StoredFile> InspectFile(const std::string& path) {
  struct stat facts;
  int result = path == "-" ? ::fstat(STDIN_FILENO, &facts)
                           : ::stat(path.c_str(), &facts);
  if (result != 0) return FileError(path, errno);
  return Describe(path, facts);
}

absl::StatusOr<int> OpenForReading(const StoredFile& file) {
  if (file.kind == StoredFile::Kind::kFolder) {
    return FileError(file.path, EISDIR);
  }
  if (file.kind == StoredFile::Kind::kOther) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path, ": is neither a file nor a pipe"));
  }
  if (file.is_stdin()) return STDIN_FILENO;
  // O_NONBLOCK: opening a named pipe must not wait for its writer; reading
  // waits with a deadline instead. Regular files do not notice.
  int descriptor;
  do {
    descriptor =
        ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return FileError(file.path, errno);
  struct stat facts;
  if (::fstat(descriptor, &facts) == 0 &&
      Describe(file.path, facts).SameFileAs(file)) {
    return descriptor;
  }
  ::close(descriptor);
  return absl::DataLossError(
      absl::StrCat(file.path,
                   ": another file has taken this name since the start "
                   "(rotation?): read it again"));
}

absl::Status CheckReadable(const StoredFile& file) {
  if (file.kind == StoredFile::Kind::kStream) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(int descriptor, OpenForReading(file));
  if (!file.is_stdin()) ::close(descriptor);
  return absl::OkStatus();
}

}  // namespace oddverb
