#include "app/service_config.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "app/build.h"
#include "app/config_consistency.h"
#include "app/config_loader.h"
#include "app/memory_budget.h"
#include "app/mistakes.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// "file:line:column: " of a mistake, or "" if it has no place.
std::string_view PlaceOf(std::string_view mistake, std::string_view path) {
  if (!mistake.starts_with(path)) return "";
  size_t end = mistake.find(": ", path.size());
  return end == std::string_view::npos ? "" : mistake.substr(0, end + 2);
}

// A value whose variable is not set is told once, not again for what its text
// looks like.
void AddUnlessToldAt(const std::string& path, const Mistakes& told,
                     const Mistakes& more, Mistakes& all) {
  for (const std::string& line : more.lines()) {
    std::string_view place = PlaceOf(line, path);
    bool is_told = std::any_of(
        told.lines().begin(), told.lines().end(), [place](const auto& earlier) {
          return !place.empty() && earlier.starts_with(place);
        });
    if (!is_told) all.Add(absl::InvalidArgumentError(line));
  }
}

// As they stand in the file; those without a place at the end.
Mistakes InOrderOfPlace(const std::string& path, const Mistakes& mistakes) {
  struct Placed {
    uint32_t line = UINT32_MAX, column = UINT32_MAX;
    std::string text;
  };
  std::vector<Placed> placed;
  for (const std::string& text : mistakes.lines()) {
    Placed entry{.text = text};
    std::string_view place = PlaceOf(text, path);
    std::vector<std::string> numbers = absl::StrSplit(
        A(place.substr(std::min(place.size(), path.size() + 1))), ':');
    if (numbers.size() >= 2 && (!absl::SimpleAtoi(numbers[0], &entry.line) ||
                                !absl::SimpleAtoi(numbers[1], &entry.column))) {
      entry.line = UINT32_MAX;
    }
    placed.push_back(std::move(entry));
  }
  std::stable_sort(
      placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
      });
  Mistakes sorted;
  for (const Placed& entry : placed) {
    sorted.Add(absl::InvalidArgumentError(entry.text));
  }
  return sorted;
}

bool HasWebhook(const ServiceConfig& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const SourceConfig& source) {
                       return source.type == SourceConfig::Type::kWebhook;
                     });
}

}  // namespace

bool ListenerConfig::serves(Served what) const {
  return std::find(serve.begin(), serve.end(), what) != serve.end();
}

absl::StatusOr<ServiceConfig> ParseServiceConfig(
    std::string_view text, const std::string& path,
    const Environment& environment) {
  ODDVERB_ASSIGN_OR_RETURN(YamlNode root, YamlNode::Parse(text, path));
  Mistakes mistakes;
  absl::StatusOr<YamlNode> expanded = ExpandVariables(root, environment);
  mistakes.Add(expanded.status());
  if (expanded.ok()) root = *expanded;

  ServiceConfig config;
  config.file = path;
  Mistakes more;
  LoadConfigFields(root, FolderOf(path), config, more);
  ApplyMemoryBudget(root, config, more);
  CheckConfigConsistency(root, config, more);
  more.Add(CheckDetectorOptions(config.cluster, config.detectors));
  if (!root.Get("allowed_lateness").present() && HasWebhook(config)) {
    config.allowed_lateness = ServiceConfig::kWebhookLateness;
  }
  const Mistakes unset = mistakes;
  AddUnlessToldAt(path, unset, more, mistakes);
  ODDVERB_RETURN_IF_ERROR(InOrderOfPlace(path, mistakes).status());
  return config;
}

absl::StatusOr<ServiceConfig> LoadServiceConfig(
    const std::string& path, const Environment& environment) {
  ODDVERB_ASSIGN_OR_RETURN(std::string text, ReadConfigFile(path));
  return ParseServiceConfig(text, path, environment);
}

}  // namespace oddverb
