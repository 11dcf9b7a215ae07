#include "pipeline/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;

// The first 16 bytes of a database (sqlite.org/fileformat.html), NUL included.
constexpr char kMagic[] = "SQLite format 3";

// What SQLite appends to the name of a database.
constexpr const char* kCompanions[] = {"-wal", "-shm", "-journal"};

// `setting`: where its path is from.
std::string CureFor(int error, std::string_view setting) {
  switch (error) {
    case ENOENT:
      return absl::StrCat("create its parent directory, or name another ",
                          A(setting));
    case EACCES:
    case EPERM:
      return "give the user of oddverb the directory with mode 0700";
    case EROFS:
      return "mount it writable: the state must outlive a restart";
    case ENOSPC:
    case EDQUOT:
      return "free space on its file system";
    case ELOOP:
      return "no file in it may be a symbolic link";
    default:
      return absl::StrCat("name another ", A(setting));
  }
}

// "state directory" in front, the cure behind.
absl::Status SystemError(std::string_view what, const std::string& path,
                         int error, std::string_view setting) {
  std::string message =
      absl::StrCat("state directory: cannot ", A(what), " ", path, ": ",
                   std::strerror(error), "; ", CureFor(error, setting));
  switch (error) {
    case EROFS:
    case ELOOP:
      return absl::FailedPreconditionError(message);
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    case EPERM:
      return absl::PermissionDeniedError(message);
    default:
      return absl::Status(absl::ErrnoToStatusCode(error), message);
  }
}

absl::Status MakeDirectory(const std::string& path, std::string_view setting) {
  if (::mkdir(path.c_str(), kDirectoryMode) == 0) return absl::OkStatus();
  // EEXIST comes before EROFS and EACCES where it is there.
  if (errno != EEXIST) return SystemError("create", path, errno, setting);
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) {
    return SystemError("read", path, errno, setting);
  }
  if (S_ISDIR(found.st_mode)) return absl::OkStatus();
  return SystemError("use", path, ENOTDIR, setting);
}

// Opens or creates a file that only its owner can read, whatever it was.
absl::StatusOr<int> OpenPrivate(const std::string& path, int flags,
                                std::string_view setting) {
  int file =
      ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, kFileMode);
  if (file < 0) return SystemError("open", path, errno, setting);
  struct stat found;
  if (::fstat(file, &found) == 0 && (found.st_mode & 0777) != kFileMode) {
    // Not ours to change on some volumes; then its owner has decided.
    static_cast<void>(::fchmod(file, kFileMode));
  }
  return file;
}

absl::Status InUseError(const std::string& path, int lock,
                        std::string_view setting) {
  char text[32] = {};
  ssize_t size = ::pread(lock, text, sizeof(text) - 1, 0);
  uint64_t pid = 0;
  std::string who = "another oddverb";
  if (size > 0 && absl::SimpleAtoi(text, &pid)) {
    absl::StrAppend(&who, " (pid ", pid, ")");
  }
  return absl::FailedPreconditionError(
      absl::StrCat(who, " uses this state directory: ", path,
                   "; end it, or name another ", A(setting)));
}

absl::Status WritePid(const std::string& path, int lock,
                      std::string_view setting) {
  std::string text = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(lock, 0) != 0 ||
      ::pwrite(lock, text.data(), text.size(), 0) < 0) {
    return SystemError("write", path, errno, setting);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StateDirectory> StateDirectory::Open(const std::string& path,
                                                    std::string_view setting) {
  ODDVERB_RETURN_IF_ERROR(MakeDirectory(path, setting));
  std::string lock_path = path + "/oddverb.lock";
  ODDVERB_ASSIGN_OR_RETURN(int lock, OpenPrivate(lock_path, O_CREAT, setting));
  StateDirectory directory(path, lock, std::string(setting));
  // flock, not fcntl: it also keeps two checkpoints of one process apart, and
  // no other close() in this process drops it.
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return InUseError(path, lock, setting);
    return SystemError("lock", lock_path, errno, setting);
  }
  ODDVERB_RETURN_IF_ERROR(WritePid(lock_path, lock, setting));
  return directory;
}

StateDirectory::StateDirectory(StateDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      setting_(std::move(other.setting_)),
      lock_(std::exchange(other.lock_, -1)) {}

StateDirectory::~StateDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

absl::StatusOr<bool> StateDirectory::HasDatabase() const {
  std::string path = database_path();
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return SystemError("read", path, errno, setting_);
    struct stat log;
    if (::lstat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0) {
      return absl::DataLossError("the file is missing, its log is there");
    }
    return false;
  }
  if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not a file; remove it"));
  }
  ODDVERB_ASSIGN_OR_RETURN(int file, OpenPrivate(path, 0, setting_));
  char header[sizeof(kMagic)] = {};
  ssize_t size = ::pread(file, header, sizeof(header), 0);
  ::close(file);
  if (size == sizeof(header) &&
      std::memcmp(header, kMagic, sizeof(header)) == 0) {
    return true;
  }
  return absl::DataLossError("the file is not a database");
}

absl::Status StateDirectory::PrepareNewDatabase() const {
  std::string path = new_database_path();
  ::unlink(path.c_str());
  for (const char* companion : kCompanions) {
    ::unlink((path + companion).c_str());
    // Of a database that is not there: would be taken for the new one's.
    ::unlink((database_path() + companion).c_str());
  }
  ODDVERB_ASSIGN_OR_RETURN(int file,
                           OpenPrivate(path, O_CREAT | O_EXCL, setting_));
  ::close(file);
  return absl::OkStatus();
}

absl::Status StateDirectory::KeepNewDatabase() const {
  ODDVERB_RETURN_IF_ERROR(Rename(new_database_path(), database_path()));
  return Sync();
}

absl::StatusOr<std::string> StateDirectory::SetDatabaseAside(
    absl::Time now) const {
  std::string base = absl::StrCat(
      database_path(), ".damaged-",
      absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
  std::string aside = base;
  struct stat found;
  auto is_taken = [&found](const std::string& path) {
    return ::lstat(path.c_str(), &found) == 0;
  };
  for (int i = 2; is_taken(aside) || is_taken(aside + "-wal"); ++i) {
    aside = absl::StrCat(base, "-", i);
  }
  // The database first: if the process ends between the two, the log that is
  // left alone shows it at the next start.
  if (is_taken(database_path())) {
    ODDVERB_RETURN_IF_ERROR(Rename(database_path(), aside));
  }
  for (const char* companion : kCompanions) {
    std::string path = database_path() + companion;
    if (is_taken(path)) {
      ODDVERB_RETURN_IF_ERROR(Rename(path, aside + companion));
    }
  }
  ODDVERB_RETURN_IF_ERROR(Sync());
  return aside;
}

absl::Status StateDirectory::Rename(const std::string& from,
                                    const std::string& to) const {
  if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return SystemError("rename", from, errno, setting_);
}

absl::Status StateDirectory::Sync() const {
  int directory = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return SystemError("open", path_, errno, setting_);
  absl::Cleanup closer = [directory] { ::close(directory); };
  if (::fsync(directory) != 0)
    return SystemError("sync", path_, errno, setting_);
  return absl::OkStatus();
}

}  // namespace oddverb
