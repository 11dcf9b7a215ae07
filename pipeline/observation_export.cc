#include "pipeline/observation_export.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr char kOwner[] = "observations";

}  // namespace

std::vector<Finding> ObservationExport::Process(
    const RoutedBatch& routed, std::vector<SliceOutput>& slices,
    const std::vector<PlacedObservation>& stream) {
  const std::vector<absl::Time>& times = routed.clock.stream_times;
  events_ += times.size();
  if (since_ == absl::InfinitePast() && !times.empty()) since_ = times.front();
  WalkInOrder(routed, slices, stream, now_, *this);
  return std::exchange(findings_, {});
}

void ObservationExport::TakeFindings(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    Add({now_, finding});
    findings_.push_back(std::move(finding));
  }
}

void ObservationExport::TakeObservation(const Observation& observation) {
  ObservationStep step = {now_, observation};
  auto& said = std::get<Observation>(step.said);
  // A silence is one of the whole topic, if at all; everything else is the
  // partition's own.
  if (said.stream.has_value() && said.kind != ObservationKind::kTimeJumped) {
    absl::StrAppend(&said.stream->source, "/", partition_);
  }
  Add(step);
}

void ObservationExport::Add(const ObservationStep& step) {
  SaveObservationStep(step, open_);
  ++open_steps_;
  ++steps_;
  if (open_.bytes().size() >= ObservationRecord::kTargetBytes) {
    CloseRecord(std::nullopt);
  }
}

void ObservationExport::CloseRecord(
    const std::optional<ObservationMark>& mark) {
  records_.push_back(ObservationRecordBytes(partition_, next_step_, open_steps_,
                                            open_.bytes(), mark));
  next_step_ += std::exchange(open_steps_, 0);
  open_ = StateWriter();
}

std::vector<std::string> ObservationExport::TakeRecords(
    const std::string& bookmark) {
  if (!records_.empty() || open_steps_ > 0 || !bookmark.empty() ||
      marked_ != now_) {
    marked_ = now_;
    CloseRecord(ObservationMark{.stream_time = now_,
                                .since = since_,
                                .events = events_,
                                .bookmark = bookmark});
  }
  return std::exchange(records_, {});
}

StateRow ObservationExport::Save() const {
  StateWriter out;
  out.PutU64(next_step_);
  out.PutTime(now_);
  out.PutTime(since_);
  out.PutU64(events_);
  return {kOwner, StateRow::kShared, 0, out.Release()};
}

absl::Status ObservationExport::Load(const std::vector<StateRow>& rows) {
  for (const StateRow& row : RowsOf(kOwner, rows)) {
    StateReader in(row.bytes);
    next_step_ = in.GetU64();
    now_ = marked_ = in.GetTime();
    since_ = in.GetTime();
    events_ = in.GetU64();
    return in.status();
  }
  return absl::DataLossError(
      "checkpoint lacks the number of the next observation");
}

}  // namespace oddverb
