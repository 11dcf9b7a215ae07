#include "net/http_message.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct Reason {
  int status;
  std::string_view text;
};
constexpr Reason kReasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

std::string_view ReasonOf(int status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return "Status";
}

// A line break in a value would let its writer add headers of his own.
bool IsSafe(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

void AppendHeader(std::string_view name, std::string_view value,
                  std::string& out) {
  if (name.empty() || !IsSafe(name) || !IsSafe(value)) return;
  absl::StrAppend(&out, A(name), ": ", A(value), "\r\n");
}

}  // namespace

std::optional<std::string_view> HttpRequestHead::Header(
    std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (absl::EqualsIgnoreCase(header.name, A(name))) return header.value;
  }
  return std::nullopt;
}

HttpResponse TextResponse(int status, std::string_view line) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = absl::StrCat(A(line), "\n")};
}

std::string ResponseHead(const HttpResponse& response, ConnectionFate fate) {
  std::string head = absl::StrCat("HTTP/1.1 ", response.status, " ",
                                  A(ReasonOf(response.status)), "\r\n");
  if (!response.content_type.empty()) {
    AppendHeader("Content-Type", response.content_type, head);
  }
  // RFC 9110 8.6: not with 204; with 304 it would describe another response.
  if (response.status != 204 && response.status != 304) {
    absl::StrAppend(&head, "Content-Length: ", response.body.size(), "\r\n");
  }
  if (response.retry_after.has_value()) {
    int64_t seconds = absl::ToInt64Seconds(
        absl::Ceil(*response.retry_after, absl::Seconds(1)));
    absl::StrAppend(&head, "Retry-After: ", std::max<int64_t>(seconds, 0),
                    "\r\n");
  }
  for (const HttpHeader& header : response.headers) {
    AppendHeader(header.name, header.value, head);
  }
  absl::StrAppend(&head,
                  "X-Content-Type-Options: nosniff\r\n"
                  "Cache-Control: no-store\r\n",
                  fate == ConnectionFate::kClose ? "Connection: close\r\n" : "",
                  "\r\n");
  return head;
}

}  // namespace oddverb
