#include "app/service_http.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/uri.h"
#include "telemetry/metrics.h"

namespace oddverb {

// One path, answered at once by a function of the request's head.
class ServiceRoutes::Page final : public HttpHandler {
 public:
  using Answer = std::function<HttpResponse(const HttpRequestHead&)>;

  Page(Served served, std::string path, std::string method, RouteAccess access,
       Answer answer)
      : served_(served),
        path_(std::move(path)),
        method_(std::move(method)),
        access_(access),
        answer_(std::move(answer)) {}

  // From now on it answers for all below its path.
  void Widen() { match_ = PathMatch::kPrefix; }
  Served served() const { return served_; }
  HttpRoute Route() {
    return {.path = path_,
            .match = match_,
            .methods = {method_},
            .handler = this,
            .access = access_};
  }

  void Handle(HttpRequest request, HttpResponder responder) override {
    responder.Respond(answer_(request.head));
  }

 private:
  const Served served_;
  const std::string path_;
  const std::string method_;
  const RouteAccess access_;
  const Answer answer_;
  PathMatch match_ = PathMatch::kExact;
};

namespace {

HttpResponse Body(std::string_view content_type, std::string body) {
  HttpResponse response;
  response.content_type = std::string(content_type);
  response.body = std::move(body);
  return response;
}

HttpResponse OfStatus(const absl::Status& status, int code_if_not) {
  if (status.ok()) return TextResponse(200, "OK");
  return TextResponse(code_if_not, std::string(status.message()));
}

HttpResponse Findings(const ServiceAnswers& answers,
                      const HttpRequestHead& head) {
  FindingQuery query;
  QueryPairs pairs(head.query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (pair.name == "min_severity" &&
        !ParseSeverity(pair.value, query.min_severity)) {
      return TextResponse(
          400, "min_severity is one of info, low, medium, high, critical");
    }
    if (pair.name == "id") query.id = pair.value;
  }
  return Body("application/json", answers.findings_json(query));
}

}  // namespace

ServiceRoutes::ServiceRoutes(ServiceAnswers answers) {
  auto shared = std::make_shared<const ServiceAnswers>(std::move(answers));
  auto add = [this](Served served, const char* path, RouteAccess access,
                    Page::Answer answer, const char* method = "GET") {
    pages_.push_back(std::make_unique<Page>(served, path, method, access,
                                            std::move(answer)));
  };
  auto add_status = [&](const char* path,
                        const std::function<absl::Status()>& status, int code) {
    if (status == nullptr) return;
    add(Served::kHealth, path, RouteAccess::kOpen,
        [status, code](const HttpRequestHead&) {
          return OfStatus(status(), code);
        });
  };
  auto add_json = [&](const char* path,
                      const std::function<std::string()>& json) {
    if (json == nullptr) return;
    add(Served::kApi, path, RouteAccess::kAuthenticated,
        [json](const HttpRequestHead&) {
          return Body("application/json", json());
        });
  };
  for (const char* path : {"/-/healthy", "/healthz", "/livez"}) {
    add_status(path, shared->healthy, 500);
  }
  for (const char* path : {"/-/ready", "/readyz"}) {
    add_status(path, shared->ready, 503);
  }
  if (shared->metrics != nullptr) {
    add(Served::kMetrics, "/metrics", RouteAccess::kOpen,
        [shared](const HttpRequestHead&) {
          return Body(Metrics::kContentType, shared->metrics());
        });
  }
  add_json("/version", shared->version_json);
  add_json("/config", shared->config_json);
  if (shared->findings_json != nullptr) {
    add(Served::kApi, "/api/v1/findings", RouteAccess::kAuthenticated,
        [shared](const HttpRequestHead& head) {
          return Findings(*shared, head);
        });
  }
  if (shared->alerts != nullptr) {
    add(Served::kApi, "/api/v2/", RouteAccess::kAuthenticated,
        [shared](const HttpRequestHead& head) {
          return shared->alerts(head.path, head.query);
        });
    pages_.back()->Widen();
  }
  if (shared->reload != nullptr) {
    add(
        Served::kApi, "/-/reload", RouteAccess::kAuthenticated,
        [shared](const HttpRequestHead&) {
          absl::StatusOr<std::string> outcome = shared->reload();
          if (!outcome.ok()) return OfStatus(outcome.status(), 400);
          return TextResponse(200, *outcome);
        },
        "POST");
  }
}

ServiceRoutes::~ServiceRoutes() = default;

std::vector<HttpRoute> ServiceRoutes::For(
    const ListenerConfig& listener) const {
  std::vector<HttpRoute> routes;
  for (const std::unique_ptr<Page>& page : pages_) {
    if (listener.serves(page->served())) routes.push_back(page->Route());
  }
  return routes;
}

HttpServerOptions ServiceRoutes::ServerOptions(
    const ServiceConfig& config, const ServiceSources& sources) const {
  HttpServerOptions options;
  options.limits.max_body_bytes = static_cast<size_t>(config.http_body);
  options.limits.max_body_bytes_in_flight =
      static_cast<size_t>(config.http_bodies);
  for (const ListenerConfig& listener : config.listeners) {
    HttpListener made;
    made.address = listener.address;
    made.tls = listener.tls;
    made.bearer_tokens = listener.tokens.values;
    made.routes = For(listener);
    for (HttpRoute& route : sources.RoutesOf(listener.name)) {
      made.routes.push_back(std::move(route));
    }
    options.listeners.push_back(std::move(made));
  }
  return options;
}

}  // namespace oddverb
