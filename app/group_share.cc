#include "app/group_share.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "app/build.h"
#include "app/kafka_group_key.h"
#include "base/status_macros.h"
#include "ingest/kafka_statistics.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);

}  // namespace

const PipelineCounters& GroupShare::Running::counters() const {
  return correlator != nullptr ? correlator->counters() : pipeline->counters();
}

absl::Status GroupShare::Running::storage_status() const {
  return correlator != nullptr ? correlator->storage() : pipeline->storage();
}

uint64_t GroupShare::Running::storage_failures() const {
  return correlator != nullptr ? correlator->storage_failures()
                               : pipeline->storage_failures();
}

GroupShare::GroupShare(const Parts& parts, ServiceConfig config, int32_t number)
    : parts_(parts), config_(std::move(config)), number_(number) {
  thread_ = std::thread([this] {
    absl::Status ended = Run();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      status_ = std::move(ended);
    }
    has_ended_ = true;
  });
}

GroupShare::~GroupShare() {
  Stop(Ending::kLost);
  Join();
}

void GroupShare::Stop(Ending ending, absl::Duration drain) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (stop_) return;
  is_lost_ = ending == Ending::kLost;
  drain_ = drain;
  stop_ = true;
}

void GroupShare::Join() {
  if (thread_.joinable()) thread_.join();
}

absl::Status GroupShare::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

void GroupShare::Await(const absl::Status& cause) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    waits_for_ = std::string(cause.message());
  }
  if (!cause.ok()) absl::SleepFor(kPause);
}

absl::Status GroupShare::TakeOver(KafkaStateLog& log) {
  while (!stop_) {
    absl::Status status = log.TakeOver();
    if (!absl::IsUnavailable(status)) {
      Await(absl::OkStatus());
      return status;
    }
    Await(status);
  }
  return absl::CancelledError("stopped");
}

// Each partition has its part, so that what is judged does not depend on who
// has which.
uint32_t GroupShare::PartOf(int64_t budget) const {
  const int64_t part = budget / std::max<int64_t>(1, parts_.partitions);
  return static_cast<uint32_t>(std::max<int64_t>(part, 1));
}

absl::Status GroupShare::BuildJudge(const PartFactory& parts,
                                    Running& made) const {
  ODDVERB_ASSIGN_OR_RETURN(made.sources,
                           ServiceSources::Make(config_, number_));
  PipelineOptions options;
  options.threads = 1;
  options.exports_partition = static_cast<uint32_t>(number_);
  options.order = config_.order;
  options.max_held_bytes = PartOf(config_.max_held_bytes);
  options.allowed_lateness = config_.allowed_lateness;
  options.decoder.trusted_proxies = config_.trusted_proxies;
  options.hash = made.storage->hash();
  options.max_entities = PartOf(config_.max_entities);
  if (config_.entity_budget.has_value()) {
    options.entity_budget = config_.entity_budget;
    for (EntityLimits& limits : options.entity_budget->shards) {
      limits.max_entities = PartOf(limits.max_entities);
      limits.max_awake = PartOf(limits.max_awake);
    }
  }
  options.duplicates = Duplicates::kPassedOver;
  options.max_recent_events = PartOf(config_.max_recent_events);
  options.checkpoint_interval = config_.checkpoint_interval;
  options.checkpoint_bytes = static_cast<uint64_t>(config_.checkpoint_bytes);
  options.max_bytes_under_way = PartOf(config_.in_flight);
  options.secret_bodies = config_.secret_bodies;
  options.on_judged = parts_.on_judged;
  ODDVERB_ASSIGN_OR_RETURN(
      made.pipeline,
      Pipeline::Make(options, parts, &made.storage->checkpoint()));
  return absl::OkStatus();
}

absl::Status GroupShare::BuildCorrelator(const PartFactory& parts,
                                         Running& made) const {
  ODDVERB_ASSIGN_OR_RETURN(
      made.feed, KafkaObservationFeed::Make(config_, parts_.partitions));
  CorrelatorRun::Options options;
  options.merge.partitions = parts_.partitions;
  options.merge.allowed_lateness = config_.allowed_lateness;
  options.merge.max_held_bytes = static_cast<uint64_t>(config_.max_held_bytes);
  options.hash = made.storage->hash();
  options.entities =
      config_.entity_budget.has_value()
          ? config_.entity_budget->correlator
          : SameForEachKind(
                {.max_entities = static_cast<uint32_t>(config_.max_entities)});
  options.checkpoint = {
      .interval = config_.checkpoint_interval,
      .bytes = static_cast<uint64_t>(config_.checkpoint_bytes),
      .pause = PipelineOptions().checkpoint_pause};
  ODDVERB_ASSIGN_OR_RETURN(
      made.correlator,
      CorrelatorRun::Make(options, parts, made.storage->checkpoint()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GroupShare::Running>> GroupShare::Build() {
  auto made = std::make_unique<Running>();
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaStateLog> log,
      KafkaStateLog::Open(config_,
                          {.partition = number_,
                           .transactional_suffix = absl::StrCat("-", number_),
                           .is_lost = &is_lost_,
                           .logger = &parts_.logger},
                          parts_.member, stop_));
  ODDVERB_RETURN_IF_ERROR(TakeOver(*log));
  if (log->has_undone()) {
    parts_.logger.Warn(KafkaStateLog::kUndone,
                       {{"partition", absl::StrCat(number_)}});
  }
  ODDVERB_ASSIGN_OR_RETURN(
      made->storage,
      ServiceStorage::Open(config_, parts_.storage,
                           {.log = std::move(log),
                            .owner = GroupStateOwner(config_, number_),
                            .hash_key = parts_.hash_key}));
  Settings settings;
  settings.cluster = config_.cluster;
  settings.trusted_proxies = config_.trusted_proxies;
  settings.detectors = config_.detectors;
  settings.hash = made->storage->hash();
  settings.rules = parts_.rules.live();
  ODDVERB_ASSIGN_OR_RETURN(PartFactory parts, MakePartFactory(settings));
  ODDVERB_ASSIGN_OR_RETURN(
      made->outputs, ServiceOutputs::Make(
                         config_, {made->storage->outbox(), parts_.recent,
                                   parts_.clock, parts_.logger, &parts_.turn}));
  ODDVERB_RETURN_IF_ERROR(is_correlator() ? BuildCorrelator(parts, *made)
                                          : BuildJudge(parts, *made));
  return made;
}

void GroupShare::TellRejected(const Running& running,
                              const Rejected& rejected) const {
  const NamedSource& named = running.sources->named().front();
  parts_.logger.Warn("record not judged",
                     {{"source", named.name},
                      {"place", named.source->Describe(rejected.position)},
                      {"reason", RejectReasonName(rejected.reason)},
                      {"detail", rejected.detail}});
}

absl::Status GroupShare::Work(Running& running) {
  if (is_correlator()) {
    return running.correlator->Run(*running.feed, *running.outputs->delivery,
                                   stop_);
  }
  return running.pipeline->Run(
      running.sources->named(), *running.outputs->delivery,
      [&](size_t, const Rejected& r) { TellRejected(running, r); }, stop_);
}

void GroupShare::End() {
  std::unique_ptr<Running> gone;  // without the lock, as it takes a while
  std::lock_guard<std::mutex> lock(mutex_);
  AddRunning(ended_, GroupTotals::Of::kEnded);
  gone = std::move(running_);
}

absl::Status GroupShare::Run() {
  const absl::Time begin = SteadyNow();
  absl::StatusOr<std::unique_ptr<Running>> built = Build();
  Running* running = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (built.ok()) running_ = *std::move(built);
    running = running_.get();
    last_progress_ = SteadyNow();
  }
  if (running == nullptr) {
    // Nobody waits for one that was stopped on its way.
    return stop_ ? absl::OkStatus() : built.status();
  }
  const std::string what = is_correlator() ? "correlator" : "judge";
  const std::string partition = absl::StrCat(number_);
  parts_.logger.Info(
      "took over a share",
      {{"share", what},
       {"partition", partition},
       {"seconds", absl::StrCat(absl::ToDoubleSeconds(SteadyNow() - begin))}});
  absl::Status status = Work(*running);
  absl::Duration drain;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    drain = drain_;
  }
  absl::Status sent = running->outputs->sinks->Stop(parts_.clock.Now() + drain);
  if (status.ok()) status = running->outputs->sinks->failure();
  if (status.ok()) status = sent;
  if (status.ok()) status = running->outputs->delivery->Finish();
  End();
  parts_.logger.Info("gave up a share",
                     {{"share", what}, {"partition", partition}});
  return status;
}

absl::Status GroupShare::health() const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto told = [this](const absl::Status& status) {
    return absl::Status(
        status.code(),
        absl::StrCat(is_correlator() ? "correlator" : "judge of partition ",
                     is_correlator() ? "" : absl::StrCat(number_), ": ",
                     status.message()));
  };
  if (has_ended_ && !status_.ok()) return told(status_);
  if (!waits_for_.empty()) return told(absl::UnavailableError(waits_for_));
  if (running_ == nullptr) return absl::OkStatus();
  absl::Status storage = running_->storage_status();
  if (!storage.ok()) {
    return told(
        absl::Status(storage.code(),
                     absl::StrCat("nothing can be kept, so nothing is taken: ",
                                  storage.message())));
  }
  absl::Status source =
      is_correlator() ? running_->feed->health() : running_->sources->Health();
  return source.ok() ? source : told(source);
}

bool GroupShare::has_unkeyed_messages() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == nullptr || is_correlator()) return false;
  const KafkaSource& topic = *running_->sources->entries().front().topic;
  return topic.consumer().counters().unkeyed_messages > 0;
}

bool GroupShare::IsWedged(absl::Time now, absl::Duration patience) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == nullptr) return false;
  const PipelineCounters& counters = running_->counters();
  const uint64_t concluded = counters.batches_concluded;
  // Waiting for brokers is no bug, and a restart would not help.
  if (concluded != last_concluded_ || counters.batches_read <= concluded ||
      !running_->storage_status().ok()) {
    last_concluded_ = concluded;
    last_progress_ = now;
  }
  return now - last_progress_ > patience;
}

void GroupShare::AddTo(GroupTotals& totals) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == nullptr) return totals.Add(ended_);
  AddRunning(totals, GroupTotals::Of::kRunning);
}

// REQUIRES: mutex_ is held, and running_ is there.
void GroupShare::AddRunning(GroupTotals& totals, GroupTotals::Of of) const {
  const PipelineCounters& counters = running_->counters();
  totals.AddPipeline(counters, of);
  totals.AddState({.counters = counters,
                   .is_writable = running_->storage_status().ok(),
                   .write_failures = running_->storage_failures(),
                   .usage = running_->storage->usage()},
                  of);
  totals.AddDelivery(running_->outputs->delivery->counts_so_far());
  totals.AddSinks(running_->outputs->sinks->stats(), of);
  if (of == GroupTotals::Of::kRunning) {
    totals.AddFiring(running_->outputs->alerts->counts());
  }
  if (is_correlator()) return;
  const ServiceSources::Entry& entry = running_->sources->entries().front();
  totals.AddInput(entry.counters);
  if (of == GroupTotals::Of::kRunning) {
    totals.AddSource(entry.source->health().ok());
  }
  const KafkaConsumer& consumer = entry.topic->consumer();
  totals.AddTopic({.counters = consumer.counters(),
                   .partitions = consumer.Partitions().size(),
                   .statistics = ReadKafkaStatistics(consumer.statistics())},
                  of);
}

HttpResponse GroupShare::AnswerAlerts(std::string_view path,
                                      std::string_view query) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == nullptr) return {};
  return running_->outputs->alert_api->Answer(path, query, parts_.clock.Now());
}

void GroupShare::SetMinSeverities(const std::vector<OutputConfig>& outputs) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == nullptr) return;
  const std::vector<SeverityFilter*>& filters = running_->outputs->filters;
  for (size_t i = 0; i < filters.size() && i < outputs.size(); ++i) {
    filters[i]->SetMinSeverity(outputs[i].min_severity);
  }
}

}  // namespace oddverb
