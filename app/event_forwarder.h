// Takes one source to a receiver: read, send until it is accepted, commit. One
// thread, but for health.
#ifndef ODDVERB_APP_EVENT_FORWARDER_H_
#define ODDVERB_APP_EVENT_FORWARDER_H_

#include <atomic>

#include "absl/status/status.h"
#include "app/event_sender.h"
#include "ingest/decoder.h"
#include "pipeline/checkpoint.h"
#include "pipeline/pipeline.h"
#include "pipeline/storage_health.h"
#include "telemetry/logging.h"

namespace oddverb {

class EventForwarder {
 public:
  struct Options {
    SecretBodies secret_bodies = SecretBodies::kKeep;  // of dead letters
  };

  // All must outlive the forwarder.
  EventForwarder(const Options& options, const NamedSource& source,
                 EventSender& sender, Checkpoint& checkpoint, Logger& logger);

  // Until the source ends or `stop` is set. What was read and not accepted by
  // then is read again by the next process.
  absl::Status Run(const std::atomic<bool>& stop);

  // OK, or why the receiver does not take anything now. Thread-safe.
  absl::Status health() const;

 private:
  // Waits while the state directory has no room.
  absl::Status Commit(const EventBatch& batch, const std::atomic<bool>& stop);
  CheckpointBatch CommitOf(const EventBatch& batch) const;

  const Options options_;
  const NamedSource source_;
  EventSender& sender_;
  Checkpoint& checkpoint_;
  Logger& logger_;
  Decoder decoder_;
  StorageHealth storage_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_EVENT_FORWARDER_H_
