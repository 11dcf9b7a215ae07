// Keeps rejected records for a person to look at: one JSON object a line with
// place, reason and the first bytes. One thread.
#ifndef ODDVERB_APP_DEAD_LETTER_H_
#define ODDVERB_APP_DEAD_LETTER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "exporters/output_file.h"
#include "model/raw_batch.h"

namespace oddverb {

class DeadLetterFile {
 public:
  // Beyond this the records are only counted: a flood of garbage must not fill
  // the disk.
  static constexpr uint64_t kMaxFileBytes = 100 << 20;

  static absl::StatusOr<DeadLetterFile> Open(const std::string& path);

  // `place` as Source::Describe() says it.
  absl::Status Add(const Rejected& rejected, std::string_view place);
  uint64_t left_out() const { return left_out_; }
  absl::Status Close() { return output_->Close(); }

 private:
  explicit DeadLetterFile(std::unique_ptr<OutputFile> output)
      : output_(std::move(output)) {}

  std::unique_ptr<OutputFile> output_;
  uint64_t written_bytes_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_DEAD_LETTER_H_
