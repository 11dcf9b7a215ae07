#include "exporters/webhook_exporter.h"

#include "base/status_macros.h"

namespace oddverb {

absl::StatusOr<std::unique_ptr<Exporter>> WebhookExporter::Make(
    const WebhookOptions& options) {
  std::optional<FindingTemplate> form;
  if (!options.form.text.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(form, FindingTemplate::Parse(options.form));
  }
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpPost> post,
                           HttpPost::Make(options.http));
  return std::unique_ptr<Exporter>(
      new WebhookExporter(options, std::move(form), std::move(post)));
}

WebhookExporter::WebhookExporter(const WebhookOptions& options,
                                 std::optional<FindingTemplate> form,
                                 std::unique_ptr<HttpPost> post)
    : format_(options.format),
      body_(options.body),
      form_(std::move(form)),
      content_type_(options.content_type),
      posts_(std::move(post)) {
  if (!content_type_.empty()) return;
  content_type_ = form_.has_value() ? "application/json"
                  : body_ == WebhookBody::kArray
                      ? FindingBatchContentType(format_)
                      : FindingContentType(format_);
}

absl::Status WebhookExporter::Export(std::span<const Finding> findings,
                                     absl::Time deadline) {
  if (findings.empty()) return absl::OkStatus();
  return posts_.Send(content_type_, Bodies(findings), deadline);
}

std::vector<std::string> WebhookExporter::Bodies(
    std::span<const Finding> findings) const {
  std::vector<std::string> bodies;
  if (form_.has_value()) {
    for (const Finding& finding : findings) {
      bodies.push_back(form_->Fill(finding));
    }
    return bodies;
  }
  for (const Finding& finding : findings) {
    FormatFinding(format_, finding, bodies.emplace_back());
  }
  if (body_ == WebhookBody::kOne) return bodies;
  std::string array = "[";
  for (const std::string& body : bodies) {
    if (array.size() > 1) array += ',';
    array += body;
  }
  array += ']';
  return {std::move(array)};
}

}  // namespace oddverb
