#include "app/build.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/detectors.h"

namespace oddverb {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot read the configuration: ", std::strerror(errno)));
  }
  std::string text;
  char buffer[1 << 16];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0 &&
         text.size() <= kMaxConfigBytes) {
    text.append(buffer, static_cast<size_t>(got));
  }
  int error_number = errno;
  close(fd);
  if (got < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::strerror(error_number)));
  }
  if (text.size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than 4 MiB; is it a configuration?"));
  }
  return text;
}

std::string DidYouMean(std::string_view name,
                       const std::vector<std::string>& known) {
  std::string_view nearest = NearestName(name, known);
  if (!nearest.empty()) {
    return absl::StrCat("; did you mean \"", A(nearest), "\"?");
  }
  return absl::StrCat("; known are ", absl::StrJoin(known, ", "));
}

absl::Status AddProxies(const std::vector<std::string>& texts,
                        std::string_view place,
                        std::vector<IpNetwork>& proxies) {
  for (const std::string& text : texts) {
    std::optional<IpNetwork> network = IpNetwork::Parse(text);
    if (!network.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(A(place), ": \"", text,
                       "\" is no network; write an address or a CIDR such as "
                       "10.0.0.0/8"));
    }
    proxies.push_back(*network);
  }
  return absl::OkStatus();
}

absl::Status ReadSettings(const YamlNode& root, Settings& settings) {
  ODDVERB_ASSIGN_OR_RETURN(settings.cluster, root.Get("cluster").AsString());
  YamlNode proxies = root.Get("trusted_proxies");
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> texts,
                           proxies.AsStrings());
  ODDVERB_RETURN_IF_ERROR(
      AddProxies(texts, proxies.Place(), settings.trusted_proxies));
  settings.detectors = root.Get("detectors");
  return root.CheckAllKeysUsed();
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const ScanOptions& options) {
  Settings settings;
  if (!options.config_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(std::string text,
                             ReadConfigFile(options.config_file));
    ODDVERB_ASSIGN_OR_RETURN(YamlNode root,
                             YamlNode::Parse(text, options.config_file));
    ODDVERB_RETURN_IF_ERROR(ReadSettings(root, settings));
  }
  if (!options.cluster.empty()) settings.cluster = options.cluster;
  if (!options.trusted_proxies.empty()) {
    settings.trusted_proxies.clear();
    ODDVERB_RETURN_IF_ERROR(AddProxies(options.trusted_proxies,
                                       "--trusted-proxies",
                                       settings.trusted_proxies));
  }
  return settings;
}

namespace {

absl::StatusOr<DetectorList> MakeDetectors(const DetectorContext& context,
                                           const YamlNode& options) {
  DetectorList list;
  for (const DetectorEntry& entry : AllDetectors()) {
    ODDVERB_ASSIGN_OR_RETURN(
        std::unique_ptr<Detector> part,
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

}  // namespace

absl::StatusOr<PartFactory> MakePartFactory(const Settings& settings) {
  DetectorContext context{KeyedHash(), settings.cluster};
  YamlNode options = settings.detectors;
  // Once for the mistakes; the shards' own come later.
  ODDVERB_RETURN_IF_ERROR(MakeDetectors(context, options).status());
  ODDVERB_RETURN_IF_ERROR(MakeCrossDetectors(context, options).status());
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
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
