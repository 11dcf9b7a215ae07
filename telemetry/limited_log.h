// Warnings of which a bad input could cause millions: the first few of each
// reason are written, the rest is counted and told at the end. One thread.
#ifndef ODDVERB_TELEMETRY_LIMITED_LOG_H_
#define ODDVERB_TELEMETRY_LIMITED_LOG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "telemetry/logging.h"

namespace oddverb {

class LimitedLog {
 public:
  static constexpr uint64_t kDefaultLines = 5;

  // `logger` must outlive this.
  explicit LimitedLog(Logger& logger,
                      uint64_t lines_per_reason = kDefaultLines);
  // Calls Finish().
  ~LimitedLog();
  LimitedLog(const LimitedLog&) = delete;
  LimitedLog& operator=(const LimitedLog&) = delete;

  // `reason` is of a closed set (it is remembered); `place` says where.
  void Warn(std::string_view reason, std::string_view message,
            std::string_view place);
  // "... 1,234 more" for each reason with lines left out; starts anew.
  void Finish();

 private:
  Logger& logger_;
  const uint64_t lines_per_reason_;
  std::map<std::string, uint64_t, std::less<>> seen_;
};

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_LIMITED_LOG_H_
