// Finds what is missing from the audit log itself (audit.gap): what a source
// lost, what it gave that nobody could read, and silence. The correlator's part
// of audit_stream; it lives on what the pipeline sees of each source
// (StreamBreak).
//
// An API server never empties its log, and it is never silent for long; whoever
// wants to hide makes it look so. And whoever can break records makes many: one
// case for each source and kind of gap, which counts.
//
// One thread.
#ifndef ODDVERB_DETECTORS_AUDIT_GAP_H_
#define ODDVERB_DETECTORS_AUDIT_GAP_H_

#include <array>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/audit_gap_finding.h"
#include "detectors/detector.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Of audit_stream; the shards' part checks them.
struct AuditStreamOptions {
  // A silence is told if it is longer than this, and than `silence_factor`
  // times what this source is silent for usually. On real logs the longest one
  // of a busy cluster was 10 s; leases make it so.
  absl::Duration silence = absl::Minutes(1);
  double silence_factor = 3;
  // So many broken records within a case are no accident of a crash.
  int broken_records = 20;

  static absl::StatusOr<AuditStreamOptions> FromYaml(const YamlNode& node);
};

// The longest silences of the last one to two days.
class UsualSilence {
 public:
  // REQUIRES: ends do not run back.
  void Add(absl::Duration length, absl::Time end);
  // The third longest: what happened once or twice is not yet usual. 0 if there
  // were fewer.
  absl::Duration length() const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);

 private:
  static constexpr size_t kKept = 3;
  using Longest = std::array<absl::Duration, kKept>;  // descending

  absl::Time day_ = absl::InfinitePast();  // when current_ began
  Longest current_{};
  Longest previous_{};
};

// An open case. Not inside of AuditGap, as clang 14 then takes it for a type
// without a default constructor.
struct GapCase {
  GapFacts facts;
  absl::Time opened = absl::InfinitePast();  // stream time; none yet
  absl::Time last_news = absl::InfinitePast();
  uint64_t next_report = 2;  // count at which it is told again
};

class AuditGap final : public CrossDetector {
 public:
  // A case ends after this much quiet, and in any case after kLongestCase, so
  // that what goes on for days is told anew.
  static constexpr absl::Duration kQuiet = absl::Hours(1);
  static constexpr absl::Duration kLongestCase = absl::Hours(24);
  // Before a source is known so well, its silences prove nothing.
  static constexpr absl::Duration kLeastHistory = absl::Minutes(10);
  static constexpr uint64_t kLeastEvents = 500;
  // Other text than events is counted in windows of this length.
  static constexpr absl::Duration kTextWindow = absl::Minutes(10);

  AuditGap(const DetectorContext& context, const AuditStreamOptions& options);

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind, EntityId) override {}
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }
  void SaveShared(StateWriter& out) const override;
  absl::Status LoadShared(StateReader& in) override;

 private:
  using Case = GapCase;

  // Lines that are no events: some logs are full of them, and always were.
  struct OtherText {
    absl::Time window = absl::InfinitePast();  // when it began
    absl::Time last = absl::InfinitePast();
    uint64_t records = 0;        // in this window
    uint64_t events_before = 0;  // of the source, when the window began
    bool was_clean = false;      // before it
    // Of the first one in it.
    std::string place;
    std::string detail;
    uint64_t offset = 0;
  };
  struct SourceState {
    std::array<std::optional<Case>, static_cast<size_t>(GapKind::kCount)> cases;
    OtherText other_text;
    UsualSilence usual;
    // The last event before the last loss: it explains the silence behind.
    absl::Time lost_behind = absl::InfinitePast();
  };

  void OnRejected(const StreamBreak& seen, SourceState& source, Emit& out);
  void OnBroken(const StreamBreak& seen, SourceState& source, Emit& out);
  void OnOtherText(const StreamBreak& seen, SourceState& source, Emit& out);
  void BeginWindow(const StreamBreak& seen, OtherText& text) const;
  void OnJump(const StreamBreak& seen, SourceState& source, Emit& out);

  Case& OpenCase(GapKind kind, const StreamBreak& seen, SourceState& source,
                 Emit& out) const;
  // One more thing of the kind; told at each doubling.
  void CountOne(Case& open, Emit& out) const;
  // `records` more, as if they came one by one.
  void CountRecords(uint64_t records, Case& open, Emit& out) const;
  void Raise(Severity severity, Case& open, Emit& out) const;
  void Report(FindingState state, const Case& open, Emit& out) const;
  Hash128 IdOf(GapKind kind, const StreamBreak& seen) const;

  const DetectorContext context_;
  const AuditStreamOptions options_;
  std::map<std::string, SourceState> sources_;  // by name; as configured
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeAuditGap(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_AUDIT_GAP_H_
