// The sizes that one budget of memory stands for.
#ifndef ODDVERB_APP_MEMORY_BUDGET_H_
#define ODDVERB_APP_MEMORY_BUDGET_H_

#include "app/mistakes.h"
#include "app/service_config.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Where `config` has a budget, sets the sizes that `root`, which it was loaded
// from, does not set, and entity_budget. Tells if the other sizes leave too
// little for identities.
void ApplyMemoryBudget(const YamlNode& root, ServiceConfig& config,
                       Mistakes& mistakes);

}  // namespace oddverb

#endif  // ODDVERB_APP_MEMORY_BUDGET_H_
