// The cases of all actors of a shard: which events speak for which rule, how
// much, and when a finding is opened, raised and finished. ForbiddenBurst's
// second half; it calls this for the few events that concern it.
//
// State by actor, allocated at the first sighting and bounded: a case a rule,
// each with at most 256 fingerprints and eight pieces of evidence, and at most
// kMaxOpen findings of all actors are open. One thread.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_CASES_H_
#define ODDVERB_DETECTORS_FORBIDDEN_CASES_H_

#include <deque>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "detectors/detector.h"
#include "detectors/failure_rate.h"
#include "detectors/forbidden_case.h"
#include "detectors/refusal.h"
#include "detectors/tuple.h"

namespace oddverb {

// One request with an outcome, as ForbiddenBurst has read it. Borrows.
struct CaseRequest {
  const AuditEvent& event;
  const EntityIds& ids;
  Tuple tuple;
  uint64_t hash = 0;  // of the tuple
  absl::Time time;
  bool lost = false;   // refused, and it succeeded before
  double novelty = 1;  // NoveltyFactor()
};

class ForbiddenCases {
 public:
  // Some 8 KiB each. Who has no credential can be as many actors as he has
  // addresses: beyond, the finding that has been quiet longest ends.
  static constexpr size_t kMaxOpen = 256;

  // `scale`: the profile's factor on every ladder that follows it.
  ForbiddenCases(const DetectorContext& context, double scale)
      : context_(context), scale_(scale) {}

  // A 401. Also tells the correlator, once it is a surge.
  void OnFailedAuthentication(const CaseRequest& request, Emit& out);
  void OnAnonymousRefused(const CaseRequest& request, Emit& out);
  // REQUIRES: not IsPublic().
  void OnAnonymousAllowed(const CaseRequest& request, Emit& out);
  // Asked what it may do: a SelfSubjectAccessReview or -RulesReview.
  void OnSelfReview(const CaseRequest& request, Emit& out);
  // Refused by the authorizer, as impersonation or by RBAC's escalation check.
  void OnRefused(const CaseRequest& request, RefusalClass refusal, Emit& out);
  // Whether it asks for something that people guess the names of.
  static bool MayBeGuessed(const CaseRequest& request);
  // Allowed, and not there. REQUIRES: MayBeGuessed().
  void OnNotFound(const CaseRequest& request, Emit& out);
  // Made what may have been looked for before.
  void OnCreated(const CaseRequest& request);
  // Refused again what was refused before.
  void OnRepeat(const CaseRequest& request, Emit& out);
  // Refused what it could do before.
  void OnLost(const CaseRequest& request, Emit& out);

  void AdvanceTo(absl::Time watermark, Emit& out);
  // Finishes what is open; the findings come at the next tick.
  void Forget(EntityId id);
  bool HasOpen(EntityId id) const;
  void Save(EntityId id, StateWriter& out) const;
  void Load(EntityId id, StateReader& in);
  void SaveShared(StateWriter& out) const;
  void LoadShared(StateReader& in);

 private:
  struct Actor {
    std::vector<ForbiddenCase> cases;  // at most one a rule
    std::unique_ptr<FailureRate> failures;
  };

  static std::unique_ptr<FailureRate> NewFailures() {
    return std::make_unique<FailureRate>(1, FailureRate::Comes::kInBursts);
  }
  void See(CaseRule rule, const CaseRequest& request, uint64_t thing,
           double weight, std::string_view feature, Emit& out);
  void OnNamed(const CaseRequest& request, double weight,
               std::string_view feature, Emit& out);
  void WriteSurge(const CaseRequest& request, const FailureRate& rate,
                  ForbiddenCase& found) const;
  void Judge(const CaseRequest& request, ForbiddenCase& found, Emit& out);
  void Open(const CaseRequest& request, ForbiddenCase& found) const;
  ForbiddenCase& CaseOf(CaseRule rule, EntityId id);
  double Step(CaseRule rule, Severity severity) const;
  Severity SeverityOf(const ForbiddenCase& found) const;
  void Finish(ForbiddenCase& found);
  void EndLongestQuiet(Emit& out);
  void SetDeadlines(EntityId id);
  static size_t OpenCountOf(const Actor& actor);

  using Deadline = std::tuple<absl::Time, EntityId, CaseRule>;

  DetectorContext context_;
  double scale_ = 1;
  std::deque<std::unique_ptr<Actor>> actors_;  // by EntityIds::actor
  std::set<Deadline> deadlines_;               // of open cases
  size_t open_count_ = 0;
  std::vector<Finding> ended_;  // reported at the next tick
};

// Whether everybody may ask for this without credentials, in an API server with
// its default roles.
bool IsPublic(const AuditEvent& event, const Tuple& tuple);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_CASES_H_
