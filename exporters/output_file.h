// Where a file exporter writes: a path, or standard output. One thread.
//
// Writes go straight to the descriptor, as whole lines given by the caller: a
// reader of the pipe or file sees a finding as soon as it is out. A write that
// cannot go on blocks; a slow reader is backpressure, not an error. The program
// ignores SIGPIPE, so that a reader who has gone is an error here.
//
// A regular file that is appended to may be rotated by renaming or removing it
// (logrotate without copytruncate, and no signal needed): each Write() looks
// whether the path still names the open file, and else goes on in a new one.
#ifndef ODDVERB_EXPORTERS_OUTPUT_FILE_H_
#define ODDVERB_EXPORTERS_OUTPUT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace oddverb {

class OutputFile {
 public:
  enum class Mode : uint8_t { kReplace, kAppend };
  enum class Ownership : uint8_t { kBorrowed, kOwned };

  // Opens `path` for writing; "-" is standard output. New files can be read by
  // owner and group only: findings name credentials and secrets.
  // The error names the file, the cause and the cure.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Open(
      const std::string& path, Mode mode);
  // `name` is for messages.
  OutputFile(int descriptor, std::string name, Ownership ownership);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Writes all of `lines` (each with its line end). After an error a file that
  // Open() replaced holds none of them; elsewhere a torn line may remain, and
  // the next Write() starts on a new line.
  // ResourceExhausted: no space or quota, worth trying again.
  // Unavailable: rotated, and no new file can be made; worth trying again.
  // FailedPrecondition: the reader has gone. Else: the file cannot be written.
  absl::Status Write(std::string_view lines);

  // Reports what the file system only says at the end. Write() fails then.
  // Closed by the destructor at the latest; standard output stays open.
  absl::Status Close();

  const std::string& name() const { return name_; }

 private:
  // Errno of the first failure, or 0; `written` counts the bytes that are out.
  int WriteAll(std::string_view bytes, size_t& written);
  // Opens the path anew where it names no file or another one.
  absl::Status FollowRotation();
  // Takes back the `written` bytes of a failed Write().
  void TakeBack(size_t written, char last_byte);
  absl::Status Error(int error_number) const;

  int descriptor_;
  std::string name_;
  Ownership ownership_;
  // Only this process writes to the file, from its start: it can be cut back.
  bool can_cut_ = false;
  bool follows_rotation_ = false;  // a regular file at the path name_
  bool torn_line_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_OUTPUT_FILE_H_
