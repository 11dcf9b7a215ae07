#include "pipeline/rate_limit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr size_t kNamedInSentence = 3;

size_t BudgetOf(Severity severity) {
  switch (severity) {
    case Severity::kCritical:
      return 2;
    case Severity::kHigh:
      return 1;
    default:
      return 0;
  }
}

absl::Time StartOfWindow(absl::Time time, absl::Duration window) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), window);
}

template <class T>
void AddDistinct(const std::vector<T>& more, std::vector<T>& list) {
  for (const T& item : more) {
    if (list.size() >= Finding::kMaxListed) return;
    if (std::find(list.begin(), list.end(), item) == list.end()) {
      list.push_back(item);
    }
  }
}

std::string Plural(uint64_t number, std::string_view one,
                   std::string_view many) {
  return absl::StrCat(number, " ", A(number == 1 ? one : many));
}

}  // namespace

std::vector<Finding> RateLimit::AdvanceTo(absl::Time now) {
  if (now == absl::InfinitePast() || now == absl::InfiniteFuture()) return {};
  now_ = std::max(now_, now);
  if (now_ < next_end_) return {};
  std::vector<Finding> ended;
  next_end_ = absl::InfiniteFuture();
  for (auto& [rule, window] : windows_) {
    if (window.start == absl::InfinitePast()) continue;
    absl::Time end = window.start + options_.window;
    if (end > now_) {
      next_end_ = std::min(next_end_, end);
      continue;
    }
    if (window.summary.count > 0) {
      ended.push_back(Describe(window));
      ended.back().state = FindingState::kFinal;
      ended.back().time = end;
    }
    uint32_t number = window.number;
    window = Window();
    window.number = number;
    window.is_changed = true;
  }
  std::stable_sort(
      ended.begin(), ended.end(),
      [](const Finding& a, const Finding& b) { return a.time < b.time; });
  return ended;
}

RateLimit::Window& RateLimit::WindowOf(const Finding& finding) {
  auto [found, is_new] = windows_.try_emplace(finding.rule);
  Window& window = found->second;
  if (is_new) window.number = static_cast<uint32_t>(windows_.size() - 1);
  if (window.start == absl::InfinitePast()) Begin(finding, window);
  window.is_changed = true;
  return window;
}

void RateLimit::Begin(const Finding& finding, Window& window) const {
  window.start = StartOfWindow(std::max(now_, finding.time), options_.window);
  Finding& summary = window.summary;
  summary.cluster = finding.cluster;
  summary.rule = finding.rule + kSummarySuffix;
  summary.detector = finding.detector;
  summary.source = finding.source;
  summary.entity = finding.rule;
  summary.entity_kind = "rule";
  // The key of every finding id, whoever finds it.
  summary.id =
      FindingId(KeyedHash(), summary.cluster, summary.rule, summary.entity,
                {0, static_cast<uint64_t>(absl::ToUnixSeconds(window.start))});
  summary.first_seen = absl::InfiniteFuture();
  summary.last_seen = absl::InfinitePast();
}

bool RateLimit::Admit(const Finding& finding) {
  Window& window = WindowOf(finding);
  next_end_ = std::min(next_end_, window.start + options_.window);
  uint64_t& opened = window.opened[BudgetOf(finding.severity)];
  if (opened >= options_.max_opened) return false;
  ++opened;
  return true;
}

Finding RateLimit::Fold(const Finding& finding) {
  Window& window = WindowOf(finding);
  Finding& summary = window.summary;
  ++summary.count;
  summary.time = std::max(now_, finding.time);
  summary.severity = std::max(summary.severity, finding.severity);
  summary.first_seen = std::min(summary.first_seen, finding.first_seen);
  summary.last_seen = std::max(summary.last_seen, finding.last_seen);
  AddDistinct(finding.attack, summary.attack);
  AddDistinct(finding.practice, summary.practice);
  uint64_t hash = KeyedHash().Hash(finding.entity);
  if (window.entities.size() < kMaxEntities) {
    window.entities.insert(hash);
  } else if (!window.entities.contains(hash)) {
    window.has_more_entities = true;
  }
  auto named = std::find_if(
      window.first_entities.begin(), window.first_entities.end(),
      [&](const auto& entry) { return entry.first == finding.entity; });
  if (named != window.first_entities.end()) {
    ++named->second;
  } else if (window.first_entities.size() < Finding::kMaxListed) {
    window.first_entities.emplace_back(finding.entity, 1);
  }
  return Describe(window);
}

Finding RateLimit::Describe(const Window& window) const {
  Finding finding = window.summary;
  auto count = static_cast<uint64_t>(finding.count);
  std::string span = absl::FormatDuration(options_.window);
  finding.confidence = 1;
  finding.score = static_cast<double>(count);
  finding.threshold = static_cast<double>(options_.max_opened);
  finding.title = absl::StrCat(
      "rule ", finding.entity, ": ",
      Plural(count, "more finding", "more findings"), " of ",
      window.has_more_entities ? "more than " : "",
      Plural(window.entities.size(), "entity", "entities"), " in ", span);
  std::string first;
  uint64_t named = 0;
  for (const auto& [entity, findings] : window.first_entities) {
    if (named < kNamedInSentence) {
      absl::StrAppend(&first, named == 0 ? "" : ", ", entity);
    }
    named += 1;
    finding.why.push_back(
        {"folded findings", entity, static_cast<double>(findings)});
    count -= findings;
  }
  if (count > 0) {
    finding.why.push_back(
        {"folded findings", "other entities", static_cast<double>(count)});
  }
  finding.summary = absl::StrCat(finding.title, ": ", first,
                                 named > kNamedInSentence ? ", ..." : "");
  finding.normal = absl::StrCat(
      "at most ", options_.max_opened, " findings of a rule in ", span,
      " are told one by one; high and critical ones are counted apart");
  finding.next = {
      "oddverb scan LOG   # lists every finding: a scan has no limit",
      "look for what the entities share: one cause, or one attacker who makes "
      "noise"};
  finding.benign_checks = {
      "a rule that fits this cluster badly: suppress it for some entities, or "
      "tune its detector"};
  return finding;
}

std::vector<std::pair<uint32_t, std::string>> RateLimit::TakeChanges() {
  std::vector<std::pair<uint32_t, std::string>> changes;
  for (auto& [rule, window] : windows_) {
    if (!window.is_changed) continue;
    window.is_changed = false;
    StateWriter out;
    out.PutString(rule);
    out.PutTime(window.start);
    for (uint64_t opened : window.opened) out.PutU64(opened);
    out.PutU64(window.entities.size());
    for (uint64_t hash : window.entities) out.PutFixed64(hash);
    out.PutU64(window.has_more_entities ? 1 : 0);
    out.PutU64(window.first_entities.size());
    for (const auto& [entity, findings] : window.first_entities) {
      out.PutString(entity);
      out.PutU64(findings);
    }
    SaveFinding(window.summary, out);
    changes.emplace_back(window.number, out.Release());
  }
  return changes;
}

absl::Status RateLimit::Load(uint32_t number, StateReader& in) {
  if (number != windows_.size()) {
    return absl::DataLossError("checkpoint: the window of a rule is missing");
  }
  auto [found, is_new] = windows_.try_emplace(std::string(in.GetString()));
  if (!is_new) in.Fail();
  Window& window = found->second;
  window.number = number;
  window.start = in.GetTime();
  for (uint64_t& opened : window.opened) opened = in.GetU64();
  for (uint64_t n = in.GetCount(8); n > 0; --n) {
    window.entities.insert(in.GetFixed64());
  }
  window.has_more_entities = in.GetU64() != 0;
  for (uint64_t n = in.GetCount(2); n > 0 && in.status().ok(); --n) {
    std::string entity(in.GetString());
    uint64_t findings = in.GetU64();
    window.first_entities.emplace_back(std::move(entity), findings);
  }
  window.summary = LoadFinding(in);
  if (window.start != absl::InfinitePast()) {
    // The window may be of another length now; it ends with the new one.
    now_ = std::max(now_, window.start);
    next_end_ = std::min(next_end_, window.start + options_.window);
  }
  return in.status();
}

}  // namespace oddverb
