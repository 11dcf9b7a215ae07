#include "pipeline/delivery.h"

#include <algorithm>

#include "base/status_macros.h"

namespace oddverb {
namespace {

// A known id is only needed while its finding may still change; the oldest are
// forgotten beyond this many.
constexpr size_t kMaxKnown = 1'000'000;

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

absl::Status Delivery::Deliver(std::vector<Finding> findings) {
  std::vector<Finding> now;
  for (Finding& finding : findings) {
    if (finding.severity < options_.min_severity) continue;
    if (known_.size() >= kMaxKnown) known_.erase(known_.begin());
    auto [it, is_new] =
        known_.try_emplace(finding.id, Known{finding.time, finding.severity});
    Known& known = it->second;
    bool rises = !is_new && finding.severity > known.severity;
    if (rises) Count(finding, known.severity, -1);
    if (is_new || rises) Count(finding, finding.severity, 1);
    known.severity = std::max(known.severity, finding.severity);
    if (options_.policy == DeliveryPolicy::kAtOnce) {
      if (is_new || rises) now.push_back(std::move(finding));
      continue;
    }
    // Later states keep the place in time of the opening one.
    finding.time = known.time;
    finding.severity = known.severity;
    held_.insert_or_assign({known.time, finding.id}, std::move(finding));
  }
  if (!now.empty()) ODDVERB_RETURN_IF_ERROR(Send(now));
  if (held_.size() > kMaxHeld) return SendOldest(kMaxHeld / 2);
  return absl::OkStatus();
}

absl::Status Delivery::SendOldest(size_t count) {
  std::vector<Finding> batch;
  while (count-- > 0 && !held_.empty()) {
    batch.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
  return Send(batch);
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
  ODDVERB_RETURN_IF_ERROR(SendOldest(held_.size()));
  for (Exporter* exporter : exporters_) {
    ODDVERB_RETURN_IF_ERROR(exporter->Finish());
  }
  return absl::OkStatus();
}

}  // namespace oddverb
