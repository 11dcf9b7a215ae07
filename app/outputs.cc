#include "app/outputs.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_text.h"
#include "app/kafka_client.h"
#include "app/once_in_file.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "exporters/alertmanager_exporter.h"
#include "exporters/falco_http_exporter.h"
#include "exporters/finding_template.h"
#include "exporters/kafka_exporter.h"
#include "exporters/loki_exporter.h"
#include "exporters/otlp_exporter.h"
#include "exporters/webhook_exporter.h"

namespace oddverb {
namespace {

using Type = OutputConfig::Type;

constexpr size_t kMaxTemplateBytes = 1 << 20;
const char* const kShippedTemplates[] = {"pagerduty", "slack", "teams"};

// "Name: value", checked when it was loaded.
std::vector<HttpHeader> HeadersOf(const ReceiverConfig& receiver) {
  std::vector<HttpHeader> headers;
  for (const std::string& text : receiver.headers.values) {
    size_t colon = text.find(':');
    size_t value = text.find_first_not_of(" \t", colon + 1);
    headers.push_back(
        {text.substr(0, colon), value == text.npos ? "" : text.substr(value)});
  }
  return headers;
}

HttpClientOptions ClientOf(const ReceiverConfig& receiver) {
  HttpClientOptions client;
  client.tls = receiver.tls.value_or(TlsClientOptions());
  return client;
}

std::string TokenOf(const ReceiverConfig& receiver) {
  return receiver.token.values.empty() ? "" : receiver.token.values.front();
}

HttpPostOptions PostTo(const ReceiverConfig& receiver) {
  HttpPostOptions options;
  if (!receiver.urls.values.empty()) options.url = receiver.urls.values.front();
  options.headers = HeadersOf(receiver);
  options.bearer_token = TokenOf(receiver);
  options.timeout = receiver.timeout;
  options.client = ClientOf(receiver);
  return options;
}

AlertForm AlertFormOf(const ServiceConfig& config, const OutputConfig& output) {
  AlertForm form = {.external_url = config.external_url,
                    .runbook_url = output.runbook_url,
                    .labels = {}};
  for (const auto& [name, value] : output.labels) {
    form.labels.push_back({name, value});
  }
  return form;
}

ActiveAlertsOptions AlertsOf(const ServiceConfig& config,
                             const OutputConfig& output) {
  ActiveAlertsOptions options;
  options.hold = output.hold;
  options.max_per_detector = static_cast<size_t>(output.max_alerts);
  options.form = AlertFormOf(config, output);
  return options;
}

AlertmanagerOptions AlertmanagerOf(const ServiceConfig& config,
                                   const OutputConfig& output) {
  AlertmanagerOptions options;
  options.urls = output.receiver.urls.values;
  options.headers = HeadersOf(output.receiver);
  options.bearer_token = TokenOf(output.receiver);
  options.client = ClientOf(output.receiver);
  options.timeout = output.receiver.timeout;
  options.resend_interval = output.resend_interval;
  options.alerts = AlertsOf(config, output);
  options.alerts.hold_from = HoldFrom::kEvidenceAndTaken;
  return options;
}

absl::StatusOr<WebhookOptions> WebhookOf(const ServiceConfig& config,
                                         const OutputConfig& output) {
  WebhookOptions options;
  options.http = PostTo(output.receiver);
  options.format = output.format;
  options.body = output.body;
  if (!output.template_name.empty()) {
    options.form.text = ShippedTemplate(output.template_name);
    options.form.name = output.template_name;
  } else if (!output.template_file.empty()) {
    absl::StatusOr<std::string> text =
        ReadTextFile(output.template_file, kMaxTemplateBytes);
    if (!text.ok() || text->size() > kMaxTemplateBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          output.template_file, ": cannot read the template: ",
          text.ok() ? "larger than 1 MiB" : text.status().message()));
    }
    options.form.text = *std::move(text);
    options.form.name = output.template_file;
  }
  options.form.values = output.template_values;
  if (!config.external_url.empty()) {
    options.form.finding_url =
        absl::StrCat(config.external_url, "/api/v1/findings?id=");
  }
  return options;
}

KafkaExporterOptions KafkaOf(const OutputConfig& output) {
  return {.client = KafkaClientOf(output.kafka),
          .topic = output.kafka.topic,
          .format = output.format,
          .timeout = output.kafka.timeout};
}

absl::StatusOr<std::unique_ptr<Exporter>> Make(
    const ServiceConfig& config, const OutputConfig& output,
    const OutputSurroundings& surroundings) {
  switch (output.type) {
    case Type::kNdjson:
      return OnceInFile::Open(output.path, output.format);
    case Type::kAlertmanager:
      return AlertmanagerExporter::Make(AlertmanagerOf(config, output),
                                        surroundings.clock);
    case Type::kFalcosidekick:
      return MakeFalcoHttpExporter(PostTo(output.receiver));
    case Type::kWebhook: {
      ODDVERB_ASSIGN_OR_RETURN(WebhookOptions options,
                               WebhookOf(config, output));
      return WebhookExporter::Make(options);
    }
    case Type::kLoki:
      return LokiExporter::Make({.http = PostTo(output.receiver),
                                 .tenant = output.tenant,
                                 .labels = output.labels});
    case Type::kOtlp:
      return OtlpExporter::Make(
          {.http = PostTo(output.receiver), .resource = output.labels},
          surroundings.logger);
    case Type::kKafka:
      return KafkaExporter::Make(KafkaOf(output));
  }
  return absl::InternalError("an output of no known type");
}

absl::Status CheckTemplate(const OutputConfig& output) {
  if (output.template_name.empty()) return absl::OkStatus();
  if (!output.template_file.empty()) {
    return absl::InvalidArgumentError(
        "template and template_file exclude each other");
  }
  if (!ShippedTemplate(output.template_name).empty()) return absl::OkStatus();
  std::vector<std::string> names(std::begin(kShippedTemplates),
                                 std::end(kShippedTemplates));
  std::string_view nearest = NearestName(output.template_name, names);
  return absl::InvalidArgumentError(absl::StrCat(
      "template: expected one of ", absl::StrJoin(names, ", "), ", got \"",
      output.template_name, "\"",
      nearest.empty() ? ""
                      : absl::StrCat("; did you mean \"", A(nearest), "\"?"),
      " (a template of your own is named by template_file)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Exporter>> MakeOutput(
    const ServiceConfig& config, const OutputConfig& output,
    const OutputSurroundings& surroundings) {
  absl::StatusOr<std::unique_ptr<Exporter>> made =
      Make(config, output, surroundings);
  if (made.ok()) return made;
  return absl::Status(
      made.status().code(),
      absl::StrCat(output.place, output.place.empty() ? "" : ": ", "output ",
                   output.name, ": ", made.status().message()));
}

ActiveAlertsOptions ShownAlertsOf(const ServiceConfig& config) {
  for (const OutputConfig& output : config.outputs) {
    if (output.type == Type::kAlertmanager) return AlertsOf(config, output);
  }
  return AlertsOf(config, OutputConfig());
}

absl::Status CheckOutputOptions(const ServiceConfig& config,
                                const OutputConfig& output) {
  if (output.type == Type::kNdjson) return absl::OkStatus();
  if (output.type == Type::kKafka) return CheckKafkaClient(output.kafka);
  const std::optional<TlsClientOptions>& tls = output.receiver.tls;
  if (tls.has_value() &&
      tls->certificate_file.empty() != tls->key_file.empty()) {
    return absl::InvalidArgumentError(
        "tls: certificate_file and key_file belong together");
  }
  if (output.type == Type::kAlertmanager) {
    return CheckAlertForm(AlertFormOf(config, output));
  }
  return CheckTemplate(output);
}

}  // namespace oddverb
