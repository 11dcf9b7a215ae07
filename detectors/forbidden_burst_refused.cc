// What ForbiddenBurst makes of one refused request: a retry, a right that was
// lost, or a first contact and its weight.
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/uri.h"
#include "detectors/forbidden_burst.h"
#include "detectors/forbidden_weight.h"
#include "model/event_key.h"

namespace oddverb {
namespace {

constexpr uint32_t kFailedCapacity = 96;
// Of what is refused in a namespace within a minute of what worked there.
constexpr double kLostRightsFactor = 0.25;

void CountFailure(uint16_t& count) {
  if (count < UINT16_MAX) ++count;
}

}  // namespace

void ForbiddenBurst::OnRefused(RefusedAttempt& attempt, const EntityIds& ids,
                               ForbiddenActor& actor, Emit& out) {
  using Without = Options::Without;
  bool counts_all = options_.without == Without::kRetrySuppression;
  bool lost = !counts_all && actor.allowed.Contains(attempt.hash);
  if (lost) {
    cases_.OnLost(
        {attempt.event, ids, attempt.tuple, attempt.hash, attempt.time}, out);
    OnLost(attempt, actor);
  }
  if (lost && actor.refused == nullptr) return;
  if (actor.refused == nullptr) {
    actor.refused = std::make_unique<RefusalRecord>();
  }
  RefusalRecord& refused = *actor.refused;
  // ResponseStarted and ResponseComplete of one watch or exec are one refusal.
  uint64_t request =
      RequestKey(context_.hash, context_.cluster, attempt.event).low;
  if (!refused.RememberRequest(request)) return;
  if (lost) {
    ++refused.fast.lost;
    ++refused.slow.lost;
    return;
  }
  bool is_news = IsNews(attempt, refused);
  if (counts_all) attempt.first_contact = true;
  if (!is_news && !counts_all) {
    ++refused.fast.repeats;
    ++refused.slow.repeats;
    cases_.OnRepeat(
        {attempt.event, ids, attempt.tuple, attempt.hash, attempt.time}, out);
    return;
  }
  actor.SettleCounts(attempt.time);
  attempt.weight =
      FirstContactWeight(attempt.event, attempt.tuple, ids.keys.identity,
                         actor.failures.settled, actor.successes.settled);
  if (options_.without == Without::kSensitivity) {
    attempt.weight /= Sensitivity(attempt.tuple);
  }
  WeighQuestion(refused, ids.keys.identity, attempt);
  if (attempt.first_contact) {
    CountFailure(actor.failures.current);
    attempt.weight *= attempt.novelty;
  } else {
    // One missing right refuses many names, wherever one is.
    attempt.weight *= FurtherNameFactor(refused, attempt);
  }
  if (!counts_all && refused.lost.Cover(ScopeOf(attempt.tuple), attempt.time)) {
    attempt.weight *= kLostRightsFactor;
  }
  refused.Add(attempt);
  out.MarkSuspect(EntityKind::kActor, ids.actor);
  AddEvidence(attempt, refused);
  Judge(attempt, ids, actor, out);
  TellCorrelator(attempt, ids, out);
}

uint32_t ForbiddenBurst::ScopeOf(const Tuple& tuple) const {
  if (tuple.scope == "*" || tuple.path_class != PathClass::kNone) return 0;
  return static_cast<uint32_t>(context_.hash.Hash(tuple.scope)) | 1;
}

// Lists alone: who may get some objects by name is refused the others without
// having lost anything, and could do so at will.
void ForbiddenBurst::OnLost(const RefusedAttempt& attempt,
                            ForbiddenActor& actor) const {
  const uint32_t scope = ScopeOf(attempt.tuple);
  const bool is_loss =
      scope != 0 && attempt.tuple.verb_class == VerbClass::kRead &&
      attempt.event.object.name.empty() && Sensitivity(attempt.tuple) == 1 &&
      attempt.event.impersonated.name.empty();
  if (!is_loss) return;
  if (actor.refused == nullptr) {
    actor.refused = std::make_unique<RefusalRecord>();
  }
  LostRights& lost = actor.refused->lost;
  const auto kind = static_cast<uint32_t>(attempt.hash);
  if (!lost.IsNear(scope, attempt.time)) {
    lost = {scope, SecondOf(attempt.time), kind, false};
    return;
  }
  lost.second = SecondOf(attempt.time);
  if (lost.is_sure || lost.kind == kind) return;
  lost.is_sure = true;
  constexpr absl::Duration kSpan = absl::Seconds(LostRights::kLastsSeconds);
  actor.refused->TakeBack(attempt.tuple.scope, attempt.time - kSpan,
                          attempt.time, 1 - kLostRightsFactor);
}

bool ForbiddenBurst::IsNews(RefusedAttempt& attempt, RefusalRecord& refused) {
  const AuditEvent& event = attempt.event;
  std::string_view name = event.object.name;
  if (attempt.impersonation) {
    // Names the person who was to be impersonated, where the server tells.
    name = event.response_message;
  } else if (attempt.tuple.path_class == PathClass::kOther) {
    name = SplitUri(event.request_uri).path;
  }
  attempt.first_contact = refused.failed.Add(attempt.hash, kFailedCapacity);
  bool new_name =
      !name.empty() &&
      refused.failed.Add(
          context_.hash.Combine(attempt.hash, context_.hash.Hash(name)),
          kFailedCapacity);
  if (!attempt.first_contact) return new_name;
  attempt.first_contact = !refused.WasRefusedBefore(attempt.hash);
  return attempt.first_contact;
}

}  // namespace oddverb
