#include "detectors/metadata_access.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/event_finding.h"
#include "detectors/metadata_body.h"
#include "detectors/metadata_finding.h"
#include "detectors/metadata_policy.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

constexpr uint64_t kOldestState = 1;
constexpr uint64_t kWithUndecoded = 2;
constexpr uint64_t kWithEvents = 3;
constexpr uint64_t kStateVersion = kWithEvents;

// Dashboards and archives fill ConfigMaps to their limit of 1 MiB; Events quote
// whatever programs wrote.
bool IsOftenLarge(const AuditEvent& event) {
  return event.object.resource == "configmaps" ||
         event.object.resource == "events";
}

}  // namespace

absl::StatusOr<MetadataAccess::Options> MetadataAccess::Options::FromYaml(
    const YamlNode& node) {
  Options options;
  YamlNode hosts = node.Get("extra_hosts");
  ODDVERB_ASSIGN_OR_RETURN(options.extra_hosts, hosts.AsStrings());
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  if (options.extra_hosts.size() > kMaxExtraHosts) {
    return hosts.Error(
        absl::StrCat("more than ", kMaxExtraHosts, " extra hosts"));
  }
  for (const std::string& host : options.extra_hosts) {
    if (IsHostText(host)) continue;
    return hosts.Error("neither an address nor a host name: \"" +
                       Bounded(host, Finding::kMaxTextBytes) + "\"");
  }
  return options;
}

MetadataAccess::MetadataAccess(const DetectorContext& context,
                               const Options& options)
    : context_(context), targets_(options.extra_hosts) {}

FieldSet MetadataAccess::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kImpersonatedUser,
                 FieldId::kSourceIps, FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kRequestObject,
                 FieldId::kResponseObject, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp, FieldId::kAnnotations});
}

MetadataAccess::ActorState* MetadataAccess::StateOf(EntityId actor) const {
  return actor < actors_.size() ? actors_[actor].get() : nullptr;
}

MetadataAccess::ActorState& MetadataAccess::StateFor(EntityId actor) {
  if (actor >= actors_.size()) actors_.resize(size_t{actor} + 1);
  if (actors_[actor] == nullptr) {
    actors_[actor] = std::make_unique<ActorState>();
  }
  return *actors_[actor];
}

uint64_t MetadataAccess::CaseKey(const MetadataSurface& surface) const {
  HashInput input;
  input.Add(MetadataRule(surface.id))
      .Add(surface.owner_kind)
      .Add(surface.owner_ns)
      .Add(surface.owner_name);
  return context_.hash.Hash(input.bytes());
}

bool MetadataAccess::IsNewRequest(const AuditEvent& event,
                                  ActorState& state) const {
  uint64_t key = RequestKey(context_.hash, context_.cluster, event).low;
  auto& recent = state.recent_requests;
  if (std::find(recent.begin(), recent.end(), key) != recent.end()) {
    return false;
  }
  recent[state.next_request] = key;
  state.next_request =
      static_cast<uint8_t>((state.next_request + 1u) % recent.size());
  return true;
}

MetadataAccess::Look MetadataAccess::LookAt(const AuditEvent& event) const {
  Look look;
  auto weigh = [&](MetadataSurface surface, bool exhausted,
                   MetadataDecoding& decoding) {
    std::optional<MetadataReading> reading =
        ReadSurface(surface, targets_, decoding);
    if (!reading) return;
    reading->exhausted = reading->exhausted || exhausted;
    MetadataScore score = ScoreOf(surface, *reading, event.response_code);
    if (look.best && look.best->score.score >= score.score) return;
    look.best = Seen{std::move(surface), *std::move(reading), std::move(score)};
  };
  if (HasMetadataSurface(event)) {
    std::optional<MetadataSurface> surface = SurfaceOf(event);
    MetadataDecoding decoding{.left = MetadataDecodeLimits(false)};
    if (surface) weigh(*std::move(surface), false, decoding);
    look.exhausted = decoding.exhausted;
    look.is_suspicious = decoding.is_cut_short || decoding.is_too_large;
  }
  if (HasMetadataBody(event)) {
    MetadataBody body = ReadMetadataBody(event);
    MetadataDecoding decoding{.left = MetadataDecodeLimits(true)};
    for (MetadataSurface& text : body.texts) {
      weigh(std::move(text), body.exhausted, decoding);
    }
    look.exhausted = look.exhausted || body.exhausted || decoding.exhausted;
    const bool is_cut_short =
        body.exhausted || decoding.is_cut_short || decoding.is_too_large;
    if (is_cut_short && !IsOftenLarge(event)) look.is_suspicious = true;
  }
  return look;
}

KeyedCases& MetadataAccess::CasesFor(const MetadataSurface& surface) {
  return surface.id == SurfaceId::kEvent ? events_ : cases_;
}

void MetadataAccess::TellOfPolicy(const AuditEvent& event, const EntityIds& ids,
                                  Emit& out) const {
  for (const PolicyChange& change :
       PolicyChangesOf(event, targets_, context_.hash)) {
    Observation told;
    told.kind = ObservationKind::kPolicyChanged;
    told.time = event.stage_time;
    told.actor = ids.keys.actor;
    told.policy = change;
    if (!IsCleanup(event)) {
      told.draft = OpenFinding(context_, "metadata_access", kGuardRemovedRule,
                               event, ids.keys.identity);
      DescribePolicyChange(event, *told.draft);
    }
    out.Observe(std::move(told));
  }
}

void MetadataAccess::Observe(const AuditEvent& event, const EntityIds& ids,
                             Emit& out) {
  if (IsPolicyRequest(event)) TellOfPolicy(event, ids, out);
  if (!HasMetadataSurface(event) && !HasMetadataBody(event)) return;
  // The same request's later stages tell more.
  if (event.stage == Stage::kRequestReceived) return;
  if (ids.actor == kNoEntity) return;
  const Look look = LookAt(event);
  if (look.exhausted) ++out.counts.decodings_cut_short;
  if (look.best && TakeUp({event, *look.best}, ids, out)) return;
  if (look.is_suspicious) TakeUpUndecoded(event, ids, out);
}

bool MetadataAccess::TakeUp(const Sighting& sighting, const EntityIds& ids,
                            Emit& out) {
  const AuditEvent& event = sighting.event;
  KeyedCases& cases = CasesFor(sighting.seen.surface);
  cases.EndQuiet(ids.actor, event.stage_time, out);
  const uint64_t key = CaseKey(sighting.seen.surface);
  KeyedCases::Case* open = cases.Find(ids.actor, key);
  // What is too weak to open a case still belongs to an open one.
  if (open == nullptr && sighting.seen.score.severity < Severity::kLow) {
    return false;
  }
  if (!IsNewRequest(event, StateFor(ids.actor))) return true;
  if (open == nullptr && cases.IsFull(ids.actor)) {
    open = cases.Oldest(ids.actor);
  }
  if (open == nullptr) {
    OpenCase(sighting, ids, key, out);
  } else {
    ExtendCase(sighting, *open, out);
  }
  return true;
}

void MetadataAccess::TakeUpUndecoded(const AuditEvent& event,
                                     const EntityIds& ids, Emit& out) {
  // Nothing was run or written.
  if (event.response_code >= 400) return;
  undecoded_.EndQuiet(ids.actor, event.stage_time, out);
  if (!IsNewRequest(event, StateFor(ids.actor))) return;
  KeyedCases::Case* open = undecoded_.Oldest(ids.actor);
  if (open == nullptr) {
    Finding finding = OpenFinding(context_, "metadata_access", kUndecodedRule,
                                  event, ids.keys.identity);
    DescribeUndecoded(event, finding);
    undecoded_.Open(ids.actor, 0, std::move(finding), out);
    return;
  }
  KeyedCases::Count(event, *open);
  KeyedCases::ReportGrowth(*open, false, out);
}

void MetadataAccess::OpenCase(const Sighting& sighting, const EntityIds& ids,
                              uint64_t key, Emit& out) {
  const AuditEvent& event = sighting.event;
  Finding finding = OpenFinding(context_, "metadata_access",
                                MetadataRule(sighting.seen.surface.id), event,
                                ids.keys.identity);
  DescribeMetadataFinding(event, sighting.seen.surface, sighting.seen.reading,
                          sighting.seen.score, finding);
  CasesFor(sighting.seen.surface).Open(ids.actor, key, std::move(finding), out);
}

void MetadataAccess::ExtendCase(const Sighting& sighting,
                                KeyedCases::Case& open, Emit& out) {
  KeyedCases::Count(sighting.event, open);
  Finding& finding = open.finding;
  const bool is_severer = sighting.seen.score.severity > finding.severity;
  if (sighting.seen.score.score > finding.score) {
    DescribeMetadataFinding(sighting.event, sighting.seen.surface,
                            sighting.seen.reading, sighting.seen.score,
                            finding);
  }
  KeyedCases::ReportGrowth(open, is_severer, out);
}

void MetadataAccess::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
  undecoded_.AdvanceTo(watermark, out);
  events_.AdvanceTo(watermark, out);
}

void MetadataAccess::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  cases_.Forget(id);
  undecoded_.Forget(id);
  events_.Forget(id);
  if (id < actors_.size()) actors_[id].reset();
}

bool MetadataAccess::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor ||
         (cases_.CountOf(id) == 0 && undecoded_.CountOf(id) == 0 &&
          events_.CountOf(id) == 0);
}

void MetadataAccess::Save(EntityKind kind, EntityId id,
                          StateWriter& out) const {
  if (kind != EntityKind::kActor) return;
  const ActorState* state = StateOf(id);
  if (state == nullptr) return;
  out.PutVersion(kStateVersion);
  for (uint64_t request : state->recent_requests) out.PutFixed64(request);
  out.PutU64(state->next_request);
  cases_.Save(id, out);
  undecoded_.Save(id, out);
  events_.Save(id, out);
}

absl::Status MetadataAccess::Load(EntityKind kind, EntityId id,
                                  StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  auto state = std::make_unique<ActorState>();
  const uint64_t version = in.GetVersion(kStateVersion);
  for (uint64_t& request : state->recent_requests) request = in.GetFixed64();
  uint64_t next_request = in.GetU64();
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (version < kOldestState || version > kStateVersion ||
      next_request >= state->recent_requests.size()) {
    return absl::DataLossError("metadata_access: unknown state");
  }
  state->next_request = static_cast<uint8_t>(next_request);
  Forget(kind, id);
  ODDVERB_RETURN_IF_ERROR(cases_.Load(id, in));
  if (version >= kWithUndecoded) {
    ODDVERB_RETURN_IF_ERROR(undecoded_.Load(id, in));
  }
  if (version >= kWithEvents) {
    ODDVERB_RETURN_IF_ERROR(events_.Load(id, in));
  }
  if (id >= actors_.size()) actors_.resize(size_t{id} + 1);
  actors_[id] = std::move(state);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeMetadataAccess(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(MetadataAccess::Options parsed,
                           MetadataAccess::Options::FromYaml(options));
  return std::make_unique<MetadataAccess>(context, parsed);
}

}  // namespace oddverb
