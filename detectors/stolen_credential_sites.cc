// The shards' part of stolen_credential: the networks of each identity.
#include <cstdint>
#include <memory>

#include "detectors/stolen_credential.h"

namespace oddverb {
namespace {

// How often an identity's network is noted, at least.
constexpr int64_t kNoteSeconds = 600;

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
