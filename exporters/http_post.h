// One HTTP receiver of an exporter: posts a body and says what the answer means
// for Exporter::Export. One thread, but for Abort().
#ifndef ODDVERB_EXPORTERS_HTTP_POST_H_
#define ODDVERB_EXPORTERS_HTTP_POST_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "exporters/exporter.h"
#include "net/http_client.h"

namespace oddverb {

struct HttpPostOptions {
  std::string url;  // may hold a secret; never part of a message
  std::vector<HttpHeader> headers = {};  // values may be secrets
  std::string bearer_token = {};         // empty: none
  absl::Duration timeout = absl::Seconds(10);
  HttpClientOptions client = {};
};

class HttpPost {
 public:
  // FailedPrecondition: a TLS file cannot be read.
  static absl::StatusOr<std::unique_ptr<HttpPost>> Make(
      const HttpPostOptions& options);

  // `deadline` is of SteadyNow(). The response's body for a 2xx. By RFC 9110 15
  // and what receivers do:
  //   Unavailable        408, 429 and 5xx, with RetryAfterOf() if it was said;
  //                      no answer in time; no connection; a certificate; 401,
  //                      403 and 404, which a person mends at the receiver, so
  //                      nothing may be lost meanwhile
  //   OutOfRange         413: fewer at once may do
  //   InvalidArgument    any other status: these findings are refused
  //   Cancelled          Abort()
  // Messages hold the start of the response's text, made visible.
  absl::StatusOr<std::string> Send(std::string_view content_type,
                                   std::string_view body, absl::Time deadline);

  // Thread-safe: ends the Send() under way, and every later one.
  void Abort() { client_->Abort(); }

 private:
  HttpPost(HttpPostOptions options, std::unique_ptr<HttpClient> client);

  const HttpPostOptions options_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_HTTP_POST_H_
