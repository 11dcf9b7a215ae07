// The log of the program, on standard error: one line an entry, logfmt or JSON,
// UTC times. Passed by reference to those who need it; there is no global one.
//
// Texts may come from an attacker: each is escaped, so that an entry is always
// one line of visible characters, and cut to kMaxTextBytes. Thread-safe.
//
//   logger.Warn("skipped a record", {{"place", "audit.log:17"},
//                                    {"reason", "torn"}});
//   ts=2026-11-21T07:14:09.112000Z level=warn msg="skipped a record" ...
#ifndef ODDVERB_TELEMETRY_LOGGING_H_
#define ODDVERB_TELEMETRY_LOGGING_H_

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace oddverb {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
// "debug", "info", "warn", "error"; false if `name` is none of them.
bool ParseLogLevel(std::string_view name, LogLevel& out);

enum class LogFormat : uint8_t { kLogfmt, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  // what is below is not written
  LogFormat format = LogFormat::kLogfmt;
};

// `key` is a name of the code: lower-case letters, digits and '_'.
struct LogField {
  std::string_view key;
  std::string value;
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  static constexpr size_t kMaxTextBytes = 1024;

  // `clock` must outlive the logger.
  Logger(const LogOptions& options, const Clock& clock);
  // Writes to `out` instead, which must outlive the logger.
  Logger(const LogOptions& options, const Clock& clock, std::ostream& out);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // From the next entry on.
  void SetLevel(LogLevel level);

  void Debug(std::string_view message, Fields fields = {});
  void Info(std::string_view message, Fields fields = {});
  void Warn(std::string_view message, Fields fields = {});
  void Error(std::string_view message, Fields fields = {});

 private:
  class Impl;
  void Log(LogLevel level, std::string_view message, Fields fields);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_LOGGING_H_
