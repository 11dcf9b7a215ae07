// Findings of rules that users and we write (rules/): every event is judged by
// the rules in force, and what one actor does against one rule is one finding:
// its first event opens it, it is repeated as it grows, and when it has been
// quiet the end gives the full count.
//
// What correlations (rules/) count is told to their part in the correlator,
// rule_correlations.h.
//
// A rule that judges requests does so once, at the first stage that carries a
// response; a rule that names `stage` judges every event.
#ifndef ODDVERB_DETECTORS_RULE_MATCH_H_
#define ODDVERB_DETECTORS_RULE_MATCH_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "detectors/detector.h"
#include "detectors/judged_requests.h"
#include "detectors/keyed_cases.h"
#include "rules/live_rules.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class RuleMatch final : public Detector {
 public:
  // A case ends after this much quiet: what recurs every hour (a CronJob, a
  // reconciling controller) stays one.
  static constexpr absl::Duration kCaseWindow = absl::Hours(2);
  // Rules that one actor breaks at a time; beyond, the longest quiet one ends.
  static constexpr size_t kMaxCasesPerActor = 32;
  // Of the shard, some 4 KiB each. Beyond it, the longest quiet case ends
  // early.
  static constexpr size_t kMaxCases = 256;
  // Requests under way of all actors of the shard; beyond, a further one may be
  // judged at its end again.
  static constexpr size_t kMaxOpenRequests = 16'384;

  // `context.rules` may be null: no rules.
  explicit RuleMatch(const DetectorContext& context);

  FieldSet fields() const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;

 private:
  RuleMatcher::Request RequestOf(const AuditEvent& event, EntityId actor);
  void TellCorrelations(const AuditEvent& event,
                        std::vector<CorrelationInput> inputs, Emit& out);
  void AddMatch(const Rule& rule, const AuditEvent& event, const EntityIds& ids,
                Emit& out);
  JudgedRequests* RequestsOf(EntityId actor) const;
  JudgedRequests& RequestsFor(EntityId actor);

  const DetectorContext context_;
  KeyedCases cases_{{kCaseWindow, kMaxCasesPerActor, kMaxCases}};
  // By EntityId; null: none.
  std::vector<std::unique_ptr<JudgedRequests>> requests_;
  size_t open_requests_ = 0;
};

absl::StatusOr<std::unique_ptr<Detector>> MakeRuleMatch(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RULE_MATCH_H_
