// The forms in which a finding goes to other programs. One file pair each.
#ifndef ODDVERB_EXPORTERS_FINDING_FORMAT_H_
#define ODDVERB_EXPORTERS_FINDING_FORMAT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/finding.h"

namespace oddverb {

enum class FindingFormat : uint8_t {
  kNative,       // oddverb.finding/v1, finding_json.h
  kFalco,        // finding_falco.h
  kOcsf,         // finding_ocsf.h
  kEcs,          // finding_ecs.h
  kCloudEvents,  // finding_cloudevents.h
};

// All names, in the order of the enum: "native", "falco", "ocsf", "ecs",
// "cloudevents".
std::span<const std::string_view> FindingFormatNames();
std::string_view FindingFormatName(FindingFormat format);
// False if `name` is none of them.
bool ParseFindingFormat(std::string_view name, FindingFormat& out);

// Appends one JSON object without a line end: always valid UTF-8 JSON on one
// line, whatever bytes the log held. The same finding gives the same bytes.
void FormatFinding(FindingFormat format, const Finding& finding,
                   std::string& out);

// Of an HTTP body with one object, and with an array of them.
std::string_view FindingContentType(FindingFormat format);
std::string_view FindingBatchContentType(FindingFormat format);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FINDING_FORMAT_H_
