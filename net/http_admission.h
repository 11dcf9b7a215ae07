// What is decided about a request from its head alone, before a byte of its
// body is read: is it well formed, who may ask, which handler answers, is
// there room for the body. One for each listener; thread-safe.
#ifndef ODDVERB_NET_HTTP_ADMISSION_H_
#define ODDVERB_NET_HTTP_ADMISSION_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "net/bearer_tokens.h"
#include "net/byte_budget.h"
#include "net/http_body.h"
#include "net/http_counters.h"
#include "net/http_message.h"
#include "net/http_options.h"

namespace oddverb {

struct Admitted {
  HttpHandler* handler = nullptr;
  BodyReceiver::Start body;
  ByteLease lease;
};

class HttpAdmission {
 public:
  // What the listeners of a server share; must outlive them.
  struct Shared {
    const HttpServerOptions& options;
    HttpCounters& counters;
    std::shared_ptr<ByteBudget> budget;
    const std::atomic<bool>& draining;
  };
  // `listener` must outlive this.
  HttpAdmission(const HttpListener& listener, Shared shared);

  // For the next requests.
  void SetTokens(BearerTokens tokens);

  enum class Body : uint8_t { kNone, kExpected };
  // Fills `refusal` where it returns nothing, and counts it.
  std::optional<Admitted> Judge(const HttpRequestHead& head, Body body,
                                HttpResponse& refusal) const;

  // 503 with Retry-After.
  HttpResponse Overloaded(HttpRefusal reason) const;
  // For a request that fails while its body is read.
  HttpResponse RefusedBody(BodyOutcome outcome) const;

 private:
  HttpResponse Refuse(HttpRefusal reason, int status,
                      std::string_view line) const;
  std::optional<HttpResponse> JudgeFraming(const HttpRequestHead& head) const;
  std::optional<HttpResponse> JudgeRoute(const HttpRequestHead& head,
                                         const HttpRoute* route) const;
  const HttpRoute* FindRoute(std::string_view path) const;
  std::shared_ptr<const BearerTokens> Tokens() const;

  const HttpListener& listener_;
  const Shared shared_;
  mutable std::mutex mutex_;
  std::shared_ptr<const BearerTokens> tokens_;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_ADMISSION_H_
