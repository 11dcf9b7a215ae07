// One input as the file system shows it before it is opened, and the errors of
// opening it, worded for a person: which path, why, and what to do.
#ifndef ODDVERB_INGEST_STORED_FILE_H_
#define ODDVERB_INGEST_STORED_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace oddverb {

struct StoredFile {
  enum class Kind : uint8_t {
    kRegular,
    kFolder,
    kStream,  // pipe, terminal, device: read once, and reading may wait
    kOther,   // socket, block device: not readable as a log
  };

  std::string path;  // "-" is standard input
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;  // as stored; 0 unless kRegular
  Kind kind = Kind::kOther;

  bool is_stdin() const { return path == "-"; }
  bool SameFileAs(const StoredFile& other) const {
    return device == other.device && inode == other.inode;
  }
};

// NotFound, PermissionDenied, or what errno says.
absl::Status FileError(const std::string& path, int error_number);

// Follows symbolic links. Fails with FileError().
absl::StatusOr<StoredFile> InspectFile(const std::string& path);

// Opens for reading, never waits for a pipe's writer, and checks that it is
// still the file that was inspected (DataLoss if not). The caller closes the
// descriptor, unless it is standard input's.
absl::StatusOr<int> OpenForReading(const StoredFile& file);

// Whether OpenForReading() would succeed. Pipes are not touched.
absl::Status CheckReadable(const StoredFile& file);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_STORED_FILE_H_
