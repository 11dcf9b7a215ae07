#include "pipeline/source_watch.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/state_io.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr char kOwner[] = "sources";

// What was written there as a JSON value, or was overwritten with NUL bytes, is
// an event that nobody saw; other text may be a program's message.
bool IsEvent(const Rejected& rejected) {
  switch (rejected.reason) {
    case RejectReason::kTorn:
    case RejectReason::kOversized:
      return true;
    case RejectReason::kNotJson: {
      const char first = rejected.sample.empty() ? ' ' : rejected.sample[0];
      return first == '{' || first == '[' || first == '\0';
    }
    default:
      return false;
  }
}

}  // namespace

void SourceWatch::Start(const std::vector<NamedSource>& sources) {
  sources_ = &sources;
  streams_.resize(sources.size());
  for (size_t i = 0; i < sources.size(); ++i) {
    auto found = restored_.find(sources[i].name);
    if (found == restored_.end()) continue;
    streams_[i] = found->second;
    streams_[i].position.source = static_cast<uint32_t>(i);
    streams_[i].jump_position.source = static_cast<uint32_t>(i);
  }
  restored_.clear();
  PublishTimes();
}

// A record stands behind the events of its file that have a lower offset; in
// `order: event_time` behind those of them that went with it.
std::vector<SourceWatch::Cut> SourceWatch::PlaceRejected(
    const EventBatch& batch) {
  std::vector<Cut> cuts;
  if (batch.rejected.empty()) return cuts;
  using Offsets = std::vector<std::pair<uint64_t, size_t>>;
  std::map<std::pair<uint32_t, uint32_t>, Offsets> events;
  for (size_t i = 0; i < batch.events.size(); ++i) {
    const Position& at = batch.events[i].position;
    events[{at.source, at.stream}].emplace_back(at.offset, i);
  }
  // Reordered events are not in the order of their offsets: behind one is
  // behind all that come before it in the file.
  for (auto& [stream, file] : events) {
    std::sort(file.begin(), file.end());
    for (size_t i = 1; i < file.size(); ++i) {
      file[i].second = std::max(file[i].second, file[i - 1].second);
    }
  }
  for (const Rejected& rejected : batch.rejected) {
    const Position& at = rejected.position;
    const Offsets& file = events[{at.source, at.stream}];
    auto behind = std::lower_bound(file.begin(), file.end(), at.offset,
                                   [](const auto& event, uint64_t offset) {
                                     return event.first < offset;
                                   });
    size_t index = 0;
    if (behind != file.begin()) {
      index = std::prev(behind)->second + 1;
    } else if (behind != file.end()) {
      index = behind->second;
    }
    cuts.push_back({index, &rejected});
  }
  auto key = [](const Cut& cut) {
    const Position& at = cut.rejected->position;
    return std::tuple(cut.event_index, at.source, at.stream, at.offset);
  };
  std::stable_sort(cuts.begin(), cuts.end(),
                   [&](const Cut& a, const Cut& b) { return key(a) < key(b); });
  return cuts;
}

std::vector<PlacedObservation> SourceWatch::Read(const RoutedBatch& routed) {
  std::vector<PlacedObservation> out;
  const EventBatch& batch = *routed.batch;
  std::vector<Cut> cuts = PlaceRejected(batch);
  size_t next_cut = 0;
  for (size_t i = 0; i <= batch.events.size(); ++i) {
    for (; next_cut < cuts.size() && cuts[next_cut].event_index == i;
         ++next_cut) {
      const Position& at = cuts[next_cut].rejected->position;
      AddRejected(cuts[next_cut], at.source, out);
    }
    if (i == batch.events.size()) break;
    const AuditEvent& event = batch.events[i];
    Take(event, i, event.position.source, out);
  }
  for (Stream& stream : streams_) {
    const AuditEvent* newest = std::exchange(stream.newest, nullptr);
    if (newest != nullptr) stream.position = newest->position;
  }
  PublishTimes();
  return out;
}

Observation SourceWatch::NewObservation(ObservationKind kind,
                                        size_t source) const {
  const Stream& stream = streams_[source];
  Observation observation;
  observation.kind = kind;
  observation.time = stream.last;
  StreamBreak& seen = observation.stream.emplace();
  seen.source = (*sources_)[source].name;
  seen.before = stream.last;
  seen.since = stream.since;
  seen.events = stream.events;
  return observation;
}

void SourceWatch::AddRejected(const Cut& cut, size_t source,
                              std::vector<PlacedObservation>& out) {
  const Rejected& rejected = *cut.rejected;
  const bool is_event = IsEvent(rejected);
  streams_[source].had_rejected = true;
  // Broken records come in floods and are counted together.
  if (!out.empty() && IsOfRecord(rejected.reason)) {
    PlacedObservation& last = out.back();
    StreamBreak& seen = *last.observation.stream;
    if (last.event_index == cut.event_index && seen.records > 0 &&
        seen.source == (*sources_)[source].name &&
        seen.reason == rejected.reason && seen.is_event == is_event) {
      ++seen.records;
      seen.bytes += rejected.record_bytes;
      return;
    }
  }
  Observation observation =
      NewObservation(ObservationKind::kRecordsRejected, source);
  StreamBreak& seen = *observation.stream;
  seen.place = (*sources_)[source].source->Describe(rejected.position);
  seen.reason = rejected.reason;
  seen.records = 1;
  seen.bytes = rejected.record_bytes;
  seen.offset = rejected.position.offset;
  seen.is_event = is_event;
  seen.detail = Bounded(rejected.detail, Rejected::kSampleBytes);
  out.push_back({cut.event_index, std::move(observation)});
}

void SourceWatch::Take(const AuditEvent& event, size_t index, size_t source,
                       std::vector<PlacedObservation>& out) {
  Stream& stream = streams_[source];
  const absl::Time time = event.stage_time;
  if (time == absl::InfinitePast()) return;
  ++stream.events;
  if (stream.had_rejected) {
    stream.had_rejected = false;
    Observation observation =
        NewObservation(ObservationKind::kStreamGoesOn, source);
    observation.stream->after = std::max(time, stream.last);
    out.push_back({index + 1, std::move(observation)});
  }
  if (time > stream.no_jump) {
    if (stream.since == absl::InfinitePast()) stream.since = stream.last = time;
    stream.no_jump = stream.last + StreamBreak::kLeastJump;
    if (time > stream.no_jump) return Vote(event, index, source, out);
  }
  if (time > stream.last) stream.last = time;
  stream.newest = &event;
  stream.jump_votes = 0;
}

void SourceWatch::Vote(const AuditEvent& event, size_t index, size_t source,
                       std::vector<PlacedObservation>& out) {
  Stream& stream = streams_[source];
  const absl::Time time = event.stage_time;
  if (stream.jump_votes == 0 || time < stream.jump_first) {
    stream.jump_first = time;
    stream.jump_position = event.position;
  }
  stream.jump_last =
      stream.jump_votes == 0 ? time : std::max(stream.jump_last, time);
  if (++stream.jump_votes < kJumpVotes) return;
  Observation observation =
      NewObservation(ObservationKind::kTimeJumped, source);
  StreamBreak& seen = *observation.stream;
  const Source& described = *(*sources_)[source].source;
  seen.after = stream.jump_first;
  seen.place = described.Describe(stream.jump_position);
  if (stream.newest != nullptr) stream.position = stream.newest->position;
  if (described.streams_follow() &&
      stream.position.stream != stream.jump_position.stream) {
    seen.place_before = described.Describe(stream.position);
  }
  out.push_back({index + 1, std::move(observation)});
  stream.last = stream.jump_last;
  stream.newest = &event;
  stream.jump_votes = 0;
}

void SourceWatch::PublishTimes() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i].last == absl::InfinitePast()) continue;
    last_times_[(*sources_)[i].name] = streams_[i].last;
  }
}

std::map<std::string, absl::Time> SourceWatch::last_event_times() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return last_times_;
}

namespace {

void SavePosition(const Position& position, StateWriter& out) {
  out.PutU64(position.stream);
  out.PutU64(position.offset);
  out.PutU64(position.line);
}

// Without the index of its source, which may be another now.
Position LoadPosition(StateReader& in) {
  Position position;
  position.stream = static_cast<uint32_t>(in.GetU64());
  position.offset = in.GetU64();
  position.line = in.GetU64();
  return position;
}

}  // namespace

StateRow SourceWatch::Save() const {
  StateWriter out;
  out.PutU64(streams_.size());
  for (size_t i = 0; i < streams_.size(); ++i) {
    const Stream& stream = streams_[i];
    out.PutString((*sources_)[i].name);
    out.PutTime(stream.since);
    out.PutTime(stream.last);
    out.PutU64(stream.events);
    SavePosition(stream.position, out);
    out.PutU64(static_cast<uint64_t>(stream.jump_votes));
    out.PutTime(stream.jump_first);
    out.PutTime(stream.jump_last);
    SavePosition(stream.jump_position, out);
    out.PutU64(stream.had_rejected ? 1 : 0);
  }
  return {kOwner, StateRow::kShared, 0, out.Release()};
}

absl::Status SourceWatch::Load(const std::vector<StateRow>& rows) {
  for (const StateRow& row : RowsOf(kOwner, rows)) {
    StateReader in(row.bytes);
    uint64_t count = in.GetCount(12);
    for (; count > 0 && in.status().ok(); --count) {
      std::string name(in.GetString());
      Stream stream;
      stream.since = in.GetTime();
      stream.last = in.GetTime();
      stream.events = in.GetU64();
      stream.position = LoadPosition(in);
      uint64_t votes = in.GetU64();
      if (votes >= kJumpVotes) in.Fail();
      stream.jump_votes = static_cast<int>(votes);
      stream.jump_first = in.GetTime();
      stream.jump_last = in.GetTime();
      stream.jump_position = LoadPosition(in);
      stream.had_rejected = in.GetU64() != 0;
      restored_[std::move(name)] = stream;
    }
    return in.status();
  }
  return absl::OkStatus();
}

}  // namespace oddverb
