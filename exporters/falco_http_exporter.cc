#include "exporters/falco_http_exporter.h"

#include "exporters/webhook_exporter.h"

namespace oddverb {

absl::StatusOr<std::unique_ptr<Exporter>> MakeFalcoHttpExporter(
    const HttpPostOptions& http) {
  return WebhookExporter::Make({.http = http, .format = FindingFormat::kFalco});
}

}  // namespace oddverb
