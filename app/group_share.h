// One share of a group's work: the judge of one partition of the source's
// topic, or (the last share) the correlator, with its state in the partition of
// the state topic that has the share's number, and outputs of its own. It
// begins by taking that over from whoever had it.
//
// Thread-safe, but for the constructor and Join(). A thread of its own, from
// the constructor to Join().
#ifndef ODDVERB_APP_GROUP_SHARE_H_
#define ODDVERB_APP_GROUP_SHARE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "app/group_totals.h"
#include "app/kafka_observation_feed.h"
#include "app/kafka_state_log.h"
#include "app/recent_findings.h"
#include "app/service_config.h"
#include "app/service_outputs.h"
#include "app/service_rules.h"
#include "app/service_sources.h"
#include "app/service_storage.h"
#include "base/clock.h"
#include "kafka/kafka_member.h"
#include "net/http_message.h"
#include "pipeline/correlator_run.h"
#include "pipeline/pipeline.h"
#include "telemetry/logging.h"

namespace oddverb {

class GroupShare {
 public:
  // What all shares of a process work with; must outlive them.
  struct Parts {
    const ServiceStorageOptions& storage;
    const KafkaMember& member;
    ServiceRules& rules;
    RecentFindings& recent;
    const Clock& clock;
    Logger& logger;
    std::mutex& turn;         // see ServiceOutputs::Parts
    std::string hash_key;     // AwaitGroupHashKey()
    uint32_t partitions = 0;  // of the source's topic; the correlator's number
    std::function<void(const JudgedBatch&)> on_judged;
  };
  enum class Ending : uint8_t {
    kHandedOver,  // what was taken is judged and committed
    kLost,        // nothing more is written
  };

  // `config`: of the process, as it is in force.
  GroupShare(const Parts& parts, ServiceConfig config, int32_t number);
  // As Stop(kLost) and Join(), unless it was.
  ~GroupShare();

  int32_t number() const { return number_; }
  bool is_correlator() const {
    return number_ == static_cast<int32_t>(parts_.partitions);
  }

  // Tells it to end, by and by; the first call counts. `drain`: how long its
  // outputs may take for what is committed; the rest is for the next owner.
  void Stop(Ending ending, absl::Duration drain = absl::ZeroDuration());
  // Waits until it has ended.
  void Join();
  bool has_ended() const { return has_ended_; }
  // Once it has ended: OK after Stop(kHandedOver).
  absl::Status status() const;

  // OK, or what it waits for.
  absl::Status health() const;
  // Of a judge: whether messages have no key, so that an actor's may be in
  // several partitions.
  bool has_unkeyed_messages() const;
  // Whether it has batches under way and has concluded none for `patience`. For
  // one thread.
  bool IsWedged(absl::Time now, absl::Duration patience);
  void AddTo(GroupTotals& totals) const;
  HttpResponse AnswerAlerts(std::string_view path,
                            std::string_view query) const;
  void SetMinSeverities(const std::vector<OutputConfig>& outputs);

 private:
  // What there is once the state is taken over; gone when the share ends.
  struct Running {
    std::unique_ptr<ServiceStorage> storage;
    std::unique_ptr<ServiceOutputs> outputs;
    // Of a judge.
    std::unique_ptr<ServiceSources> sources;
    std::unique_ptr<Pipeline> pipeline;
    // Of the correlator.
    std::unique_ptr<KafkaObservationFeed> feed;
    std::unique_ptr<CorrelatorRun> correlator;

    const PipelineCounters& counters() const;
    absl::Status storage_status() const;
    uint64_t storage_failures() const;
  };

  absl::Status Run();
  absl::Status TakeOver(KafkaStateLog& log);
  absl::StatusOr<std::unique_ptr<Running>> Build();
  absl::Status BuildJudge(const PartFactory& parts, Running& made) const;
  absl::Status BuildCorrelator(const PartFactory& parts, Running& made) const;
  absl::Status Work(Running& running);
  uint32_t PartOf(int64_t budget) const;
  void Await(const absl::Status& cause);
  void End();
  void AddRunning(GroupTotals& totals, GroupTotals::Of of) const;
  void TellRejected(const Running& running, const Rejected& rejected) const;

  const Parts parts_;
  const ServiceConfig config_;
  const int32_t number_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> is_lost_{false};
  std::atomic<bool> has_ended_{false};
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  absl::Duration drain_ = absl::ZeroDuration();
  std::string waits_for_;
  absl::Status status_;
  std::unique_ptr<Running> running_;
  GroupTotals ended_;            // once running_ is gone
  uint64_t last_concluded_ = 0;  // of IsWedged()
  absl::Time last_progress_ = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_GROUP_SHARE_H_
