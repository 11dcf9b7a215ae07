#include "app/config_secrets.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "app/config_text.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
// The server's limit for all headers together is 8 KiB.
constexpr size_t kMaxSecretBytes = 4 << 10;

struct KindText {
  std::string_view one, several, cure;
};

// In the order of SecretKind.
constexpr KindText kKinds[] = {
    {"a token", "tokens", "write one a line (openssl rand -hex 32)"},
    {"a URL", "URLs", "write one a line"},
    {"a header", "headers", "write one a line, as Name: value"},
    {"a password", "passwords", "write one a line"},
};

const KindText& TextOf(SecretKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

bool IsAlphanumeric(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}

bool IsOneOf(char c, std::string_view characters) {
  return characters.find(c) != characters.npos;
}

bool IsTokenCharacter(char c) {
  return IsAlphanumeric(c) || IsOneOf(c, "-._~+/=");
}

// Visible ASCII.
bool IsUrlCharacter(char c) { return c > ' ' && c < 0x7f; }

// RFC 9110 5.6.2: tchar.
bool IsNameCharacter(char c) {
  return IsAlphanumeric(c) || IsOneOf(c, "!#$%&'*+-.^_`|~");
}

absl::Status CheckToken(std::string_view token) {
  if (std::all_of(token.begin(), token.end(), &IsTokenCharacter)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "a token with a character that no bearer token may have; allowed are "
      "letters, digits and -._~+/= (make one with: openssl rand -hex 32)");
}

absl::Status CheckUrl(std::string_view url) {
  size_t scheme = url.starts_with("https://")  ? 8
                  : url.starts_with("http://") ? 7
                                               : 0;
  if (scheme == 0) {
    return absl::InvalidArgumentError(
        "a URL that begins neither with https:// nor with http://");
  }
  if (url.size() == scheme || IsOneOf(url[scheme], "/?#:")) {
    return absl::InvalidArgumentError("a URL without a host");
  }
  if (!std::all_of(url.begin(), url.end(), &IsUrlCharacter)) {
    return absl::InvalidArgumentError(
        "a URL with a blank or a character that is not ASCII; write it as "
        "%XX");
  }
  return absl::OkStatus();
}

absl::Status CheckHeader(std::string_view header) {
  std::string_view name = header.substr(0, header.find(':'));
  if (name.empty() || name.size() == header.size() ||
      !std::all_of(name.begin(), name.end(), &IsNameCharacter)) {
    return absl::InvalidArgumentError(
        "a header that is not of the form Name: value");
  }
  for (char c : header) {
    bool is_control = absl::ascii_iscntrl(static_cast<unsigned char>(c));
    if (is_control && c != '\t') {
      return absl::InvalidArgumentError("a header with a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPassword(std::string_view password) {
  for (char c : password) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("a password with a control character");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSecret(SecretKind kind, std::string_view text) {
  std::string_view one = TextOf(kind).one;
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(A(one), " that is empty"));
  }
  if (text.size() > kMaxSecretBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(A(one), " of more than 4 KiB"));
  }
  switch (kind) {
    case SecretKind::kToken:
      return CheckToken(text);
    case SecretKind::kUrl:
      return CheckUrl(text);
    case SecretKind::kHeader:
      return CheckHeader(text);
    case SecretKind::kPassword:
      return CheckPassword(text);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadSecretFile(SecretKind kind,
                                                        const std::string& path,
                                                        size_t max_secrets) {
  const KindText& words = TextOf(kind);
  auto error = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat(A(words.several), " of ", path, ": ", A(why)));
  };
  absl::StatusOr<std::string> text = ReadTextFile(path, kMaxFileBytes);
  if (!text.ok()) return error(S(text.status().message()));
  if (text->size() > kMaxFileBytes) return error("larger than 1 MiB");
  std::vector<std::string> secrets;
  size_t line_number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    absl::Status status = CheckSecret(kind, S(line));
    if (!status.ok()) {
      return error(absl::StrCat("line ", line_number, ": ", status.message()));
    }
    secrets.emplace_back(line);
    if (secrets.size() > max_secrets) {
      return error(
          absl::StrCat("more than ", max_secrets, " ", A(words.several)));
    }
  }
  if (secrets.empty()) {
    return error(absl::StrCat("none; ", A(words.cure)));
  }
  return secrets;
}

}  // namespace oddverb
