// Words for what ForbiddenBurst found: turns the state of an actor with an open
// finding into the Finding that people read. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_FINDING_H_
#define ODDVERB_DETECTORS_FORBIDDEN_FINDING_H_

#include "absl/time/time.h"
#include "detectors/forbidden_state.h"
#include "model/finding.h"

namespace oddverb {

// Writes title, summary, why (the contributions sum up to the score: all are
// whole hundredths), normal, benign_checks, what and evidence onto a copy
// of `actor.refused->open->base`. `now` is the time of the finding.
// REQUIRES: actor.refused and its `open` are there.
Finding WriteForbiddenFinding(const ForbiddenActor& actor, FindingState state,
                              absl::Time now);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_FINDING_H_
