#include "pipeline/delivery.h"

#include <algorithm>

#include "base/state_io.h"
#include "base/status_macros.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr char kOwner[] = "delivery";

}  // namespace

Delivery::Delivery(const Options& options, std::vector<Exporter*> exporters)
    : options_(options), exporters_(std::move(exporters)) {}

void Delivery::Count(const Finding& finding, Severity severity, int by) {
  auto step = static_cast<uint64_t>(static_cast<int64_t>(by));
  counts_[static_cast<size_t>(severity)] += step;
  uint64_t& cell = by_detector_[{finding.detector, severity}];
  cell += step;
  if (cell == 0) by_detector_.erase({finding.detector, severity});
}

void Delivery::MarkChanged(uint32_t index) {
  if (known_[index].is_changed) return;
  known_[index].is_changed = true;
  changed_.push_back(index);
}

std::pair<uint32_t, bool> Delivery::Know(const Finding& finding) {
  auto found = known_index_.find(finding.id);
  if (found != known_index_.end()) return {found->second, false};
  uint32_t index = next_known_;
  next_known_ = (next_known_ + 1) % kMaxKnown;
  if (index == known_.size()) {
    known_.emplace_back();
  } else {
    known_index_.erase(known_[index].id);
  }
  bool is_changed = known_[index].is_changed;
  known_[index] = {finding.id, finding.time, finding.severity, is_changed};
  known_index_[finding.id] = index;
  MarkChanged(index);
  return {index, true};
}

std::vector<Finding> Delivery::Choose(std::vector<Finding> findings) {
  std::vector<Finding> chosen;
  for (Finding& finding : findings) {
    auto [index, is_new] = Know(finding);
    Known& known = known_[index];
    bool was_shown = !is_new && known.severity >= options_.min_severity;
    bool rises = !is_new && finding.severity > known.severity;
    if (rises) MarkChanged(index);
    Severity before = known.severity;
    known.severity = std::max(known.severity, finding.severity);
    if (known.severity < options_.min_severity) continue;
    if (rises && was_shown) Count(finding, before, -1);
    if (rises || is_new) Count(finding, known.severity, 1);
    if (options_.policy == DeliveryPolicy::kAtOnce) {
      if (is_new || rises) chosen.push_back(std::move(finding));
      continue;
    }
    // Later states keep the place in time of the opening one.
    finding.time = known.time;
    finding.severity = known.severity;
    held_.insert_or_assign({known.time, finding.id}, std::move(finding));
  }
  if (held_.size() > kMaxHeld) return TakeOldest(kMaxHeld / 2);
  return chosen;
}

absl::Status Delivery::Deliver(std::vector<Finding> findings) {
  return Send(Choose(std::move(findings)));
}

std::vector<Finding> Delivery::TakeOldest(size_t count) {
  std::vector<Finding> oldest;
  while (count-- > 0 && !held_.empty()) {
    oldest.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
  return oldest;
}

absl::Status Delivery::Send(const std::vector<Finding>& findings) {
  if (findings.empty()) return absl::OkStatus();
  sent_ += findings.size();
  for (Exporter* exporter : exporters_) {
    ODDVERB_RETURN_IF_ERROR(exporter->Export(findings, absl::InfiniteFuture()));
  }
  return absl::OkStatus();
}

absl::Status Delivery::Finish() {
  ODDVERB_RETURN_IF_ERROR(Send(TakeOldest(held_.size())));
  for (Exporter* exporter : exporters_) {
    ODDVERB_RETURN_IF_ERROR(exporter->Finish());
  }
  return absl::OkStatus();
}

void Delivery::TakeChanges(std::vector<StateRow>& out) {
  for (uint32_t index : changed_) {
    Known& known = known_[index];
    known.is_changed = false;
    StateWriter row;
    row.PutFixed64(known.id.high);
    row.PutFixed64(known.id.low);
    row.PutTime(known.time);
    row.PutU64(static_cast<uint64_t>(known.severity));
    out.push_back({kOwner, 0, index, row.Release()});
  }
  changed_.clear();
  StateWriter shared;
  shared.PutU64(next_known_);
  out.push_back({kOwner, StateRow::kShared, 0, shared.Release()});
}

absl::Status Delivery::Load(const std::vector<StateRow>& rows) {
  for (const StateRow& row : RowsOf(kOwner, rows)) {
    StateReader in(row.bytes);
    if (row.kind == StateRow::kShared) {
      next_known_ = static_cast<uint32_t>(in.GetU64() % kMaxKnown);
    } else if (row.id == known_.size() && row.id < kMaxKnown) {
      Known& known = known_.emplace_back();
      known.id.high = in.GetFixed64();
      known.id.low = in.GetFixed64();
      known.time = in.GetTime();
      known.severity = static_cast<Severity>(std::min<uint64_t>(
          in.GetU64(), static_cast<uint64_t>(Severity::kCritical)));
      known_index_[known.id] = row.id;
    } else {
      return absl::DataLossError("checkpoint: a known finding is missing");
    }
    ODDVERB_RETURN_IF_ERROR(in.status());
  }
  if (next_known_ > known_.size()) {
    return absl::DataLossError("checkpoint: known findings are missing");
  }
  return absl::OkStatus();
}

}  // namespace oddverb
