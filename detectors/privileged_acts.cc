#include "detectors/privileged_acts.h"

#include <algorithm>
#include <utility>

#include "detectors/bootstrap_token.h"
#include "detectors/certificate_requests.h"
#include "detectors/credential_read.h"
#include "detectors/impersonation.h"
#include "detectors/kubelet_proxy.h"
#include "detectors/legacy_token.h"
#include "detectors/rbac_grant.h"
#include "detectors/token_minting.h"

namespace oddverb {
namespace {

// 3: with the powerful roles, and tokens from secrets.
constexpr uint64_t kStateVersion = 3;
// Remembered for each actor; the newest are.
constexpr uint32_t kMaxTold = 64;
constexpr uint32_t kMaxRequests = 16;
constexpr uint32_t kMaxImpersonated = 16;
// Rancher, Teleport and their kin stand in for every user, day after day.
constexpr uint32_t kProxyUsers = 5;
constexpr absl::Duration kProxyTime = absl::Hours(24);

bool IsWrite(std::string_view verb) {
  return verb == "create" || verb == "update" || verb == "patch";
}

}  // namespace

PrivilegedActs::History& PrivilegedActs::HistoryOf(EntityId actor) {
  if (histories_.size() <= actor) histories_.resize(actor + size_t{1});
  if (histories_[actor] == nullptr) {
    histories_[actor] = std::make_unique<History>();
  }
  return *histories_[actor];
}

void PrivilegedActs::Observe(const AuditEvent& event, const EntityIds& ids,
                             double new_place, Emit& out) {
  if (since_ == absl::InfiniteFuture()) since_ = event.stage_time;
  if (ids.actor == kNoEntity || event.stage == Stage::kRequestReceived) return;
  std::optional<ActorAct> act = Judge(event, ids, new_place);
  if (!act.has_value() || !IsNews(*act, ids.actor)) return;
  bool is_harvest = act->rule == kHarvestRule;
  Finding finding = MakeActFinding(context_, event, ids.keys, std::move(*act));
  if (is_harvest) {
    const SecretReads& secrets = HistoryOf(ids.actor).secrets;
    std::vector<Evidence> last =
        std::exchange(finding.evidence, secrets.first_reads());
    finding.first_seen = finding.evidence[0].time;
    finding.evidence.push_back(std::move(last[0]));
  }
  cases_.Add(ids.actor, std::move(finding), out);
}

// Impersonation first: whatever is done by it, it is the gravest part.
std::optional<ActorAct> PrivilegedActs::Judge(const AuditEvent& event,
                                              const EntityIds& ids,
                                              double new_place) {
  if (!event.impersonated.name.empty()) return JudgeAs(event, ids.actor);
  const ObjectReference& object = event.object;
  // Judged at their start: they may last for hours. The end is no news.
  if (object.subresource == "exec" || object.subresource == "attach") {
    return JudgeCredentialRead(event);
  }
  if (object.resource == "nodes" && object.subresource == "proxy") {
    return JudgeKubeletProxy(event);
  }
  if (!IsComplete(event)) return std::nullopt;
  if (ids.keys.identity == IdentityClass::kBootstrap) {
    std::optional<ActorAct> act = JudgeBootstrap(event);
    const bool is_request =
        object.resource == "certificatesigningrequests" && IsWrite(event.verb);
    return act.has_value() || !is_request ? act : JudgeRequest(event, ids);
  }
  if (ids.keys.identity == IdentityClass::kServiceAccount) {
    std::optional<ActorAct> act = JudgeLegacy(event, ids.actor, new_place);
    if (act.has_value()) return act;
  }
  if (object.resource == "secrets") return JudgeRead(event, ids);
  if (!IsWrite(event.verb)) return std::nullopt;
  if (object.resource == "serviceaccounts") {
    if (object.subresource != "token") return std::nullopt;
    return JudgeMinting(event, ids.keys.identity);
  }
  if (object.resource == "certificatesigningrequests") {
    return JudgeRequest(event, ids);
  }
  if (object.api_group == "rbac.authorization.k8s.io") {
    return JudgeGrant(event, ids.keys.identity,
                      {context_.hash, HistoryOf(ids.actor).roles});
  }
  return std::nullopt;
}

std::optional<ActorAct> PrivilegedActs::JudgeLegacy(const AuditEvent& event,
                                                    EntityId actor,
                                                    double new_place) {
  if (!IsLegacyToken(event)) return std::nullopt;
  absl::Time& used = HistoryOf(actor).legacy_used;
  const absl::Time since = std::max(used, since_);
  used = std::max(used, event.stage_time);
  return JudgeLegacyToken(
      event, {.idle = event.stage_time - since, .novelty = new_place});
}

std::optional<ActorAct> PrivilegedActs::JudgeAs(const AuditEvent& event,
                                                EntityId actor) {
  History& history = HistoryOf(actor);
  history.impersonated.Add(context_.hash.Hash(event.impersonated.name),
                           kMaxImpersonated);
  history.first_impersonation =
      std::min(history.first_impersonation, event.stage_time);
  bool is_proxy = history.impersonated.size() >= kProxyUsers &&
                  event.stage_time - history.first_impersonation >= kProxyTime;
  return JudgeImpersonation(event, is_proxy);
}

std::optional<ActorAct> PrivilegedActs::JudgeRequest(const AuditEvent& event,
                                                     const EntityIds& ids) {
  const ObjectReference& object = event.object;
  bool is_creation = event.verb == "create" && object.subresource.empty();
  if (!is_creation && object.subresource != "approval") return std::nullopt;
  uint64_t name = context_.hash.Hash(object.name);
  History& history = HistoryOf(ids.actor);
  if (is_creation && Succeeded(event)) {
    history.requests.Add(name, kMaxRequests);
  }
  return JudgeCertificate(event, ids.keys.identity,
                          history.requests.Contains(name));
}

std::optional<ActorAct> PrivilegedActs::JudgeRead(const AuditEvent& event,
                                                  const EntityIds& ids) {
  bool is_read = event.verb == "get" && Succeeded(event) &&
                 !event.object.name.empty() &&
                 ids.keys.identity != IdentityClass::kNode &&
                 ids.keys.identity != IdentityClass::kControlPlane;
  if (!is_read) return std::nullopt;
  return HistoryOf(ids.actor).secrets.Add(context_.hash, event);
}

bool PrivilegedActs::IsNews(const ActorAct& act, EntityId actor) {
  if (act.novelty.empty()) return true;
  uint64_t what = context_.hash.Combine(context_.hash.Hash(act.rule),
                                        context_.hash.Hash(act.novelty));
  return HistoryOf(actor).told.Add(what, kMaxTold);
}

void PrivilegedActs::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void PrivilegedActs::Forget(EntityId actor) {
  if (Knows(actor)) {
    since_ = std::max(since_, histories_[actor]->legacy_used);
    histories_[actor].reset();
  }
  cases_.Forget(actor);
}

// To forget the use of a token from a secret says that others may be forgotten,
// too.
bool PrivilegedActs::CanRest(EntityId actor) const {
  const bool has_used_legacy =
      actor < histories_.size() && histories_[actor] != nullptr &&
      histories_[actor]->legacy_used != absl::InfinitePast();
  return !has_used_legacy && !cases_.HasAny(actor);
}

void PrivilegedActs::Save(EntityId actor, StateWriter& out) const {
  // An open case has a history.
  if (actor >= histories_.size() || histories_[actor] == nullptr) return;
  const History& history = *histories_[actor];
  out.PutU64(kStateVersion);
  history.told.Save(out);
  history.requests.Save(out);
  history.impersonated.Save(out);
  history.roles.Save(out);
  out.PutTime(history.first_impersonation);
  history.secrets.Save(out);
  out.PutTime(history.legacy_used);
  cases_.Save(actor, out);
}

absl::Status PrivilegedActs::Load(EntityId actor, StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  History& history = HistoryOf(actor);
  history.told.Load(in);
  history.requests.Load(in);
  history.impersonated.Load(in);
  history.roles.Load(in);
  history.first_impersonation = in.GetTime();
  history.secrets.Load(in);
  history.legacy_used = in.GetTime();
  cases_.Load(actor, in);
  return in.status();
}

}  // namespace oddverb
