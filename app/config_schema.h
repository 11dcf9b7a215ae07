// The JSON Schema of the configuration, for editors: `oddverb schema config`.
#ifndef ODDVERB_APP_CONFIG_SCHEMA_H_
#define ODDVERB_APP_CONFIG_SCHEMA_H_

#include <string>

namespace oddverb {

// JSON Schema 2020-12, one key a line. What is not a text may be one with a
// variable in it: "${THREADS}".
std::string ConfigSchemaJson();

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_SCHEMA_H_
