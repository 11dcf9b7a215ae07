// A log file held open, with its identity: the hash of its first whole line.
// Names move on with rotation, inode numbers are used again, but an audit line
// carries an ID and times to the microsecond, and stays the first whether the
// file is renamed, copied or compressed.
#ifndef ODDVERB_INGEST_IDENTIFIED_FILE_H_
#define ODDVERB_INGEST_IDENTIFIED_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "ingest/byte_stream.h"
#include "ingest/rotated_files.h"

namespace oddverb {

// Immutable but for the descriptor's file itself; one thread.
class IdentifiedFile {
 public:
  // More of a line is not looked at.
  static constexpr size_t kMostLineBytes = size_t{2} << 20;

  enum class FirstLine : uint8_t {
    kNone,   // nothing but blanks and NULs
    kTorn,   // no line end yet
    kWhole,  // or kMostLineBytes of it
  };

  // NotFound: the name is gone, or another file has it by now. DataLoss:
  // damaged compression. Others: FileError().
  static absl::StatusOr<std::shared_ptr<const IdentifiedFile>> Open(
      const LogFile& file);
  ~IdentifiedFile();
  IdentifiedFile(const IdentifiedFile&) = delete;
  IdentifiedFile& operator=(const IdentifiedFile&) = delete;

  FirstLine first_line() const { return first_line_; }
  // Of the first line, without its end.
  const Hash128& identity() const { return identity_; }
  bool compressed() const { return compressed_; }
  // Lines of a container log (see cri_lines.h).
  bool in_container_form() const { return in_container_form_; }

  bool SameInodeAs(const LogFile& file) const;
  // Whether the file was emptied or written anew since it was opened.
  bool StartChanged() const;
  // Of the content; of compressed files what they claim, 0 if they do not.
  uint64_t ContentBytes() const;
  // Whether a line ends before `offset` (so a record may start there).
  bool LineEndsAt(uint64_t offset) const;

  // From `offset` on; compressed files from the beginning. Borrows from this.
  std::unique_ptr<ByteStream> ReadFrom(uint64_t offset) const;

 private:
  IdentifiedFile(int descriptor, const LogFile& file);
  absl::Status ReadFirstLine();
  void TakeFirstLine(std::string line, FirstLine kind);

  const int descriptor_;
  const std::string path_;  // for messages
  const uint64_t device_;
  const uint64_t inode_;
  bool compressed_ = false;
  FirstLine first_line_ = FirstLine::kNone;
  Hash128 identity_;
  bool in_container_form_ = false;
  std::string start_;          // the first bytes of the line
  uint64_t start_offset_ = 0;  // where they are
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_IDENTIFIED_FILE_H_
