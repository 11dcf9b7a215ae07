// Configuration text: YAML as checked nodes with places, on top of yaml-cpp,
// which is named (and whose exceptions are caught) in this folder only.
#ifndef ODDVERB_YAML_YAML_H_
#define ODDVERB_YAML_YAML_H_

#include "yaml/yaml_node.h"

#endif  // ODDVERB_YAML_YAML_H_
