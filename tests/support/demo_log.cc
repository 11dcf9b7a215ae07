#include "tests/support/demo_log.h"

#include <zstd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

namespace oddverb {

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

}  // namespace oddverb
