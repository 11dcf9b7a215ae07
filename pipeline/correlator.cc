#include "pipeline/correlator.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr char kOwner[] = "correlator";

// Of the rows that a part numbers itself.
std::string OwnerOf(std::string_view part) {
  return absl::StrCat(kOwner, "/", A(part));
}

std::vector<Emission> InOrder(std::vector<SliceOutput>& slices) {
  std::vector<Emission> all;
  for (SliceOutput& slice : slices) {
    std::move(slice.emissions.begin(), slice.emissions.end(),
              std::back_inserter(all));
  }
  auto key = [](const Emission& e) {
    return std::tuple(e.event_index, e.phase, e.shard);
  };
  std::sort(all.begin(), all.end(), [&](const Emission& a, const Emission& b) {
    return key(a) < key(b);
  });
  return all;
}

}  // namespace

Correlator::Correlator(CrossDetectorList detectors, const KeyedHash& hash,
                       const LimitsByKind& limits, TrackChanges track)
    : state_(std::move(detectors), static_cast<size_t>(EntityKind::kCount),
             limits, track),
      hash_(hash) {}

void Correlator::Collect(std::vector<Finding>& out) {
  for (auto [kind, id] : emit_.changed) state_.MarkChanged(kind, id);
  emit_.changed.clear();
  for (Finding& finding : emit_.findings) {
    finding.time = emit_.stream_time;
    finding.NoteClaimedAddress();
    out.push_back(std::move(finding));
  }
  emit_.findings.clear();
  emit_.observations.clear();
}

EntityId Correlator::AddressId(const std::string& ip, Standing standing) {
  if (ip.empty()) return kNoEntity;
  return state_.IdOf(EntityKind::kAddress, hash_.Hash(ip), standing);
}

EntityId Correlator::AccountId(const Observation& observation) {
  if (observation.account == 0) return kNoEntity;
  if (observation.kind == ObservationKind::kTokenMinted) {
    return state_.IdOf(EntityKind::kActor, observation.account);
  }
  return state_.table(EntityKind::kActor).Find(observation.account);
}

// The parts are told of the findings from `first` on; theirs follow.
void Correlator::TellOf(size_t first, std::vector<Finding>& out) {
  const size_t end = out.size();
  for (size_t i = first; i < end; ++i) {
    ObservationIds ids;
    ids.source_address = AddressId(out[i].where.source_ip);
    state_.ForEachPart([&](CrossDetector& detector) {
      detector.ObserveFinding(out[i], ids, emit_);
    });
    Collect(out);
  }
}

ClusterMapSizes Correlator::cluster_map() const {
  for (const auto& [name, part] : state_.parts()) {
    if (part->cluster_map() != nullptr) return *part->cluster_map();
  }
  return {};
}

void Correlator::Tick(absl::Time watermark, std::vector<Finding>& out) {
  const size_t first = out.size();
  state_.ForEachPart(
      [&](CrossDetector& detector) { detector.AdvanceTo(watermark, emit_); });
  Collect(out);
  TellOf(first, out);
  state_.Settle();
}

void Correlator::Observe(const Observation& observation,
                         std::vector<Finding>& out) {
  ++observations_;
  ObservationIds ids;
  ids.credential = state_.IdOf(EntityKind::kCredential, observation.credential);
  // Whom nobody let in has as many addresses as he likes.
  const Standing standing =
      observation.kind == ObservationKind::kAuthenticationFails
          ? Standing::kGuest
          : Standing::kRegular;
  ids.source_address = AddressId(observation.source_ip, standing);
  ids.other_address = AddressId(observation.other_ip, standing);
  ids.account = AccountId(observation);
  const size_t first = out.size();
  state_.ForEachPart([&](CrossDetector& detector) {
    detector.Observe(observation, ids, emit_);
  });
  Collect(out);
  TellOf(first, out);
  state_.Settle();
}

std::vector<Finding> Correlator::Process(
    const RoutedBatch& routed, std::vector<SliceOutput>& slices,
    const std::vector<PlacedObservation>& stream,
    std::vector<StateRow>& state) {
  std::vector<Finding> out;
  MoveTo(stream_time_);
  std::vector<Emission> emissions = InOrder(slices);
  const std::vector<oddverb::Tick>& ticks = routed.clock.ticks;
  size_t tick = 0;
  size_t seen = 0;
  // What was seen of the stream behind events before `event_index`.
  auto stream_before = [&](size_t event_index) {
    for (; seen < stream.size() && stream[seen].event_index <= event_index;
         ++seen) {
      size_t at = stream[seen].event_index;
      if (at > 0) MoveTo(routed.StreamTimeAt(at - 1, stream_time_));
      Observe(stream[seen].observation, out);
    }
  };
  // Ticks at or before (index, kTick) come after the shards' own answers to
  // them and before the event itself.
  auto ticks_before = [&](size_t event_index) {
    for (; tick < ticks.size() && ticks[tick].event_index <= event_index;
         ++tick) {
      stream_before(ticks[tick].event_index);
      MoveTo(routed.StreamTimeAt(ticks[tick].event_index, stream_time_));
      Tick(ticks[tick].watermark, out);
    }
  };
  for (Emission& emission : emissions) {
    bool at_tick = emission.phase == Emission::Phase::kTick;
    if (!at_tick) {
      ticks_before(emission.event_index);
    } else if (emission.event_index > 0) {
      ticks_before(emission.event_index - 1);
    }
    stream_before(emission.event_index);
    MoveTo(routed.StreamTimeAt(emission.event_index, stream_time_));
    const size_t first = out.size();
    std::move(emission.findings.begin(), emission.findings.end(),
              std::back_inserter(out));
    TellOf(first, out);
    for (const Observation& o : emission.observations) Observe(o, out);
    state_.Settle();
  }
  const size_t events = routed.batch->events.size();
  ticks_before(events);
  stream_before(events);
  if (events > 0) MoveTo(routed.clock.stream_times.back());
  if (routed.is_end) Tick(absl::InfiniteFuture(), out);
  if (routed.checkpoint_after) TakeChanges(state);
  return out;
}

void Correlator::TakeChanges(std::vector<StateRow>& out) {
  state_.TakeChanges(kOwner, out);
  std::vector<DetectorRow> rows;
  for (const auto& [name, part] : state_.parts()) {
    rows.clear();
    part->TakeRows(rows);
    for (DetectorRow& row : rows) {
      out.push_back(
          {OwnerOf(name), row.kind, row.number, std::move(row.bytes)});
    }
  }
}

absl::Status Correlator::Load(const std::vector<StateRow>& rows,
                              absl::Time stream_time) {
  stream_time_ = stream_time;
  ODDVERB_RETURN_IF_ERROR(state_.Load(RowsOf(kOwner, rows)));
  for (const auto& [name, part] : state_.parts()) {
    for (const StateRow& row : RowsOf(OwnerOf(name), rows)) {
      ODDVERB_RETURN_IF_ERROR(part->LoadRow(row.kind, row.id, row.bytes));
    }
  }
  return absl::OkStatus();
}

}  // namespace oddverb
