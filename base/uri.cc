#include "base/uri.h"

#include <algorithm>

namespace oddverb {
namespace {

// -1 for anything but a hex digit.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

UriParts SplitUri(std::string_view uri) {
  UriParts parts;
  parts.path = uri.substr(0, std::min(uri.find('?'), uri.find('#')));
  // The query does not end at a '#': Go's server knows no fragments
  // (url.ParseRequestURI), so `?x=1#&command=sh` does run a command.
  size_t question = uri.find('?');
  if (question != uri.npos) parts.query = uri.substr(question + 1);
  return parts;
}

std::string UriOrigin(std::string_view url) {
  size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return "(no URL)";
  std::string_view rest = url.substr(scheme_end + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#\\"));
  size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority = authority.substr(at + 1);
  return std::string(url.substr(0, scheme_end + 3)).append(authority);
}

bool QueryPairs::Next(QueryPair& out) {
  while (!rest_.empty()) {
    size_t end = rest_.find('&');
    std::string_view pair = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view() : rest_.substr(end + 1);
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    out.name = pair.substr(0, equals);
    out.value =
        equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    return true;
  }
  return false;
}

std::string PercentDecode(std::string_view text, PlusIs plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && text.size() - i > 2) {
      int high = HexValue(text[i + 1]);
      int low = HexValue(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high << 4 | low);
        i += 2;
        continue;
      }
    }
    decoded += c == '+' && plus == PlusIs::kBlank ? ' ' : c;
  }
  return decoded;
}

}  // namespace oddverb
