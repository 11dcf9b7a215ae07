// Findings by HTTP POST to any receiver: in one of our formats, or in the form
// that a template gives (chat, pager, ticket system).
//
// One thread. What was taken is not sent again when a later one of the same
// call fails (PostSequence); after a crash it may be.
#ifndef ODDVERB_EXPORTERS_WEBHOOK_EXPORTER_H_
#define ODDVERB_EXPORTERS_WEBHOOK_EXPORTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/finding_format.h"
#include "exporters/finding_template.h"
#include "exporters/post_sequence.h"

namespace oddverb {

// What one request holds.
enum class WebhookBody : uint8_t {
  kOne,    // one finding
  kArray,  // all findings of a call as a JSON array
};

struct WebhookOptions {
  HttpPostOptions http;
  FindingFormat format = FindingFormat::kNative;
  WebhookBody body = WebhookBody::kOne;
  // With a text: instead of format and body; one request for each finding.
  FindingTemplate::Options form = {};
  std::string content_type = {};  // empty: the format's; application/json
};

class WebhookExporter final : public Exporter {
 public:
  // InvalidArgument: a mistake in the template. FailedPrecondition: a TLS file.
  static absl::StatusOr<std::unique_ptr<Exporter>> Make(
      const WebhookOptions& options);

  // Errors as HttpPost::Send's.
  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

 private:
  WebhookExporter(const WebhookOptions& options,
                  std::optional<FindingTemplate> form,
                  std::unique_ptr<HttpPost> post);

  std::vector<std::string> Bodies(std::span<const Finding> findings) const;

  const FindingFormat format_;
  const WebhookBody body_;
  const std::optional<FindingTemplate> form_;
  std::string content_type_;
  PostSequence posts_;
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_WEBHOOK_EXPORTER_H_
