#include "pipeline/correlator.h"

#include <iterator>

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

}  // namespace

Correlator::Correlator(CrossDetectorList detectors, const KeyedHash& hash,
                       const LimitsByKind& limits, TrackChanges track)
    : state_(std::move(detectors), static_cast<size_t>(EntityKind::kCount),
             limits, track, std::make_shared<RestStore>()),
      hash_(hash) {}

void Correlator::Collect(std::vector<Finding>& out) {
  for (auto [kind, id] : emit_.changed) state_.MarkChanged(kind, id);
  emit_.changed.clear();
  for (auto [kind, id] : emit_.suspects) state_.MarkSuspect(kind, id);
  emit_.suspects.clear();
  for (Finding& finding : emit_.findings) {
    finding.time = emit_.stream_time;
    finding.NoteClaimedAddress();
    out.push_back(std::move(finding));
  }
  emit_.findings.clear();
  emit_.observations.clear();
}

EntityId Correlator::AddressId(const std::string& ip, Standing standing) {
  return state_.IdOf(EntityKind::kAddress, AddressKey(ip), standing);
}

EntityId Correlator::AccountId(const Observation& observation) {
  if (observation.account == 0) return kNoEntity;
  if (observation.kind == ObservationKind::kTokenMinted) {
    return state_.IdOf(EntityKind::kActor, observation.account);
  }
  return state_.Find(EntityKind::kActor, observation.account);
}

// `finding` may be one of `out`.
void Correlator::Tell(const Finding& finding, std::vector<Finding>& out) {
  ObservationIds ids;
  ids.source_address = AddressId(finding.where.source_ip);
  state_.ForEachPart([&](CrossDetector& detector) {
    detector.ObserveFinding(finding, ids, emit_);
  });
  Collect(out);
}

// The parts are told of the findings from `first` on; theirs follow.
void Correlator::TellOf(size_t first, std::vector<Finding>& out) {
  const size_t end = out.size();
  for (size_t i = first; i < end; ++i) Tell(out[i], out);
}

ClusterMapSizes Correlator::cluster_map() const {
  for (const auto& [name, part] : state_.parts()) {
    if (part->cluster_map() != nullptr) return *part->cluster_map();
  }
  return {};
}

void Correlator::Expect(const Observation& observation) {
  auto back = [&](size_t steps) -> Coming& {
    return coming_[(expected_ - steps) % coming_.size()];
  };
  ++expected_;
  auto of_each = [](const Coming& coming, auto ask) {
    ask(EntityKind::kCredential, coming.credential);
    ask(EntityKind::kAddress, coming.source_address);
    ask(EntityKind::kAddress, coming.other_address);
  };
  back(1) = {.credential = observation.credential,
             .source_address = AddressKey(observation.source_ip),
             .other_address = AddressKey(observation.other_ip),
             .ids = {}};
  of_each(back(1), [&](EntityKind kind, uint64_t key) {
    state_.PrefetchSlot(kind, key);
  });
  of_each(back(2), [&](EntityKind kind, uint64_t key) {
    state_.PrefetchEntity(kind, key);
  });
  Coming& third = back(3);
  third.ids.credential =
      state_.Guess(EntityKind::kCredential, third.credential);
  third.ids.source_address =
      state_.Guess(EntityKind::kAddress, third.source_address);
  third.ids.other_address =
      state_.Guess(EntityKind::kAddress, third.other_address);
  state_.PrefetchState(PrefetchStep::kElement, third.ids);
  state_.PrefetchState(PrefetchStep::kObject, back(4).ids);
  state_.PrefetchState(PrefetchStep::kContents, back(5).ids);
}

void Correlator::Tick(absl::Time watermark, std::vector<Finding>& out) {
  const size_t first = out.size();
  state_.ForEachPart(
      [&](CrossDetector& detector) { detector.AdvanceTo(watermark, emit_); });
  emit_.SortReports(0);
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
  if (!emit_.findings.empty()) {
    emit_.MarkSuspect(EntityKind::kCredential, ids.credential);
    emit_.MarkSuspect(EntityKind::kAddress, ids.source_address);
    emit_.MarkSuspect(EntityKind::kActor, ids.account);
  }
  Collect(out);
  TellOf(first, out);
  state_.Settle();
}

void Correlator::Steps::TakeFindings(std::vector<Finding> findings) {
  if (of_shards_ == ShardFindings::kAreElsewhere) {
    for (const Finding& finding : findings) correlator_.Tell(finding, out_);
  } else {
    const size_t first = out_.size();
    std::move(findings.begin(), findings.end(), std::back_inserter(out_));
    correlator_.TellOf(first, out_);
  }
  correlator_.state_.Settle();
}

std::vector<Finding> Correlator::Process(
    const RoutedBatch& routed, std::vector<SliceOutput>& slices,
    const std::vector<PlacedObservation>& stream,
    std::vector<StateRow>& state) {
  std::vector<Finding> out;
  Steps steps(*this, Steps::ShardFindings::kReturned, out);
  WalkInOrder(routed, slices, stream, stream_time_, steps);
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
