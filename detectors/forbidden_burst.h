// Finds credentials that are used to find out what they may do: stolen tokens,
// and people who probe.
//
// Counting 403s finds broken controllers. Counted here are first contacts that
// fail: kinds of request (tuple.h) that an actor never managed before and is
// refused now. Each adds its log-likelihood ratio to a CUSUM (threshold random
// walk; Jung, Paxson, Berger, Balakrishnan 2004), forgotten on two time scales:
//   forbidden.fanout        half-life 10 minutes: scripts, tools
//   forbidden.low_and_slow  half-life 3 days: one try an hour
// Retries and rights that an actor lost weigh nothing; enumeration cannot avoid
// weight. docs/detection.md has the formula, the thresholds and their sources.
//
// Beside these, forbidden_cases.h has the rules that count one kind of thing:
// anonymous callers, failed authentications, escalation, probing, guessing.
//
// State by actor, bounded (forbidden_state.h). One thread.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_BURST_H_
#define ODDVERB_DETECTORS_FORBIDDEN_BURST_H_

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "detectors/detector.h"
#include "detectors/forbidden_allow.h"
#include "detectors/forbidden_cases.h"
#include "detectors/forbidden_state.h"
#include "detectors/known_places.h"
#include "detectors/tuple.h"
#include "detectors/tuple_hasher.h"
#include "yaml/yaml_node.h"

namespace oddverb {

class ForbiddenBurst final : public Detector {
 public:
  struct Options {
    // h: under honest use one false alarm takes about e^h first contacts
    // (98,700), were they independent.
    double threshold_fast = 11.5;
    // 22 would miss a slow attack for 21 tries, 28 three of four.
    double threshold_slow = 16;
    // What is left out to measure its worth; no configuration sets it.
    enum class Without : uint8_t {
      kNothing,
      kRetrySuppression,
      kSensitivity,
      kNovelty,
    };
    Without without = Without::kNothing;
    std::vector<AllowedRefusal> allow = {};

    // Keys: profile (quiet, default, sensitive: threshold_fast 14, 11.5, 9),
    // threshold_fast, threshold_slow, allow. A threshold wins over the profile.
    static absl::StatusOr<Options> FromYaml(const YamlNode& node);
  };

  ForbiddenBurst(const DetectorContext& context, const Options& options);

  FieldSet fields() const override;
  bool CanPrefetch() const override { return true; }
  void Prefetch(PrefetchStep step, const EntityIds& ids) const override;
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override;
  void AdvanceTo(absl::Time watermark, Emit& out) override;
  void Forget(EntityKind kind, EntityId id) override;
  std::optional<Remains> RemainsOf(EntityKind kind, EntityId id) const override;
  void Recall(EntityKind kind, EntityId id, const Remains& remains) override;
  bool CanRest(EntityKind kind, EntityId id) const override;
  void Save(EntityKind kind, EntityId id, StateWriter& out) const override;
  absl::Status Load(EntityKind kind, EntityId id, StateReader& in) override;
  void SaveShared(StateWriter& out) const override;
  absl::Status LoadShared(StateReader& in) override;

 private:
  ForbiddenActor& StateFor(EntityId actor) {
    if (actor < actors_.size() && actors_[actor] != nullptr) {
      return *actors_[actor];
    }
    return NewState(actor);
  }
  ForbiddenActor& NewState(EntityId actor);
  // Whether what is allowed in the actor's quiet span is neither new nor of any
  // other interest, as most events are: OnAllowed() would do nothing. `kind` is
  // null for a path.
  static bool IsRoutine(const AuditEvent& event,
                        const TupleHasher::KnownKind* kind,
                        const ForbiddenActor& actor);
  // Out of line: it shall not cost the others registers.
  [[gnu::noinline]] void OnOther(const AuditEvent& event, const EntityIds& ids,
                                 const TupleHasher::KnownKind* kind,
                                 KnownPlaces::Place place, Emit& out);
  // `request` has a hash if it is for a resource.
  void OnAllowed(CaseRequest& request, ForbiddenActor& actor, Emit& out);
  // By whom, and what that says.
  void OnNotAllowed(CaseRequest& request, ForbiddenActor& actor, Emit& out);
  void OnRefused(RefusedAttempt& attempt, const EntityIds& ids,
                 ForbiddenActor& actor, Emit& out);
  // Refused what it could do before.
  void OnLost(const RefusedAttempt& attempt, ForbiddenActor& actor) const;
  // Key of a namespace in LostRights; 0 = the cluster.
  uint32_t ScopeOf(const Tuple& tuple) const;
  // While a finding is open: it got what it was refused, or something as
  // grave.
  void OnSuccess(const CaseRequest& request, ForbiddenActor& actor, Emit& out);
  // What succeeds for the first time, for operation.rare and the like.
  void TellFirstSuccess(const CaseRequest& request, ForbiddenActor& actor,
                        Emit& out) const;
  void TellCorrelator(const RefusedAttempt& attempt, const EntityIds& ids,
                      Emit& out) const;
  double Novelty(const CaseRequest& request, const ForbiddenActor& actor) const;
  // Sorts retries from first contacts. False if the attempt weighs nothing.
  bool IsNews(RefusedAttempt& attempt, RefusalRecord& refused);
  void AddEvidence(const RefusedAttempt& attempt, RefusalRecord& refused) const;
  // Opens, raises or keeps the finding.
  void Judge(const RefusedAttempt& attempt, const EntityIds& ids,
             ForbiddenActor& actor, Emit& out);
  Finding NewFinding(const AuditEvent& event, IdentityClass identity,
                     std::string_view rule) const;
  void SetDeadline(EntityId id, OpenRefusal& open, absl::Time deadline);
  absl::Time DeadlineOf(const RefusalRecord& refused) const;
  // The end of a finding; its evidence counts for nothing more.
  static Finding Finish(ForbiddenActor& actor);
  uint64_t ForWhom(const AuditEvent& event, uint64_t hash) const;

  DetectorContext context_;
  Options options_;
  double suspicion_;  // from this fast score on nothing is learned of an actor
  AllowedRefusals allow_;
  bool entries_are_counted_ = false;
  ForbiddenCases cases_;
  std::vector<std::unique_ptr<ForbiddenActor>> actors_;  // by EntityIds::actor
  // Actors with an open finding, by its deadline.
  std::set<std::pair<absl::Time, EntityId>> deadlines_;
  // Final findings of actors that were evicted; reported at the next tick.
  std::vector<Finding> ended_;
};

absl::StatusOr<std::unique_ptr<Detector>> MakeForbiddenBurst(
    const DetectorContext& context, const YamlNode& options);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_BURST_H_
