// Where a service keeps what must outlive it: its state directory, or topics of
// Kafka.
#ifndef ODDVERB_APP_SERVICE_STORAGE_H_
#define ODDVERB_APP_SERVICE_STORAGE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/kafka_state_log.h"
#include "app/service_config.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "pipeline/checkpoint.h"
#include "pipeline/log_checkpoint.h"
#include "pipeline/outbox.h"
#include "pipeline/sqlite_checkpoint.h"
#include "telemetry/logging.h"

namespace oddverb {

// Of both kinds, the configuration decides the limits.
struct ServiceStorageOptions {
  SqliteCheckpoint::Options local = {};
  LogCheckpoint::Options in_kafka = {};
};

// Thread-safe.
class ServiceStorage {
 public:
  // In the state directory. `clock` must outlive the result. What was damaged
  // is told in the log.
  static absl::StatusOr<std::unique_ptr<ServiceStorage>> Open(
      const ServiceConfig& config, const ServiceStorageOptions& options,
      const Clock& clock, Logger& logger);
  // In Kafka, by the member of the group that has taken over. `owner`: whose
  // state it is; `hash_key`: as of LogCheckpoint::Options.
  struct InKafka {
    std::unique_ptr<KafkaStateLog> log;
    std::string owner;
    std::string hash_key = {};
  };
  static absl::StatusOr<std::unique_ptr<ServiceStorage>> Open(
      const ServiceConfig& config, const ServiceStorageOptions& options,
      InKafka in_kafka);

  Checkpoint& checkpoint() { return *checkpoint_; }
  Outbox& outbox() { return *outbox_; }
  KeyedHash hash() const { return hash_; }
  // What is in Kafka has no size here.
  SqliteCheckpoint::Usage usage() const;
  // Not OK: this process may not write any more, and has to end.
  absl::Status failure() const;

 private:
  std::unique_ptr<SqliteCheckpoint> local_;
  std::unique_ptr<KafkaStateLog> log_;
  std::unique_ptr<LogCheckpoint> in_kafka_;
  Checkpoint* checkpoint_ = nullptr;
  Outbox* outbox_ = nullptr;
  KeyedHash hash_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_STORAGE_H_
