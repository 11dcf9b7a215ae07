#include "exporters/kafka_exporter.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"

namespace oddverb {

KafkaMessage KafkaMessageOf(const Finding& finding, FindingFormat format) {
  KafkaMessage message;
  message.key = finding.cluster;
  message.key += '\0';
  message.key += finding.entity;
  FormatFinding(format, finding, message.payload);
  message.headers = {{"content-type", std::string(FindingContentType(format))},
                     {"finding_id", finding.id.ToHex()},
                     {"rule", finding.rule},
                     {"severity", std::string(SeverityName(finding.severity))},
                     {"state", std::string(FindingStateName(finding.state))}};
  return message;
}

absl::StatusOr<std::unique_ptr<Exporter>> KafkaExporter::Make(
    const KafkaExporterOptions& options) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaProducer> producer,
                           KafkaProducer::Make(options.client, options.topic));
  return std::unique_ptr<Exporter>(
      new KafkaExporter(options, std::move(producer)));
}

absl::Status KafkaExporter::Export(std::span<const Finding> findings,
                                   absl::Time deadline) {
  if (findings.empty()) return absl::OkStatus();
  std::vector<KafkaMessage> messages;
  for (const Finding& finding : findings) {
    messages.push_back(KafkaMessageOf(finding, options_.format));
  }
  return producer_->Send(messages,
                         std::min(deadline, SteadyNow() + options_.timeout));
}

}  // namespace oddverb
