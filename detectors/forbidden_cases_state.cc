// How the state of ForbiddenCases is saved, loaded and forgotten.
#include <utility>

#include "detectors/forbidden_cases.h"
#include "model/finding_state.h"

namespace oddverb {

void ForbiddenCases::Save(EntityId id, StateWriter& out) const {
  bool kept = id < actors_.size() && actors_[id] != nullptr;
  out.PutU64(kept ? actors_[id]->cases.size() : 0);
  if (!kept) return;
  for (const ForbiddenCase& found : actors_[id]->cases) found.Save(out);
  out.PutU64(actors_[id]->failures != nullptr ? 1 : 0);
  if (actors_[id]->failures != nullptr) actors_[id]->failures->Save(out);
}

void ForbiddenCases::Load(EntityId id, StateReader& in) {
  if (id < actors_.size()) actors_[id].reset();
  uint64_t count = in.GetU64();
  if (count > static_cast<uint64_t>(CaseRule::kCount)) in.Fail();
  if (count == 0 || !in.status().ok()) return;
  auto actor = std::make_unique<Actor>();
  for (; count > 0 && in.status().ok(); --count) {
    actor->cases.emplace_back().Load(in);
  }
  if (in.GetU64() != 0) {
    actor->failures = std::make_unique<FailureRate>();
    actor->failures->Load(in);
  }
  if (!in.status().ok()) return;
  if (id >= actors_.size()) actors_.resize(id + size_t{1});
  actors_[id] = std::move(actor);
  SetDeadlines(id);
}

void ForbiddenCases::SetDeadlines(EntityId id) {
  std::erase_if(deadlines_, [&](const Deadline& deadline) {
    return std::get<EntityId>(deadline) == id;
  });
  for (const ForbiddenCase& found : actors_[id]->cases) {
    if (found.open) deadlines_.insert({found.deadline(), id, found.rule});
  }
}

void ForbiddenCases::Forget(EntityId id) {
  if (id >= actors_.size() || actors_[id] == nullptr) return;
  for (ForbiddenCase& found : actors_[id]->cases) {
    if (found.open) Finish(found);
  }
  std::erase_if(deadlines_, [&](const Deadline& deadline) {
    return std::get<EntityId>(deadline) == id;
  });
  actors_[id].reset();
}

void ForbiddenCases::SaveShared(StateWriter& out) const {
  out.PutU64(ended_.size());
  for (const Finding& finding : ended_) SaveFinding(finding, out);
}

void ForbiddenCases::LoadShared(StateReader& in) {
  ended_.clear();
  for (uint64_t left = in.GetCount(1); left > 0 && in.status().ok(); --left) {
    ended_.push_back(LoadFinding(in));
  }
  if (!in.status().ok()) ended_.clear();
}

}  // namespace oddverb
