#include "app/config_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr size_t kMaxShownBytes = 80;

bool IsNameCharacter(char c, size_t index) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         (index > 0 && absl::ascii_isdigit(static_cast<unsigned char>(c)));
}

size_t NameLength(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && IsNameCharacter(text[length], length)) {
    ++length;
  }
  return length;
}

// Expands what stands between "${" and "}".
absl::StatusOr<std::string> ExpandOne(std::string_view inside,
                                      const Environment& environment) {
  std::string_view name = inside.substr(0, NameLength(inside));
  std::string_view rest = inside.substr(name.size());
  bool has_fallback = rest.starts_with(":-");
  if (name.empty() || (!rest.empty() && !has_fallback)) {
    std::string shown;
    AppendJsonEscaped(Utf8Prefix(inside, kMaxShownBytes), shown);
    return absl::InvalidArgumentError(absl::StrCat(
        "\"${", shown,
        "}\" names no variable; write ${NAME} or ${NAME:-text}, and $${ for "
        "the two characters themselves"));
  }
  std::optional<std::string> value = environment(name);
  if (has_fallback && (!value.has_value() || value->empty())) {
    return std::string(rest.substr(2));
  }
  if (!value.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the environment variable ", A(name),
                     " is not set; set it, or write ${", A(name), ":-text}"));
  }
  return *std::move(value);
}

absl::StatusOr<std::string> ExpandText(std::string_view text,
                                       const Environment& environment) {
  std::string out;
  while (true) {
    size_t start = text.find("${");
    if (start == text.npos) break;
    if (start > 0 && text[start - 1] == '$') {
      absl::StrAppend(&out, A(text.substr(0, start - 1)), "${");
      text.remove_prefix(start + 2);
      continue;
    }
    size_t end = text.find('}', start);
    if (end == text.npos) {
      return absl::InvalidArgumentError(
          "\"${\" without \"}\"; write ${NAME} or ${NAME:-text}, and $${ for "
          "the two characters themselves");
    }
    absl::StrAppend(&out, A(text.substr(0, start)));
    ODDVERB_ASSIGN_OR_RETURN(
        std::string value,
        ExpandOne(text.substr(start + 2, end - start - 2), environment));
    absl::StrAppend(&out, value);
    text.remove_prefix(end + 1);
  }
  absl::StrAppend(&out, A(text));
  return out;
}

}  // namespace

std::optional<std::string> ProcessEnvironment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         size_t max_bytes) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::InvalidArgumentError(std::strerror(errno));
  std::string text;
  char buffer[1 << 16];
  ssize_t got = 0;
  while (text.size() <= max_bytes &&
         (got = read(fd, buffer, sizeof(buffer))) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  int error_number = errno;
  close(fd);
  if (got < 0) return absl::InvalidArgumentError(std::strerror(error_number));
  return text;
}

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadTextFile(path, kMaxConfigBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot read the configuration: ", text.status().message()));
  }
  if (text->size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than 4 MiB; is it a configuration?"));
  }
  return text;
}

std::string FolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::StatusOr<YamlNode> ExpandVariables(const YamlNode& root,
                                         const Environment& environment) {
  return root.ReplaceValues([&environment](std::string_view text) {
    return ExpandText(text, environment);
  });
}

}  // namespace oddverb
