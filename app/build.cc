#include "app/build.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": cannot read the configuration: ", std::strerror(error_number)));
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

// Gathers mistakes, one a line, each once.
class Mistakes {
 public:
  void Add(const absl::Status& status) {
    if (status.ok()) return;
    for (absl::string_view line : absl::StrSplit(status.message(), '\n')) {
      if (std::find(lines_.begin(), lines_.end(), S(line)) == lines_.end()) {
        lines_.emplace_back(line);
      }
    }
  }
  // The value, or what `fallback` is after a mistake.
  template <class T>
  T ValueOf(absl::StatusOr<T> value, T fallback) {
    Add(value.status());
    return value.ok() ? *std::move(value) : std::move(fallback);
  }
  absl::Status status() const {
    if (lines_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  std::vector<std::string> lines_;
};

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

// Makes each detector once, for the mistakes in its options alone.
void CheckDetectors(const Settings& settings, Mistakes& mistakes) {
  const DetectorContext context{KeyedHash(), settings.cluster};
  for (const DetectorEntry& entry : AllDetectors()) {
    settings.detectors.Get(entry.name);  // known now
  }
  mistakes.Add(settings.detectors.CheckAllKeysUsed());
  for (const DetectorEntry& entry : AllDetectors()) {
    YamlNode options = settings.detectors.Get(entry.name);
    mistakes.Add(entry.make(context, options).status());
    if (entry.make_cross != nullptr) {
      mistakes.Add(entry.make_cross(context, options).status());
    }
  }
}

void ReadSettings(const YamlNode& root, Settings& settings,
                  Mistakes& mistakes) {
  YamlNode proxies = root.Get("trusted_proxies");
  settings.detectors = root.Get("detectors");
  settings.cluster =
      mistakes.ValueOf(root.Get("cluster").AsString(), std::string());
  settings.trusted_proxies = ReadProxies(
      mistakes.ValueOf(proxies.AsStrings(), std::vector<std::string>()),
      proxies.Place(), mistakes);
  mistakes.Add(root.CheckAllKeysUsed());
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const ScanOptions& options) {
  Settings settings;
  Mistakes mistakes;
  if (!options.config_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(std::string text,
                             ReadConfigFile(options.config_file));
    ODDVERB_ASSIGN_OR_RETURN(YamlNode root,
                             YamlNode::Parse(text, options.config_file));
    ReadSettings(root, settings, mistakes);
    CheckDetectors(settings, mistakes);
  }
  if (!options.cluster.empty()) settings.cluster = options.cluster;
  if (!options.trusted_proxies.empty()) {
    settings.trusted_proxies =
        ReadProxies(options.trusted_proxies, "--trusted-proxies", mistakes);
  }
  ODDVERB_RETURN_IF_ERROR(mistakes.status());
  return settings;
}

absl::StatusOr<PartFactory> MakePartFactory(const Settings& settings) {
  DetectorContext context{KeyedHash(), settings.cluster};
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
