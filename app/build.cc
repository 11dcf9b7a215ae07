#include "app/build.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_consistency.h"
#include "app/config_loader.h"
#include "app/config_text.h"
#include "app/mistakes.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/detectors.h"

namespace oddverb {
namespace {

std::string DidYouMean(std::string_view name,
                       const std::vector<std::string>& known) {
  std::string_view nearest = NearestName(name, known);
  if (!nearest.empty()) {
    return absl::StrCat("; did you mean \"", A(nearest), "\"?");
  }
  return absl::StrCat("; known are ", absl::StrJoin(known, ", "));
}

std::vector<IpNetwork> ReadProxies(const std::vector<std::string>& texts,
                                   std::string_view place, Mistakes& mistakes) {
  std::vector<IpNetwork> proxies;
  for (const std::string& text : texts) {
    std::optional<IpNetwork> network = IpNetwork::Parse(text);
    if (network.has_value()) {
      proxies.push_back(*network);
      continue;
    }
    mistakes.Add(absl::InvalidArgumentError(absl::StrCat(
        A(place), ": \"", text,
        "\" is no network; write an address or a CIDR such as 10.0.0.0/8")));
  }
  return proxies;
}

absl::StatusOr<DetectorList> MakeDetectors(const DetectorContext& context,
                                           const YamlNode& options) {
  DetectorList list;
  for (const DetectorEntry& entry : AllDetectors()) {
    if (entry.make == nullptr) continue;
    ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Detector> part,
                             entry.make(context, options.Get(entry.name)));
    list.push_back({std::string(entry.name), std::move(part)});
  }
  return list;
}

absl::StatusOr<CrossDetectorList> MakeCrossDetectors(
    const DetectorContext& context, const YamlNode& options) {
  CrossDetectorList list;
  for (const DetectorEntry& entry : AllDetectors()) {
    if (entry.make_cross == nullptr) continue;
    ODDVERB_ASSIGN_OR_RETURN(
        std::unique_ptr<CrossDetector> part,
        entry.make_cross(context, options.Get(entry.name)));
    list.push_back({std::string(entry.name), std::move(part)});
  }
  return list;
}

void ReadSettings(const YamlNode& root, const std::string& folder,
                  Settings& settings, Mistakes& mistakes) {
  YamlNode proxies = root.Get("trusted_proxies");
  settings.detectors = root.Get("detectors");
  settings.cluster =
      mistakes.ValueOf(root.Get("cluster").AsString(), std::string());
  settings.trusted_proxies = ReadProxies(
      mistakes.ValueOf(proxies.AsStrings(), std::vector<std::string>()),
      proxies.Place(), mistakes);
  std::vector<SuppressConfig> suppress;
  LoadSuppressions(root, suppress, mistakes);
  CheckSuppressions(root.Get("suppress"), suppress, mistakes);
  LoadRulesConfig(root, folder, settings.rules_config, mistakes);
  settings.suppressions = SuppressionList({suppress.begin(), suppress.end()});
  mistakes.Add(root.CheckAllKeysUsed());
}

}  // namespace

absl::StatusOr<RulesConfig> LoadRulesConfigOf(const std::string& file) {
  ODDVERB_ASSIGN_OR_RETURN(std::string text, ReadConfigFile(file));
  ODDVERB_ASSIGN_OR_RETURN(YamlNode root, YamlNode::Parse(text, file));
  ODDVERB_ASSIGN_OR_RETURN(root, ExpandVariables(root, &ProcessEnvironment));
  RulesConfig config;
  Mistakes mistakes;
  LoadRulesConfig(root, FolderOf(file), config, mistakes);
  ODDVERB_RETURN_IF_ERROR(mistakes.status());
  return config;
}

absl::StatusOr<Settings> LoadSettings(const ScanOptions& options) {
  Settings settings;
  Mistakes mistakes;
  if (!options.config_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(std::string text,
                             ReadConfigFile(options.config_file));
    ODDVERB_ASSIGN_OR_RETURN(YamlNode root,
                             YamlNode::Parse(text, options.config_file));
    ODDVERB_ASSIGN_OR_RETURN(root, ExpandVariables(root, &ProcessEnvironment));
    ReadSettings(root, FolderOf(options.config_file), settings, mistakes);
    mistakes.Add(CheckDetectorOptions(settings.cluster, settings.detectors));
  }
  std::vector<std::string>& rules = settings.rules_config.paths;
  rules.insert(rules.end(), options.rules.begin(), options.rules.end());
  if (options.builtin.has_value()) {
    settings.rules_config.builtin = *options.builtin;
  }
  if (!options.cluster.empty()) settings.cluster = options.cluster;
  if (!options.trusted_proxies.empty()) {
    settings.trusted_proxies =
        ReadProxies(options.trusted_proxies, "--trusted-proxies", mistakes);
  }
  ODDVERB_RETURN_IF_ERROR(mistakes.status());
  return settings;
}

absl::Status CheckDetectorOptions(const std::string& cluster,
                                  const YamlNode& detectors) {
  Mistakes mistakes;
  const DetectorContext context{KeyedHash(), cluster, KeyedHash()};
  for (const DetectorEntry& entry : AllDetectors()) {
    detectors.Get(entry.name);  // known now
  }
  mistakes.Add(detectors.CheckAllKeysUsed());
  for (const DetectorEntry& entry : AllDetectors()) {
    YamlNode options = detectors.Get(entry.name);
    if (entry.make != nullptr) {
      mistakes.Add(entry.make(context, options).status());
    }
    if (entry.make_cross != nullptr) {
      mistakes.Add(entry.make_cross(context, options).status());
    }
  }
  return mistakes.status();
}

absl::StatusOr<PartFactory> MakePartFactory(const Settings& settings) {
  DetectorContext context{settings.hash, settings.cluster, KeyedHash(),
                          settings.rules};
  YamlNode options = settings.detectors;
  // Once for the mistakes; the shards' own come later.
  ODDVERB_RETURN_IF_ERROR(MakeDetectors(context, options).status());
  ODDVERB_RETURN_IF_ERROR(MakeCrossDetectors(context, options).status());
  return PartFactory{
      [context, options] { return MakeDetectors(context, options); },
      [context, options] { return MakeCrossDetectors(context, options); }};
}

absl::StatusOr<std::unique_ptr<Exporter>> MakeExporter(
    const std::string& format, ExporterSetup setup) {
  std::vector<std::string> names;
  for (const ExporterEntry& entry : AllExporters()) {
    if (entry.name == format) return entry.make(std::move(setup));
    names.emplace_back(entry.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--format: unknown format \"", format, "\"", DidYouMean(format, names)));
}

}  // namespace oddverb
