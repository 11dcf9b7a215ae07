// How much one refused request says: the log-likelihood ratio of
// ForbiddenBurst. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_WEIGHT_H_
#define ODDVERB_DETECTORS_FORBIDDEN_WEIGHT_H_

#include <cstdint>

#include "absl/time/time.h"
#include "detectors/forbidden_state.h"
#include "detectors/known_places.h"
#include "detectors/tuple.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// Does what it was made for; people and CI try things out.
bool IsProgram(IdentityClass identity);

// Of a further object name under a kind of request that was refused already: it
// tells something (names are being guessed), but one missing right can refuse
// many names, and each says less than the one before. But for names of secrets
// and the like.
double FurtherNameFactor(const RefusalRecord& refused,
                         const RefusedAttempt& attempt);

// ln(0.8 / theta0) x sensitivity x factors of the circumstances: what a refused
// first contact adds. theta0, the chance that a first contact of an honest
// actor fails, comes from a prior of its class and from its own past: the first
// contacts that failed and that succeeded, the last hour left out.
double FirstContactWeight(const AuditEvent& event, const Tuple& tuple,
                          IdentityClass identity, uint32_t failures,
                          uint32_t successes);

// KnownPlaces::IsNewNetwork(), but for an inside one of the other family of
// addresses.
bool IsFromNewNetwork(const AuditEvent& event, const KnownPlaces& known,
                      absl::Time time, absl::Time born, absl::Duration settles);

// How much more a refusal or a question says because of where it comes from:
// from a network in which the actor never was, or through a program that it
// never used. 1 = nothing is new, or nothing is known yet.
double NoveltyFactor(const AuditEvent& event, const Tuple& tuple,
                     IdentityClass identity, const ForbiddenActor& actor,
                     absl::Time time);

// What clients repeat by themselves once their credential has expired: lists
// and watches of informers, objects that they know by name (the lease of a
// leader election), kubectl's discovery.
bool IsRetryOfProgram(const AuditEvent& event, const Tuple& tuple);

// Lessens the weight of what is refused within half a second of its like in the
// same namespace, as part of one question: `kubectl get all` of a person,
// objects got by name. Where one asks from weighs once in a question.
void WeighQuestion(const RefusalRecord& refused, IdentityClass identity,
                   RefusedAttempt& attempt);

// Health checks that are refused say nothing about who sends them.
bool IsHealthProbe(const AuditEvent& event, const Tuple& tuple);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_WEIGHT_H_
