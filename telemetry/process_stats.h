// This process as Linux shows it in /proc: the values behind the process_*
// metrics, which the client library does not give.
#ifndef ODDVERB_TELEMETRY_PROCESS_STATS_H_
#define ODDVERB_TELEMETRY_PROCESS_STATS_H_

#include <optional>
#include <string>
#include <string_view>

namespace oddverb {

// A value is missing where /proc does not tell it.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> resident_memory_bytes;
  std::optional<double> open_fds;
  std::optional<double> start_time_seconds;  // since the Unix epoch
};

// `proc` is "/proc" outside of tests. Reads files, so not for a hot path.
ProcessStats ReadProcessStats(const std::string& proc = "/proc");

}  // namespace oddverb

#endif  // ODDVERB_TELEMETRY_PROCESS_STATS_H_
