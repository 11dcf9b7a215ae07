// The configuration as a person may see it: on /config and in a support case.
#ifndef ODDVERB_APP_CONFIG_REDACTION_H_
#define ODDVERB_APP_CONFIG_REDACTION_H_

#include <string>

#include "app/service_config.h"

namespace oddverb {

// YAML with every key and its effective value, defaults too; each secret reads
// "<secret>". With the secrets put in again it loads as the same
// configuration.
std::string RedactedConfigYaml(const ServiceConfig& config);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_REDACTION_H_
