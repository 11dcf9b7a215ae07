#include "pipeline/delivery.h"

#include <algorithm>
#include <iterator>

#include "base/state_io.h"
#include "base/status_macros.h"
#include "pipeline/part_state.h"

namespace oddverb {
namespace {

constexpr char kOwner[] = "delivery";
// Kinds of rows; that of KnownFindings is 0.
constexpr uint8_t kWindowRow = 1;

constexpr char kRateLimited[] = "rate_limited";
constexpr char kSuppressed[] = "suppressed";

bool HasNewTechnique(const KnownFinding& known, const Finding& finding) {
  if (known.shown_attack.size() >= KnownFindings::kMaxTechniques) return false;
  return std::any_of(
      finding.attack.begin(), finding.attack.end(), [&](const std::string& id) {
        return std::find(known.shown_attack.begin(), known.shown_attack.end(),
                         id) == known.shown_attack.end();
      });
}

// Whether a person who has seen the state that was shown wants to see this one.
bool IsNews(const KnownFinding& known, const Finding& finding) {
  if (finding.severity > known.shown_severity) return true;
  bool has_doubled = finding.score > 0 &&
                     finding.score >= 2 * std::max(0.0, known.shown_score);
  if (has_doubled || HasNewTechnique(known, finding)) return true;
  return finding.state == FindingState::kFinal && !known.is_final_shown &&
         ContentOf(finding) != known.shown_content;
}

FindingState StateToShow(const KnownFinding& known, const Finding& finding) {
  if (finding.state == FindingState::kFinal) return FindingState::kFinal;
  return known.fate == Fate::kShown ? FindingState::kUpdate
                                    : FindingState::kOpen;
}

}  // namespace

Delivery::Delivery(const Options& options, std::vector<Exporter*> exporters)
    : options_(options), exporters_(std::move(exporters)) {
  if (options_.rate_limit.has_value() &&
      options_.policy == DeliveryPolicy::kAtOnce) {
    rate_limit_.emplace(*options_.rate_limit);
  }
}

void Delivery::Count(const Finding& finding, Severity severity, int by) {
  auto step = static_cast<uint64_t>(static_cast<int64_t>(by));
  counts_[static_cast<size_t>(severity)] += step;
  uint64_t& cell = by_detector_[{finding.detector, severity}];
  cell += step;
  if (cell == 0) by_detector_.erase({finding.detector, severity});
}

void Delivery::CountSuppressed(const Finding& finding, const char* reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++so_far_.suppressed[{finding.detector, reason}];
}

DeliveryCounts Delivery::counts_so_far() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return so_far_;
}

std::vector<Finding> Delivery::Choose(std::vector<Finding> findings,
                                      absl::Time stream_time) {
  std::vector<Finding> chosen;
  auto end_windows = [&](absl::Time now) {
    if (!rate_limit_.has_value()) return;
    for (Finding& summary : rate_limit_->AdvanceTo(now)) {
      uint32_t index = known_.Find(summary).first;
      Tell(std::move(summary), index, chosen);
    }
  };
  for (Finding& finding : findings) {
    end_windows(finding.time);
    Consider(std::move(finding), chosen);
  }
  end_windows(stream_time);
  if (held_.size() > kMaxHeld) return TakeOldest(kMaxHeld / 2);
  return chosen;
}

void Delivery::Consider(Finding finding, std::vector<Finding>& chosen) {
  auto [index, is_new] = known_.Find(finding);
  const KnownFinding& known = known_.at(index);
  Severity before = known.severity;
  bool rises = !is_new && finding.severity > before;
  if (rises) known_.Change(index).severity = finding.severity;
  if (known.severity < options_.min_severity) return;
  if (IsSuppressed(finding, index)) return;
  if (options_.policy == DeliveryPolicy::kAtOnce) {
    // What was folded stays so, unless it falls under another budget now.
    if (known.fate == Fate::kFolded && !rises) return;
    bool opens = known.fate != Fate::kShown;
    if (opens && rate_limit_.has_value() && !rate_limit_->Admit(finding)) {
      Fold(finding, index, chosen);
    } else {
      Tell(std::move(finding), index, chosen);
    }
    return;
  }
  bool was_counted = known.fate == Fate::kShown;
  if (was_counted && rises) Count(finding, before, -1);
  if (!was_counted || rises) Count(finding, known.severity, 1);
  Hold(std::move(finding), known);
  if (!was_counted) known_.Change(index).fate = Fate::kShown;
}

void Delivery::Hold(Finding finding, const KnownFinding& known) {
  // Later states keep the place in time of the opening one.
  finding.time = known.time;
  finding.severity = known.severity;
  held_.insert_or_assign({known.time, finding.id}, std::move(finding));
}

bool Delivery::IsSuppressed(const Finding& finding, uint32_t index) {
  const Suppression* entry = options_.suppressions.Find(finding);
  if (entry == nullptr) return false;
  // Only findings of which nobody knows are counted, and those once.
  if (known_.at(index).fate != Fate::kWithheld) return true;
  known_.Change(index).fate = Fate::kSuppressed;
  CountSuppressed(finding, kSuppressed);
  std::lock_guard<std::mutex> lock(mutex_);
  ++so_far_.suppressed_by_entry[entry->name];
  return true;
}

void Delivery::Tell(Finding finding, uint32_t index,
                    std::vector<Finding>& chosen) {
  const KnownFinding& known = known_.at(index);
  if (known.fate == Fate::kShown) {
    if (IsNews(known, finding)) Show(std::move(finding), index, chosen);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++so_far_.opened[{finding.detector, finding.severity}];
  }
  Show(std::move(finding), index, chosen);
}

void Delivery::Fold(const Finding& finding, uint32_t index,
                    std::vector<Finding>& chosen) {
  // It may have been folded as a smaller one before.
  if (known_.at(index).fate == Fate::kFolded) return;
  known_.Change(index).fate = Fate::kFolded;
  CountSuppressed(finding, kRateLimited);
  Finding summary = rate_limit_->Fold(finding);
  uint32_t summary_index = known_.Find(summary).first;
  Tell(std::move(summary), summary_index, chosen);
}

void Delivery::Show(Finding finding, uint32_t index,
                    std::vector<Finding>& chosen) {
  KnownFinding& known = known_.Change(index);
  finding.state = StateToShow(known, finding);
  if (known.fate == Fate::kShown) {
    if (finding.severity > known.shown_severity) {
      Count(finding, known.shown_severity, -1);
      Count(finding, finding.severity, 1);
    }
  } else {
    Count(finding, finding.severity, 1);
  }
  known.NoteShown(finding);
  chosen.push_back(std::move(finding));
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
  known_.TakeChanges(kOwner, out);
  if (!rate_limit_.has_value()) return;
  for (auto& [number, bytes] : rate_limit_->TakeChanges()) {
    out.push_back({kOwner, kWindowRow, number, std::move(bytes)});
  }
}

absl::Status Delivery::Load(const std::vector<StateRow>& rows) {
  for (const StateRow& row : RowsOf(kOwner, rows)) {
    if (row.kind == KnownFindings::kRowKind) {
      ODDVERB_RETURN_IF_ERROR(known_.LoadRow(row));
    } else if (row.kind == StateRow::kShared) {
      ODDVERB_RETURN_IF_ERROR(known_.LoadShared(row));
    } else if (row.kind == kWindowRow && rate_limit_.has_value()) {
      StateReader in(row.bytes);
      ODDVERB_RETURN_IF_ERROR(rate_limit_->Load(row.id, in));
    }
  }
  return absl::OkStatus();
}

}  // namespace oddverb
