#include "exporters/exporters.h"

#include "exporters/ndjson_exporter.h"
#include "exporters/table_exporter.h"

namespace oddverb {
namespace {

constexpr ExporterEntry kExporters[] = {
    {"ndjson", "one JSON object a line, for programs (schema: finding)",
     &MakeNdjsonExporter},
    {"table", "a table and what to do now, for people on a terminal",
     &MakeTableExporter},
};

}  // namespace

std::span<const ExporterEntry> AllExporters() { return kExporters; }

}  // namespace oddverb
