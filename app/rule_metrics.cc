#include "app/rule_metrics.h"

#include <atomic>
#include <cstdint>
#include <string_view>

namespace oddverb {

void FillRuleMetrics(const RuleFiles& files, const LiveRules& live,
                     Metrics& metrics) {
  const LoadedRules& loaded = files.loaded;
  auto count = [&metrics](std::string_view state, uint64_t rules) {
    metrics.Gauge(MetricId::kRules, {state}).Set(static_cast<double>(rules));
  };
  count("in_force", loaded.rules->rules().size() +
                        loaded.correlations->correlations().size());
  count("off", loaded.not_selected);
  count("other_log", loaded.other_sources);
  count("refused", loaded.refused);
  auto lost = [&metrics](std::string_view reason,
                         const std::atomic<uint64_t>& number) {
    metrics.Counter(MetricId::kCorrelationLosses, {reason})
        .Add(static_cast<double>(number.load(std::memory_order_relaxed)));
  };
  lost("late", live.losses().late);
  lost("evicted_groups", live.losses().evicted_groups);
  lost("dropped_values", live.losses().dropped_values);
  lost("hurried", live.losses().hurried);
  lost("forgotten", live.losses().forgotten);
  for (const auto& [rule, matches] : live.MatchCounts()) {
    metrics.Counter(MetricId::kRuleMatches, {rule})
        .Add(static_cast<double>(matches));
  }
}

}  // namespace oddverb
