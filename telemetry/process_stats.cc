#include "telemetry/process_stats.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace oddverb {
namespace {

// Fields of /proc/PID/stat as numbered in proc(5).
constexpr size_t kUserTicks = 14;
constexpr size_t kSystemTicks = 15;
constexpr size_t kStartTicks = 22;
constexpr size_t kResidentPages = 24;
// What follows the name is numbered from 3 on, and starts with a letter.
constexpr size_t kFirstNumber = 4;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Values of fields 4 and following; the process name, field 2, may itself hold
// spaces and brackets, so it is skipped from behind.
std::vector<double> StatNumbers(const std::string& stat) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state;
  fields >> state;
  return {std::istream_iterator<double>(fields), {}};
}

// Seconds since the epoch at which the kernel started.
std::optional<double> BootTime(const std::string& proc) {
  std::istringstream lines(ReadFile(proc + "/stat"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    double value = 0;
    if (words >> key >> value && key == "btime") return value;
  }
  return std::nullopt;
}

std::optional<double> CountOpenFds(const std::string& proc) {
  std::error_code error;
  std::filesystem::directory_iterator it(proc + "/self/fd", error);
  double count = 0;
  while (!error && it != std::filesystem::directory_iterator()) {
    ++count;
    it.increment(error);
  }
  if (error || count == 0) return std::nullopt;
  return count - 1;  // the directory itself was open
}

}  // namespace

ProcessStats ReadProcessStats(const std::string& proc) {
  ProcessStats stats;
  stats.open_fds = CountOpenFds(proc);
  const std::vector<double> numbers =
      StatNumbers(ReadFile(proc + "/self/stat"));
  if (numbers.size() <= kResidentPages - kFirstNumber) return stats;
  auto field = [&](size_t number) { return numbers[number - kFirstNumber]; };
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  stats.cpu_seconds = (field(kUserTicks) + field(kSystemTicks)) / ticks;
  stats.resident_memory_bytes = field(kResidentPages) * page;
  if (const std::optional<double> boot = BootTime(proc)) {
    stats.start_time_seconds = *boot + field(kStartTicks) / ticks;
  }
  return stats;
}

}  // namespace oddverb
