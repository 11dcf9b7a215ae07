#include "app/dead_letter.h"

#include "base/json_writer.h"
#include "base/status_macros.h"

namespace oddverb {

absl::StatusOr<DeadLetterFile> DeadLetterFile::Open(const std::string& path) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> output,
                           OutputFile::Open(path, OutputFile::Mode::kReplace));
  return DeadLetterFile(std::move(output));
}

absl::Status DeadLetterFile::Add(const Rejected& rejected,
                                 std::string_view place) {
  JsonWriter line;
  line.BeginObject();
  line.Key("place").String(place);
  line.Key("offset").Int(static_cast<int64_t>(rejected.position.offset));
  line.Key("reason").String(RejectReasonName(rejected.reason));
  line.Key("detail").String(rejected.detail);
  line.Key("record_bytes").Int(static_cast<int64_t>(rejected.record_bytes));
  line.Key("sample").String(rejected.sample);
  line.EndObject();
  std::string text = line.Release() + "\n";
  if (written_bytes_ + text.size() > kMaxFileBytes) {
    ++left_out_;
    return absl::OkStatus();
  }
  written_bytes_ += text.size();
  return output_->Write(text);
}

}  // namespace oddverb
