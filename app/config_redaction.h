// The configuration as a person may see it: on /config and in a support case.
#ifndef ODDVERB_APP_CONFIG_REDACTION_H_
#define ODDVERB_APP_CONFIG_REDACTION_H_

#include <string>

#include "app/service_config.h"

namespace oddverb {

// Every key with its effective value, defaults too, as one JSON object (which
// is YAML, too); each secret reads "<secret>". With the secrets put in again it
// loads as the same configuration. As `config` holds a YamlNode, to be called
// by one thread at a time.
std::string RedactedConfigJson(const ServiceConfig& config);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_REDACTION_H_
