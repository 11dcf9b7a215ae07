#include "pipeline/observation_record.h"

#include <utility>

#include "base/status_macros.h"
#include "model/finding_state.h"
#include "model/observation_state.h"

namespace oddverb {
namespace {

enum StepType : uint64_t { kFinding = 1, kObservation = 2 };
// A time and a type, and an observation or a finding of nothing.
constexpr size_t kLeastStepBytes = 8;

ObservationStep LoadStep(StateReader& in) {
  ObservationStep step;
  step.time = in.GetTime();
  const uint64_t type = in.GetU64();
  if (type == kFinding) {
    step.said = LoadFinding(in);
  } else if (type == kObservation) {
    step.said = LoadObservation(in);
  } else {
    in.Fail();
  }
  return step;
}

}  // namespace

void SaveObservationStep(const ObservationStep& step, StateWriter& out) {
  out.PutTime(step.time);
  if (const auto* finding = std::get_if<Finding>(&step.said)) {
    out.PutU64(kFinding);
    SaveFinding(*finding, out);
  } else {
    out.PutU64(kObservation);
    SaveObservation(std::get<Observation>(step.said), out);
  }
}

std::string ObservationRecordBytes(uint32_t partition, uint64_t first_step,
                                   uint64_t count, std::string_view steps,
                                   const std::optional<ObservationMark>& mark) {
  StateWriter head;
  head.PutU64(ObservationRecord::kFormat);
  head.PutU64(partition);
  head.PutU64(first_step);
  head.PutU64(mark.has_value() ? 1 : 0);
  if (mark.has_value()) {
    head.PutTime(mark->stream_time);
    head.PutTime(mark->since);
    head.PutU64(mark->events);
    head.PutString(mark->bookmark);
  }
  head.PutU64(count);
  std::string bytes = head.Release();
  bytes += steps;
  return bytes;
}

absl::StatusOr<ObservationRecord> ParseObservationRecord(
    std::string_view bytes) {
  StateReader in(bytes);
  ObservationRecord record;
  if (in.GetU64() != ObservationRecord::kFormat) in.Fail();
  const uint64_t partition = in.GetU64();
  if (partition >= ObservationRecord::kMaxPartitions) in.Fail();
  record.partition = static_cast<uint32_t>(partition);
  record.first_step = in.GetU64();
  const uint64_t has_mark = in.GetU64();
  if (has_mark > 1) in.Fail();
  if (has_mark == 1) {
    ObservationMark& mark = record.mark.emplace();
    mark.stream_time = in.GetTime();
    mark.since = in.GetTime();
    mark.events = in.GetU64();
    mark.bookmark = in.GetString();
  }
  for (uint64_t n = in.GetCount(kLeastStepBytes); n > 0 && in.status().ok();
       --n) {
    record.steps.push_back(LoadStep(in));
  }
  if (!in.AtEnd()) in.Fail();
  ODDVERB_RETURN_IF_ERROR(in.status());
  for (size_t i = 1; i < record.steps.size(); ++i) {
    if (record.steps[i].time < record.steps[i - 1].time) {
      return absl::DataLossError("steps whose time runs back");
    }
  }
  return record;
}

}  // namespace oddverb
