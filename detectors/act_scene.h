// One request of sensitive_acts with what is known of who makes it, and what
// that adds to an act's score: that it was never done before, that it comes
// from elsewhere, that a program's identity uses a person's tool. Pure
// functions but for the habits, which remember; one thread.
#ifndef ODDVERB_DETECTORS_ACT_SCENE_H_
#define ODDVERB_DETECTORS_ACT_SCENE_H_

#include <optional>
#include <string_view>

#include "base/keyed_hash.h"
#include "detectors/actor_act.h"
#include "detectors/actor_habits.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

inline constexpr std::string_view kSensitiveActs = "sensitive_acts";

// Borrows.
struct ActScene {
  const AuditEvent& event;
  IdentityClass identity = IdentityClass::kHuman;
  const KeyedHash& hash;
  ActorHabits& habits;

  bool IsPerson() const { return identity == IdentityClass::kHuman; }
  bool IsNewlyOutside() const {
    return habits.IsNewlyOutside(event.source_ip, event.stage_time);
  }
  // Remembers `what`. Its novelty; nullopt if the actor did it before and is
  // where it always is, so that there is nothing to tell.
  std::optional<double> NoveltyOfAct(ActorHabits::Kind kind,
                                     std::string_view what) const;
};

// Scores from which an act is told.
struct ActSteps {
  double low = 0;
  double medium = 0;
  double high = 0;
};

// A program of the control plane that runs with an account of kube-system.
bool IsClusterController(std::string_view user);

// Of an event that writes: create, update, patch.
bool IsWrite(std::string_view verb);

// What the circumstances add: novelty, at most `most`; a public address as
// never before 2; a service account with a tool of people or scripts 2.
void AddCircumstances(const ActScene& scene, double novelty, double most,
                      ActorAct& act);
// Severity and threshold by the sum of the reasons; nullopt below `low`.
std::optional<ActorAct> Weighed(ActorAct act, const ActSteps& steps);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ACT_SCENE_H_
