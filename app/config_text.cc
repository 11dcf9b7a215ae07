#include "app/config_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr size_t kMaxTokenFileBytes = 1 << 20;
// The server's limit for all headers together is 8 KiB.
constexpr size_t kMaxTokenBytes = 4 << 10;
constexpr size_t kMaxShownBytes = 80;

// All of a file, or one byte more than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path,
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

// RFC 6750 2.1: b64token.
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> ProcessEnvironment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
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

absl::StatusOr<YamlNode> ExpandVariables(const YamlNode& root,
                                         const Environment& environment) {
  return root.ReplaceValues([&environment](std::string_view text) {
    return ExpandText(text, environment);
  });
}

absl::Status CheckToken(std::string_view token) {
  if (token.empty()) return absl::InvalidArgumentError("an empty token");
  if (token.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError("a token of more than 4 KiB");
  }
  if (!std::all_of(token.begin(), token.end(), IsTokenCharacter)) {
    return absl::InvalidArgumentError(
        "a token with a character that no bearer token may have; allowed are "
        "letters, digits and -._~+/= (make one with: openssl rand -hex 32)");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path,
                                                       size_t max_tokens) {
  auto error = [&path](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokens of ", path, ": ", A(why)));
  };
  absl::StatusOr<std::string> text = ReadFile(path, kMaxTokenFileBytes);
  if (!text.ok()) return error(S(text.status().message()));
  if (text->size() > kMaxTokenFileBytes) return error("larger than 1 MiB");
  std::vector<std::string> tokens;
  size_t line_number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    absl::Status status = CheckToken(S(line));
    if (!status.ok()) {
      return error(absl::StrCat("line ", line_number, ": ", status.message()));
    }
    tokens.emplace_back(line);
    if (tokens.size() > max_tokens) {
      return error(absl::StrCat("more than ", max_tokens, " tokens"));
    }
  }
  if (tokens.empty()) {
    return error("no token; write one a line (openssl rand -hex 32)");
  }
  return tokens;
}

}  // namespace oddverb
