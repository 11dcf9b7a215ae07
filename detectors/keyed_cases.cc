#include "detectors/keyed_cases.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status_macros.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

bool QuietSinceLonger(const Finding& a, const Finding& b) {
  return std::pair(a.last_seen, a.id) < std::pair(b.last_seen, b.id);
}

Finding FinalOf(Finding finding) {
  finding.state = FindingState::kFinal;
  return finding;
}

}  // namespace

KeyedCases::Case* KeyedCases::Find(EntityId actor, uint64_t key) {
  auto it = actors_.find(actor);
  if (it == actors_.end()) return nullptr;
  auto open = std::find_if(it->second.begin(), it->second.end(),
                           [key](const Case& c) { return c.key == key; });
  return open == it->second.end() ? nullptr : &*open;
}

KeyedCases::Case* KeyedCases::Oldest(EntityId actor) {
  auto it = actors_.find(actor);
  return it == actors_.end() ? nullptr : &it->second.front();
}

size_t KeyedCases::CountOf(EntityId actor) const {
  auto it = actors_.find(actor);
  return it == actors_.end() ? 0 : it->second.size();
}

void KeyedCases::Open(EntityId actor, uint64_t key, Finding finding,
                      Emit& out) {
  if (count_ >= limits_.all) {
    EndLongestQuiet(actors_.begin(), actors_.end(), out);
  }
  out.Report(finding);
  next_end_ = std::min(next_end_, finding.last_seen + limits_.quiet);
  actors_[actor].push_back({.key = key, .finding = std::move(finding)});
  ++count_;
}

bool KeyedCases::IsEndOfCounted(const AuditEvent& event, const Case& open) {
  if (event.stage != Stage::kResponseComplete) return false;
  const std::vector<Evidence>& evidence = open.finding.evidence;
  // The client chooses the audit ID: a later request with the same one was
  // received after what the first one is evidence of.
  return std::any_of(
      evidence.begin(), evidence.end(), [&](const Evidence& seen) {
        return seen.audit_id == event.audit_id && seen.verb == event.verb &&
               seen.code == event.response_code && event.received <= seen.time;
      });
}

void KeyedCases::Count(const AuditEvent& event, Case& open) {
  Finding& finding = open.finding;
  ++finding.count;
  finding.first_seen = std::min(finding.first_seen, event.stage_time);
  finding.last_seen = std::max(finding.last_seen, event.stage_time);
  finding.AddEvidence(event);
}

bool KeyedCases::Raise(Finding weighed, Case& open) {
  Finding& finding = open.finding;
  const bool is_severer = weighed.severity > finding.severity;
  if (weighed.score > finding.score) {
    finding.why = std::move(weighed.why);
    finding.score = weighed.score;
    finding.severity = weighed.severity;
    finding.confidence = weighed.confidence;
  }
  return is_severer;
}

void KeyedCases::ReportGrowth(Case& open, bool is_news, Emit& out) {
  if (!is_news && open.finding.count < 2 * open.reported_count) return;
  open.reported_count = open.finding.count;
  open.finding.state = FindingState::kUpdate;
  out.Report(open.finding);
}

void KeyedCases::EndQuiet(EntityId actor, absl::Time now, Emit& out) {
  auto it = actors_.find(actor);
  if (it == actors_.end()) return;
  std::vector<Case>& cases = it->second;
  auto goes_on = [&](const Case& open) {
    return open.finding.last_seen + limits_.quiet > now;
  };
  // As it is nearly always; to part them takes memory.
  if (std::all_of(cases.begin(), cases.end(), goes_on)) return;
  auto first_quiet = std::stable_partition(cases.begin(), cases.end(), goes_on);
  for (auto open = first_quiet; open != cases.end(); ++open) {
    out.Report(FinalOf(std::move(open->finding)));
    --count_;
  }
  cases.erase(first_quiet, cases.end());
  if (cases.empty()) actors_.erase(it);
  out.MarkChanged(EntityKind::kActor, actor);
  NoteNextEnd();
}

void KeyedCases::EndLongestQuietOf(EntityId actor, Emit& out) {
  auto it = actors_.find(actor);
  if (it != actors_.end()) EndLongestQuiet(it, std::next(it), out);
}

void KeyedCases::EndLongestQuiet(Actors::iterator first, Actors::iterator last,
                                 Emit& out) {
  auto owner = last;
  std::vector<Case>::iterator quietest;
  for (auto it = first; it != last; ++it) {
    auto candidate = std::min_element(
        it->second.begin(), it->second.end(), [](const Case& a, const Case& b) {
          return QuietSinceLonger(a.finding, b.finding);
        });
    if (owner != last &&
        !QuietSinceLonger(candidate->finding, quietest->finding)) {
      continue;
    }
    owner = it;
    quietest = candidate;
  }
  if (owner == last) return;
  out.Report(FinalOf(std::move(quietest->finding)));
  out.MarkChanged(EntityKind::kActor, owner->first);
  owner->second.erase(quietest);
  --count_;
  if (owner->second.empty()) actors_.erase(owner);
}

void KeyedCases::NoteNextEnd() {
  next_end_ = absl::InfiniteFuture();
  for (const auto& [actor, cases] : actors_) {
    for (const Case& open : cases) {
      next_end_ = std::min(next_end_, open.finding.last_seen + limits_.quiet);
    }
  }
}

void KeyedCases::AdvanceTo(absl::Time watermark, Emit& out) {
  if (count_ == 0 || watermark < next_end_) return;
  const auto first_report = static_cast<ptrdiff_t>(out.findings.size());
  // Copied: actors that have no case any more go.
  std::vector<EntityId> actors;
  for (const auto& [actor, cases] : actors_) actors.push_back(actor);
  for (EntityId actor : actors) EndQuiet(actor, watermark, out);
  NoteNextEnd();
  std::sort(out.findings.begin() + first_report, out.findings.end(),
            QuietSinceLonger);
}

void KeyedCases::Forget(EntityId actor) {
  auto it = actors_.find(actor);
  if (it == actors_.end()) return;
  count_ -= it->second.size();
  actors_.erase(it);
}

void KeyedCases::Save(EntityId actor, StateWriter& out) const {
  out.PutU64(CountOf(actor));
  auto it = actors_.find(actor);
  if (it == actors_.end()) return;
  for (const Case& open : it->second) {
    out.PutFixed64(open.key);
    out.PutI64(open.reported_count);
    SaveFinding(open.finding, out);
  }
}

absl::Status KeyedCases::Load(EntityId actor, StateReader& in) {
  Forget(actor);
  const uint64_t count = in.GetCount(1);
  if (count > limits_.per_actor) in.Fail();
  ODDVERB_RETURN_IF_ERROR(in.status());
  std::vector<Case> cases(count);
  for (Case& open : cases) {
    open.key = in.GetFixed64();
    open.reported_count = in.GetI64();
    open.finding = LoadFinding(in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  if (cases.empty()) return absl::OkStatus();
  count_ += cases.size();
  actors_[actor] = std::move(cases);
  NoteNextEnd();
  return absl::OkStatus();
}

}  // namespace oddverb
