#include "pipeline/seen_events.h"

#include <algorithm>

#include "base/state_io.h"

namespace oddverb {

void SeenEvents::Rotate(absl::Time stream_time) {
  young_ = 1 - young_;
  generations_[young_] = Generation();
  generations_[young_].start = stream_time;
}

bool SeenEvents::Add(uint64_t key, absl::Time stream_time) {
  Generation* young = &generations_[young_];
  if (young->start == absl::InfinitePast()) young->start = stream_time;
  if (young->keys.contains(key) ||
      generations_[1 - young_].keys.contains(key)) {
    return false;
  }
  if (stream_time - young->start > options_.span ||
      young->in_order.size() >= options_.max_keys) {
    Rotate(stream_time);
    young = &generations_[young_];
  }
  young->keys.insert(key);
  young->in_order.push_back(key);
  return true;
}

// A row: which generation is young, when this one started, how many keys it
// has in all, and the keys of one chunk. Rows of an earlier use of the
// generation that lie behind the last chunk are told by their start.
void SeenEvents::TakeChanges(const std::string& owner,
                             std::vector<StateRow>& out) {
  for (uint32_t g = 0; g < 2; ++g) {
    Generation& generation = generations_[g];
    auto size = static_cast<uint32_t>(generation.in_order.size());
    if (generation.saved == size) continue;
    for (uint32_t chunk = generation.saved / kKeysPerRow;
         chunk * kKeysPerRow < size; ++chunk) {
      StateWriter row;
      row.PutU64(young_);
      row.PutTime(generation.start);
      uint32_t begin = chunk * kKeysPerRow;
      uint32_t end = std::min(size, begin + kKeysPerRow);
      row.PutU64(end - begin);
      for (uint32_t i = begin; i < end; ++i) {
        row.PutFixed64(generation.in_order[i]);
      }
      out.push_back({owner, kRowKind, RowId(g, chunk), row.Release()});
    }
    generation.saved = size;
  }
}

absl::Status SeenEvents::Load(const StateRow& row) {
  uint32_t g = row.id / kRowsPerGeneration;
  if (g > 1) return absl::DataLossError("checkpoint: a row of seen events");
  StateReader in(row.bytes);
  uint64_t young = in.GetU64();
  absl::Time start = in.GetTime();
  Generation& generation = generations_[g];
  if (start > generation.start) {
    // The first row of a newer use of this generation.
    generation = Generation();
    generation.start = start;
  } else if (start < generation.start) {
    return in.status();  // left over from an earlier use
  }
  for (uint64_t n = in.GetCount(sizeof(uint64_t)); n > 0; --n) {
    uint64_t key = in.GetFixed64();
    generation.keys.insert(key);
    generation.in_order.push_back(key);
  }
  generation.saved = static_cast<uint32_t>(generation.in_order.size());
  if (generation.start >= generations_[1 - g].start) {
    young_ = static_cast<uint32_t>(young & 1);
  }
  return in.status();
}

}  // namespace oddverb
