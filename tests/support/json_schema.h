// Checks a JSON value against the part of JSON Schema 2020-12 that our schemas
// use. A keyword it does not know is a mismatch: no schema may promise what no
// test checks.
#ifndef ODDVERB_TESTS_SUPPORT_JSON_SCHEMA_H_
#define ODDVERB_TESTS_SUPPORT_JSON_SCHEMA_H_

#include <string>

#include "nlohmann/json_fwd.hpp"

namespace oddverb {

// "" if `value` fits, else the first mismatch as "/path/to/value: why".
std::string SchemaMismatch(const nlohmann::json& schema,
                           const nlohmann::json& value);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_JSON_SCHEMA_H_
