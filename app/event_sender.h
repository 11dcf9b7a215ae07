// Takes the events of a batch to where they are judged, or kept for that. One
// thread each, but for Abort, events_sent and health.
#ifndef ODDVERB_APP_EVENT_SENDER_H_
#define ODDVERB_APP_EVENT_SENDER_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "ingest/source.h"
#include "model/event_batch.h"
#include "model/field.h"

namespace oddverb {

class EventSender {
 public:
  virtual ~EventSender() = default;

  // What it reads of an event besides its text.
  virtual FieldSet fields() const = 0;

  // Tries until all events of `batch`, of this source, are durable there. What
  // is refused for good is added to the rejected of the batch. Cancelled:
  // stopped before.
  virtual absl::Status Send(EventBatch& batch, const Source& source,
                            const std::atomic<bool>& stop) = 0;
  // Ends a try under way soon.
  virtual void Abort() {}

  uint64_t events_sent() const { return events_sent_; }
  // OK, or why nothing is taken there now.
  virtual absl::Status health() const = 0;

 protected:
  std::atomic<uint64_t> events_sent_{0};
};

// Sleeps in short steps, so that a stop is noticed.
void SleepUnless(const std::atomic<bool>& stop, absl::Duration pause);

}  // namespace oddverb

#endif  // ODDVERB_APP_EVENT_SENDER_H_
