// Writes events to a topic, one a message, keyed by cluster and actor: what one
// actor does is in one partition, in order, whichever node logged it.
#ifndef ODDVERB_APP_KAFKA_EVENT_SENDER_H_
#define ODDVERB_APP_KAFKA_EVENT_SENDER_H_

#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "app/event_sender.h"
#include "base/backoff.h"
#include "kafka/kafka_producer.h"
#include "telemetry/logging.h"

namespace oddverb {

class KafkaEventSender final : public EventSender {
 public:
  static constexpr char kDefaultTopic[] = "oddverb.events";

  struct Options {
    KafkaOptions client;
    std::string topic = kDefaultTopic;
    std::string cluster;
    // What is no event goes there, with its place and the reason in headers;
    // empty: to the dead letters of the state directory only.
    std::string dead_letter_topic = {};
    bool keep_samples = true;  // the first bytes, which may hold secrets
    Backoff::Options backoff = {.first = absl::Milliseconds(100),
                                .max = absl::Seconds(5)};
  };

  // InvalidArgument: `url` is no "kafka://HOST:PORT[,HOST:PORT...][/TOPIC]".
  static absl::Status ReadUrl(std::string_view url, Options& options);

  // The errors of KafkaProducer::Make. The logger must outlive the sender;
  // `source` is the name in its lines.
  static absl::StatusOr<std::unique_ptr<EventSender>> Make(
      const Options& options, const std::string& source, Logger& logger);

  FieldSet fields() const override;
  absl::Status Send(EventBatch& batch, const Source& source,
                    const std::atomic<bool>& stop) override;
  absl::Status health() const override;

 private:
  KafkaEventSender(const Options& options, std::string source,
                   std::unique_ptr<KafkaProducer> producer, Logger& logger);

  KafkaMessage MessageOf(const AuditEvent& event, const Source& source) const;
  absl::Status SendEvents(EventBatch& batch, const Source& source,
                          const std::atomic<bool>& stop);
  absl::Status SendDeadLetters(std::span<const Rejected> rejected,
                               const Source& source,
                               const std::atomic<bool>& stop);
  // InvalidArgument, OutOfRange: the broker will not take one of them.
  absl::Status SendUntilTaken(KafkaProducer& producer,
                              std::span<const KafkaMessage> messages,
                              const std::atomic<bool>& stop);
  void Note(const absl::Status& status);

  const Options options_;
  const std::string source_;
  const std::unique_ptr<KafkaProducer> producer_;
  std::unique_ptr<KafkaProducer> dead_letters_;  // null: to no topic
  Logger& logger_;
  Backoff backoff_;
  std::mt19937_64 random_;
  absl::Time next_warning_ = absl::InfinitePast();  // SteadyNow()
  mutable std::mutex mutex_;
  absl::Status health_;  // guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_APP_KAFKA_EVENT_SENDER_H_
