// Drives an AuditGap as the correlator does: what the pipeline saw of sources,
// at points of the stream's time.
#ifndef ODDVERB_TESTS_DETECTORS_AUDIT_GAP_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_AUDIT_GAP_STREAM_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "detectors/audit_gap.h"
#include "gtest/gtest.h"
#include "tests/support/last_states.h"

namespace oddverb {

class AuditGapStream {
 public:
  static constexpr absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

  explicit AuditGapStream(const AuditStreamOptions& options = {})
      : options_(options),
        detector_(std::make_unique<AuditGap>(DetectorContext(), options)) {}

  static absl::Time At(double seconds) {
    return kStart + absl::Seconds(seconds);
  }

  // Every further step is made by a new detector that loads the state of the
  // one before.
  void RestartAlways() { restarts_ = true; }

  // The source had this many events, since kStart, and the last at `seconds`.
  void Events(uint64_t events, double seconds) {
    events_ = events;
    last_ = At(seconds);
  }

  void SetPlace(std::string place) { place_ = std::move(place); }

  void Reject(RejectReason reason, uint64_t records = 1, bool is_event = true) {
    StreamBreak seen = Seen();
    seen.reason = reason;
    seen.records = records;
    seen.bytes = 10 * records;
    seen.offset = offset_ += 1000;
    seen.is_event = is_event;
    seen.place = place_;
    seen.detail = "/var/log/k8s/audit.log: what happened";
    Observe(ObservationKind::kRecordsRejected, std::move(seen));
  }
  void GoOn(double seconds) {
    StreamBreak seen = Seen();
    seen.after = At(seconds);
    Observe(ObservationKind::kStreamGoesOn, std::move(seen));
  }
  void Jump(double to, std::string place_before = "") {
    StreamBreak seen = Seen();
    seen.after = At(to);
    seen.place = "/var/log/k8s/audit.log:8";
    seen.place_before = std::move(place_before);
    Observe(ObservationKind::kTimeJumped, std::move(seen));
    last_ = At(to);
  }
  void AdvanceTo(absl::Time watermark) {
    Emit emit;
    emit.stream_time = events_ > 0 ? last_ : absl::InfinitePast();
    detector_->AdvanceTo(watermark, emit);
    Take(emit);
  }
  void End() { AdvanceTo(absl::InfiniteFuture()); }

  // In the order of reports, and only the last state of each.
  const std::vector<Finding>& reports() const { return reports_; }
  std::vector<Finding> Last() const { return LastStates(reports_); }
  // "SEVERITY COUNT STATE" of each report.
  std::vector<std::string> Told() const {
    std::vector<std::string> told;
    for (const Finding& report : reports_) {
      told.push_back(std::string(SeverityName(report.severity)) + " " +
                     std::to_string(report.count) + " " +
                     std::string(FindingStateName(report.state)));
    }
    return told;
  }
  std::string Saved() const {
    StateWriter out;
    detector_->SaveShared(out);
    return out.Release();
  }

 private:
  StreamBreak Seen() const {
    StreamBreak seen;
    seen.source = "node";
    if (events_ > 0) {
      seen.since = kStart;
      seen.before = last_;
      seen.events = events_;
    }
    return seen;
  }
  void Observe(ObservationKind kind, StreamBreak seen) {
    Emit emit;
    emit.stream_time = seen.before;
    Observation observation;
    observation.kind = kind;
    observation.stream = std::move(seen);
    detector_->Observe(observation, {}, emit);
    Take(emit);
  }
  void Take(Emit& emit) {
    for (Finding& finding : emit.findings) {
      reports_.push_back(std::move(finding));
    }
    if (!restarts_) return;
    std::string saved = Saved();
    StateReader in(saved);
    detector_ = std::make_unique<AuditGap>(DetectorContext(), options_);
    EXPECT_TRUE(detector_->LoadShared(in).ok());
    EXPECT_TRUE(in.AtEnd());
    EXPECT_EQ(Saved(), saved);
  }

  AuditStreamOptions options_;
  std::unique_ptr<AuditGap> detector_;
  bool restarts_ = false;
  std::string place_ = "/var/log/k8s/audit.log:7";
  uint64_t events_ = 0;
  uint64_t offset_ = 0;
  absl::Time last_ = absl::InfinitePast();
  std::vector<Finding> reports_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_AUDIT_GAP_STREAM_H_
