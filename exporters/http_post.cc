#include "exporters/http_post.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "net/retry_after.h"

namespace oddverb {
namespace {

// Of a response, in a message.
constexpr size_t kShownBytes = 200;

bool MayWorkLater(int status) {
  return status == 401 || status == 403 || status == 404 || status == 408 ||
         status == 429 || status >= 500;
}

absl::Status Meaning(const HttpResult& result) {
  std::string_view text = std::string_view(result.body).substr(0, kShownBytes);
  std::string message =
      absl::StrCat("the receiver answered ", result.status,
                   text.empty() ? "" : ": ", VisibleText(text, Charset::kUtf8));
  if (result.status == 413) return absl::OutOfRangeError(message);
  if (!MayWorkLater(result.status)) return absl::InvalidArgumentError(message);
  absl::Status status = absl::UnavailableError(message);
  std::optional<absl::Duration> wait =
      ParseRetryAfter(result.retry_after, absl::Now());
  return wait.has_value() ? WithRetryAfter(status, *wait) : status;
}

}  // namespace

HttpPost::HttpPost(HttpPostOptions options, std::unique_ptr<HttpClient> client)
    : options_(std::move(options)), client_(std::move(client)) {}

absl::StatusOr<std::unique_ptr<HttpPost>> HttpPost::Make(
    const HttpPostOptions& options) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client,
                           HttpClient::Make(options.client));
  return std::unique_ptr<HttpPost>(new HttpPost(options, std::move(client)));
}

absl::StatusOr<std::string> HttpPost::Send(std::string_view content_type,
                                           std::string_view body,
                                           absl::Time deadline) {
  absl::Duration timeout = std::min(options_.timeout, deadline - SteadyNow());
  if (timeout <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError("no time left to send");
  }
  HttpClientRequest request;
  request.url = options_.url;
  request.headers = options_.headers;
  request.headers.push_back({"Content-Type", std::string(content_type)});
  if (!options_.bearer_token.empty()) {
    request.headers.push_back(
        {"Authorization", absl::StrCat("Bearer ", options_.bearer_token)});
  }
  request.body = body;
  absl::StatusOr<HttpResult> result = client_->Send(request, timeout);
  if (absl::IsFailedPrecondition(result.status())) {
    // A certificate is renewed by a person; until then nothing may be lost.
    return absl::UnavailableError(result.status().message());
  }
  ODDVERB_RETURN_IF_ERROR(result.status());
  if (result->status / 100 != 2) return Meaning(*result);
  return std::move(result->body);
}

}  // namespace oddverb
