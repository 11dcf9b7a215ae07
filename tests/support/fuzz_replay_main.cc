// The main of a fuzz harness where libFuzzer is not: runs the harness on every
// file of the given folders, so that each input that was ever interesting is a
// normal test. Each file also runs cut short at several places, which is where
// parsers of untrusted input go wrong.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace {

// The copy has exactly `size` bytes, so that a sanitizer sees a read past the
// end of the input.
void Run(const std::string& content, size_t size) {
  const std::vector<uint8_t> exact(content.begin(),
                                   content.begin() + std::ptrdiff_t(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void RunWholeAndCut(const std::string& content) {
  constexpr size_t kCuts = 16;
  Run(content, content.size());
  for (size_t cut = 0; cut < kCuts; ++cut) {
    Run(content, content.size() * cut / kCuts);
  }
  if (!content.empty()) Run(content, content.size() - 1);
}

// The files of a folder, sorted; empty if it cannot be read.
std::vector<std::filesystem::path> FilesOf(const char* folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  Run("", 0);
  for (int i = 1; i < argc; ++i) {
    const std::vector<std::filesystem::path> files = FilesOf(argv[i]);
    if (files.empty()) {
      std::fprintf(stderr, "no corpus file in %s\n", argv[i]);
      return 1;
    }
    for (const std::filesystem::path& file : files) {
      // Said before the run: a crash then names its input.
      std::printf("%s\n", file.c_str());
      std::fflush(stdout);
      std::ifstream stream(file, std::ios::binary);
      RunWholeAndCut(std::string(std::istreambuf_iterator<char>(stream), {}));
    }
  }
  return 0;
}
