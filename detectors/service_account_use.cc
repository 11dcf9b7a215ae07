#include "detectors/service_account_use.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/event_finding.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "detectors/service_account_debut.h"
#include "detectors/tuple.h"
#include "detectors/tuple_hasher.h"
#include "detectors/user_agent.h"

namespace oddverb {
namespace {

using std::string_view;

// 2: with the first request.
constexpr uint64_t kStateVersion = 2;
constexpr uint64_t kCaseKey = 1;
constexpr uint16_t kMaxCounted = 1000;
// Sensitivity() of secrets, code execution, cluster-wide rights.
constexpr double kSensitiveFrom = 1.5;

// What programs are not made with, or made with from their first request on.
bool IsHandTool(AgentFamily family) {
  return family == AgentFamily::kKubectl || family == AgentFamily::kCurl ||
         family == AgentFamily::kWget || family == AgentFamily::kPython ||
         family == AgentFamily::kBrowser || family == AgentFamily::kDashboard ||
         family == AgentFamily::kHelm || family == AgentFamily::kScanner ||
         family == AgentFamily::kNone;
}

constexpr std::string_view kAllRights = "selfsubjectrulesreviews";

bool AsksRights(const AuditEvent& event) {
  return event.object.resource == "selfsubjectaccessreviews" ||
         event.object.resource == kAllRights;
}

void CountOne(uint16_t& count) {
  if (count < kMaxCounted) ++count;
}

}  // namespace

FieldSet ServiceAccountUse::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserGroups,
                 FieldId::kUserExtra, FieldId::kSourceIps, FieldId::kUserAgent,
                 FieldId::kObjectRef, FieldId::kResponseStatus,
                 FieldId::kReceivedTimestamp, FieldId::kStageTimestamp});
}

ServiceAccountUse::State& ServiceAccountUse::StateFor(EntityId actor) {
  if (actor >= states_.size()) states_.resize(size_t{actor} + 1);
  if (states_[actor] == nullptr) states_[actor] = std::make_unique<State>();
  return *states_[actor];
}

bool ServiceAccountUse::NoteClues(const AuditEvent& event, const EntityIds& ids,
                                  const Sender& sender, TupleHasher& hasher,
                                  State& state) {
  bool any = false;
  auto note = [&](Clue clue, std::string value) {
    if (state.doubt == nullptr) state.doubt = std::make_unique<Doubt>();
    if (!IsInDoubt(state, event.stage_time)) {
      state.doubt->since = event.stage_time;
    }
    state.doubt->clues.Note(clue, std::move(value), event.stage_time);
    any = true;
  };
  const uint32_t uses = uint32_t{state.bound} + state.unbound;
  const bool is_bound = ids.keys.pod != 0;
  if (!is_bound && state.unbound == 0 && state.bound >= kMinBound) {
    note(kUnbound, Named(event.credential_id));
  }
  const uint32_t family_bit = 1u << static_cast<uint32_t>(sender.family);
  const bool is_new_family = (state.families & family_bit) == 0;
  if (is_new_family && uses >= kMinUses && IsHandTool(sender.family)) {
    note(kTool, Named(event.user_agent));
  }
  if (state.outside == 0 && uses >= kMinUses && sender.is_outside) {
    note(kOutside, Named(event.source_ip));
  }
  // What is seldom by itself counts only beside one of these.
  const bool in_doubt = IsInDoubt(state, event.stage_time);
  if (in_doubt) {
    // Who works in a pod of his own asks about one thing that does not work,
    // and not for a list of all rights.
    if (AsksRights(event)) {
      if (!is_bound || event.object.resource == kAllRights) {
        note(kAsksRights, std::string(event.object.resource));
      }
    } else if (Tuple tuple = hasher.Of(event).tuple;
               Sensitivity(tuple) >= kSensitiveFrom) {
      note(kSensitive, TupleText(tuple, event.verb));
    }
  }
  // Nothing is learned meanwhile, so that a thief's second request is not taken
  // for a habit of the program.
  if (!in_doubt || event.stage_time - state.doubt->since >= kPatience) {
    state.families |= family_bit;
    CountOne(is_bound ? state.bound : state.unbound);
    if (sender.is_outside) CountOne(state.outside);
  }
  return any;
}

void ServiceAccountUse::Prefetch(PrefetchStep step,
                                 const EntityIds& ids) const {
  PrefetchOwned(step, states_, ids.actor);
}

void ServiceAccountUse::Observe(const AuditEvent& event, const EntityIds& ids,
                                Emit& out) {
  if (ids.keys.identity != IdentityClass::kServiceAccount ||
      ids.actor == kNoEntity || event.stage == Stage::kRequestReceived) {
    return;
  }
  cases_.EndQuiet(ids.actor, event.stage_time, out);
  State& state = StateFor(ids.actor);
  TupleHasher& hasher = HasherOf(context_.hash, out);
  const Sender sender = {hasher.FamilyOf(event), hasher.IsFromOutside(event)};
  NoteDebut(event, ids, sender, hasher, state, out);
  if (NoteClues(event, ids, sender, hasher, state)) {
    Judge(event, ids, state, out);
  }
}

uint8_t ServiceAccountUse::DebutCluesOf(const AuditEvent& event,
                                        const EntityIds& ids,
                                        const Sender& sender,
                                        TupleHasher& hasher) {
  uint8_t clues = 0;
  auto note = [&](DebutClue clue, bool is_seen) {
    if (is_seen) clues |= static_cast<uint8_t>(1U << clue);
  };
  const bool asks_rights = AsksRights(event);
  note(kFirstOutside, sender.is_outside);
  note(kFirstUnbound, ids.keys.pod == 0);
  note(kFirstTool, IsHandTool(sender.family));
  note(kFirstAsksRights, asks_rights);
  note(kFirstSensitive,
       !asks_rights && Sensitivity(hasher.Of(event).tuple) >= kSensitiveFrom);
  return clues;
}

std::string ServiceAccountUse::DebutValueOf(const AuditEvent& event,
                                            DebutClue clue) {
  switch (clue) {
    case kFirstOutside:
      return Named(event.source_ip);
    case kFirstUnbound:
      return Named(event.credential_id);
    case kFirstTool:
      return Named(event.user_agent);
    case kFirstAsksRights:
      return std::string(event.object.resource);
    case kFirstSensitive:
      return TupleText(TupleOf(event), event.verb);
    case kDebutClues:
      break;
  }
  return "";
}

// The first request is told whatever it is, so that it is known as the first.
void ServiceAccountUse::NoteDebut(const AuditEvent& event, const EntityIds& ids,
                                  const Sender& sender, TupleHasher& hasher,
                                  State& state, Emit& out) const {
  const auto second = static_cast<uint32_t>(std::clamp<int64_t>(
      absl::ToUnixSeconds(event.stage_time), 1, UINT32_MAX));
  const bool is_first = state.first_second == 0;
  if (is_first) state.first_second = second;
  if (second > state.first_second + absl::ToInt64Seconds(kWindow)) return;
  const uint8_t now = DebutCluesOf(event, ids, sender, hasher);
  const bool is_news = (now & ~state.debut_clues) != 0;
  if (!is_first && !is_news) return;
  state.debut_clues |= now;
  // Too few clues are not enough, however long it was never used.
  const bool may_be_enough =
      DebutWeightOf(state.debut_clues) + ServiceAccountDebut::kDormantWeight >=
      kThreshold;
  if (!is_first && !may_be_enough) return;
  Observation debut;
  debut.kind = ObservationKind::kAccountDebuts;
  debut.time = event.stage_time;
  debut.actor = debut.account = ids.keys.actor;
  debut.source_ip = event.source_ip;
  if (may_be_enough) {
    debut.draft =
        FindingDraft::Packed(WriteDebut(event, ids, now, state.debut_clues));
  }
  out.Observe(std::move(debut));
}

bool ServiceAccountUse::IsInDoubt(const State& state, absl::Time now) {
  return state.doubt != nullptr && state.doubt->clues.Any(now);
}

// REQUIRES: IsInDoubt(state, now).
void ServiceAccountUse::Weigh(const State& state, absl::Time now,
                              Finding& finding) {
  state.doubt->clues.AddReasons(now, finding);
  finding.severity =
      finding.score >= kHigh ? Severity::kHigh : Severity::kMedium;
  finding.confidence = std::min(0.95, 0.4 + finding.score / 20);
}

void ServiceAccountUse::Judge(const AuditEvent& event, const EntityIds& ids,
                              const State& state, Emit& out) {
  Finding weighed;
  Weigh(state, event.stage_time, weighed);
  KeyedCases::Case* open = cases_.Find(ids.actor, kCaseKey);
  if (open == nullptr) {
    if (weighed.score < kThreshold) return;
    cases_.Open(ids.actor, kCaseKey, Write(event, ids, state), out);
    return;
  }
  if (KeyedCases::IsEndOfCounted(event, *open)) return;
  KeyedCases::Count(event, *open);
  const bool is_severer = KeyedCases::Raise(std::move(weighed), *open);
  KeyedCases::ReportGrowth(*open, is_severer, out);
}

Finding ServiceAccountUse::Write(const AuditEvent& event, const EntityIds& ids,
                                 const State& state) const {
  Finding finding = OpenFinding(context_, "service_account_use",
                                kUsedByHandRule, event, ids.keys.identity);
  Weigh(state, event.stage_time, finding);
  finding.threshold = kThreshold;
  finding.title = "A service account is used by hand";
  finding.summary = absl::StrCat(
      Named(event.user.name), " from ", Named(event.source_ip), " (",
      event.user_agent.empty() ? "no User-Agent" : Named(event.user_agent),
      ") behaves like a person: ", finding.why.front().feature, ".");
  finding.normal =
      absl::StrCat("A program uses its pod's token and its own client: ",
                   Counted(state.bound, "request", "requests"),
                   " by bound tokens so far, ", state.unbound, " by others.");
  finding.next = StepsAgainstCredential(event, ids.keys.identity);
  finding.benign_checks = {
      "Somebody who looks for a fault from inside of the pod.",
      "A token made with `kubectl create token` for a new CI."};
  finding.attack = {"T1528", "T1078"};
  finding.practice = {9};
  return finding;
}

double ServiceAccountUse::DebutWeightOf(uint8_t clues) {
  double weight = 0;
  for (size_t i = 0; i < kDebutKinds.size(); ++i) {
    if ((clues >> i & 1U) != 0) weight += kDebutKinds[i].weight;
  }
  return weight;
}

Finding ServiceAccountUse::WriteDebut(const AuditEvent& event,
                                      const EntityIds& ids, uint8_t now,
                                      uint8_t clues) const {
  Finding finding = OpenFinding(context_, "service_account_use",
                                kUsedByHandRule, event, ids.keys.identity);
  for (size_t i = 0; i < kDebutKinds.size(); ++i) {
    if ((clues >> i & 1U) == 0) continue;
    std::string value = "in an earlier request";
    if ((now >> i & 1U) != 0) {
      value = DebutValueOf(event, static_cast<DebutClue>(i));
      if (value.empty()) value = "none";
    }
    AddReason(kDebutKinds[i].text, std::move(value), kDebutKinds[i].weight,
              finding);
  }
  finding.threshold = kThreshold;
  finding.title = "A service account that was never used is used by hand";
  finding.summary = absl::StrCat(
      Named(event.user.name), " from ", Named(event.source_ip), " (",
      event.user_agent.empty() ? "no User-Agent" : Named(event.user_agent),
      ") is used for the first time, as by a person.");
  finding.next = StepsAgainstCredential(event, ids.keys.identity);
  finding.benign_checks = {
      "A program that has now been told to call the API.",
      "Somebody who looks for a fault from inside of the pod.",
      "Mount no token where none is used: automountServiceAccountToken: "
      "false."};
  finding.attack = {"T1528", "T1078"};
  finding.practice = {9};
  return finding;
}

void ServiceAccountUse::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void ServiceAccountUse::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor) return;
  if (id < states_.size()) states_[id].reset();
  cases_.Forget(id);
}

bool ServiceAccountUse::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kActor || cases_.CountOf(id) == 0;
}

void ServiceAccountUse::Save(EntityKind kind, EntityId id,
                             StateWriter& out) const {
  if (kind != EntityKind::kActor || id >= states_.size()) return;
  const State* state = states_[id].get();
  if (state == nullptr) return;
  out.PutVersion(kStateVersion);
  out.PutNumbers({state->bound, state->unbound, state->outside, state->families,
                  state->debut_clues});
  out.PutSecond(state->first_second);
  out.PutU64(state->doubt != nullptr ? 1 : 0);
  if (state->doubt != nullptr) {
    out.PutTime(state->doubt->since);
    state->doubt->clues.Save(out);
  }
  cases_.Save(id, out);
}

absl::Status ServiceAccountUse::Load(EntityKind kind, EntityId id,
                                     StateReader& in) {
  if (kind != EntityKind::kActor || in.AtEnd()) return absl::OkStatus();
  if (in.GetVersion(kStateVersion) != kStateVersion) in.Fail();
  State state;
  const auto [bound, unbound, outside, families, clues] = in.GetNumbers<5>();
  auto count = [](uint64_t number) {
    return static_cast<uint16_t>(std::min<uint64_t>(number, kMaxCounted));
  };
  state.bound = count(bound);
  state.unbound = count(unbound);
  state.outside = count(outside);
  state.families = static_cast<uint32_t>(families);
  state.first_second = in.GetSecond();
  if (clues >> kDebutClues != 0) in.Fail();
  state.debut_clues = static_cast<uint8_t>(clues);
  if (in.GetU64() != 0) {
    state.doubt = std::make_unique<Doubt>();
    state.doubt->since = in.GetTime();
    state.doubt->clues.Load(in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  Forget(kind, id);
  ODDVERB_RETURN_IF_ERROR(cases_.Load(id, in));
  StateFor(id) = std::move(state);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Detector>> MakeServiceAccountUse(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<ServiceAccountUse>(context);
}

}  // namespace oddverb
