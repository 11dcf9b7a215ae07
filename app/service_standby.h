// A service with its checkpoint in Kafka before it leads its group: it answers
// probes, and waits for the leader to end. Thread-safe in what it answers.
#ifndef ODDVERB_APP_SERVICE_STANDBY_H_
#define ODDVERB_APP_SERVICE_STANDBY_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/kafka_state_log.h"
#include "app/service_config.h"
#include "app/service_storage.h"
#include "app/systemd_notify.h"
#include "base/clock.h"
#include "telemetry/logging.h"

namespace oddverb {

class ServiceStandby {
 public:
  // All must outlive it.
  struct Parts {
    const ServiceConfig& config;
    const ServiceStorageOptions& storage;
    Logger& logger;
    const SystemdNotify& notify;
    const std::atomic<bool>& stop;
  };
  explicit ServiceStandby(const Parts& parts) : parts_(parts) {}

  // Returns the restored state when this process leads. Cancelled: it was
  // stopped before. FailedPrecondition: topics, brokers or the configuration
  // make it impossible, with the cure. Waits for what may mend itself, and
  // tells it in the log and in /readyz.
  absl::StatusOr<std::unique_ptr<ServiceStorage>> AwaitState();

 private:
  absl::Status CheckTopics();
  absl::Status AwaitLead(const KafkaStateLog& log);
  absl::Status TakeOver(KafkaStateLog& log);
  // Notes what is waited for. Cancelled: stopped.
  absl::Status Pause(const absl::Status& cause);
  absl::Status health() const;

  const Parts parts_;
  absl::Time next_alive_ = absl::InfinitePast();  // SteadyNow()
  mutable std::mutex mutex_;
  std::string waits_for_;  // what is wrong; guarded by mutex_
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_STANDBY_H_
