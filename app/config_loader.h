// Loads the keys of the configuration from YAML. One thread.
#ifndef ODDVERB_APP_CONFIG_LOADER_H_
#define ODDVERB_APP_CONFIG_LOADER_H_

#include <string>
#include <vector>

#include "app/mistakes.h"
#include "app/service_config.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Fills `config` from `root`, value by value; what is missing or wrong keeps
// its default, and what is wrong goes to `mistakes`. Relative paths begin in
// `folder`. Each item of a list is there, even a wrong one, so that an index
// means the same in `root` and in `config`.
void LoadConfigFields(const YamlNode& root, const std::string& folder,
                      ServiceConfig& config, Mistakes& mistakes);

// The key rules of `root` alone.
void LoadRulesConfig(const YamlNode& root, const std::string& folder,
                     RulesConfig& config, Mistakes& mistakes);

// The key suppress of `root` alone.
void LoadSuppressions(const YamlNode& root,
                      std::vector<SuppressConfig>& entries, Mistakes& mistakes);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_LOADER_H_
