#include "detectors/forbidden_weight.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/uri.h"
#include "detectors/refusal.h"
#include "detectors/user_agent.h"

namespace oddverb {
namespace {

using std::string_view;

// First contacts of an attacker fail this often (threshold random walk, Jung
// et al. 2004, use the same).
constexpr double kAttackerFailureRate = 0.8;
// Pseudo-counts of the prior: of 20 first contacts, a program's 1 and a
// person's 3 fail. People and CI try things out.
constexpr double kPriorContacts = 20;
constexpr double kPriorFailuresOfPrograms = 1;
constexpr double kPriorFailuresOfPeople = 3;
// However its past looks, an actor's failures keep some weight, and are never
// impossible.
constexpr double kLowestRate = 0.02;
constexpr double kHighestRate = 0.5;

// An informer that was deployed without its ClusterRole: one mistake, many
// kinds.
constexpr double kReflectorFactor = 0.35;
constexpr double kNodeRaceFactor = 0.1;
// The internet knocks at every public API server.
constexpr double kAnonymousFactor = 0.5;
// The refused rights are those of the impersonated, not of the actor: a console
// that acts for hundreds of people meets the limits of each.
constexpr double kActingForAnotherFactor = 0.35;

double PriorFailures(IdentityClass identity) {
  switch (identity) {
    case IdentityClass::kServiceAccount:
    case IdentityClass::kNode:
    case IdentityClass::kControlPlane:
      return kPriorFailuresOfPrograms;
    case IdentityClass::kHuman:
    case IdentityClass::kBootstrap:
    case IdentityClass::kAnonymous:
    case IdentityClass::kUnauthenticated:
      break;
  }
  return kPriorFailuresOfPeople;
}

// client-go reflectors list with resourceVersion=0 and then watch.
bool IsReflectorShaped(const AuditEvent& event, const Tuple& tuple,
                       IdentityClass identity) {
  if (identity != IdentityClass::kServiceAccount &&
      identity != IdentityClass::kControlPlane) {
    return false;
  }
  if (tuple.verb_class != VerbClass::kRead || tuple.scope != "*") return false;
  if (event.verb == "watch") return true;
  QueryPairs pairs(SplitUri(event.request_uri).query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (pair.name == "resourceVersion" && pair.value == "0") return true;
  }
  return false;
}

}  // namespace

double FirstContactWeight(const AuditEvent& event, const Tuple& tuple,
                          IdentityClass identity, uint32_t failures,
                          uint32_t successes) {
  double rate = std::clamp(
      (PriorFailures(identity) + failures) / (kPriorContacts + successes),
      kLowestRate, kHighestRate);
  double weight = std::log(kAttackerFailureRate / rate) * Sensitivity(tuple);
  if (IsReflectorShaped(event, tuple, identity)) weight *= kReflectorFactor;
  if (IsNodeAuthorizerRace(event, identity)) weight *= kNodeRaceFactor;
  if (identity == IdentityClass::kAnonymous) weight *= kAnonymousFactor;
  if (!event.impersonated.name.empty()) weight *= kActingForAnotherFactor;
  return weight;
}

bool IsHealthProbe(const AuditEvent& event, const Tuple& tuple) {
  return tuple.path_class == PathClass::kHealth &&
         AgentFamilyOf(event.user_agent) == AgentFamily::kProbe;
}

}  // namespace oddverb
