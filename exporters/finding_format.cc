#include "exporters/finding_format.h"

#include <array>

#include "exporters/finding_cloudevents.h"
#include "exporters/finding_ecs.h"
#include "exporters/finding_falco.h"
#include "exporters/finding_json.h"
#include "exporters/finding_ocsf.h"

namespace oddverb {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"native", "falco", "ocsf",
                                                    "ecs", "cloudevents"};

}  // namespace

std::span<const std::string_view> FindingFormatNames() { return kNames; }

std::string_view FindingFormatName(FindingFormat format) {
  return kNames[static_cast<size_t>(format)];
}

bool ParseFindingFormat(std::string_view name, FindingFormat& out) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) {
      out = static_cast<FindingFormat>(i);
      return true;
    }
  }
  return false;
}

void FormatFinding(FindingFormat format, const Finding& finding,
                   std::string& out) {
  switch (format) {
    case FindingFormat::kNative:
      return AppendFindingJson(finding, out);
    case FindingFormat::kFalco:
      return AppendFindingFalco(finding, out);
    case FindingFormat::kOcsf:
      return AppendFindingOcsf(finding, out);
    case FindingFormat::kEcs:
      return AppendFindingEcs(finding, out);
    case FindingFormat::kCloudEvents:
      return AppendFindingCloudEvents(finding, out);
  }
}

std::string_view FindingContentType(FindingFormat format) {
  return format == FindingFormat::kCloudEvents ? "application/cloudevents+json"
                                               : "application/json";
}

std::string_view FindingBatchContentType(FindingFormat format) {
  return format == FindingFormat::kCloudEvents
             ? "application/cloudevents-batch+json"
             : "application/json";
}

}  // namespace oddverb
