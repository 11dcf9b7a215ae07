// How cases of ForbiddenCases end, and how they are saved, loaded and
// forgotten.
#include <algorithm>
#include <utility>

#include "detectors/forbidden_cases.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// What is kept of failed authentications; kRateAlone knows of no bursts.
enum SavedFailures : uint8_t { kNoRate, kRateAlone, kRateAndBursts };

}  // namespace

void ForbiddenCases::Save(EntityId id, StateWriter& out) const {
  bool kept = id < actors_.size() && actors_[id] != nullptr;
  out.PutU64(kept ? actors_[id]->cases.size() : 0);
  if (!kept) return;
  for (const ForbiddenCase& found : actors_[id]->cases) found.Save(out);
  const FailureRate* failures = actors_[id]->failures.get();
  out.PutU64(failures == nullptr ? kNoRate : kRateAndBursts);
  if (failures == nullptr) return;
  failures->Save(out);
  failures->SaveBursts(out);
}

size_t ForbiddenCases::OpenCountOf(const Actor& actor) {
  return static_cast<size_t>(
      std::count_if(actor.cases.begin(), actor.cases.end(),
                    [](const ForbiddenCase& found) { return found.open; }));
}

void ForbiddenCases::Load(EntityId id, StateReader& in) {
  if (id < actors_.size() && actors_[id] != nullptr) {
    open_count_ -= OpenCountOf(*actors_[id]);
    actors_[id].reset();
  }
  uint64_t count = in.GetU64();
  if (count > static_cast<uint64_t>(CaseRule::kCount)) in.Fail();
  if (count == 0 || !in.status().ok()) return;
  auto actor = std::make_unique<Actor>();
  for (; count > 0 && in.status().ok(); --count) {
    actor->cases.emplace_back().Load(in);
  }
  const uint64_t failures = in.GetU64();
  if (failures > kRateAndBursts) in.Fail();
  if (failures != kNoRate) {
    actor->failures = NewFailures();
    actor->failures->Load(in);
    if (failures == kRateAndBursts) actor->failures->LoadBursts(in);
  }
  if (!in.status().ok()) return;
  if (id >= actors_.size()) actors_.resize(id + size_t{1});
  open_count_ += OpenCountOf(*actor);
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

void ForbiddenCases::Finish(ForbiddenCase& found) {
  ended_.push_back(found.Write(FindingState::kFinal, found.last_seen));
  found.Restart();
  --open_count_;
}

// By its id where several are as quiet: a restart gives actors other numbers.
void ForbiddenCases::EndLongestQuiet(Emit& out) {
  ForbiddenCase* quietest = nullptr;
  EntityId owner = kNoEntity;
  for (const auto& [time, id, rule] : deadlines_) {
    ForbiddenCase& found = CaseOf(rule, id);
    if (!found.open) continue;
    if (quietest != nullptr &&
        std::pair(found.deadline(), found.draft->id) >=
            std::pair(quietest->deadline(), quietest->draft->id)) {
      continue;
    }
    quietest = &found;
    owner = id;
  }
  if (quietest == nullptr) return;
  std::erase_if(deadlines_, [&](const Deadline& deadline) {
    return std::get<EntityId>(deadline) == owner &&
           std::get<CaseRule>(deadline) == quietest->rule;
  });
  Finish(*quietest);
  out.MarkChanged(EntityKind::kActor, owner);
}

bool ForbiddenCases::HasOpen(EntityId id) const {
  return id < actors_.size() && actors_[id] != nullptr &&
         OpenCountOf(*actors_[id]) > 0;
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
