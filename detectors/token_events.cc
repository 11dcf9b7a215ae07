#include "detectors/token_events.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/deleted_pod.h"
#include "detectors/event_finding.h"
#include "model/identity.h"

namespace oddverb {
namespace {

// InfinitePast(): it cannot be told.
absl::Time RequestedAt(const AuditEvent& event) {
  if (event.received != absl::InfinitePast()) return event.received;
  const bool may_be_long =
      event.verb == "watch" || !event.object.subresource.empty();
  return may_be_long ? absl::InfinitePast() : event.stage_time;
}

bool IsWorthTelling(absl::Time requested, absl::Time before) {
  constexpr absl::Duration kPause = absl::Seconds(60);
  constexpr int64_t kSpanSeconds = 600;
  if (requested - before >= kPause) return true;
  return absl::ToUnixSeconds(requested) / kSpanSeconds >
         absl::ToUnixSeconds(before) / kSpanSeconds;
}

}  // namespace

void ObserveMinting(const DetectorContext& context, const AuditEvent& event,
                    const EntityIds& ids, Emit& out) {
  if (event.issued_credential_id.empty() ||
      event.object.subresource != "token" || !IsComplete(event) ||
      !Succeeded(event)) {
    return;
  }
  Observation minted;
  minted.kind = ObservationKind::kTokenMinted;
  minted.time = event.stage_time;
  minted.credential = context.hash.Hash(event.issued_credential_id);
  minted.actor = ids.keys.actor;
  minted.source_ip = event.source_ip;
  if (ids.keys.identity != IdentityClass::kNode &&
      ids.keys.identity != IdentityClass::kControlPlane) {
    minted.draft = DraftOpenFinding(context, "stolen_credential", "", event,
                                    ids.keys.identity);
  } else {
    minted.account = context.hash.Hash(
        absl::StrCat("system:serviceaccount:", A(event.object.ns), ":",
                     A(event.object.name)));
  }
  out.Observe(std::move(minted));
}

void ObservePodToken(const DetectorContext& context, const AuditEvent& event,
                     const EntityIds& ids, absl::Time before, Emit& out) {
  const absl::Time requested = RequestedAt(event);
  if (!IsWorthTelling(requested, before)) return;
  Observation used;
  used.kind = ObservationKind::kPodTokenUsed;
  used.time = requested;
  used.credential = ids.keys.pod;
  used.pod_bound = true;
  used.actor = ids.keys.actor;
  used.source_ip = event.source_ip;
  used.draft = DraftOpenFinding(context, "stolen_credential", kDeletedPodRule,
                                event, ids.keys.identity);
  out.Observe(std::move(used));
}

}  // namespace oddverb
