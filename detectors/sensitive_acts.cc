#include "detectors/sensitive_acts.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/certificate_requests.h"
#include "detectors/event_finding.h"
#include "detectors/privileged_workload.h"
#include "detectors/program_impersonation.h"
#include "detectors/proxy_use.h"
#include "detectors/settings_write.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr uint64_t kStateVersion = 1;
constexpr uint32_t kMaxTold = 64;
// A certificate with its chain.
constexpr size_t kMaxCertificateBytes = 64 * 1024;

bool IsRead(string_view verb) {
  return verb == "get" || verb == "list" || verb == "watch";
}

bool IsMinting(const AuditEvent& event) {
  return event.object.resource == "serviceaccounts" &&
         event.object.subresource == "token" && event.verb == "create";
}

// The signer writes the certificate into the request's status.
bool IsSigning(const AuditEvent& event) {
  return event.object.resource == "certificatesigningrequests" &&
         event.object.subresource == "status" && IsWrite(event.verb) &&
         IsComplete(event) && Succeeded(event);
}

}  // namespace

SensitiveActs::SensitiveActs(const DetectorContext& context, LogAgents agents)
    : context_(context), agents_(std::move(agents)) {}

FieldSet SensitiveActs::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserUid,
                 FieldId::kUserGroups, FieldId::kUserExtra,
                 FieldId::kImpersonatedUser, FieldId::kSourceIps,
                 FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp, FieldId::kRequestObject,
                 FieldId::kResponseObject, FieldId::kAnnotations});
}

SensitiveActs::Record& SensitiveActs::RecordOf(EntityId actor) {
  State& state = states_[actor];
  if (state.record == nullptr) state.record = std::make_unique<Record>();
  return *state.record;
}

void SensitiveActs::Prefetch(PrefetchStep step, const EntityIds& ids) const {
  if (step != PrefetchStep::kElement || ids.actor >= states_.size()) return;
  PrefetchBytes(&states_[ids.actor], sizeof(State));
}

void SensitiveActs::Observe(const AuditEvent& event, const EntityIds& ids,
                            Emit& out) {
  if (ids.actor == kNoEntity || event.stage == Stage::kRequestReceived) return;
  if (IsSigning(event)) ObserveCertificate(event, ids, out);
  const IdentityClass identity = ids.keys.identity;
  const bool is_judged = identity == IdentityClass::kHuman ||
                         identity == IdentityClass::kServiceAccount;
  if (!is_judged) return;
  states_.GrowTo(ids.actor + size_t{1});
  ActorHabits& habits = states_[ids.actor].habits;
  habits.See(event.source_ip, event.stage_time);
  const ActScene scene{event, identity, context_.hash, habits};
  const ObjectReference& object = event.object;
  if (!event.impersonated.name.empty()) {
    Tell(JudgeProgramImpersonation(scene), scene, ids, out);
  }
  if (object.subresource == "proxy") {
    Tell(JudgeProxy(scene), scene, ids, out);
  } else if (IsRead(event.verb)) {
    if (object.resource == "secrets") JudgeSecrets(scene, ids, out);
  } else if (IsComplete(event)) {
    JudgeWrites(scene, ids, out);
  }
}

void SensitiveActs::JudgeSecrets(const ActScene& scene, const EntityIds& ids,
                                 Emit& out) {
  const AuditEvent& event = scene.event;
  if (!Succeeded(event)) return;
  if (event.verb != "get") {
    Tell(JudgeSecretList(scene), scene, ids, out);
  } else if (!event.object.name.empty()) {
    Tell(RecordOf(ids.actor).secrets.Judge(scene), scene, ids, out);
  }
}

void SensitiveActs::JudgeWrites(const ActScene& scene, const EntityIds& ids,
                                Emit& out) {
  const AuditEvent& event = scene.event;
  if (IsMinting(event)) return ObserveMinting(scene, ids, out);
  if (ConcernsEvidence(event, agents_)) {
    Tell(JudgeEvidence(scene, agents_, RecordOf(ids.actor).trace), scene, ids,
         out);
  }
  if (ConcernsSettings(event)) Tell(JudgeSettings(scene), scene, ids, out);
  if (ConcernsWorkload(event)) Tell(JudgeWorkload(scene), scene, ids, out);
}

void SensitiveActs::Tell(std::optional<ActorAct> act, const ActScene& scene,
                         const EntityIds& ids, Emit& out) {
  if (!act.has_value()) return;
  if (!act->novelty.empty()) {
    const uint64_t what = context_.hash.Combine(
        context_.hash.Hash(act->rule), context_.hash.Hash(act->novelty));
    if (!RecordOf(ids.actor).told.Add(what, kMaxTold)) return;
  }
  cases_.Add(ids.actor,
             MakeActFinding(context_, scene.event, ids.keys, *std::move(act)),
             out);
}

void SensitiveActs::ObserveMinting(const ActScene& scene, const EntityIds& ids,
                                   Emit& out) {
  const AuditEvent& event = scene.event;
  if (!Succeeded(event)) return;
  const std::string account = absl::StrCat(
      "system:serviceaccount:", A(event.object.ns), ":", A(event.object.name));
  std::optional<double> novelty =
      scene.NoveltyOfAct(ActorHabits::Kind::kMint, account);
  if (!novelty.has_value()) return;
  // Once, and once more from outside, however many tokens.
  const uint64_t what = context_.hash.Hash(
      absl::StrCat("mint ", account, scene.IsNewlyOutside() ? " outside" : ""));
  if (!RecordOf(ids.actor).told.Add(what, kMaxTold)) return;
  Observation minted;
  minted.kind = ObservationKind::kMintedFirst;
  minted.time = event.stage_time;
  minted.actor = ids.keys.actor;
  minted.subject = context_.hash.Hash(account);  // KeysOf() of its user
  minted.novelty = *novelty;
  if (!event.issued_credential_id.empty()) {
    minted.minted = context_.hash.Hash(event.issued_credential_id);
  }
  ActorAct act;
  AddCircumstances(scene, *novelty, 3, act);
  minted.draft =
      OpenFinding(context_, kSensitiveActs, "", event, scene.identity);
  minted.draft->why = std::move(act.why);
  out.Observe(std::move(minted));
}

void SensitiveActs::ObserveCertificate(const AuditEvent& event,
                                       const EntityIds& ids, Emit& out) const {
  constexpr std::array<string_view, 2> kCertificate = {"status", "certificate"};
  constexpr std::array<string_view, 2> kRequest = {"spec", "request"};
  constexpr std::array<string_view, 2> kUser = {"spec", "username"};
  RawJson body = event.request_object;
  if (!FindPath(body, kCertificate).present()) body = event.response_object;
  std::string scratch;
  auto encoded = StringOf(FindPath(body, kCertificate), scratch);
  std::string pem;
  if (!encoded.has_value() || encoded->size() > kMaxCertificateBytes ||
      !absl::Base64Unescape(A(*encoded), &pem)) {
    return;
  }
  const std::string der = DerOf(pem);
  if (der.empty()) return;
  auto user = StringOf(FindPath(body, kUser), scratch);
  // Kubelets renew theirs all the time.
  const std::string requester(user.value_or(""));
  const bool is_kubelet = requester.starts_with("system:node:") ||
                          requester.starts_with("system:bootstrap:");
  if (is_kubelet) return;
  const CertificateSubject subject =
      SubjectOf(StringOf(FindPath(body, kRequest), scratch).value_or(""));
  Observation issued;
  issued.kind = ObservationKind::kCertificateIssued;
  issued.time = event.stage_time;
  // As the API server names it (user.extra credential-id).
  issued.credential =
      context_.hash.Hash(absl::StrCat("X509SHA256=", Sha256Hex(der)));
  issued.weight = IsPowerful(subject) ? 1 : 0;
  issued.draft =
      OpenFinding(context_, kSensitiveActs, "", event, ids.keys.identity);
  issued.draft->who.user = Named(requester);
  issued.draft->summary = SubjectText(subject);
  out.Observe(std::move(issued));
}

void SensitiveActs::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void SensitiveActs::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  if (id < states_.size()) states_[id] = {};
  cases_.Forget(id);
}

// What Save() leaves out, and open findings, stay.
bool SensitiveActs::CanRest(EntityKind kind, EntityId id) const {
  if (kind != EntityKind::kActor || id >= states_.size()) return true;
  const State& state = states_[id];
  return !cases_.HasAny(id) && (state.habits.seen() || state.record == nullptr);
}

void SensitiveActs::Save(EntityKind kind, EntityId id, StateWriter& out) const {
  if (kind != EntityKind::kActor || id >= states_.size()) return;
  const State& state = states_[id];
  if (!state.habits.seen()) return;
  out.PutVersion(kStateVersion);
  state.habits.Save(out);
  out.PutU64(state.record != nullptr ? 1 : 0);
  if (state.record == nullptr) return;
  state.record->trace.Save(out);
  state.record->secrets.Save(out);
  state.record->told.Save(out);
  cases_.Save(id, out);
}

absl::Status SensitiveActs::Load(EntityKind kind, EntityId id,
                                 StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  if (in.GetVersion(kStateVersion) != kStateVersion) in.Fail();
  State state;
  state.habits.Load(in);
  Forget(kind, id);
  if (in.GetU64() != 0) {
    state.record = std::make_unique<Record>();
    state.record->trace.Load(in);
    state.record->secrets.Load(in);
    state.record->told.Load(in);
    cases_.Load(id, in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  states_.GrowTo(id + size_t{1});
  states_[id] = std::move(state);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeSensitiveActs(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(LogAgents agents, LogAgents::FromYaml(options));
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<SensitiveActs>(context, std::move(agents));
}

}  // namespace oddverb
