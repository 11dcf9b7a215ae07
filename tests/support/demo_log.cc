#include "tests/support/demo_log.h"

#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>

namespace oddverb {
namespace {

// Puts what `replace` makes of it in the place of each time of an event.
template <class Replace>
void ReplaceTimes(std::string& line, Replace replace) {
  for (std::string_view key :
       {"\"requestReceivedTimestamp\":\"", "\"stageTimestamp\":\""}) {
    const size_t found = line.rfind(key);
    if (found == std::string::npos) continue;
    const size_t begin = found + key.size();
    const size_t length = line.find('"', begin) - begin;
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, line.substr(begin, length), &time,
                         &error)) {
      std::cerr << error << " in " << line << "\n";
      std::abort();
    }
    line.replace(begin, length,
                 absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", replace(time),
                                  absl::UTCTimeZone()));
  }
}

}  // namespace

std::vector<std::string> DemoLogLines() {
  std::ifstream file(ODDVERB_SOURCE_DIR "/app/demo.log.zst", std::ios::binary);
  std::string packed((std::istreambuf_iterator<char>(file)),
                     std::istreambuf_iterator<char>());
  unsigned long long size =
      ZSTD_getFrameContentSize(packed.data(), packed.size());
  std::string text;
  if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR) {
    text.resize(size);
    size_t got =
        ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
    if (ZSTD_isError(got)) text.clear();
  }
  if (text.empty()) {
    std::cerr << "app/demo.log.zst is missing or damaged\n";
    std::abort();
  }
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::vector<std::string> DemoLogLinesUntil(absl::Time end) {
  std::vector<std::string> lines = DemoLogLines();
  absl::Time last = absl::InfinitePast();
  for (std::string& line : lines) {
    ReplaceTimes(line, [&last](absl::Time time) {
      last = std::max(last, time);
      return time;
    });
  }
  const absl::Duration shift = absl::Trunc(end - last, absl::Microseconds(1));
  for (std::string& line : lines) {
    ReplaceTimes(line, [shift](absl::Time time) { return time + shift; });
  }
  return lines;
}

}  // namespace oddverb
