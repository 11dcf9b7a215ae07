// How ForbiddenBurst's state is saved, loaded and forgotten.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "detectors/forbidden_burst.h"
#include "model/finding_state.h"

namespace oddverb {

void ForbiddenBurst::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kActor || id >= actors_.size()) return;
  cases_.Forget(id);
  if (actors_[id] == nullptr) return;
  ForbiddenActor& actor = *actors_[id];
  if (actor.refused != nullptr && actor.refused->open != nullptr) {
    deadlines_.erase({actor.refused->open->deadline, id});
    ended_.push_back(Finish(actor));
  }
  actors_[id].reset();
}

std::optional<Remains> ForbiddenBurst::RemainsOf(EntityKind kind,
                                                 EntityId id) const {
  if (kind != EntityKind::kActor || id >= actors_.size()) return std::nullopt;
  const ForbiddenActor* actor = actors_[id].get();
  if (actor == nullptr || actor->refused == nullptr) return std::nullopt;
  return actor->refused->Left(actor->first_seen());
}

void ForbiddenBurst::Recall(EntityKind kind, EntityId id,
                            const Remains& remains) {
  if (kind != EntityKind::kActor) return;
  ForbiddenActor& actor = StateFor(id);
  actor.first_seen_micros = int64_t{remains.first_second} * 1'000'000;
  actor.refused = std::make_unique<RefusalRecord>(RefusalRecord::Of(remains));
}

bool ForbiddenBurst::CanRest(EntityKind kind, EntityId id) const {
  if (kind != EntityKind::kActor || id >= actors_.size()) return true;
  const ForbiddenActor* actor = actors_[id].get();
  const bool is_open = actor != nullptr && actor->refused != nullptr &&
                       actor->refused->open != nullptr;
  return !is_open && !cases_.HasOpen(id);
}

void ForbiddenBurst::Save(EntityKind kind, EntityId id,
                          StateWriter& out) const {
  if (kind != EntityKind::kActor || id >= actors_.size()) return;
  if (actors_[id] == nullptr || !actors_[id]->seen()) return;
  actors_[id]->Save(out);
  cases_.Save(id, out);
}

absl::Status ForbiddenBurst::Load(EntityKind kind, EntityId id,
                                  StateReader& in) {
  if (kind != EntityKind::kActor) return absl::OkStatus();
  ForbiddenActor loaded;
  loaded.Load(in);
  cases_.Load(id, in);
  ODDVERB_RETURN_IF_ERROR(in.status());
  ForbiddenActor& actor = StateFor(id);
  if (actor.refused != nullptr && actor.refused->open != nullptr) {
    deadlines_.erase({actor.refused->open->deadline, id});
  }
  actor = std::move(loaded);
  if (actor.refused != nullptr && actor.refused->open != nullptr) {
    deadlines_.insert({actor.refused->open->deadline, id});
  }
  return absl::OkStatus();
}

void ForbiddenBurst::SaveShared(StateWriter& out) const {
  out.PutU64(ended_.size());
  for (const Finding& finding : ended_) SaveFinding(finding, out);
  cases_.SaveShared(out);
}

absl::Status ForbiddenBurst::LoadShared(StateReader& in) {
  std::vector<Finding> ended;
  for (uint64_t left = in.GetCount(1); left > 0; --left) {
    ended.push_back(LoadFinding(in));
    ODDVERB_RETURN_IF_ERROR(in.status());
  }
  cases_.LoadShared(in);
  ODDVERB_RETURN_IF_ERROR(in.status());
  ended_ = std::move(ended);
  return absl::OkStatus();
}

}  // namespace oddverb
