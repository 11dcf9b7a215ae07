#include "tests/support/corpus.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace oddverb {
namespace {

std::filesystem::path Root() {
  const char* shared = std::getenv("ODDVERB_SHARED");
  std::filesystem::path base =
      shared != nullptr
          ? std::filesystem::path(shared)
          : std::filesystem::path(ODDVERB_SOURCE_DIR) / ".." / "shared";
  return base / "data" / "corpus";
}

bool IsAuditFile(const std::string& name) {
  return name.ends_with(".log.gz") ||
         (name.starts_with("post-") &&
          (name.ends_with(".json") || name.ends_with(".json.gz")));
}

}  // namespace

std::optional<std::string> CorpusPath(std::string_view relative) {
  std::filesystem::path path = Root() / relative;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path.string();
}

std::vector<std::string> CorpusAuditFiles() {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(Root(), error);
  if (error) return files;
  for (const auto& entry : it) {
    if (IsAuditFile(entry.path().filename().string())) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadMaybeGzip(const std::string& path) {
  std::string content;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return content;
  char buffer[1 << 16];
  int got;
  while ((got = gzread(file, buffer, sizeof(buffer))) > 0) {
    content.append(buffer, static_cast<size_t>(got));
  }
  gzclose(file);
  return content;
}

}  // namespace oddverb
