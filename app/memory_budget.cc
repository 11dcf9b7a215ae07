#include "app/memory_budget.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "app/config_values.h"
#include "pipeline/memory_plan.h"

namespace oddverb {
namespace {

bool HasWebhook(const ServiceConfig& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const SourceConfig& source) {
                       return source.type == SourceConfig::Type::kWebhook;
                     });
}

// The sizes that are set come out of the budget as they are.
MemoryPlan PlanOf(const YamlNode& memory, ServiceConfig& config) {
  MemoryPlan::Uses uses;
  uses.request_bodies = HasWebhook(config);
  uses.held_events = config.order == EventOrder::kEventTime;
  uses.recent_events = true;
  const auto budget = static_cast<uint64_t>(config.memory_budget);
  MemoryPlan plan = MemoryPlan::Of(budget, uses);
  auto settle = [&memory](std::string_view key, bool is_used, int64_t& set,
                          uint64_t& planned) {
    if (!is_used) return;
    if (memory.Get(key).present()) {
      planned = static_cast<uint64_t>(set);
    } else {
      set = static_cast<int64_t>(planned);
    }
  };
  settle("in_flight", true, config.in_flight, plan.in_flight);
  settle("http_bodies", uses.request_bodies, config.http_bodies,
         plan.request_bodies);
  settle("held_events", uses.held_events, config.max_held_bytes,
         plan.held_events);
  settle("max_recent_events", true, config.max_recent_events,
         plan.recent_events);
  if (uses.request_bodies && !memory.Get("http_body").present()) {
    config.http_body = std::min(config.http_body, config.http_bodies);
  }
  return plan;
}

}  // namespace

void ApplyMemoryBudget(const YamlNode& root, ServiceConfig& config,
                       Mistakes& mistakes) {
  const YamlNode memory = root.Get("memory");
  // A value that is wrong is told already.
  if (config.memory_budget < int64_t{MemoryPlan::kLeastBudget}) return;
  if (memory.Get("max_entities").present()) {
    mistakes.Add(memory.Get("max_entities")
                     .Error("leave max_entities out: the budget says it"));
  }
  const MemoryPlan plan = PlanOf(memory, config);
  const auto budget = static_cast<uint64_t>(config.memory_budget);
  const uint64_t least = plan.bytes() + MemoryPlan::kLeastForEntities;
  if (budget < least) {
    mistakes.Add(memory.Get("budget").Error(absl::StrCat(
        "expected at least ",
        SizeValue(static_cast<int64_t>((least + 0xfffff) >> 20 << 20)),
        " beside the other sizes, got ", SizeValue(config.memory_budget))));
    return;
  }
  config.entity_budget = EntitiesIn(budget - plan.bytes());
  config.max_entities = 0;
}

}  // namespace oddverb
