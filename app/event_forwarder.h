// Takes one source to a receiver: read, send until it is accepted, commit. One
// thread.
#ifndef ODDVERB_APP_EVENT_FORWARDER_H_
#define ODDVERB_APP_EVENT_FORWARDER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "ingest/decoder.h"
#include "net/http_client.h"
#include "pipeline/checkpoint.h"
#include "pipeline/pipeline.h"
#include "pipeline/storage_health.h"
#include "telemetry/logging.h"

namespace oddverb {

class EventForwarder {
 public:
  struct Options {
    std::string to;
    std::string bearer_token;  // empty = none
    // Of one request; the receiver's limit is 64 MiB.
    size_t max_body_bytes = 4 << 20;
    absl::Duration request_timeout = absl::Seconds(30);
    SecretBodies secret_bodies = SecretBodies::kKeep;  // of dead letters
    Backoff::Options backoff;
  };

  // All must outlive the forwarder.
  EventForwarder(const Options& options, const NamedSource& source,
                 HttpClient& client, Checkpoint& checkpoint, Logger& logger);

  // Until the source ends or `stop` is set. What was read and not accepted by
  // then is read again by the next process.
  absl::Status Run(const std::atomic<bool>& stop);

  uint64_t events_sent() const { return events_sent_; }
  // OK, or why the receiver does not take anything now. Thread-safe.
  absl::Status health() const;

 private:
  // All events of `batch`, in as many requests as it takes. Cancelled when
  // stopped before the receiver accepted them.
  absl::Status SendAll(const EventBatch& batch, const std::atomic<bool>& stop);
  absl::Status SendUntilAccepted(std::string_view body,
                                 const std::atomic<bool>& stop);
  // How long to wait before the next try; zero = accepted.
  absl::Duration Try(std::string_view body);
  // Waits while the state directory has no room.
  absl::Status Commit(const EventBatch& batch, const std::atomic<bool>& stop);
  CheckpointBatch CommitOf(const EventBatch& batch) const;

  const Options options_;
  const NamedSource source_;
  HttpClient& client_;
  Checkpoint& checkpoint_;
  Logger& logger_;
  Decoder decoder_;
  Backoff backoff_;
  std::mt19937_64 random_;
  std::atomic<uint64_t> events_sent_{0};
  std::atomic<bool> failing_{false};
  StorageHealth storage_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_EVENT_FORWARDER_H_
