// The rules of ForbiddenBurst that count one kind of thing each: what callers
// without credentials ask for, failed authentications, refused escalations,
// questions about one's own rights, guessed names. A case is the evidence of
// one rule against one actor. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_CASE_H_
#define ODDVERB_DETECTORS_FORBIDDEN_CASE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "model/finding_draft.h"
#include "model/identity.h"
#include "stats/decayed_score.h"
#include "stats/fingerprint_set.h"

namespace oddverb {

enum class CaseRule : uint8_t {
  kAnonymousEnumeration,
  kAnonymousSuccess,
  kAuthnFailures,
  kEscalationDenied,
  kPermissionProbing,
  kObjectGuessing,
  kStorm,
  kRegression,
  kCount
};

// What a rule says and from which score on. docs/detection.md has the reasons.
struct CaseRuleInfo {
  std::string_view rule;
  std::string_view title;
  std::string_view did;  // "... WHO did 3 THINGS"
  std::string_view one, many;
  std::string_view normal;
  std::string_view benign_check;
  std::string_view attack;  // ATT&CK technique; empty = no attack
  // From this score on, by Severity; infinity = never.
  std::array<double, 5> ladder{};
  bool follows_profile = true;  // the profile moves the ladder
  absl::Duration half_life = absl::Minutes(10);
  absl::Duration quiet = absl::Minutes(30);  // finished after this silence
  // Score and reasons are written by the owner (FailureRate), not summed up.
  bool by_rate = false;
};
const CaseRuleInfo& InfoOf(CaseRule rule);

// One event that speaks for a rule.
struct CaseSighting {
  const AuditEvent& event;
  absl::Time time;
  IdentityClass identity = IdentityClass::kHuman;
  // Keyed hash of what was asked for: seen again, it weighs nothing. 0 = always
  // news.
  uint64_t thing = 0;
  double weight = 0;
  std::string_view feature;
  std::string value;
};

struct ForbiddenCase {
  static constexpr size_t kMaxReasons = 7;

  CaseRule rule = CaseRule::kAnonymousEnumeration;
  bool open = false;
  uint32_t things = 0;
  DecayedScore score;
  double peak = 0;
  double reported_score = 0;
  FingerprintSet known;
  absl::Time first_seen, last_seen;
  int64_t count = 0;  // events
  // Evidence, what, why; of an open one its subject, too, but not the members
  // above. Most cases have one thing and come to nothing: it is then packed.
  FindingDraft draft = Finding();

  // Adds what is new; false if `sighting` was known.
  bool Add(const CaseSighting& sighting);
  // Once what was added has been judged.
  void PackIfSmall();
  // With when it was seen, and how often.
  Finding WholeDraft() const;
  // The finding for people: contributions sum up to the score.
  Finding Write(FindingState state, absl::Time now) const;
  // Forgets the episode, not what is known.
  void Restart();
  absl::Time deadline() const { return last_seen + InfoOf(rule).quiet; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  void NoteEvent(absl::Time time);
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_CASE_H_
