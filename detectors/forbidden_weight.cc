#include "detectors/forbidden_weight.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "base/ip_address.h"
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

// An informer that was deployed without its ClusterRole, or without its roles
// in some namespaces: one mistake, many kinds.
constexpr double kReflectorFactor = 0.35;
constexpr double kNodeRaceFactor = 0.1;
// The internet knocks at every public API server.
constexpr double kAnonymousFactor = 0.5;
// The refused rights are those of the impersonated, not of the actor: a console
// that acts for hundreds of people meets the limits of each (in the benchmark
// thirteen kinds within two hours).
constexpr double kActingForAnotherFactor = 0.2;

// `kubectl get all` in another team's namespace is one mistake of a person and
// ten refusals within a second or two; `kubectl apply` gets each object that it
// is given by name. No more is forgiven than RefusedKind::kMaxKinds kinds, and
// whoever asks one by one, or in many namespaces, asks anew.
constexpr absl::Duration kOneQuestion = absl::Milliseconds(500);
constexpr double kSameQuestionFactor = 0.25;
// Monitoring that lacks its role in several namespaces, a console whose people
// lack it: each is one more mistake, but of the same kind. Each further one
// weighs half of the one before, so however many they are, together they weigh
// no more than the first did. From a new place they keep half of it each.
constexpr double kFurtherNamespaceFactor = 0.5;
// The kinds of the category "all" that every API server has.
constexpr std::array<string_view, 10> kAllCategory = {
    "cronjobs", "daemonsets",  "deployments", "horizontalpodautoscalers",
    "jobs",     "pods",        "replicasets", "replicationcontrollers",
    "services", "statefulsets"};

// A stolen credential is mostly tried elsewhere, with other tools. Each of the
// two raises the weight, neither adds one of its own: who travels is not
// suspect for that.
constexpr double kNewNetworkFactor = 1.5;
constexpr double kNewProgramFactor = 1.35;
// Informers run where their pods are: in another network somebody else uses
// their token.
constexpr double kReflectorInNewNetworkFactor = 2;
// A program shows its network and its clients at once; people have an office,
// and a home in the evening.
constexpr absl::Duration kProgramSettles = absl::Hours(1);
constexpr absl::Duration kPersonSettles = absl::Hours(24);

// client-go reflectors list with resourceVersion=0 and then watch.
bool IsReflectorShaped(const AuditEvent& event, const Tuple& tuple) {
  if (tuple.verb_class != VerbClass::kRead) return false;
  if (event.verb == "watch") return true;
  QueryPairs pairs(SplitUri(event.request_uri).query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (pair.name == "resourceVersion" && pair.value == "0") return true;
  }
  return false;
}

bool IsReflectorShaped(const AuditEvent& event, const Tuple& tuple,
                       IdentityClass identity) {
  return (identity == IdentityClass::kServiceAccount ||
          identity == IdentityClass::kControlPlane) &&
         IsReflectorShaped(event, tuple);
}

// The first refused kind that asked the same of another namespace, or for
// another person; null if there is none.
const RefusedKind* KindElsewhere(const RefusalRecord& refused,
                                 const RefusedAttempt& attempt) {
  const AuditEvent& event = attempt.event;
  if (event.object.ns.empty()) return nullptr;
  const std::string resource = ResourceText(attempt.tuple);
  auto found = std::find_if(
      refused.kinds.begin(), refused.kinds.end(), [&](const RefusedKind& kind) {
        if (kind.tuple == attempt.hash) return false;
        const RefusedKind::Texts texts = kind.texts();
        return (texts.verb == "list" || texts.verb == "watch") &&
               !texts.ns.empty() && texts.resource == resource;
      });
  return found == refused.kinds.end() ? nullptr : &*found;
}

// Of a program that lacks one right in several namespaces, or acts for people
// who do. Whoever looks for secrets is no such one.
void WeighFurtherNamespace(const RefusalRecord& refused, bool is_for_another,
                           RefusedAttempt& attempt) {
  const RefusedKind* known = KindElsewhere(refused, attempt);
  if (known == nullptr) return;
  if (Sensitivity(attempt.tuple) > 1 || attempt.novelty > 1) {
    if (!is_for_another) attempt.weight *= kFurtherNamespaceFactor;
    return;
  }
  attempt.further_of = known->tuple;
  attempt.weight *= std::pow(kFurtherNamespaceFactor, known->count);
}

}  // namespace

bool IsProgram(IdentityClass identity) {
  return identity == IdentityClass::kServiceAccount ||
         identity == IdentityClass::kNode ||
         identity == IdentityClass::kControlPlane;
}

double FirstContactWeight(const AuditEvent& event, const Tuple& tuple,
                          IdentityClass identity, uint32_t failures,
                          uint32_t successes) {
  double prior =
      IsProgram(identity) ? kPriorFailuresOfPrograms : kPriorFailuresOfPeople;
  double rate = std::clamp((prior + failures) / (kPriorContacts + successes),
                           kLowestRate, kHighestRate);
  double weight = std::log(kAttackerFailureRate / rate) * Sensitivity(tuple);
  if (IsReflectorShaped(event, tuple, identity)) weight *= kReflectorFactor;
  if (IsNodeAuthorizerRace(event, identity)) weight *= kNodeRaceFactor;
  if (identity == IdentityClass::kAnonymous) weight *= kAnonymousFactor;
  if (!event.impersonated.name.empty()) weight *= kActingForAnotherFactor;
  return weight;
}

// Programs on a dual-stack network come with either family, whichever connected
// first (Happy Eyeballs, RFC 8305): their first inside network of the other one
// is no other place.
bool IsFromNewNetwork(const AuditEvent& event, const KnownPlaces& known,
                      absl::Time time, absl::Time born,
                      absl::Duration settles) {
  const KnownPlaces::Place place = KnownPlaces::Of(event);
  return known.IsNewNetwork(place, time, born, settles) &&
         !(known.IsOnlyOfItsFamily(place) && IsPrivateAddress(event.source_ip));
}

double FurtherNameFactor(const RefusalRecord& refused,
                         const RefusedAttempt& attempt) {
  constexpr double kFirst = 0.35;
  if (Sensitivity(attempt.tuple) > 1) return kFirst;
  for (const RefusedKind& kind : refused.kinds) {
    if (kind.tuple == attempt.hash) {
      return kFirst / std::max<uint32_t>(kind.count, 1);
    }
  }
  return kFirst;
}

double NoveltyFactor(const AuditEvent& event, const Tuple& tuple,
                     IdentityClass identity, const ForbiddenActor& actor,
                     absl::Time time) {
  // What is refused there is the right of another.
  if (!event.impersonated.name.empty()) return 1;
  bool program = IsProgram(identity);
  absl::Duration settles = program ? kProgramSettles : kPersonSettles;
  bool reflector = IsReflectorShaped(event, tuple, identity);
  KnownPlaces::Place place = KnownPlaces::Of(event);
  double factor = 1;
  if (IsFromNewNetwork(event, actor.places, time, actor.first_seen(),
                       settles)) {
    factor *= reflector ? kReflectorInNewNetworkFactor : kNewNetworkFactor;
  }
  // A new release may bring an informer under a new name; people try tools.
  if (program && !reflector &&
      actor.places.IsNewProgram(place, time, actor.first_seen(), settles)) {
    factor *= kNewProgramFactor;
  }
  return factor;
}

bool IsRetryOfProgram(const AuditEvent& event, const Tuple& tuple) {
  if (tuple.path_class == PathClass::kDiscovery) {
    // kubectl asks for the list of groups five times before it gives up.
    return SplitUri(event.request_uri).query.starts_with("timeout=");
  }
  if (tuple.path_class != PathClass::kNone) return false;
  return !event.object.name.empty() || IsReflectorShaped(event, tuple);
}

void WeighQuestion(const RefusalRecord& refused, IdentityClass identity,
                   RefusedAttempt& attempt) {
  const AuditEvent& event = attempt.event;
  const bool is_for_another = !event.impersonated.name.empty() &&
                              IsProgram(identity) &&
                              attempt.tuple.verb_class == VerbClass::kRead;
  if (is_for_another || IsReflectorShaped(event, attempt.tuple, identity)) {
    WeighFurtherNamespace(refused, is_for_another, attempt);
    return;
  }
  bool gets_all = event.verb == "list" && identity == IdentityClass::kHuman &&
                  std::find(kAllCategory.begin(), kAllCategory.end(),
                            event.object.resource) != kAllCategory.end();
  bool applies = event.verb == "get" && !event.object.name.empty() &&
                 event.object.subresource.empty() &&
                 event.object.resource != "secrets";
  if (!gets_all && !applies) return;
  bool same = std::any_of(
      refused.kinds.begin(), refused.kinds.end(), [&](const RefusedKind& kind) {
        if (absl::AbsDuration(attempt.time - kind.last) > kOneQuestion) {
          return false;
        }
        const RefusedKind::Texts texts = kind.texts();
        return texts.verb == event.verb && texts.ns == event.object.ns;
      });
  if (!same) return;
  attempt.weight *= kSameQuestionFactor;
  attempt.novelty = 1;
}

bool IsHealthProbe(const AuditEvent& event, const Tuple& tuple) {
  return tuple.path_class == PathClass::kHealth &&
         AgentFamilyOf(event.user_agent) == AgentFamily::kProbe;
}

}  // namespace oddverb
