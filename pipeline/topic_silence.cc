#include "pipeline/topic_silence.h"

#include <algorithm>

namespace oddverb {

void TopicSilence::NoteJump(uint32_t partition, const StreamBreak& seen) {
  std::deque<Gap>& gaps = partitions_[partition].gaps;
  gaps.push_back({seen.before, seen.after});
  if (gaps.size() > kMaxGaps) gaps.pop_front();
}

void TopicSilence::NoteMark(uint32_t partition, const ObservationMark& mark) {
  partitions_[partition].mark = mark;
  partitions_[partition].mark.bookmark.clear();
}

absl::Time TopicSilence::LastBefore(const Partition& partition,
                                    absl::Time time) {
  if (time > partition.mark.stream_time) return partition.mark.stream_time;
  for (const Gap& gap : partition.gaps) {
    if (gap.before < time && time <= gap.after) return gap.before;
  }
  // Before its first event it is as silent as can be.
  return time < partition.mark.since ? absl::InfinitePast() : time;
}

std::optional<Observation> TopicSilence::OfTopic(uint32_t partition,
                                                 Observation jump) {
  StreamBreak& seen = *jump.stream;
  for (const Partition& other : partitions_) {
    if (&other == &partitions_[partition]) continue;
    seen.before = std::max(seen.before, LastBefore(other, seen.after));
    seen.events += other.mark.events;
    if (other.mark.since != absl::InfinitePast()) {
      seen.since = std::min(seen.since, other.mark.since);
    }
  }
  // What ends it for one partition ends it for all.
  if (seen.after <= told_ ||
      seen.after - seen.before <= StreamBreak::kLeastJump) {
    return std::nullopt;
  }
  told_ = seen.after;
  jump.time = seen.before;
  seen.place_before.clear();
  return jump;
}

void TopicSilence::Save(StateWriter& out) const {
  out.PutTime(told_);
  out.PutU64(partitions_.size());
  for (const Partition& partition : partitions_) {
    out.PutTime(partition.mark.stream_time);
    out.PutTime(partition.mark.since);
    out.PutU64(partition.mark.events);
    out.PutU64(partition.gaps.size());
    for (const Gap& gap : partition.gaps) {
      out.PutTime(gap.before);
      out.PutTime(gap.after);
    }
  }
}

void TopicSilence::Load(StateReader& in) {
  told_ = in.GetTime();
  if (in.GetU64() != partitions_.size()) in.Fail();
  for (Partition& partition : partitions_) {
    partition.mark.stream_time = in.GetTime();
    partition.mark.since = in.GetTime();
    partition.mark.events = in.GetU64();
    for (uint64_t n = in.GetCount(2); n > 0; --n) {
      const absl::Time before = in.GetTime();
      partition.gaps.push_back({before, in.GetTime()});
    }
  }
}

}  // namespace oddverb
