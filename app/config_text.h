// The text of a configuration, up to where its keys get their meaning: reading
// files, and putting in environment variables.
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

// Of a configuration: where its relative paths begin.
std::string FolderOf(const std::string& path);

// In values, never in keys: "${NAME}" is the variable, "${NAME:-text}" is text
// where it is unset or empty, "$${" is "${". What a variable holds is one
// value, whatever its characters, and is not expanded again. InvalidArgument:
// every mistake with its place.
absl::StatusOr<YamlNode> ExpandVariables(const YamlNode& root,
                                         const Environment& environment);

// All of a file, or the first bytes, more than `max_bytes`, of a larger one.
// InvalidArgument: the cause alone.
absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         size_t max_bytes);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_TEXT_H_
