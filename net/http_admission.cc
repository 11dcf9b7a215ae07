#include "net/http_admission.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"

namespace oddverb {
namespace {

bool Allows(const HttpRoute& route, std::string_view method) {
  return std::find(route.methods.begin(), route.methods.end(), method) !=
         route.methods.end();
}

// nullopt for one that we do not read, also if it is one of several.
std::optional<ContentCoding> CodingOf(const HttpRequestHead& head) {
  std::optional<ContentCoding> coding;
  for (const HttpHeader& header : head.headers) {
    if (!absl::EqualsIgnoreCase(header.name, "Content-Encoding")) continue;
    if (coding.has_value()) return std::nullopt;
    if (absl::EqualsIgnoreCase(header.value, "gzip") ||
        absl::EqualsIgnoreCase(header.value, "x-gzip")) {
      coding = ContentCoding::kGzip;
    } else if (absl::EqualsIgnoreCase(header.value, "identity")) {
      coding = ContentCoding::kIdentity;
    } else {
      return std::nullopt;
    }
  }
  return coding.value_or(ContentCoding::kIdentity);
}

}  // namespace

HttpAdmission::HttpAdmission(const HttpListener& listener, Shared shared)
    : listener_(listener),
      shared_(std::move(shared)),
      tokens_(std::make_shared<BearerTokens>(listener.bearer_tokens)) {}

void HttpAdmission::SetTokens(BearerTokens tokens) {
  auto fresh = std::make_shared<const BearerTokens>(std::move(tokens));
  std::lock_guard lock(mutex_);
  tokens_ = std::move(fresh);
}

std::shared_ptr<const BearerTokens> HttpAdmission::Tokens() const {
  std::lock_guard lock(mutex_);
  return tokens_;
}

HttpResponse HttpAdmission::Refuse(HttpRefusal reason, int status,
                                   std::string_view line) const {
  shared_.counters.Count(reason);
  return TextResponse(status, line);
}

HttpResponse HttpAdmission::Overloaded(HttpRefusal reason) const {
  HttpResponse response = Refuse(reason, 503, "busy, try again later");
  response.retry_after = shared_.options.retry_after;
  return response;
}

HttpResponse HttpAdmission::RefusedBody(BodyOutcome outcome) const {
  switch (outcome) {
    case BodyOutcome::kOverBudget:
      return Overloaded(HttpRefusal::kBodyBudget);
    case BodyOutcome::kBadEncoding:
      return Refuse(HttpRefusal::kBodyEncoding, 400, "damaged gzip");
    case BodyOutcome::kTooLarge:
    case BodyOutcome::kOk:
      break;
  }
  return Refuse(HttpRefusal::kBodyTooLarge, 413,
                absl::StrCat("the body is larger than ",
                             shared_.options.limits.max_body_bytes, " bytes"));
}

const HttpRoute* HttpAdmission::FindRoute(std::string_view path) const {
  const HttpRoute* best = nullptr;
  for (const HttpRoute& route : listener_.routes) {
    if (route.match == PathMatch::kExact) {
      if (path == route.path) return &route;
    } else if (path.starts_with(route.path) &&
               (best == nullptr || route.path.size() > best->path.size())) {
      best = &route;
    }
  }
  return best;
}

std::optional<HttpResponse> HttpAdmission::JudgeFraming(
    const HttpRequestHead& head) const {
  if (!head.path.starts_with('/')) {
    return Refuse(HttpRefusal::kMalformed, 400, "the path must begin with /");
  }
  // Beast reads other codings as "no body"; a proxy before us might not.
  std::optional<std::string_view> transfer = head.Header("Transfer-Encoding");
  if (transfer.has_value() &&
      !absl::EqualsIgnoreCase(A(*transfer), "chunked")) {
    return Refuse(HttpRefusal::kMalformed, 501,
                  "no Transfer-Encoding but chunked");
  }
  std::optional<std::string_view> expect = head.Header("Expect");
  if (expect.has_value() &&
      !absl::EqualsIgnoreCase(A(*expect), "100-continue")) {
    return Refuse(HttpRefusal::kMalformed, 417, "no Expect but 100-continue");
  }
  return std::nullopt;
}

std::optional<HttpResponse> HttpAdmission::JudgeRoute(
    const HttpRequestHead& head, const HttpRoute* route) const {
  // Authentication comes first: strangers do not learn which paths there are.
  bool is_open = route != nullptr && route->access == RouteAccess::kOpen;
  std::shared_ptr<const BearerTokens> tokens = Tokens();
  // Amazon Data Firehose sends its key under a name of its own and no other.
  bool is_known = is_open || tokens->empty() ||
                  tokens->Accepts(head.Header("Authorization").value_or("")) ||
                  tokens->AcceptsToken(
                      head.Header("X-Amz-Firehose-Access-Key").value_or(""));
  if (!is_known) {
    HttpResponse response =
        Refuse(HttpRefusal::kUnauthorized, 401, "a bearer token is needed");
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
    return response;
  }
  if (route == nullptr) {
    return Refuse(HttpRefusal::kUnknownRoute, 404, "no such path");
  }
  if (!Allows(*route, head.method)) {
    HttpResponse response =
        Refuse(HttpRefusal::kUnknownRoute, 405, "no such method here");
    response.headers.push_back({"Allow", absl::StrJoin(route->methods, ", ")});
    return response;
  }
  return std::nullopt;
}

std::optional<Admitted> HttpAdmission::Judge(const HttpRequestHead& head,
                                             Body body,
                                             HttpResponse& refusal) const {
  auto refuse = [&refusal](HttpResponse response) {
    refusal = std::move(response);
    return std::nullopt;
  };
  if (auto answer = JudgeFraming(head)) return refuse(*std::move(answer));
  if (shared_.draining) return refuse(Overloaded(HttpRefusal::kDraining));
  const HttpRoute* route = FindRoute(head.path);
  if (auto answer = JudgeRoute(head, route)) return refuse(*std::move(answer));

  size_t max_bytes = shared_.options.limits.max_body_bytes;
  std::optional<ContentCoding> coding = CodingOf(head);
  if (!coding.has_value()) {
    HttpResponse response =
        Refuse(HttpRefusal::kBodyEncoding, 415, "no Content-Encoding but gzip");
    response.headers.push_back({"Accept-Encoding", "gzip"});  // RFC 7694
    return refuse(std::move(response));
  }
  if (head.content_length.value_or(0) > max_bytes) {
    return refuse(RefusedBody(BodyOutcome::kTooLarge));
  }
  if (auto answer = route->handler->Screen(head)) {
    shared_.counters.Count(HttpRefusal::kHandler);
    return refuse(*std::move(answer));
  }
  size_t first_bytes =
      body == Body::kNone
          ? 0
          : FirstLeaseBytes(head.content_length, *coding, max_bytes);
  ByteLease lease(shared_.budget);
  if (!lease.GrowTo(first_bytes)) {
    return refuse(Overloaded(HttpRefusal::kBodyBudget));
  }
  return Admitted{.handler = route->handler,
                  .body = {.coding = *coding,
                           .max_bytes = max_bytes,
                           .first_bytes = first_bytes},
                  .lease = std::move(lease)};
}

}  // namespace oddverb
