#include "rules/live_rules.h"

namespace oddverb {

std::string_view RuleHandle(const Rule& rule) {
  if (!rule.name.empty()) return rule.name;
  return rule.id.empty() ? rule.title : rule.id;
}

LiveRules::LiveRules(const LoadedRules& loaded, Reload reload)
    : fields_(reload == Reload::kPossible
                  ? AllFields()
                  : loaded.rules->fields() | loaded.correlations->fields()),
      in_force_(Prepare(loaded)) {}

std::atomic<uint64_t>* LiveRules::CounterOf(const Rule& rule) {
  std::string_view handle = RuleHandle(rule);
  auto counter = counters_.find(handle);
  if (counter == counters_.end()) {
    if (counters_.size() >= kMaxCounted) handle = kOther;
    counter = counters_.try_emplace(std::string(handle), 0).first;
  }
  return &counter->second;
}

std::shared_ptr<const LiveRules::InForce> LiveRules::Prepare(
    const LoadedRules& loaded) {
  auto prepared = std::make_shared<InForce>();
  for (const Rule& rule : loaded.rules->rules()) {
    prepared->matches.push_back(CounterOf(rule));
  }
  for (const Correlation& of : loaded.correlations->correlations()) {
    prepared->alerts_made.push_back(CounterOf(of.rule));
  }
  prepared->rules = loaded.rules;
  prepared->correlations = loaded.correlations;
  return prepared;
}

void LiveRules::Replace(const LoadedRules& loaded) {
  std::lock_guard<std::mutex> lock(mutex_);
  in_force_ = Prepare(loaded);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const LiveRules::InForce> LiveRules::Get() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return in_force_;
}

std::vector<std::pair<std::string, uint64_t>> LiveRules::MatchCounts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::pair<std::string, uint64_t>> counts;
  for (const auto& [handle, count] : counters_) {
    counts.emplace_back(handle, count.load(std::memory_order_relaxed));
  }
  return counts;
}

}  // namespace oddverb
