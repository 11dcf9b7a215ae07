#include "ingest/source.h"

namespace oddverb {

absl::Status Source::Resume(std::string_view bookmark) {
  if (bookmark.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this source starts at its beginning and cannot resume");
}

}  // namespace oddverb
