// The text of a configuration, up to where its keys get their meaning: reading
// the file and the files of secrets, and putting in environment variables.
#ifndef ODDVERB_APP_CONFIG_TEXT_H_
#define ODDVERB_APP_CONFIG_TEXT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Value of an environment variable; nullopt where it is not set.
using Environment =
    std::function<std::optional<std::string>(std::string_view name)>;

// Of this process.
std::optional<std::string> ProcessEnvironment(std::string_view name);

// InvalidArgument with path, cause and cure; above 4 MiB, too.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

// In values, never in keys: "${NAME}" is the variable, "${NAME:-text}" is text
// where it is unset or empty, "$${" is "${". What a variable holds is one
// value, whatever its characters, and is not expanded again. InvalidArgument:
// every mistake with its place.
absl::StatusOr<YamlNode> ExpandVariables(const YamlNode& root,
                                         const Environment& environment);

// OK for what RFC 6750 allows as a bearer token, up to 4 KiB. The message says
// nothing of the token.
absl::Status CheckToken(std::string_view token);

// One token a line; blank lines and blanks at the ends do not count. At least
// one and at most `max_tokens`, each as CheckToken() wants it.
absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path,
                                                       size_t max_tokens);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_TEXT_H_
