// Sends events to the receiver of another oddverb, as EventLists.
#ifndef ODDVERB_APP_HTTP_EVENT_SENDER_H_
#define ODDVERB_APP_HTTP_EVENT_SENDER_H_

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "app/event_sender.h"
#include "base/backoff.h"
#include "net/http_client.h"
#include "telemetry/logging.h"

namespace oddverb {

class HttpEventSender final : public EventSender {
 public:
  struct Options {
    std::string to;
    std::string bearer_token;  // empty = none
    HttpClientOptions client;
    // Of one request; the receiver's limit is 64 MiB.
    size_t max_body_bytes = 4 << 20;
    absl::Duration request_timeout = absl::Seconds(30);
    Backoff::Options backoff;
  };

  // The errors of HttpClient::Make. The logger must outlive the sender;
  // `source` is the name in its lines.
  static absl::StatusOr<std::unique_ptr<EventSender>> Make(
      const Options& options, const std::string& source, Logger& logger);

  FieldSet fields() const override { return FieldSet(); }
  absl::Status Send(EventBatch& batch, const Source& source,
                    const std::atomic<bool>& stop) override;
  void Abort() override { client_->Abort(); }
  absl::Status health() const override;

 private:
  HttpEventSender(const Options& options, std::string source,
                  std::unique_ptr<HttpClient> client, Logger& logger);

  absl::Status SendUntilAccepted(std::string_view body,
                                 const std::atomic<bool>& stop);
  // How long to wait before the next try; zero = accepted.
  absl::Duration Try(std::string_view body);

  const Options options_;
  const std::string source_;
  const std::unique_ptr<HttpClient> client_;
  Logger& logger_;
  Backoff backoff_;
  std::mt19937_64 random_;
  std::atomic<bool> failing_{false};
};

}  // namespace oddverb

#endif  // ODDVERB_APP_HTTP_EVENT_SENDER_H_
