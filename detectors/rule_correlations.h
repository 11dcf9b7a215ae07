// The correlator's part of rule_match: runs Sigma's correlations over the
// matches that the shards tell of, whoever and whichever shard they come from.
//
// The alert of a group opens a case; it grows with each further match while the
// condition holds on, and with each further alert, is repeated as its count
// doubles, and ends when the group has been quiet.
#ifndef ODDVERB_DETECTORS_RULE_CORRELATIONS_H_
#define ODDVERB_DETECTORS_RULE_CORRELATIONS_H_

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/row_numbers.h"
#include "detectors/detector.h"
#include "rules/correlation_engine.h"
#include "rules/live_rules.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class RuleCorrelations final : public CrossDetector {
 public:
  // A case ends after this much quiet, or after the timespan of its correlation
  // if that is longer.
  static constexpr absl::Duration kCaseWindow = absl::Hours(2);
  // Some 4 KiB each. Beyond, the case that was to end next ends early.
  static constexpr size_t kMaxCases = 1024;

  // `context.rules` may be null: no rules.
  explicit RuleCorrelations(const DetectorContext& context);

  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  // Groups are none of the tables' entities.
  void Forget(EntityKind, EntityId) override {}
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }
  void SaveShared(StateWriter& out) const override;
  absl::Status LoadShared(StateReader& in) override;
  void TakeRows(std::vector<DetectorRow>& out) override;
  absl::Status LoadRow(uint8_t kind, uint32_t number,
                       std::string_view bytes) override;

 private:
  struct Case {
    absl::Duration quiet;  // that ends it
    int64_t reported_count = 0;
    Finding finding;
    uint32_t number = 0;  // of its row
    absl::Time EndsAt() const { return finding.last_seen + quiet; }
  };
  using CaseKey = Hash128;  // of the correlation and the group
  using Cases = std::map<CaseKey, Case>;

  void TakeRules();
  CaseKey KeyOf(const CorrelationAlert& alert) const;
  void Tell(std::vector<CorrelationAlert> alerts, Emit& out);
  void OpenCase(const CaseKey& key, const CorrelationAlert& alert, Emit& out);
  void ExtendCase(Cases::iterator it, const CorrelationAlert& alert, Emit& out);
  void EndCase(Cases::iterator it, Emit& out);
  void CountLosses();

  const DetectorContext context_;
  uint64_t version_ = 0;  // of what is in force
  std::shared_ptr<const LiveRules::InForce> in_force_;
  std::optional<CorrelationEngine> engine_;  // absent: there are no rules
  CorrelationEngine::Counts counted_;        // what CountLosses() has told
  Cases cases_;
  // (when it ends, id of the finding) -> key.
  std::map<std::pair<absl::Time, Hash128>, CaseKey> ends_;
  RowNumbers case_numbers_;
  std::vector<const Cases::value_type*> case_rows_;  // by number; null: free
  bool has_state_ = false;                           // LoadShared() was called
};

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeRuleCorrelations(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RULE_CORRELATIONS_H_
