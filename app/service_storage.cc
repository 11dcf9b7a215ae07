#include "app/service_storage.h"

#include <utility>

#include "base/status_macros.h"

namespace oddverb {

absl::StatusOr<std::unique_ptr<ServiceStorage>> ServiceStorage::Open(
    const ServiceConfig& config, const ServiceStorageOptions& options,
    const Clock& clock, Logger& logger) {
  SqliteCheckpoint::Options state = options.local;
  state.directory = config.state_dir;
  state.max_spool_bytes = static_cast<uint64_t>(config.max_spool);
  state.max_outbox_bytes = static_cast<uint64_t>(config.max_outbox);
  state.max_outbox_findings = static_cast<uint64_t>(config.max_outbox_findings);
  state.max_dead_letter_bytes = static_cast<uint64_t>(config.max_dead_letters);
  auto made = std::make_unique<ServiceStorage>();
  ODDVERB_ASSIGN_OR_RETURN(made->local_, SqliteCheckpoint::Open(state, clock));
  if (!made->local_->notice().empty()) logger.Error(made->local_->notice());
  made->checkpoint_ = made->local_.get();
  made->outbox_ = made->local_.get();
  made->hash_ = made->local_->hash();
  return made;
}

absl::StatusOr<std::unique_ptr<ServiceStorage>> ServiceStorage::Open(
    const ServiceConfig& config, const ServiceStorageOptions& options,
    InKafka in_kafka) {
  LogCheckpoint::Options state = options.in_kafka;
  state.owner = std::move(in_kafka.owner);
  state.hash_key = std::move(in_kafka.hash_key);
  state.max_outbox_bytes = static_cast<uint64_t>(config.max_outbox);
  state.max_outbox_findings = static_cast<uint64_t>(config.max_outbox_findings);
  auto made = std::make_unique<ServiceStorage>();
  made->log_ = std::move(in_kafka.log);
  ODDVERB_ASSIGN_OR_RETURN(made->in_kafka_,
                           LogCheckpoint::Open(state, *made->log_));
  made->checkpoint_ = made->in_kafka_.get();
  made->outbox_ = made->in_kafka_.get();
  made->hash_ = made->in_kafka_->hash();
  return made;
}

SqliteCheckpoint::Usage ServiceStorage::usage() const {
  if (local_ != nullptr) return local_->usage();
  const LogCheckpoint::Usage in_kafka = in_kafka_->usage();
  SqliteCheckpoint::Usage usage;
  usage.outbox_findings = in_kafka.outbox_findings;
  usage.outbox_bytes = in_kafka.outbox_bytes;
  return usage;
}

absl::Status ServiceStorage::failure() const {
  return log_ == nullptr ? absl::OkStatus() : log_->failure();
}

}  // namespace oddverb
