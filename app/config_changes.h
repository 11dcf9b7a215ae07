// What differs between two configurations, key by key, and which keys a
// running service takes over. The keys come from VisitConfig(), so that none is
// forgotten. Functions without state; as a ServiceConfig holds a YamlNode, to
// be called by one thread at a time.
#ifndef ODDVERB_APP_CONFIG_CHANGES_H_
#define ODDVERB_APP_CONFIG_CHANGES_H_

#include <string>
#include <vector>

#include "app/service_config.h"

namespace oddverb {

// Keys as people write them, "log.level"; in lists by the name of the item,
// "outputs.file.min_severity". Sorted. No value is told, so no secret is.
struct ConfigChanges {
  std::vector<std::string> live;     // CopyLiveKeys() takes them over
  std::vector<std::string> restart;  // count at the next start only
};
ConfigChanges CompareConfigs(const ServiceConfig& before,
                             const ServiceConfig& after);

// Log level, rules; tokens and TLS files of listeners, severity of outputs: of
// those that both have.
void CopyLiveKeys(const ServiceConfig& from, ServiceConfig& to);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_CHANGES_H_
