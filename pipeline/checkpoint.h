// Positions, state and findings not yet delivered, committed together. A
// finding leaves the process only after the commit that holds it, so a restart
// loses nothing and shows nothing twice under two ids.
//
// Thread-safe: Commit and Delivered come from the ordered stage, Spool from
// the threads that read sources.
#ifndef ODDVERB_PIPELINE_CHECKPOINT_H_
#define ODDVERB_PIPELINE_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/finding.h"

namespace oddverb {

// One row of state. (owner, kind, id) is its key: a later row replaces an
// earlier one. The bytes are the owner's; its name is part of the format.
struct StateRow {
  // "kind" of rows that belong to no one entity.
  static constexpr uint8_t kShared = 255;

  std::string owner;  // "clock", "shard/07", "correlator"
  uint8_t kind = kShared;
  uint32_t id = 0;
  std::string bytes;
};

// A record that nobody judged, for the dead letter.
struct DeadLetterRow {
  std::string source;
  std::string place;
  std::string reason;
  std::string detail;
  std::string sample;
  uint64_t record_bytes = 0;
};

struct CheckpointBatch {
  uint64_t records_judged = 0;  // since the very first start
  // By source name: where to go on (RawBatch::bookmark). Only those that
  // changed.
  std::map<std::string, std::string> bookmarks;
  // By source name: spooled bodies up to this number are judged, and go.
  std::map<std::string, uint64_t> spool_judged;
  std::vector<StateRow> state;    // only rows that changed
  std::vector<Finding> findings;  // since the last commit, in order
  std::vector<DeadLetterRow> dead_letters;
  // For a correlator elsewhere, in order (pipeline/observation_record.h).
  std::vector<std::string> observations;
};

// A finding that was committed and not yet acknowledged.
struct OutboxEntry {
  uint64_t number = 0;  // ascending, never used twice
  Finding finding;
};

struct Restored {
  uint64_t records_judged = 0;
  std::map<std::string, std::string> bookmarks;
  std::vector<StateRow> state;      // sorted by (owner, kind, id)
  std::vector<OutboxEntry> outbox;  // behind the last Delivered()
};

struct SpooledBody {
  uint64_t number = 0;  // ascending for each source, never used twice
  std::string bytes;
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  // All or nothing, durable when it returns OK; the findings are in the outbox
  // then, numbered from the returned number on. Unavailable and
  // ResourceExhausted (disk or outbox full) mean "try again".
  virtual absl::StatusOr<uint64_t> Commit(const CheckpointBatch& batch) = 0;
  // The last commit; nullopt at the first start. DataLoss = damaged.
  virtual absl::StatusOr<std::optional<Restored>> Restore() = 0;

  // The exporters of the pipeline's own thread have the outbox entries up to
  // `number`. They go, unless a sink still lacks them (pipeline/outbox.h).
  virtual absl::Status Delivered(uint64_t number) = 0;

  // Makes bodies of a source durable that cannot be read again; one
  // transaction for all of them. Returns the number of the first.
  // ResourceExhausted: the spool or the disk is full; nothing was kept. Without
  // bodies: whether some could be kept now.
  virtual absl::StatusOr<uint64_t> Spool(
      std::string_view source, std::span<const std::string_view> bodies) = 0;
  // Bodies behind `after` that were spooled and not judged, at most
  // `max_bytes` of them but at least one if there is any.
  virtual absl::StatusOr<std::vector<SpooledBody>> ReadSpool(
      std::string_view source, uint64_t after, size_t max_bytes) = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_CHECKPOINT_H_
