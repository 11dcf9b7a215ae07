// Writes each state of a finding into a file once, also over a crash: what was
// written and not yet acknowledged is found again in the end of the file, and
// passed over. So is what a write left that failed halfway. One thread.
#ifndef ODDVERB_APP_ONCE_IN_FILE_H_
#define ODDVERB_APP_ONCE_IN_FILE_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/finding_format.h"

namespace oddverb {

class OnceInFile final : public Exporter {
 public:
  // How much of the file's end is looked at: more than one hand-over of a sink
  // ever writes.
  static constexpr int64_t kTailBytes = 16 << 20;

  // Appends to the NDJSON file `path`; a torn last line, which nobody
  // acknowledged, is cut off. "-" is standard output, of which nothing can be
  // read again. The errors of OutputFile::Open.
  static absl::StatusOr<std::unique_ptr<OnceInFile>> Open(
      const std::string& path, FindingFormat format);

  // A file refuses no finding: whatever is wrong with it is Unavailable, but
  // for a reader of standard output that has gone (FailedPrecondition).
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Status Finish() override;

 private:
  OnceInFile(std::string path, FindingFormat format)
      : path_(std::move(path)), format_(format) {}

  absl::Status Reopen();
  absl::Status Write(std::span<const Finding> findings, absl::Time deadline);

  const std::string path_;
  const FindingFormat format_;
  std::unique_ptr<Exporter> to_;           // null after a failure
  absl::flat_hash_set<uint64_t> written_;  // hashes of the lines found
};

}  // namespace oddverb

#endif  // ODDVERB_APP_ONCE_IN_FILE_H_
