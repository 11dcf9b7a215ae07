// What must hold between the keys of a configuration: unique names, sources
// and their listeners, who may listen where.
#ifndef ODDVERB_APP_CONFIG_CONSISTENCY_H_
#define ODDVERB_APP_CONFIG_CONSISTENCY_H_

#include <string_view>
#include <vector>

#include "app/mistakes.h"
#include "app/service_config.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// `root` is what `config` was loaded from, for places. A value that is wrong
// by itself, and so empty in `config`, is not told a second time.
void CheckConfigConsistency(const YamlNode& root, const ServiceConfig& config,
                            Mistakes& mistakes);

// What must hold for a checkpoint in Kafka.
void CheckKafkaCheckpoint(const YamlNode& root, const ServiceConfig& config,
                          Mistakes& mistakes);

// What must hold for suppress; `list` is what `entries` was loaded from.
void CheckSuppressions(const YamlNode& list,
                       const std::vector<SuppressConfig>& entries,
                       Mistakes& mistakes);

// Whether only processes of this machine can connect to it. False for what is
// no address.
bool IsLoopback(std::string_view address);

// Whether it can stand in a path of a URL as it is.
bool IsPathSegment(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_CONSISTENCY_H_
