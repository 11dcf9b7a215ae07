// ForbiddenBurst's configuration.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/forbidden_burst.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 64;

absl::StatusOr<double> ThresholdOf(const YamlNode& node, double fallback) {
  ODDVERB_ASSIGN_OR_RETURN(double value, node.AsDouble(fallback));
  // Also refuses NaN.
  if (!(value > 0 && value <= 1000)) {
    return node.Error("expected a threshold above 0 and at most 1000");
  }
  return value;
}

}  // namespace

absl::StatusOr<ForbiddenBurst::Options> ForbiddenBurst::Options::FromYaml(
    const YamlNode& node) {
  Options options;
  YamlNode profile = node.Get("profile");
  ODDVERB_ASSIGN_OR_RETURN(std::string name, profile.AsString("default"));
  if (name == "quiet") {
    options.threshold_fast = 14;
  } else if (name == "sensitive") {
    options.threshold_fast = 9;
  } else if (name != "default") {
    return profile.Error(
        absl::StrCat("expected quiet, default or sensitive, not \"",
                     A(Bounded(name, kMaxNameBytes)), "\""));
  }
  ODDVERB_ASSIGN_OR_RETURN(
      options.threshold_fast,
      ThresholdOf(node.Get("threshold_fast"), options.threshold_fast));
  ODDVERB_ASSIGN_OR_RETURN(
      options.threshold_slow,
      ThresholdOf(node.Get("threshold_slow"), options.threshold_slow));
  ODDVERB_ASSIGN_OR_RETURN(options.allow,
                           AllowedRefusal::FromYaml(node.Get("allow")));
  ODDVERB_RETURN_IF_ERROR(node.CheckAllKeysUsed());
  return options;
}

absl::StatusOr<std::unique_ptr<Detector>> MakeForbiddenBurst(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(ForbiddenBurst::Options parsed,
                           ForbiddenBurst::Options::FromYaml(options));
  return std::make_unique<ForbiddenBurst>(context, parsed);
}

}  // namespace oddverb
