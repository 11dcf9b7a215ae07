// Writes each state of a finding into a file once, also over a crash: what was
// written and not yet acknowledged is found again in the end of the file, and
// passed over. One thread.
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
  // How much of the file's end is looked at: more than an outbox ever holds.
  static constexpr int64_t kTailBytes = 16 << 20;

  // Appends to the NDJSON file `path`; a torn last line, which nobody
  // acknowledged, is cut off. The errors of OutputFile::Open.
  static absl::StatusOr<std::unique_ptr<OnceInFile>> Open(
      const std::string& path, FindingFormat format);

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Status Finish() override { return to_->Finish(); }

 private:
  OnceInFile(std::unique_ptr<Exporter> to, FindingFormat format,
             absl::flat_hash_set<uint64_t> written)
      : to_(std::move(to)), format_(format), written_(std::move(written)) {}

  std::unique_ptr<Exporter> to_;
  const FindingFormat format_;
  absl::flat_hash_set<uint64_t> written_;  // hashes of the lines found
};

}  // namespace oddverb

#endif  // ODDVERB_APP_ONCE_IN_FILE_H_
