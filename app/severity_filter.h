// Passes on the findings of at least some severity. One thread, but for the
// severity, which may be set by another.
#ifndef ODDVERB_APP_SEVERITY_FILTER_H_
#define ODDVERB_APP_SEVERITY_FILTER_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "exporters/exporter.h"

namespace oddverb {

class SeverityFilter final : public Exporter {
 public:
  // `turn`: held while findings are passed on, by several filters to one file;
  // it must outlive the filter. Null: nobody else does.
  SeverityFilter(std::unique_ptr<Exporter> to, Severity min_severity,
                 std::mutex* turn = nullptr)
      : to_(std::move(to)), min_severity_(min_severity), turn_(turn) {}

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override {
    const Severity min_severity = min_severity_;
    std::vector<Finding> passed;
    for (const Finding& finding : findings) {
      if (finding.severity >= min_severity) passed.push_back(finding);
    }
    if (passed.empty()) return absl::OkStatus();
    std::unique_lock<std::mutex> lock;
    if (turn_ != nullptr) lock = std::unique_lock<std::mutex>(*turn_);
    return to_->Export(passed, deadline);
  }
  absl::Status Finish() override { return to_->Finish(); }
  absl::Time next_work() const override { return to_->next_work(); }
  absl::Status Work(absl::Time now, absl::Time deadline) override {
    return to_->Work(now, deadline);
  }
  void Save(StateWriter& out) const override { to_->Save(out); }
  absl::Status Load(StateReader& in) override { return to_->Load(in); }

  // For the next findings.
  void SetMinSeverity(Severity severity) { min_severity_ = severity; }

 private:
  std::unique_ptr<Exporter> to_;
  std::atomic<Severity> min_severity_;
  std::mutex* const turn_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SEVERITY_FILTER_H_
