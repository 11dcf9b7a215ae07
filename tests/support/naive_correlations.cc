#include "tests/support/naive_correlations.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace oddverb {
namespace {

using Inputs = std::vector<CorrelationInput>;

// Each request once.
Inputs Distinct(const Inputs& window) {
  Inputs distinct;
  std::set<uint64_t> seen;
  for (const CorrelationInput& input : window) {
    if (input.request != 0 && !seen.insert(input.request).second) continue;
    distinct.push_back(input);
  }
  return distinct;
}

bool InOrder(const Correlation& correlation, const Inputs& window) {
  size_t next = 0;
  for (const CorrelationInput& input : window) {
    if (next < correlation.members.size() && input.member == next) ++next;
  }
  return next == correlation.members.size();
}

bool Holds(const Correlation& correlation, const Inputs& window) {
  if (window.empty()) return false;
  std::vector<double> numbers;
  std::set<uint64_t> values;
  std::vector<bool> members(correlation.members.size());
  for (const CorrelationInput& input : Distinct(window)) {
    numbers.insert(numbers.end(), input.numbers.begin(), input.numbers.end());
  }
  for (const CorrelationInput& input : window) {
    values.insert(input.values.begin(), input.values.end());
    members[input.member] = true;
  }
  auto seen = std::count(members.begin(), members.end(), true);
  double sum = 0;
  for (double number : numbers) sum += number;
  std::sort(numbers.begin(), numbers.end());
  auto count = static_cast<double>(numbers.size());
  switch (correlation.type) {
    case CorrelationType::kEventCount:
      return correlation.Holds(static_cast<double>(Distinct(window).size()));
    case CorrelationType::kValueCount:
      return correlation.Holds(static_cast<double>(values.size()));
    case CorrelationType::kTemporalOrdered:
      return InOrder(correlation, window);
    case CorrelationType::kTemporal:
      if (correlation.expression.has_value()) {
        return correlation.expression->Holds(members);
      }
      if (correlation.limits.empty()) return seen == std::ssize(members);
      return correlation.Holds(static_cast<double>(seen));
    case CorrelationType::kValueSum:
      return !numbers.empty() && correlation.Holds(sum);
    case CorrelationType::kValueAvg:
      return !numbers.empty() && correlation.Holds(sum / count);
    case CorrelationType::kValuePercentile: {
      if (numbers.empty()) return false;
      auto rank =
          static_cast<size_t>(std::ceil(correlation.percentile / 100 * count));
      return correlation.Holds(numbers[std::max<size_t>(rank, 1) - 1]);
    }
  }
  return false;
}

Inputs WindowOf(const Inputs& all, size_t end, absl::Time begin) {
  Inputs window;
  for (size_t i = 0; i < end; ++i) {
    if (all[i].time >= begin) window.push_back(all[i]);
  }
  return window;
}

// Without what repeats a request whose first match is no older than the window.
Inputs WithoutRepeats(const Correlation& correlation, const Inputs& all) {
  bool has_none = correlation.type == CorrelationType::kValueCount ||
                  correlation.type == CorrelationType::kTemporal ||
                  correlation.type == CorrelationType::kTemporalOrdered;
  if (has_none) return all;
  Inputs kept;
  std::map<uint64_t, absl::Time> first;
  for (const CorrelationInput& input : all) {
    auto it = first.find(input.request);
    bool repeats = input.request != 0 && it != first.end() &&
                   it->second >= input.time - correlation.timespan;
    if (repeats) continue;
    first[input.request] = input.time;
    kept.push_back(input);
  }
  return kept;
}

// The times at which one group alerts.
std::vector<absl::Time> AlertTimes(const Correlation& correlation,
                                   Inputs of_group) {
  std::vector<absl::Time> times;
  if (!correlation.JudgesAtEnd()) {
    of_group = WithoutRepeats(correlation, of_group);
  }
  if (correlation.JudgesAtEnd()) {
    for (size_t i = 0; i < of_group.size();) {
      absl::Time end = of_group[i].time + correlation.timespan;
      Inputs window;
      for (; i < of_group.size() && of_group[i].time <= end; ++i) {
        window.push_back(of_group[i]);
      }
      if (Holds(correlation, window)) times.push_back(end);
    }
    return times;
  }
  bool firing = false;
  for (size_t i = 0; i < of_group.size(); ++i) {
    absl::Time begin = of_group[i].time - correlation.timespan;
    if (!Holds(correlation, WindowOf(of_group, i, begin))) firing = false;
    bool holds = Holds(correlation, WindowOf(of_group, i + 1, begin));
    if (holds && !firing) times.push_back(of_group[i].time);
    firing = holds;
  }
  return times;
}

}  // namespace

std::vector<CorrelationAlert> NaiveAlerts(const CorrelationSet& set,
                                          const Inputs& inputs) {
  std::vector<CorrelationAlert> alerts;
  Inputs all = inputs;
  uint64_t chained = 1'000'000;
  for (uint32_t c = 0; c < set.correlations().size(); ++c) {
    const Correlation& correlation = set.correlations()[c];
    std::map<std::vector<std::string>, Inputs> groups;
    for (const CorrelationInput& input : all) {
      if (input.correlation == c) groups[input.group].push_back(input);
    }
    for (auto& [group, of_group] : groups) {
      std::stable_sort(
          of_group.begin(), of_group.end(),
          [](const CorrelationInput& a, const CorrelationInput& b) {
            return a.time < b.time;
          });
      for (absl::Time time : AlertTimes(correlation, of_group)) {
        alerts.push_back(
            {.correlation = c, .time = time, .since = time, .group = group});
        for (const CorrelationSet::Use& use : set.UsesOf(c)) {
          CorrelationInput input{.correlation = use.correlation,
                                 .member = use.member,
                                 .time = time,
                                 .request = ++chained,
                                 .group = {}};
          const CorrelationMember& member =
              set.correlations()[use.correlation].members[use.member];
          for (size_t position : member.group_positions) {
            input.group.push_back(group[position]);
          }
          all.push_back(input);
        }
      }
    }
  }
  std::sort(alerts.begin(), alerts.end(),
            [](const CorrelationAlert& a, const CorrelationAlert& b) {
              return std::tie(a.time, a.correlation, a.group) <
                     std::tie(b.time, b.correlation, b.group);
            });
  return alerts;
}

}  // namespace oddverb
