#include "app/once_in_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/status_macros.h"
#include "exporters/ndjson_exporter.h"

namespace oddverb {
namespace {

constexpr std::string_view kStandardOutput = "-";

uint64_t LineHash(std::string_view line) { return KeyedHash().Hash(line); }

// Hashes of the whole lines in the end of the file behind `fd`; cuts off a torn
// last one.
absl::flat_hash_set<uint64_t> LinesAtEnd(int fd) {
  absl::flat_hash_set<uint64_t> hashes;
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return hashes;
  int64_t start = std::max<int64_t>(0, status.st_size - OnceInFile::kTailBytes);
  std::string text(static_cast<size_t>(status.st_size - start), '\0');
  ssize_t got = pread(fd, text.data(), text.size(), start);
  if (got < 0) return hashes;
  text.resize(static_cast<size_t>(got));
  size_t line = 0;
  for (size_t end; (end = text.find('\n', line)) != std::string::npos;
       line = end + 1) {
    hashes.insert(LineHash(std::string_view(text).substr(line, end - line)));
  }
  // A failure leaves the torn line: then it is one line too many, and not JSON.
  if (line < text.size()) {
    (void)!ftruncate(fd, start + static_cast<int64_t>(line));
  }
  return hashes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OnceInFile>> OnceInFile::Open(
    const std::string& path, FindingFormat format) {
  std::unique_ptr<OnceInFile> file(new OnceInFile(path, format));
  ODDVERB_RETURN_IF_ERROR(file->Reopen());
  return file;
}

absl::Status OnceInFile::Reopen() {
  written_.clear();
  int fd =
      path_ == kStandardOutput ? -1 : open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    written_ = LinesAtEnd(fd);
    close(fd);
  }
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> output,
                           OutputFile::Open(path_, OutputFile::Mode::kAppend));
  to_ = std::make_unique<NdjsonExporter>(std::move(output), format_);
  return absl::OkStatus();
}

absl::Status OnceInFile::Export(std::span<const Finding> findings,
                                absl::Time deadline) {
  absl::Status status = to_ == nullptr ? Reopen() : absl::OkStatus();
  if (status.ok()) status = Write(findings, deadline);
  if (status.ok()) return status;
  bool has_gone =
      path_ == kStandardOutput && absl::IsFailedPrecondition(status);
  if (has_gone) return status;
  if (path_ != kStandardOutput) to_.reset();
  return absl::UnavailableError(status.message());
}

absl::Status OnceInFile::Write(std::span<const Finding> findings,
                               absl::Time deadline) {
  if (written_.empty()) return to_->Export(findings, deadline);
  std::vector<Finding> fresh;
  std::string line;
  for (const Finding& finding : findings) {
    line.clear();
    FormatFinding(format_, finding, line);
    if (!written_.contains(LineHash(line))) fresh.push_back(finding);
  }
  return fresh.empty() ? absl::OkStatus() : to_->Export(fresh, deadline);
}

absl::Status OnceInFile::Finish() {
  return to_ == nullptr ? absl::OkStatus() : to_->Finish();
}

}  // namespace oddverb
