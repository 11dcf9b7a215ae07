#include "detectors/actor_cases.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "detectors/finding_text.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr absl::Duration kQuiet = absl::Minutes(30);

void AddTexts(const std::vector<std::string>& more,
              std::vector<std::string>& list) {
  for (const std::string& text : more) AddDistinct(text, list);
}

// A request that two stages tell of is one piece of evidence.
bool IsOneRequest(const Evidence& a, const Evidence& b) {
  return a.audit_id == b.audit_id && a.uri == b.uri;
}

// Evidence, texts and times of `more`.
void Merge(const Finding& more, Finding& finding) {
  for (const Evidence& evidence : more.evidence) {
    if (finding.evidence.size() >= Finding::kMaxEvidence) break;
    bool is_known = std::any_of(
        finding.evidence.begin(), finding.evidence.end(),
        [&](const Evidence& known) { return IsOneRequest(known, evidence); });
    if (!is_known) finding.evidence.push_back(evidence);
  }
  AddTexts(more.what.verbs, finding.what.verbs);
  AddTexts(more.what.resources, finding.what.resources);
  AddTexts(more.what.namespaces, finding.what.namespaces);
  AddTexts(more.what.names, finding.what.names);
  finding.first_seen = std::min(finding.first_seen, more.first_seen);
  finding.last_seen = std::max(finding.last_seen, more.last_seen);
}

// The graver finding speaks, with the identity and the past of the open one.
void Raise(Finding graver, Finding& finding) {
  std::swap(graver, finding);
  finding.id = graver.id;
  finding.count = graver.count;
  std::vector<Evidence> newer =
      std::exchange(finding.evidence, std::move(graver.evidence));
  graver.evidence = std::move(newer);
  Merge(graver, finding);
}

}  // namespace

void ActorCases::Add(EntityId actor, Finding finding, Emit& out) {
  std::vector<Finding>& open = open_[actor];
  auto same = std::find_if(open.begin(), open.end(), [&](const Finding& f) {
    return f.rule == finding.rule;
  });
  if (same == open.end()) {
    if (open.size() >= kMaxOpen) return;
    open.push_back(finding);
    out.Report(std::move(finding));
    return;
  }
  int64_t before = same->count;
  bool is_graver =
      finding.severity > same->severity ||
      (finding.severity == same->severity && finding.score > same->score);
  int64_t more = finding.count;
  if (is_graver) {
    Raise(std::move(finding), *same);
  } else {
    Merge(finding, *same);
    // What else was done; the score stays that of the gravest.
    if (same->why.size() < Finding::kMaxListed && !finding.why.empty()) {
      AddReason(finding.why[0].feature, finding.why[0].value, 0, *same);
    }
  }
  same->count = before + more;
  int64_t doubled = 2;
  while (doubled <= before) doubled *= 2;
  if (!is_graver && same->count < doubled) return;
  same->state = FindingState::kUpdate;
  out.Report(*same);
}

void ActorCases::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto it = open_.begin(); it != open_.end();) {
    std::vector<Finding>& open = it->second;
    size_t before = open.size();
    for (size_t i = 0; i < open.size();) {
      if (open[i].last_seen + kQuiet > watermark) {
        ++i;
        continue;
      }
      Finding finding = std::move(open[i]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
      finding.state = FindingState::kFinal;
      out.Report(std::move(finding));
    }
    if (open.size() != before) out.MarkChanged(EntityKind::kActor, it->first);
    it = open.empty() ? open_.erase(it) : std::next(it);
  }
}

void ActorCases::Forget(EntityId actor) { open_.erase(actor); }

bool ActorCases::HasAny(EntityId actor) const { return open_.contains(actor); }

void ActorCases::Save(EntityId actor, StateWriter& out) const {
  auto found = open_.find(actor);
  if (found == open_.end()) {
    out.PutU64(0);
    return;
  }
  out.PutU64(found->second.size());
  for (const Finding& open : found->second) SaveFinding(open, out);
}

void ActorCases::Load(EntityId actor, StateReader& in) {
  Forget(actor);
  uint64_t count = in.GetCount(8);
  if (count > kMaxOpen) in.Fail();
  std::vector<Finding> open;
  for (; count > 0 && in.status().ok(); --count) {
    open.push_back(LoadFinding(in));
  }
  if (in.status().ok() && !open.empty()) open_[actor] = std::move(open);
}

}  // namespace oddverb
