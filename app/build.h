// Builds the parts of a pipeline from configuration: the one file pair that
// knows them by name.
#ifndef ODDVERB_APP_BUILD_H_
#define ODDVERB_APP_BUILD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/rules_config.h"
#include "app/scan_options.h"
#include "base/ip_address.h"
#include "exporters/exporters.h"
#include "pipeline/part_list.h"
#include "pipeline/suppression.h"
#include "rules/live_rules.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// Command line and configuration file together; the command line wins.
struct Settings {
  std::string cluster;
  std::vector<IpNetwork> trusted_proxies;
  YamlNode detectors;  // mapping from detector name to its options
  SuppressionList suppressions;
  KeyedHash hash;  // a service's own, from its state
  RulesConfig rules_config;
  std::shared_ptr<LiveRules> rules;  // null = none
};

// The key `rules` alone of a configuration. InvalidArgument: every mistake in
// it.
absl::StatusOr<RulesConfig> LoadRulesConfigOf(const std::string& file);

// InvalidArgument: every mistake found, those of the detectors' options too,
// each with its place, one a line.
absl::StatusOr<Settings> LoadSettings(const ScanOptions& options);

// InvalidArgument: every mistake in the options of all detectors. Makes each
// detector once, for its mistakes alone.
absl::Status CheckDetectorOptions(const std::string& cluster,
                                  const YamlNode& detectors);

// Functions that build all detectors. Wrong options of a detector are an error
// here already.
absl::StatusOr<PartFactory> MakePartFactory(const Settings& settings);

// InvalidArgument with the nearest name for an unknown format.
absl::StatusOr<std::unique_ptr<Exporter>> MakeExporter(
    const std::string& format, ExporterSetup setup);

}  // namespace oddverb

#endif  // ODDVERB_APP_BUILD_H_
