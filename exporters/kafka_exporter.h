// Findings to a Kafka topic, one message each: keyed by cluster, a NUL byte and
// entity, so that those of one entity stay in order. Delivered = the broker has
// acknowledged it (acks=all). At least once: a restart may repeat the last
// ones. One thread.
#ifndef ODDVERB_EXPORTERS_KAFKA_EXPORTER_H_
#define ODDVERB_EXPORTERS_KAFKA_EXPORTER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/finding_format.h"
#include "kafka/kafka_producer.h"

namespace oddverb {

struct KafkaExporterOptions {
  KafkaOptions client;
  std::string topic;
  FindingFormat format = FindingFormat::kNative;
  absl::Duration timeout = absl::Seconds(10);  // of one hand-over
};

class KafkaExporter final : public Exporter {
 public:
  // The errors of KafkaProducer::Make; connects to nobody.
  static absl::StatusOr<std::unique_ptr<Exporter>> Make(
      const KafkaExporterOptions& options);

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

 private:
  KafkaExporter(KafkaExporterOptions options,
                std::unique_ptr<KafkaProducer> producer)
      : options_(std::move(options)), producer_(std::move(producer)) {}

  const KafkaExporterOptions options_;
  std::unique_ptr<KafkaProducer> producer_;
};

// Headers: content-type, finding_id, rule, severity, state. Its time is
// when it is sent: a topic's retention counts from there, and Kafka 4 refuses
// what lies an hour in the future, as the times of a log may.
KafkaMessage KafkaMessageOf(const Finding& finding, FindingFormat format);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_KAFKA_EXPORTER_H_
