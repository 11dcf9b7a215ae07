// The shards' part of stolen_credential: the networks of each identity, and
// credentials that go back and forth between addresses.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "detectors/stolen_credential.h"
#include "detectors/tuple.h"
#include "detectors/user_agent.h"

namespace oddverb {
namespace {

// How often an identity's network is noted, at least.
constexpr int64_t kNoteSeconds = 600;
// A kubelet stays on its node: to come back once is enough.
constexpr int kNodeAlternations = 2;
// Platforms in a User-Agent that servers and their pipelines do not have.
constexpr std::string_view kDesktops[] = {"(darwin", "(windows", "(win32"};
// Sensitivity() of secrets, code execution, cluster-wide rights.
constexpr double kSensitiveFrom = 1.5;

// How much can be said of a credential that alternates. Where the log does not
// name it (before Kubernetes 1.32 all but service accounts' tokens), a name may
// stand for many: people who share an administrator's certificate or, in
// Amazon's clusters, a role. A static token has a uid of its own. A service
// account's token from a secret is copied to all the machines that need it.
Severity MostFor(const AuditEvent& event, IdentityClass identity,
                 bool is_near_home) {
  if (!event.credential_id.empty() || identity == IdentityClass::kNode) {
    return Severity::kHigh;
  }
  bool is_role = event.user.uid.starts_with("aws-iam-authenticator:");
  bool is_copied = identity == IdentityClass::kServiceAccount && is_near_home;
  return event.user.uid.empty() || is_role || is_copied ? Severity::kLow
                                                        : Severity::kMedium;
}

// Which of two addresses is in doubt: not home; else the one with a client that
// is strange to home; else the newer one.
size_t SuspectOf(const CredentialContacts& contacts, size_t a, size_t b) {
  size_t home = contacts.home();
  if (a == home || b == home) return a == home ? b : a;
  bool a_is_own = contacts.HasOwnClient(a);
  if (a_is_own != contacts.HasOwnClient(b)) return a_is_own ? b : a;
  return std::max(a, b);
}

// One of each family, or neighbours, as of a gateway with many addresses.
bool MayBeOneMachine(const KeyedHash& hash, const Contact& a,
                     const Contact& b) {
  const std::optional<IpAddress> left = IpAddress::Parse(a.ip());
  const std::optional<IpAddress> right = IpAddress::Parse(b.ip());
  if (!left.has_value() || !right.has_value()) return true;
  if (left->is_v4() != right->is_v4()) return true;
  if (left->is_v4()) return left->v4() >> 16 == right->v4() >> 16;
  return SiteOf(hash, a.ip()) == SiteOf(hash, b.ip());
}

// A person is there, and no pipeline: a dashboard, a browser, or anything on a
// desktop's system.
bool HasDesktopProgram(const Contact& contact) {
  const std::vector<std::string_view> agents = contact.user_agents();
  return std::any_of(agents.begin(), agents.end(), [](std::string_view agent) {
    const AgentFamily family = AgentFamilyOf(agent);
    return family == AgentFamily::kDashboard ||
           family == AgentFamily::kBrowser ||
           std::any_of(std::begin(kDesktops), std::end(kDesktops),
                       [&](std::string_view desktop) {
                         return agent.find(desktop) != std::string_view::npos;
                       });
  });
}

Severity SeverityOf(const Alternation& seen, Severity most) {
  const bool may_be_shared =
      seen.crowded || seen.is_pool ||
      (!seen.has_home && !seen.has_desktop && seen.novelty == 0);
  if (may_be_shared) return Severity::kLow;
  if (seen.has_desktop && seen.novelty == 0) {
    most = std::min(most, Severity::kMedium);
  }
  if (!seen.own_client || seen.is_off_machine) return most;
  return seen.novelty > 0 ? std::min(most, Severity::kMedium) : Severity::kLow;
}

}  // namespace

void StolenCredential::NoteSite(const AuditEvent& event, EntityId actor,
                                const CredentialContacts::Use& use) {
  if (actor == kNoEntity) return;
  const bool is_noted = !use.is_new && use.contact == use.previous &&
                        absl::ToUnixSeconds(event.stage_time) / kNoteSeconds ==
                            absl::ToUnixSeconds(use.last_use) / kNoteSeconds;
  if (is_noted) return;
  if (sites_.size() <= actor) {
    sites_.resize(actor + size_t{1});
    came_.resize(actor + size_t{1});
  }
  // A bit is enough for who comes once.
  const bool came = came_[actor];
  came_[actor] = true;
  if (use.is_first && !came) return;
  if (sites_[actor] == nullptr) {
    sites_[actor] = std::make_unique<SiteHistory>();
  }
  sites_[actor]->Note(SiteOf(context_.hash, event.source_ip), event.stage_time);
}

double StolenCredential::NewPlace(const AuditEvent& event,
                                  const EntityIds& ids) const {
  const bool may_be_secret =
      ids.keys.identity == IdentityClass::kServiceAccount &&
      ids.keys.pod == 0 && event.credential_id.empty();
  if (!may_be_secret || ids.actor >= sites_.size() ||
      sites_[ids.actor] == nullptr) {
    return 0;
  }
  const SiteHistory& sites = *sites_[ids.actor];
  const uint32_t site = SiteOf(context_.hash, event.source_ip);
  if (site == 0 || !sites.IsLong(event.stage_time) ||
      sites.IsEstablished(site, event.stage_time)) {
    return 0;
  }
  return sites.Novelty(site);
}

// `other` is a network of the identity, and `suspect` none. A program that
// speaks both families of addresses has two, which come together.
bool StolenCredential::IsFromNewNetwork(const AuditEvent& event,
                                        const EntityIds& ids,
                                        const CredentialContacts& contacts,
                                        size_t suspect, size_t other) const {
  if (ids.actor >= sites_.size() || sites_[ids.actor] == nullptr) return false;
  const SiteHistory& sites = *sites_[ids.actor];
  const Contact& from = contacts.contact(suspect);
  const Contact& home = contacts.contact(other);
  const bool is_other_family =
      from.is_v6() != home.is_v6() && from.SharesAgentWith(home);
  return !is_other_family && sites.IsLong(event.stage_time) &&
         sites.IsNew(SiteOf(context_.hash, from.ip()), event.stage_time) &&
         sites.IsEstablished(SiteOf(context_.hash, home.ip()),
                             event.stage_time);
}

// Nor is `other` one: a theft while its owner is away, or a person on the road
// with two ways out. That tells less: either makes the other one less new.
// Programs that take either way come by both at once, a thief later.
bool StolenCredential::AreBothNew(const AuditEvent& event, const EntityIds& ids,
                                  const Contact& suspect, const Contact& other,
                                  bool is_own_client) const {
  if (ids.actor >= sites_.size() || sites_[ids.actor] == nullptr) return false;
  const SiteHistory& sites = *sites_[ids.actor];
  const absl::Time now = event.stage_time;
  const uint32_t from = SiteOf(context_.hash, suspect.ip());
  const uint32_t also = SiteOf(context_.hash, other.ip());
  const bool has_two_ways = is_own_client && sites.CameTogether(from, also);
  return !has_two_ways && !MayBeOneMachine(context_.hash, suspect, other) &&
         sites.IsLong(now) && sites.IsNew(from, now) && sites.IsNew(also, now);
}

// Runners of pipelines share one credential: each of their runs is elsewhere,
// some with other tools, and they overlap. Of a pool one's own client is used
// at two more addresses of the network, or at one, and the suspect's at two.
bool StolenCredential::IsInPool(const CredentialContacts& contacts,
                                size_t suspect) const {
  const Contact& from = contacts.contact(suspect);
  const uint32_t site = SiteOf(context_.hash, from.ip());
  int with_own = 0, with_same = 0;
  for (size_t i = 0; i < contacts.size(); ++i) {
    const Contact& other = contacts.contact(i);
    if (i == suspect || SiteOf(context_.hash, other.ip()) != site) continue;
    if (contacts.HasOwnClient(i)) {
      ++with_own;
    } else if (other.SharesAgentWith(from)) {
      ++with_same;
    }
  }
  return with_own >= 2 || (with_own == 1 && with_same >= 2);
}

// An inside address, or a network of the identity for an hour and more. Hosted
// runners are at another address of the internet each time, none of which is a
// home.
bool StolenCredential::HasHome(EntityId actor,
                               const CredentialContacts& contacts,
                               size_t suspect) const {
  for (size_t i = 0; i < contacts.size(); ++i) {
    if (i == suspect || !contacts.HasOwnClient(i)) continue;
    const Contact& own = contacts.contact(i);
    if (own.is_private()) return true;
    const bool is_settled =
        actor < sites_.size() && sites_[actor] != nullptr &&
        sites_[actor]->IsSettled(SiteOf(context_.hash, own.ip()));
    if (is_settled) return true;
  }
  return false;
}

// Of two addresses outside, neither of which is known as home: where a person's
// desktop is, it belongs.
void StolenCredential::FindDesktop(const CredentialContacts& contacts,
                                   size_t& suspect, size_t& other,
                                   Alternation& seen) const {
  const Contact& first = contacts.contact(other);
  const Contact& second = contacts.contact(suspect);
  if (other != contacts.home() ||
      MayBeOneMachine(context_.hash, first, second)) {
    return;
  }
  seen.has_desktop = HasDesktopProgram(first) || HasDesktopProgram(second);
  // The log may begin while a thief is at work.
  if (!HasDesktopProgram(first) && seen.has_desktop) std::swap(suspect, other);
}

// `suspect` is new to the actor's history, and in use now if `is_in_use`.
void StolenCredential::AddNovelty(const AuditEvent& event, EntityId actor,
                                  std::string_view suspect, bool is_in_use,
                                  Alternation& seen) const {
  const SiteHistory& sites = *sites_[actor];
  seen.novelty = sites.Novelty(SiteOf(context_.hash, suspect));
  seen.sessions = sites.sessions();
  seen.sensitive = is_in_use && Sensitivity(TupleOf(event)) >= kSensitiveFrom;
  if (NewNetworkScore(seen) < kNewNetworkScore) seen.novelty = 0;
}

void StolenCredential::Alternate(const AuditEvent& event, const EntityIds& ids,
                                 const CredentialContacts::Use& use,
                                 CredentialContacts& contacts,
                                 Emit& out) const {
  Alternation seen;
  seen.span = options_.alternation_span;
  seen.changes = contacts.ChangesWithin(event.stage_time, seen.span);
  const bool is_node = ids.keys.identity == IdentityClass::kNode;
  seen.needed = is_node ? std::min(kNodeAlternations, options_.min_alternations)
                        : options_.min_alternations;
  // To go somewhere is one change, and no alternation.
  if (seen.changes < 2) return;
  size_t index = SuspectOf(contacts, use.contact, use.previous);
  size_t other = index == use.contact ? use.previous : use.contact;
  if (is_node && contacts.IsOtherFamily(index)) return;
  // Who moves in the evening and again in the morning does not alternate.
  const bool is_return =
      !use.is_new && event.stage_time - use.last_use <= seen.span;
  const bool is_other_new =
      is_return && IsFromNewNetwork(event, ids, contacts, other, index);
  if (is_other_new) std::swap(index, other);
  // Home's client is the same, whichever of the two is home.
  seen.own_client = contacts.HasOwnClient(index);
  seen.has_home = is_node || HasHome(ids.actor, contacts, index);
  if (!seen.has_home && !is_other_new) {
    FindDesktop(contacts, index, other, seen);
  }
  // A thief has the kubelet's name, too, but a node does not roam.
  seen.is_off_machine =
      is_node && seen.own_client && contacts.IsFarFromHome(index);
  seen.crowded = contacts.IsCrowded(event.stage_time);
  // A node shares its credential with nobody.
  seen.is_pool = !is_node && IsInPool(contacts, index);
  seen.both_are_new =
      is_return && AreBothNew(event, ids, contacts.contact(index),
                              contacts.contact(other), seen.own_client);
  if (is_other_new || seen.both_are_new ||
      (is_return && IsFromNewNetwork(event, ids, contacts, index, other))) {
    AddNovelty(event, ids.actor, contacts.contact(index).ip(),
               index == use.contact, seen);
  }
  if (seen.changes < seen.needed && seen.novelty == 0) return;
  Contact& suspect = contacts.contact(index);
  seen.severity = SeverityOf(
      seen, MostFor(event, ids.keys.identity, !contacts.IsFarFromHome(index)));
  bool is_low = seen.severity == Severity::kLow;
  uint8_t level = is_low ? Contact::kReportedLow : Contact::kReportedFully;
  if (level <= suspect.reported) return;
  // That a credential roams is worth one word, not one for each address.
  if (is_low && contacts.roaming_reported()) return;
  contacts.SetRoamingReported();
  suspect.reported = level;
  Observation alternates = ObservationOf(ObservationKind::kCredentialAlternates,
                                         event, ids.keys, suspect);
  alternates.other_ip = contacts.contact(other).ip();
  alternates.may_be_dual_stack =
      suspect.is_v6() != contacts.contact(other).is_v6() &&
      suspect.SharesAgentWith(contacts.contact(other));
  alternates.draft =
      DraftAlternation(context_, {event, ids, contacts, index, other}, seen);
  out.Observe(std::move(alternates));
}

void StolenCredential::SaveActor(EntityId actor, StateWriter& out) const {
  const bool came = actor < came_.size() && came_[actor];
  const bool has_sites = came && sites_[actor] != nullptr;
  const bool has_acts = acts_.Knows(actor);
  if (!came && !has_acts) return;
  out.PutU64((has_sites ? 1U : 0U) | (has_acts ? 2U : 0U) | (came ? 4U : 0U));
  if (has_sites) sites_[actor]->Save(out);
  if (has_acts) acts_.Save(actor, out);
}

absl::Status StolenCredential::LoadActor(EntityId actor, StateReader& in) {
  const uint64_t parts = in.GetU64();
  if (parts > 7) in.Fail();
  if (sites_.size() <= actor) {
    sites_.resize(actor + size_t{1});
    came_.resize(actor + size_t{1});
  }
  came_[actor] = (parts & 4) != 0;
  if ((parts & 1) != 0) {
    sites_[actor] = std::make_unique<SiteHistory>();
    sites_[actor]->Load(in);
  }
  return (parts & 2) != 0 ? acts_.Load(actor, in) : in.status();
}

}  // namespace oddverb
