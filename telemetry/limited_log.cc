#include "telemetry/limited_log.h"

#include "absl/strings/str_cat.h"

namespace oddverb {
namespace {

std::string WithThousands(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

}  // namespace

LimitedLog::LimitedLog(Logger& logger, uint64_t lines_per_reason)
    : logger_(logger), lines_per_reason_(lines_per_reason) {}

LimitedLog::~LimitedLog() { Finish(); }

void LimitedLog::Warn(std::string_view reason, std::string_view message,
                      std::string_view place) {
  auto seen = seen_.find(reason);
  if (seen == seen_.end()) seen = seen_.emplace(reason, 0).first;
  if (++seen->second > lines_per_reason_) return;
  logger_.Warn(message, {{"reason", std::string(reason)},
                         {"place", std::string(place)}});
}

void LimitedLog::Finish() {
  for (const auto& [reason, count] : seen_) {
    if (count <= lines_per_reason_) continue;
    logger_.Warn(
        absl::StrCat("... ", WithThousands(count - lines_per_reason_), " more"),
        {{"reason", reason}});
  }
  seen_.clear();
}

}  // namespace oddverb
