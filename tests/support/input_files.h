// Inputs for tests of sources: temporary files, compressed bytes, audit lines,
// and everything that a source hands on.
#ifndef ODDVERB_TESTS_SUPPORT_INPUT_FILES_H_
#define ODDVERB_TESTS_SUPPORT_INPUT_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "ingest/source.h"

namespace oddverb {

// A new folder, removed with all its content at the end of the scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const;
  // Writes a file, its sub-folders too; returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

std::string GzipOf(std::string_view content);
std::string ZstdOf(std::string_view content);

// An audit event on one line, without the line end.
std::string EventLine(absl::Time stage_time, std::string_view id);

// All that a source hands on until its end.
struct SourceOutput {
  std::vector<std::string> records;
  std::vector<Position> positions;
  std::vector<Rejected> rejected;
  uint64_t source_bytes = 0;
  size_t batches = 0;
  absl::Status end;  // OutOfRange when all is well
};
SourceOutput ReadAll(Source& source);

// "OFFSET:LINE:RECORD" for each record, "!REASON:OFFSET:LINE:BYTES" for each
// rejected: to compare two readings as a whole.
std::vector<std::string> Summary(const SourceOutput& output);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_INPUT_FILES_H_
