// Findings to falcosidekick, and through it to each of its outputs: one POST of
// one Falco alert for each finding, as it takes no more at once. A webhook with
// the format falco.
#ifndef ODDVERB_EXPORTERS_FALCO_HTTP_EXPORTER_H_
#define ODDVERB_EXPORTERS_FALCO_HTTP_EXPORTER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/http_post.h"

namespace oddverb {

// `http.url` is falcosidekick's root: "http://falcosidekick:2801/". Note that
// it answers before its outputs have the alert: what they refuse is in its log.
absl::StatusOr<std::unique_ptr<Exporter>> MakeFalcoHttpExporter(
    const HttpPostOptions& http);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_FALCO_HTTP_EXPORTER_H_
