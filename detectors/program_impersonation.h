// impersonation.by_program: a service account acts as somebody for the first
// time, though it never acted as anybody, or with a person's tool. Whom it acts
// as does not matter here: the cluster's own identities are impersonation.new.
//
// Pure functions but for the habits; one thread.
#ifndef ODDVERB_DETECTORS_PROGRAM_IMPERSONATION_H_
#define ODDVERB_DETECTORS_PROGRAM_IMPERSONATION_H_

#include <optional>
#include <string_view>

#include "detectors/act_scene.h"

namespace oddverb {

inline constexpr std::string_view kProgramImpersonationRule =
    "impersonation.by_program";

// REQUIRES: `scene.event` has somebody impersonated.
std::optional<ActorAct> JudgeProgramImpersonation(const ActScene& scene);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_PROGRAM_IMPERSONATION_H_
