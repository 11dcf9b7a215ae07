// The findings that were committed and that some sink has not got yet, as the
// sinks see them. Each sink has a cursor of its own; a finding goes when every
// sink has it. Thread-safe.
#ifndef ODDVERB_PIPELINE_OUTBOX_H_
#define ODDVERB_PIPELINE_OUTBOX_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/checkpoint.h"

namespace oddverb {

// How far a sink is, as it is kept.
struct SinkCursor {
  std::string name;        // of the sink, unique
  uint64_t delivered = 0;  // it has all findings up to this number
  std::string state;       // of its exporter, see Exporter::Save
};

// What a sink did since its last Advance(): one transaction.
struct SinkProgress {
  SinkCursor cursor;
  std::vector<DeadLetterRow> dead_letters = {};  // findings that it refuses
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // The sinks from now on, before any other call; returns their cursors in the
  // same order. One that was not there begins at the present; one that is no
  // longer there is forgotten.
  virtual absl::StatusOr<std::vector<SinkCursor>> UseSinks(
      std::span<const std::string> names) = 0;

  // The findings behind number `after`, oldest first and without a gap, at
  // most `max_entries`. DataLoss = damaged.
  virtual absl::StatusOr<std::vector<OutboxEntry>> ReadOutbox(
      uint64_t after, size_t max_entries) = 0;

  // Durable when it returns OK. A cursor never goes back. Unavailable and
  // ResourceExhausted (disk full) mean "try again".
  virtual absl::Status Advance(const SinkProgress& progress) = 0;

  // Number of the newest finding, 0 = none yet. Takes no lock.
  virtual uint64_t newest_finding() const = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_OUTBOX_H_
