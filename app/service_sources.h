// Builds the sources of a service.
#ifndef ODDVERB_APP_SERVICE_SOURCES_H_
#define ODDVERB_APP_SERVICE_SOURCES_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/service_config.h"
#include "ingest/kafka_source.h"
#include "ingest/source.h"
#include "ingest/tail_source.h"
#include "ingest/webhook_source.h"
#include "net/http_options.h"
#include "pipeline/pipeline.h"

namespace oddverb {

class ServiceSources {
 public:
  // One source with its counters; `tail`, `receiver` and `topic` are the source
  // itself where it is of that type.
  struct Entry {
    std::string name;
    std::unique_ptr<Source> source;
    InputCounters counters;
    const TailSource* tail = nullptr;
    WebhookSource* receiver = nullptr;
    const KafkaSource* topic = nullptr;
    std::string listener;  // of the receiver
  };

  // NotFound, PermissionDenied: what a `files` source names cannot be read.
  // FailedPrecondition: what a `kafka` source names (a certificate) cannot.
  // `partition`: of the topic of the one `kafka` source, which alone is read.
  static absl::StatusOr<std::unique_ptr<ServiceSources>> Make(
      const ServiceConfig& config, std::optional<int32_t> partition = {});

  const std::vector<NamedSource>& named() const { return named_; }
  const std::deque<Entry>& entries() const { return entries_; }
  // Audit routes of the listener of this name.
  std::vector<HttpRoute> RoutesOf(const std::string& listener) const;
  // OK, or the first source that cannot be read, with cause and cure.
  absl::Status Health() const;
  // Of all receivers; see WebhookSource.
  void SetIntake(WebhookSource::Intake intake);
  void Drain();
  void Close();

 private:
  absl::Status Add(const ServiceConfig& config, const SourceConfig& source,
                   std::optional<int32_t> partition);

  std::deque<Entry> entries_;  // pinned: counters are pointed to
  std::vector<NamedSource> named_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SERVICE_SOURCES_H_
