// What a file of Falco rules asks of Falco. Pure functions.
#ifndef ODDVERB_RULES_FALCO_VERSIONS_H_
#define ODDVERB_RULES_FALCO_VERSIONS_H_

#include <string>
#include <string_view>

#include "yaml/yaml_node.h"

namespace oddverb {

// "15", or "0.31.0". Empty if an engine of that version will do, else why not.
std::string CheckFalcoEngine(std::string_view wanted, int major, int minor);

struct FalcoPluginCheck {
  std::string message;   // empty = all is well
  bool missing = false;  // none of the plugins is known here
};
// {name, version, alternatives}: one of them must be had, of the same major
// version and no newer.
FalcoPluginCheck CheckFalcoPlugin(const YamlNode& requirement);

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_VERSIONS_H_
