#include "exporters/active_alerts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "exporters/alert_names.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
// Beyond, an overflow alert counts a finding again that is tried again.
constexpr size_t kMaxCounted = 1000;

std::string LabelSetOf(const Alert& alert) {
  std::string text;
  for (const AlertText& label : alert.labels) {
    absl::StrAppend(&text, label.name, "\xff", label.value, "\xff");
  }
  return text;
}

void SaveTexts(const AlertTexts& texts, StateWriter& out) {
  out.PutU64(texts.size());
  for (const AlertText& text : texts) {
    out.PutString(text.name);
    out.PutString(text.value);
  }
}

AlertTexts LoadTexts(StateReader& in) {
  AlertTexts texts;
  for (uint64_t left = in.GetCount(2); left > 0; --left) {
    AlertText& text = texts.emplace_back();
    text.name = in.GetString();
    text.value = in.GetString();
  }
  return texts;
}

void SaveAlert(const Alert& alert, StateWriter& out) {
  SaveTexts(alert.labels, out);
  SaveTexts(alert.annotations, out);
  out.PutString(alert.generator_url);
  out.PutString(alert.detector);
  out.PutU64(static_cast<uint64_t>(alert.severity));
  out.PutString(alert.identity);
}

std::shared_ptr<const Alert> LoadAlert(StateReader& in) {
  auto alert = std::make_shared<Alert>();
  alert->labels = LoadTexts(in);
  alert->annotations = LoadTexts(in);
  alert->generator_url = in.GetString();
  alert->detector = in.GetString();
  uint64_t severity = in.GetU64();
  if (severity > static_cast<uint64_t>(Severity::kCritical)) in.Fail();
  alert->severity =
      in.status().ok() ? static_cast<Severity>(severity) : Severity::kInfo;
  alert->identity = in.GetString();
  return alert;
}

}  // namespace

ActiveAlerts::ActiveAlerts(ActiveAlertsOptions options)
    : options_(std::move(options)) {}

ActiveAlerts::Kind ActiveAlerts::KindOf(const Alert& alert) {
  return {alert.detector, AlertSeverityName(alert.severity)};
}

std::vector<ActiveAlert> ActiveAlerts::Add(std::span<const Finding> findings,
                                           absl::Time now) {
  std::vector<Alert> alerts;
  for (const Finding& finding : findings) {
    alerts.push_back(MakeAlert(finding, options_.form));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<ActiveAlert> changed = AdvanceLocked(now);
  std::set<std::string> touched;
  for (size_t i = 0; i < findings.size(); ++i) {
    touched.insert(AddOne(findings[i], std::move(alerts[i]), now, changed));
  }
  for (const std::string& identity : touched) {
    changed.push_back(Told(firing_.at(identity)));
  }
  return changed;
}

std::string ActiveAlerts::AddOne(const Finding& finding, Alert alert,
                                 absl::Time now,
                                 std::vector<ActiveAlert>& replaced) {
  const std::string identity = alert.identity;
  auto found = firing_.find(identity);
  if (found == firing_.end()) {
    if (firing_of_[KindOf(alert)] >= options_.max_per_detector) {
      return AddToOverflow(finding, now);
    }
    Fire(identity, {.alert = std::make_shared<const Alert>(std::move(alert)),
                    .starts_at = now,
                    .last_evidence = now});
    return identity;
  }
  Firing& firing = found->second;
  firing.last_evidence = now;
  if (alert.severity < firing.alert->severity) return identity;
  bool is_worse = alert.severity > firing.alert->severity;
  auto newest = std::make_shared<const Alert>(std::move(alert));
  if (!is_worse) {
    firing.alert = std::move(newest);
    return identity;
  }
  // Another label set, thus another alert for Alertmanager. It keeps its
  // start: the trouble is not new.
  Firing worse = {.alert = std::move(newest),
                  .starts_at = firing.starts_at,
                  .last_evidence = now};
  replaced.push_back(Resolve(firing, now, now));
  firing_.erase(found);
  Fire(identity, std::move(worse));
  return identity;
}

std::string ActiveAlerts::AddToOverflow(const Finding& finding,
                                        absl::Time now) {
  std::string identity = MakeOverflowAlert(finding, 1, options_.form).identity;
  auto found = firing_.find(identity);
  if (found == firing_.end()) {
    Fire(identity, {.alert = std::make_shared<const Alert>(
                        MakeOverflowAlert(finding, 1, options_.form)),
                    .starts_at = now,
                    .last_evidence = now,
                    .overflow_count = 1,
                    .counted = {finding.id}});
    return identity;
  }
  Firing& firing = found->second;
  firing.last_evidence = now;
  if (firing.counted.contains(finding.id)) return identity;
  if (firing.counted.size() < kMaxCounted) firing.counted.insert(finding.id);
  ++firing.overflow_count;
  firing.alert = std::make_shared<const Alert>(
      MakeOverflowAlert(finding, firing.overflow_count, options_.form));
  return identity;
}

void ActiveAlerts::Fire(const std::string& identity, Firing firing) {
  resolved_.erase(LabelSetOf(*firing.alert));
  if (firing.overflow_count == 0) ++firing_of_[KindOf(*firing.alert)];
  firing_.insert_or_assign(identity, std::move(firing));
}

ActiveAlert ActiveAlerts::Resolve(const Firing& firing, absl::Time at,
                                  absl::Time now) {
  if (firing.overflow_count == 0) {
    auto kind = firing_of_.find(KindOf(*firing.alert));
    if (kind != firing_of_.end() && --kind->second == 0) {
      firing_of_.erase(kind);
    }
  }
  if (resolved_.size() < kMaxResolved) {
    resolved_[LabelSetOf(*firing.alert)] = {
        .alert = firing.alert,
        .starts_at = firing.starts_at,
        .ends_at = at,
        .forget_at = now + options_.told_resolved};
  }
  return {.alert = firing.alert,
          .starts_at = firing.starts_at,
          .updated_at = firing.last_evidence,
          .ends_at = at,
          .is_resolved = true};
}

absl::Time ActiveAlerts::EndOf(const Firing& firing) const {
  absl::Time from = firing.last_evidence;
  if (options_.hold_from == HoldFrom::kEvidenceAndTaken) {
    from = std::max(from, firing.taken_at);
  }
  return from + options_.hold;
}

ActiveAlert ActiveAlerts::Told(const Firing& firing) const {
  return {.alert = firing.alert,
          .starts_at = firing.starts_at,
          .updated_at = firing.last_evidence,
          .ends_at = EndOf(firing),
          .is_resolved = false};
}

std::vector<ActiveAlert> ActiveAlerts::Advance(absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  return AdvanceLocked(now);
}

std::vector<ActiveAlert> ActiveAlerts::AdvanceLocked(absl::Time now) {
  std::vector<ActiveAlert> over;
  for (auto at = firing_.begin(); at != firing_.end();) {
    Firing& firing = at->second;
    // After a clock that was ahead, an alert must not fire until it comes true.
    firing.starts_at = std::min(firing.starts_at, now);
    firing.last_evidence = std::min(firing.last_evidence, now);
    if (firing.taken_at != absl::InfiniteFuture()) {
      firing.taken_at = std::min(firing.taken_at, now);
    }
    absl::Time end = EndOf(firing);
    if (end > now) {
      ++at;
      continue;
    }
    over.push_back(Resolve(firing, end, now));
    at = firing_.erase(at);
  }
  for (auto at = resolved_.begin(); at != resolved_.end();) {
    Resolved& resolved = at->second;
    resolved.forget_at =
        std::min(resolved.forget_at, now + options_.told_resolved);
    at = resolved.forget_at <= now ? resolved_.erase(at) : std::next(at);
  }
  return over;
}

absl::Time ActiveAlerts::next_change() const {
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [identity, firing] : firing_) {
    next = std::min(next, EndOf(firing));
  }
  for (const auto& [labels, resolved] : resolved_) {
    next = std::min(next, resolved.forget_at);
  }
  return next;
}

void ActiveAlerts::MarkTaken(std::span<const ActiveAlert> alerts,
                             absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const ActiveAlert& taken : alerts) {
    auto found = firing_.find(taken.alert->identity);
    if (found == firing_.end()) continue;
    Firing& firing = found->second;
    // A worse one may have taken its place meanwhile.
    if (firing.alert->severity != taken.alert->severity) continue;
    if (firing.taken_at == absl::InfiniteFuture()) firing.taken_at = now;
  }
}

std::vector<ActiveAlert> ActiveAlerts::All() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<ActiveAlert> all;
  for (const auto& [identity, firing] : firing_) all.push_back(Told(firing));
  for (const auto& [labels, resolved] : resolved_) {
    all.push_back({.alert = resolved.alert,
                   .starts_at = resolved.starts_at,
                   .updated_at = resolved.ends_at,
                   .ends_at = resolved.ends_at,
                   .is_resolved = true});
  }
  return all;
}

std::vector<ActiveAlert> ActiveAlerts::FiringAt(absl::Time now) const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<ActiveAlert> all;
  for (const auto& [identity, firing] : firing_) {
    if (EndOf(firing) > now) all.push_back(Told(firing));
  }
  return all;
}

bool ActiveAlerts::is_empty() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return firing_.empty() && resolved_.empty();
}

std::array<size_t, 5> ActiveAlerts::counts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::array<size_t, 5> counts{};
  for (const auto& [identity, firing] : firing_) {
    ++counts[static_cast<size_t>(firing.alert->severity)];
  }
  return counts;
}

void ActiveAlerts::Save(StateWriter& out) const {
  std::lock_guard<std::mutex> lock(mutex_);
  out.PutU64(kStateVersion);
  out.PutU64(firing_.size());
  for (const auto& [identity, firing] : firing_) {
    SaveAlert(*firing.alert, out);
    out.PutTime(firing.starts_at);
    out.PutTime(firing.last_evidence);
    out.PutTime(firing.taken_at);
    out.PutU64(firing.overflow_count);
  }
  out.PutU64(resolved_.size());
  for (const auto& [labels, resolved] : resolved_) {
    SaveAlert(*resolved.alert, out);
    out.PutTime(resolved.starts_at);
    out.PutTime(resolved.ends_at);
    out.PutTime(resolved.forget_at);
  }
}

absl::Status ActiveAlerts::Load(StateReader& in) {
  std::lock_guard<std::mutex> lock(mutex_);
  firing_.clear();
  resolved_.clear();
  firing_of_.clear();
  LoadLocked(in);
  if (in.status().ok()) return absl::OkStatus();
  firing_.clear();
  resolved_.clear();
  firing_of_.clear();
  return in.status();
}

void ActiveAlerts::LoadLocked(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  constexpr size_t kLeastBytes = 10;
  for (uint64_t left = in.GetCount(kLeastBytes); left > 0; --left) {
    Firing firing;
    firing.alert = LoadAlert(in);
    firing.starts_at = in.GetTime();
    firing.last_evidence = in.GetTime();
    firing.taken_at = in.GetTime();
    firing.overflow_count = in.GetU64();
    const std::string identity = firing.alert->identity;
    if (in.status().ok()) Fire(identity, std::move(firing));
  }
  for (uint64_t left = in.GetCount(kLeastBytes); left > 0; --left) {
    Resolved resolved;
    resolved.alert = LoadAlert(in);
    resolved.starts_at = in.GetTime();
    resolved.ends_at = in.GetTime();
    resolved.forget_at = in.GetTime();
    if (in.status().ok()) {
      resolved_[LabelSetOf(*resolved.alert)] = std::move(resolved);
    }
  }
}

}  // namespace oddverb
