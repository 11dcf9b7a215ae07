#include "pipeline/event_reorder.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oddverb {
namespace {

// Some back ends write every second only.
constexpr absl::Duration kMinIdle = absl::Seconds(1);
// A broker is back by then, or its outage is longer than events may wait.
constexpr absl::Duration kMaxOutage = absl::Minutes(1);

std::unique_ptr<RoutedBatch> WithoutEvents(RoutedBatch& from) {
  auto out = std::make_unique<RoutedBatch>();
  out->batch = std::make_unique<EventBatch>();
  out->source = from.source;
  out->read_at = from.read_at;
  out->source_ended = from.source_ended;
  out->bytes_under_way = from.bytes_under_way;
  out->is_end = from.is_end;
  out->checkpoint_after = from.checkpoint_after;
  out->batch->raw.records = std::move(from.batch->raw.records);  // for counts
  out->batch->raw.source_bytes = from.batch->raw.source_bytes;
  out->batch->salvaged_records = from.batch->salvaged_records;
  out->batch->repaired_records = from.batch->repaired_records;
  out->batch->eventless_records = from.batch->eventless_records;
  return out;
}

}  // namespace

EventReorder::EventReorder(Options options, absl::Time now)
    : options_(std::move(options)), sources_(options_.sources.size()) {
  for (SourceState& source : sources_) source.last_came = now;
}

EventReorder::~EventReorder() = default;

bool EventReorder::GoesLater(const Waiting& a, const Waiting& b) {
  if (a.place < b.place) return false;
  return b.place < a.place || a.number > b.number;
}

std::unique_ptr<RoutedBatch> EventReorder::Pass(
    std::unique_ptr<RoutedBatch> routed, absl::Time now) {
  late_events_ = repeated_events_ = 0;
  ++passes_;
  std::unique_ptr<RoutedBatch> out = WithoutEvents(*routed);
  SourceState& source = sources_[routed->source];
  if (!routed->batch->events.empty()) {
    source.last_came = now;
    source.left = false;
  }
  source.expects_more = routed->batch->raw.expects_more;
  if (routed->source_ended) sources_[routed->source].ended = true;
  if (!routed->complete.empty()) Take(std::move(routed), *out);
  LeaveIdle(now);
  absl::Time watermark = out->is_end ? absl::InfiniteFuture() : Watermark();
  while (!heap_.empty() && heap_.front().place.time <= watermark) {
    LetGoEarliest(*out);
  }
  Complete(*out);
  while (held_bytes_ > options_.max_held_bytes && !heap_.empty()) {
    LetGoEarliest(*out);
    Complete(*out);
  }
  return out;
}

void EventReorder::Take(std::unique_ptr<RoutedBatch> routed, RoutedBatch& out) {
  SourceState& source = sources_[routed->source];
  auto held = std::make_shared<Held>();
  held->bytes = routed->batch->raw.bytes->size();
  held->missing = routed->batch->events.size();
  held->routed = std::move(routed);
  held_bytes_ += held->bytes;
  source.held.push_back(held);
  for (const Rejected& rejected : held->routed->batch->rejected) {
    if (rejected.reason != RejectReason::kReplaced) continue;
    source.read_to.erase(rejected.position.stream);
    source.read_to_before.erase(rejected.position.stream);
  }
  const std::vector<AuditEvent>& events = held->routed->batch->events;
  for (uint32_t i = 0; i < events.size(); ++i) {
    absl::Time stage_time = events[i].stage_time;
    if (stage_time != absl::InfinitePast()) source.front.Move(stage_time);
    // Without a time, or with a wild one: where its source stands.
    absl::Time time = stage_time == absl::InfinitePast()
                          ? source.front.time()
                          : std::min(stage_time, source.front.time());
    Place place = {time, held->routed->event_keys[i]};
    const bool was_read =
        WasReadBefore(held->routed->source, events[i].position);
    if (was_read && !(last_gone_ < place)) {
      ++repeated_events_;
      --held->missing;
      continue;
    }
    Waiting waiting = {place, next_number_++, held.get(), i};
    if (place < last_gone_) {
      ++late_events_;
      LetGo(waiting, out);
      continue;
    }
    heap_.push_back(waiting);
    std::push_heap(heap_.begin(), heap_.end(), &GoesLater);
  }
}

bool EventReorder::WasReadBefore(size_t index, const Position& position) {
  SourceState& source = sources_[index];
  const bool is_counted = source.read_before > 0;
  if (is_counted) --source.read_before;
  if (options_.sources[index].streams_follow) return is_counted;
  uint64_t& end = source.read_to[position.stream];
  end = std::max(end, position.offset + 1);
  auto before = source.read_to_before.find(position.stream);
  return before != source.read_to_before.end() &&
         position.offset < before->second;
}

void EventReorder::LeaveIdle(absl::Time now) {
  for (SourceState& source : sources_) {
    absl::Duration patience = std::max(
        options_.allowed_lateness, source.expects_more ? kMaxOutage : kMinIdle);
    if (now - source.last_came > patience) source.left = true;
  }
}

absl::Time EventReorder::Watermark() const {
  absl::Time lowest = absl::InfiniteFuture();
  for (const SourceState& source : sources_) {
    if (source.left || source.ended) continue;
    // Its front is ahead of events that have yet to be read again.
    if (source.read_before > 0) return absl::InfinitePast();
    lowest = std::min(lowest, source.front.time() - options_.allowed_lateness);
  }
  return lowest;
}

void EventReorder::LetGoEarliest(RoutedBatch& out) {
  std::pop_heap(heap_.begin(), heap_.end(), &GoesLater);
  LetGo(heap_.back(), out);
  heap_.pop_back();
}

void EventReorder::LetGo(const Waiting& waiting, RoutedBatch& out) {
  Held& held = *waiting.held;
  last_gone_ = std::max(last_gone_, waiting.place);
  const RoutedBatch& from = *held.routed;
  out.batch->events.push_back(from.batch->events[waiting.index]);
  out.keys.push_back(from.keys[waiting.index]);
  out.shards.push_back(from.shards[waiting.index]);
  out.event_keys.push_back(from.event_keys[waiting.index]);
  // The event's texts lie there.
  if (held.last_pass != passes_) out.origins.push_back(held.routed);
  held.last_pass = passes_;
  --held.missing;
}

void EventReorder::Complete(RoutedBatch& out) {
  for (SourceState& source : sources_) {
    while (!source.held.empty() && source.held.front()->missing == 0) {
      Held& held = *source.held.front();
      for (CompleteBatch& complete : held.routed->complete) {
        out.complete.push_back(std::move(complete));
      }
      // With the bookmark that moves over them: a restart does not see them
      // again.
      std::vector<Rejected>& rejected = held.routed->batch->rejected;
      std::move(rejected.begin(), rejected.end(),
                std::back_inserter(out.batch->rejected));
      rejected.clear();
      held_bytes_ -= held.bytes;
      source.held.pop_front();
    }
  }
}

void EventReorder::Save(StateWriter& out) const {
  out.PutTime(last_gone_.time);
  out.PutFixed64(last_gone_.key);
  out.PutU64(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    const SourceState& source = sources_[i];
    uint64_t read = source.read_before;
    for (const std::shared_ptr<Held>& held : source.held) {
      read += held->routed->batch->events.size();
    }
    out.PutString(options_.sources[i].name);
    source.front.Save(out);
    out.PutU64(source.left ? 1 : 0);
    out.PutU64(read);
  }
  for (const SourceState& source : sources_) {
    out.PutU64(source.read_to.size());
    for (const auto& [stream, end] : source.read_to) {
      out.PutU64(stream);
      out.PutU64(end);
    }
  }
}

absl::Status EventReorder::Load(StateReader& in) {
  last_gone_.time = in.GetTime();
  last_gone_.key = in.GetFixed64();
  std::vector<SourceState*> restored;  // null: unknown now
  for (uint64_t count = in.GetCount(4); count > 0; --count) {
    const std::string name(in.GetString());
    auto found =
        std::find_if(options_.sources.begin(), options_.sources.end(),
                     [&](const auto& source) { return source.name == name; });
    SourceState unknown;
    SourceState& source =
        found == options_.sources.end()
            ? unknown
            : sources_[static_cast<size_t>(found - options_.sources.begin())];
    source.front.Load(in);
    source.left = in.GetU64() != 0;
    source.read_before = in.GetU64();
    restored.push_back(&source == &unknown ? nullptr : &source);
  }
  for (SourceState* source : restored) {
    if (in.AtEnd()) break;  // of a version that did not write them
    StreamEnds ends;
    for (uint64_t count = in.GetCount(2); count > 0; --count) {
      const auto stream = static_cast<uint32_t>(in.GetU64());
      ends[stream] = in.GetU64();
    }
    if (source != nullptr) source->read_to = source->read_to_before = ends;
  }
  return in.status();
}

}  // namespace oddverb
