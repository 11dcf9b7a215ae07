#include "exporters/exporters.h"

#include "exporters/ndjson_exporter.h"
#include "exporters/table_exporter.h"

namespace oddverb {
namespace {

constexpr ExporterEntry kExporters[] = {
    {"cloudevents", "CloudEvents 1.0, one JSON object a line",
     &MakeNdjsonExporter<FindingFormat::kCloudEvents>},
    {"ecs", "Elastic Common Schema 9.4 alerts, one JSON object a line",
     &MakeNdjsonExporter<FindingFormat::kEcs>},
    {"falco", "Falco alerts (falcosidekick), one JSON object a line",
     &MakeNdjsonExporter<FindingFormat::kFalco>},
    {"ndjson", "one JSON object a line, for programs (schema: finding)",
     &MakeNdjsonExporter<FindingFormat::kNative>},
    {"ocsf", "OCSF 1.6 Detection Findings (2004), one JSON object a line",
     &MakeNdjsonExporter<FindingFormat::kOcsf>},
    {"table", "a table and what to do now, for people on a terminal",
     &MakeTableExporter},
};

}  // namespace

std::span<const ExporterEntry> AllExporters() { return kExporters; }

}  // namespace oddverb
