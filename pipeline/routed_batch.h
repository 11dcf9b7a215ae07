// A decoded batch on its way through the shards: who each event belongs to,
// and where the stream's time stands. Read-only once it is sequenced.
#ifndef ODDVERB_PIPELINE_ROUTED_BATCH_H_
#define ODDVERB_PIPELINE_ROUTED_BATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "model/event_batch.h"
#include "model/identity.h"
#include "pipeline/event_clock.h"

namespace oddverb {

// Fixed: part of the state's format. A worker owns a set of logical shards.
inline constexpr int kLogicalShards = 64;

// A batch as its source knows it: what holds once its events are judged.
struct CompleteBatch {
  size_t source = 0;  // index of the source in the run
  uint64_t records = 0;
  uint64_t last_spooled = 0;  // number of its last body, if they were spooled
  std::string bookmark;
  std::vector<Position> last_positions;  // one a stream
};

struct RoutedBatch {
  std::unique_ptr<EventBatch> batch;
  size_t source = 0;  // that it was read from
  absl::Time read_at = absl::InfinitePast();
  bool source_ended = false;
  uint64_t bytes_under_way = 0;  // of its records, as they were read
  // What is complete with this batch: itself, or (order: event_time) those
  // whose last event is in it.
  std::vector<CompleteBatch> complete;
  // Where the events came from, if not from `batch`: they own the texts.
  std::vector<std::shared_ptr<const RoutedBatch>> origins;
  std::vector<EntityKeys> keys;  // one an event
  std::vector<uint8_t> shards;   // logical shard of each event
  // EventKey of each event, cut to 64 bits; empty where duplicates are judged.
  std::vector<uint64_t> event_keys;
  EventClock::Reading clock;  // filled when the batch is sequenced
  std::string clock_state;    // with a checkpoint: the clock behind it
  std::string reorder_state;  // the same of the reorder stage, if there is one
  bool is_end = false;        // no events: time runs out for all windows
  bool checkpoint_after = false;

  // Times of event `index`, or of the batch's end.
  absl::Time StreamTimeAt(size_t index, absl::Time fallback) const {
    return index < clock.stream_times.size() ? clock.stream_times[index]
                                             : fallback;
  }
  // Event time behind it; no later finding is older.
  absl::Time EndTime() const {
    return clock.stream_times.empty() ? absl::InfinitePast()
                                      : clock.stream_times.back();
  }
};

// Finds keys and shards; the costly part of routing, done beside decoding.
std::unique_ptr<RoutedBatch> Route(std::unique_ptr<EventBatch> batch,
                                   const KeyedHash& hash);
// Fills event_keys; beside decoding, too. The cluster is the process's one.
void AddEventKeys(const KeyedHash& hash, RoutedBatch& routed);

// The worker that owns logical shard `shard`.
inline int WorkerOf(int shard, int workers) { return shard % workers; }

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_ROUTED_BATCH_H_
