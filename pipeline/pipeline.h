// The conductor: read -> decode -> shard -> correlate -> deliver -> checkpoint.
// It knows the doors of the parts, never a concrete source, detector or
// exporter. Two run modes over the same classes: single (one loop) and sharded
// (worker threads); their output is byte-equal.
#ifndef ODDVERB_PIPELINE_PIPELINE_H_
#define ODDVERB_PIPELINE_PIPELINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "ingest/decoder.h"
#include "ingest/source.h"
#include "model/cluster_map_sizes.h"
#include "pipeline/checkpoint.h"
#include "pipeline/delivery.h"
#include "pipeline/entity_limits.h"
#include "pipeline/event_order.h"
#include "pipeline/part_list.h"
#include "pipeline/secret_bodies.h"
#include "pipeline/source_delays.h"

namespace oddverb {

enum class Duplicates : uint8_t { kJudged, kPassedOver };

// A batch that was judged, for measurements. Views die with the call.
struct JudgedBatch {
  std::span<const AuditEvent> events;
  absl::Duration since_read;
};

struct PipelineOptions {
  // 1 = single; more = that many workers beside the reading thread.
  int threads = 1;
  // Events of other sources may come this much later than the newest one
  // before time moves on without them. 10 s covers the disorder of a log that
  // one API server writes (measured on real logs: below 1 s).
  absl::Duration allowed_lateness = absl::Seconds(10);
  EventOrder order = EventOrder::kArrival;
  // Of kEventTime: memory of the events that wait for their turn.
  uint64_t max_held_bytes = 256 << 20;
  // How long a read may wait for more records before what is there is judged.
  absl::Duration read_patience = absl::Milliseconds(50);
  Decoder::Options decoder;
  KeyedHash hash;
  // Upper bound of entities of each kind, over all shards.
  uint32_t max_entities = 1'000'000;
  // In its place, where memory is to be bounded.
  std::optional<EntityBudget> entity_budget;
  // Whether events that come again (a webhook's retry, several sources of the
  // same events) are judged once. Costs about 100 ns and 30 bytes an event.
  Duplicates duplicates = Duplicates::kJudged;
  // Of how many events that is known, over all shards: of the last 10 to 20
  // minutes at up to 6,600 events a second, of less time above that.
  uint32_t max_recent_events = 8'000'000;
  // With a Checkpoint: one at the latest after this long or this many bytes,
  // and when a finding waits (but not more often than every pause).
  absl::Duration checkpoint_interval = absl::Seconds(1);
  uint64_t checkpoint_bytes = 8 << 20;
  absl::Duration checkpoint_pause = absl::Milliseconds(100);
  // Bytes of records between reading and judging; beyond, sources are not read.
  uint64_t max_bytes_under_way = 64 << 20;
  // Stripped: from what is spooled; and dead letters have no sample at all. The
  // events are judged with their bodies all the same, but for those that a
  // killed process left in the spool.
  SecretBodies secret_bodies = SecretBodies::kKeep;
  // Of a judge of one partition of a topic: its number. What concerns several
  // actors is then for a correlator elsewhere to find; it gets its input with
  // the checkpoint, of which there must be one.
  std::optional<uint32_t> exports_partition = {};
  // Told of each batch that held records, in order, from one thread at a time.
  // It may look at a clock: nothing that is decided depends on it.
  std::function<void(const JudgedBatch&)> on_judged;
};

// What came in, of one source or of all. Totals since the start.
struct InputCounters {
  static constexpr size_t kStages = static_cast<size_t>(Stage::kPanic) + 1;
  static constexpr size_t kLevels =
      static_cast<size_t>(Level::kRequestResponse) + 1;

  std::atomic<uint64_t> records{0}, events{0}, bytes{0};
  std::atomic<uint64_t> events_by[kStages][kLevels]{};
  std::atomic<uint64_t> rejected[static_cast<size_t>(RejectReason::kCount)]{};
  std::atomic<uint64_t> salvaged{0}, repaired{0}, late{0}, without_time{0};
  std::atomic<uint64_t> eventless{0};  // records
  std::atomic<uint64_t> duplicate_keys{0}, refused{0};
};

// Adds what `batch` holds, but for what only its order among others tells.
void CountInput(const EventBatch& batch, InputCounters& to);
// The parts of CountInput: what was read, and what became of it.
void CountRecords(const EventBatch& batch, InputCounters& to);
void CountRejected(std::span<const Rejected> rejected, InputCounters& to);
void CountEvents(std::span<const AuditEvent> events, InputCounters& to);

// A source with its name in configuration, metrics and checkpoints.
struct NamedSource {
  std::string name;
  Source* source = nullptr;
  // Where its share is counted, if anybody wants to know; must outlive the run.
  InputCounters* counters = nullptr;
};

// ClusterMapSizes, as of the last batch.
struct ClusterMapCounters {
  std::atomic<uint64_t> nodes{0}, node_addresses{0}, pod_addresses{0},
      gateway_addresses{0}, direct_pods{0}, node_pods{0}, gateway_pods{0},
      ready{0};
  void Set(const ClusterMapSizes& sizes);
};

// What happened, for progress and metrics. All are totals since the start.
struct PipelineCounters : InputCounters {
  std::atomic<uint64_t> observations{0}, duplicates{0};
  // EventOrder::kEventTime: read again after a restart and judged before; and
  // what waits for its turn now.
  std::atomic<uint64_t> repeated{0}, held_events{0}, held_bytes{0};
  std::atomic<uint64_t> checkpoints{0}, checkpoint_us{0};
  // When the last one was made, by SteadyNow(), in microseconds; 0 = none yet.
  std::atomic<int64_t> last_checkpoint_us{0};
  // Batches under way are the difference: a pipeline that has some and
  // concludes none is wedged.
  std::atomic<uint64_t> batches_read{0}, batches_concluded{0};
  // Read, and waiting for a worker that decodes them. 0 in run mode single.
  std::atomic<uint64_t> batches_waiting{0};
  // As of the last batch.
  std::atomic<uint64_t> entities[static_cast<size_t>(EntityKind::kCount)]{};
  std::atomic<uint64_t> resting[static_cast<size_t>(EntityKind::kCount)]{};
  // What rests, with what the correlator keeps.
  std::atomic<uint64_t> packed_bytes[static_cast<size_t>(EntityKind::kCount)]{};
  std::atomic<uint64_t> evictions{0};
  // Of suspects among those evicted (stats/tombstone_table.h).
  std::atomic<uint64_t> tombstones{0};
  // DetectorCounts, summed up. Of `allow_entries` entries of `allow`.
  std::atomic<uint64_t> decodings_cut_short{0};
  std::atomic<uint32_t> allow_entries{0};
  static constexpr uint32_t kMaxAllowEntries = 1000;
  std::atomic<uint64_t> allowed_refusals[kMaxAllowEntries]{};
  // What the detectors know of the cluster's network.
  ClusterMapCounters cluster_map;
  // Its keys are fixed before Run().
  DetectorTimes detector_times;
};

// Share of the work that one worker did.
struct WorkerShare {
  uint64_t events_judged = 0;
  absl::Duration detect_cpu;  // CPU time in the detectors
};

struct Stages;

class Pipeline {
 public:
  // The parts are built by `parts` (once for each logical shard). `checkpoint`
  // may be null; else it must outlive the pipeline, and what it holds is
  // restored now. Returns the error of a part that cannot be built or restored.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Make(
      const PipelineOptions& options, const PartFactory& parts,
      Checkpoint* checkpoint);
  ~Pipeline();

  // Judges what `sources` hold and hands the findings to `delivery`. Returns
  // when all sources have ended, `stop` was set (what was read is judged and
  // committed first), or a part failed. Rejected records are told to
  // `on_rejected` with the index of their source, in order, from one thread at
  // a time. Sources that the checkpoint knows go on where it says. To be called
  // once.
  absl::Status Run(
      const std::vector<NamedSource>& sources, Delivery& delivery,
      const std::function<void(size_t source, const Rejected&)>& on_rejected,
      const std::atomic<bool>& stop);

  // Callable from any thread.
  const PipelineCounters& counters() const;
  const SourceDelays& delays() const;  // by index of the source
  // OK, or why nothing can be kept at present, so that everything waits.
  absl::Status storage() const;
  uint64_t storage_failures() const;
  // Of the newest event of each source that had one; sources by name.
  std::map<std::string, absl::Time> last_event_times() const;
  // What the checkpoint held at Make(), without its rows of state; nullopt
  // without a checkpoint or at the first start.
  const std::optional<Restored>& restored() const;
  // After Run.
  const std::vector<WorkerShare>& worker_shares() const;

 private:
  explicit Pipeline(std::unique_ptr<Stages> stages);
  std::unique_ptr<Stages> stages_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_PIPELINE_H_
