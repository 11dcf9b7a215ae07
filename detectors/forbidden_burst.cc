#include "detectors/forbidden_burst.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/prefetch.h"
#include "base/strings.h"
#include "detectors/event_finding.h"
#include "detectors/finding_text.h"
#include "detectors/forbidden_weight.h"
#include "detectors/rare_operations.h"
#include "detectors/refusal.h"

namespace oddverb {
namespace {

using std::string_view;

// A first contact that succeeds speaks for the actor, but a little only: no
// buying silence with the things that one may do.
constexpr double kCredit = 0.25;
// Controllers and kubelets do 15 to 25 kinds of thing in some 30 and 8
// namespaces; all of that is refused while an API server starts.
constexpr uint32_t kAllowedCapacity = 512;
constexpr size_t kMaxExampleBytes = 64;

// The authorizer let it pass, whatever came of it (404, 409, 422, 500).
bool IsAllowed(const AuditEvent& event) {
  int code = event.response_code;
  if (event.decision == Decision::kAllow) return code != 403 && code != 401;
  // Envelopes of some clouds carry no annotations.
  return event.decision == Decision::kAbsent && code >= 100 && code < 300;
}

// The two others are told apart by address anyway.
bool HasPlaces(IdentityClass identity) {
  return identity != IdentityClass::kAnonymous &&
         identity != IdentityClass::kUnauthenticated;
}

// Sensitivity() of what an identity is worth stealing for.
constexpr double kReachFrom = 1.5;

// What says beside it that somebody else is at work. They weigh nothing: rare
// operations need one of them.
void AddPlaces(const CaseRequest& request, const ForbiddenActor& actor,
               Finding& draft) {
  constexpr absl::Duration kDay = absl::Hours(24);
  const KnownPlaces::Place place = KnownPlaces::Of(request.event);
  const absl::Time born = actor.first_seen();
  if (IsFromNewNetwork(request.event, actor.places, request.time, born, kDay)) {
    AddReason(kNewNetworkReason, draft.where.source_ip, 0, draft);
  }
  if (actor.places.IsNewProgram(place, request.time, born, kDay)) {
    AddReason("with a program that it never used", draft.where.user_agent, 0,
              draft);
  }
}

void Increment(uint16_t& count) {
  if (count < UINT16_MAX) ++count;
}

}  // namespace

ForbiddenBurst::ForbiddenBurst(const DetectorContext& context,
                               const Options& options)
    : context_(context),
      options_(options),
      suspicion_(options.threshold_fast / 3),
      allow_(context.hash, options.allow),
      cases_(context, options.threshold_fast / Options().threshold_fast) {}

FieldSet ForbiddenBurst::fields() const {
  return Fields({FieldId::kAuditId, FieldId::kStage, FieldId::kRequestUri,
                 FieldId::kVerb, FieldId::kUserName, FieldId::kUserUid,
                 FieldId::kUserGroups, FieldId::kUserExtra,
                 FieldId::kImpersonatedUser, FieldId::kSourceIps,
                 FieldId::kUserAgent, FieldId::kObjectRef,
                 FieldId::kResponseStatus, FieldId::kReceivedTimestamp,
                 FieldId::kStageTimestamp, FieldId::kAnnotations});
}

ForbiddenActor& ForbiddenBurst::NewState(EntityId actor) {
  if (actor >= actors_.size()) actors_.resize(actor + size_t{1});
  actors_[actor] = std::make_unique<ForbiddenActor>();
  return *actors_[actor];
}

void ForbiddenBurst::Prefetch(PrefetchStep step, const EntityIds& ids) const {
  const ForbiddenActor* actor = PrefetchOwned(step, actors_, ids.actor);
  if (actor == nullptr) return;
  actor->allowed.Prefetch();
  // What succeeds for the first time becomes an example.
  if (actor->slots.IsFirst()) actor->examples.Prefetch();
}

void ForbiddenBurst::Observe(const AuditEvent& event, const EntityIds& ids,
                             Emit& out) {
  // RequestReceived has no outcome.
  if (event.response_code == 0 || ids.actor == kNoEntity) return;
  const ForbiddenActor* actor =
      ids.actor < actors_.size() ? actors_[ids.actor].get() : nullptr;
  // What the event says by itself is computed first: meanwhile the actor comes
  // from memory, and then its set.
  PrefetchLine(actor);
  TupleHasher& hasher = HasherOf(context_.hash, out);
  const TupleHasher::KnownKind* kind =
      event.object.present ? &hasher.KindOf(event) : nullptr;
  if (actor != nullptr) actor->allowed.Prefetch();
  const KnownPlaces::Place place = hasher.PlaceOf(event);
  if (actor != nullptr && actor->IsQuiet(place, event.stage_time) &&
      IsAllowed(event) && IsRoutine(event, kind, *actor)) {
    return;
  }
  OnOther(event, ids, kind, place, out);
}

inline bool ForbiddenBurst::IsRoutine(const AuditEvent& event,
                                      const TupleHasher::KnownKind* kind,
                                      const ForbiddenActor& actor) {
  if (kind == nullptr) return true;
  if (!event.impersonated.name.empty() || kind->is_self_review) return false;
  if (kind->is_secret &&
      (event.response_code == 404 || event.response_code == 201)) {
    return false;
  }
  return actor.allowed.IsYoung(kind->hash);
}

void ForbiddenBurst::OnOther(const AuditEvent& event, const EntityIds& ids,
                             const TupleHasher::KnownKind* kind,
                             KnownPlaces::Place place, Emit& out) {
  absl::Time time = event.stage_time;
  if (time == absl::InfinitePast()) time = out.stream_time;
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return;
  ForbiddenActor& actor = StateFor(ids.actor);
  if (!HasPlaces(ids.keys.identity)) place = {};
  if (!actor.IsQuiet(place, time)) {
    actor.See(place, time);
  }
  auto [tuple, hash] = TupleHasher::Of(event, kind);
  CaseRequest request{event, ids, tuple, hash, time};
  if (IsAllowed(event)) {
    if (hash != 0) request.hash = ForWhom(event, hash);
    OnAllowed(request, actor, out);
  } else {
    OnNotAllowed(request, actor, out);
  }
  const RefusalRecord* refused = actor.refused.get();
  if (refused != nullptr && (refused->open != nullptr ||
                             refused->fast.score.raw_value() >= suspicion_)) {
    actor.quiet = {};
  }
}

void ForbiddenBurst::OnNotAllowed(CaseRequest& request, ForbiddenActor& actor,
                                  Emit& out) {
  const AuditEvent& event = request.event;
  IdentityClass identity = request.ids.keys.identity;
  RefusalClass refusal = ClassifyRefusal(event);
  if (refusal == RefusalClass::kNone) return;
  if (refusal == RefusalClass::kUnauthenticated) {
    if (identity == IdentityClass::kUnauthenticated) {
      cases_.OnFailedAuthentication(request, out);
    }
    return;
  }
  bool impersonation = refusal == RefusalClass::kImpersonation;
  if (refusal != RefusalClass::kAuthorization && !impersonation &&
      refusal != RefusalClass::kEscalation) {
    return;
  }
  if (identity == IdentityClass::kUnauthenticated) return;
  if (IsHealthProbe(event, request.tuple)) return;
  if (impersonation) {
    request.tuple.verb_class = VerbClass::kEscalate;
    request.hash = 0;
  }
  if (request.hash == 0)
    request.hash = HasherOf(context_.hash, out).Hash(request.tuple);
  request.hash = ForWhom(event, request.hash);
  auto entry = allow_.Find(event.user.name, request.hash, request.time);
  if (entry.has_value()) {
    ++out.counts.allowed_refusals[*entry];
    return;
  }
  request.lost = actor.allowed.Contains(request.hash);
  request.novelty = Novelty(request, actor);
  if (identity == IdentityClass::kAnonymous) {
    cases_.OnAnonymousRefused(request, out);
  } else {
    cases_.OnRefused(request, refusal, out);
  }
  if (refusal == RefusalClass::kEscalation) return;
  RefusedAttempt attempt{event, request.tuple, impersonation};
  attempt.hash = request.hash;
  attempt.time = request.time;
  attempt.novelty = request.novelty;
  OnRefused(attempt, request.ids, actor, out);
}

// The impersonated name is part of the kind, never an actor of its own: what
// one acting for another may do is not what it may do itself.
uint64_t ForbiddenBurst::ForWhom(const AuditEvent& event, uint64_t hash) const {
  if (event.impersonated.name.empty()) return hash;
  return context_.hash.Combine(hash,
                               context_.hash.Hash(event.impersonated.name));
}

void ForbiddenBurst::OnAllowed(CaseRequest& request, ForbiddenActor& actor,
                               Emit& out) {
  const AuditEvent& event = request.event;
  const Tuple& tuple = request.tuple;
  absl::Time time = request.time;
  if (request.ids.keys.identity == IdentityClass::kAnonymous &&
      !IsPublic(event, tuple)) {
    if (request.hash == 0) {
      request.hash = ForWhom(event, HasherOf(context_.hash, out).Hash(tuple));
    }
    cases_.OnAnonymousAllowed(request, out);
  }
  if (IsSelfReview(tuple)) {
    request.novelty = Novelty(request, actor);
    cases_.OnSelfReview(request, out);
    return;
  }
  if (tuple.path_class != PathClass::kNone) return;
  if (event.response_code == 404) {
    if (ForbiddenCases::MayBeGuessed(request)) {
      request.novelty = Novelty(request, actor);
      cases_.OnNotFound(request, out);
    }
  } else if (event.response_code == 201 && event.verb == "create") {
    cases_.OnCreated(request);
  }
  RefusalRecord* refused = actor.refused.get();
  if (refused != nullptr && refused->open != nullptr) {
    OnSuccess(request, actor, out);
  }
  // Under suspicion nothing is learned, and nothing is credited: else what
  // succeeds twice would be a first contact twice.
  if (refused != nullptr) {
    const DecayedScore& score = refused->fast.score;
    // A score only falls by itself: most need no computation.
    if (score.raw_value() >= suspicion_ &&
        score.ValueAt(time, kFastHalfLife) >= suspicion_) {
      return;
    }
  }
  if (!actor.allowed.Add(request.hash, kAllowedCapacity)) return;
  TellFirstSuccess(request, actor, out);
  actor.SettleCounts(time);
  Increment(actor.successes.current);
  if (refused != nullptr) {
    refused->fast.score.Add(time, kFastHalfLife, -kCredit);
    refused->slow.score.Add(time, kSlowHalfLife, -kCredit);
  }
  constexpr size_t kShortest = 6;  // "get /x"
  const size_t size = actor.examples.text_size();
  if (size + 2 + kShortest > kMaxExampleBytes) return;
  const std::string example =
      absl::StrCat(size > 0 ? "; " : "", TupleText(tuple, event.verb));
  if (size + example.size() <= kMaxExampleBytes) {
    actor.examples.Append(example);
  }
}

void ForbiddenBurst::TellFirstSuccess(const CaseRequest& request,
                                      ForbiddenActor& actor, Emit& out) const {
  const IdentityClass identity = request.ids.keys.identity;
  const bool is_judged = identity == IdentityClass::kHuman ||
                         identity == IdentityClass::kServiceAccount;
  // What one does as somebody else is no habit of one's own.
  if (!is_judged || !request.event.impersonated.name.empty()) return;
  const double novelty = actor.slots.NoveltyOfNew();
  const double sensitivity = Sensitivity(request.tuple);
  const bool is_rare = sensitivity >= 1 && novelty > 0;
  if (!is_rare && sensitivity < kReachFrom) return;
  Observation first;
  first.kind = ObservationKind::kFirstSuccess;
  first.time = request.time;
  first.actor = request.ids.keys.actor;
  first.subject = request.hash;
  first.weight = sensitivity;
  if (is_rare) {
    first.novelty = novelty;
    first.draft = OpenFinding(context_, "", "", request.event, identity);
    first.draft->summary = TupleText(request.tuple, request.event.verb);
    AddPlaces(request, actor, *first.draft);
  }
  out.Observe(std::move(first));
}

double ForbiddenBurst::Novelty(const CaseRequest& request,
                               const ForbiddenActor& actor) const {
  if (options_.without == Options::Without::kNovelty) return 1;
  return NoveltyFactor(request.event, request.tuple, request.ids.keys.identity,
                       actor, request.time);
}

void ForbiddenBurst::AdvanceTo(absl::Time watermark, Emit& out) {
  if (!entries_are_counted_) {
    allow_.AddEntries(out.counts.allowed_refusals);
    entries_are_counted_ = true;
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= watermark) {
    EntityId id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    ended_.push_back(Finish(*actors_[id]));
    out.MarkChanged(EntityKind::kActor, id);
  }
  for (Finding& finding : ended_) {
    finding.time = std::max(finding.time, out.stream_time);
    out.Report(std::move(finding));
  }
  ended_.clear();
  cases_.AdvanceTo(watermark, out);
}

}  // namespace oddverb
