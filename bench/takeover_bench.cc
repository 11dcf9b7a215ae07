// Question: how long does it take to take over the state of many actors from
// Kafka?
//
//   takeover_bench HOST:PORT [ACTORS] [ROUNDS]
//
// Judges one event of each actor (900,000 if none are named), each with a
// credential and an address of its own, with every detector and the checkpoint
// in topics of a real broker. Then takes that state over, several times, as a
// member of a group does for each of its shares, and judges an event more; and
// the same as a member that starts again and has a copy on its machine (in
// /var/tmp meanwhile). Prints medians of the time that passes, and of this
// process's CPU time.
// Without a broker it does nothing.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "app/build.h"
#include "app/kafka_state_copy.h"
#include "app/kafka_state_log.h"
#include "app/service_storage.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "bench/measure.h"
#include "kafka/kafka_topics_admin.h"
#include "pipeline/pipeline.h"
#include "tests/support/generated_source.h"

namespace oddverb {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "takeover_bench: %s\n", message.c_str());
  std::exit(1);
}

template <class T>
T ValueOrDie(absl::StatusOr<T> result) {
  if (!result.ok()) Die(result.status().ToString());
  return *std::move(result);
}

void Check(const absl::Status& status) {
  if (!status.ok()) Die(status.ToString());
}

ServiceConfig ConfigOf(const std::string& broker) {
  const std::string name = absl::StrCat("takeover_bench.", getpid());
  ServiceConfig config;
  config.cluster = "bench";
  config.sources.emplace_back();
  config.sources.front().kafka.brokers = {broker};
  config.sources.front().group = name;
  config.checkpoint_kafka.emplace();
  config.checkpoint_kafka->state_topic = absl::StrCat(name, ".state");
  config.checkpoint_kafka->findings_topic = absl::StrCat(name, ".findings");
  auto admin = ValueOrDie(KafkaTopicsAdmin::Make({.brokers = {broker}}));
  for (const std::string& topic : {config.checkpoint_kafka->state_topic,
                                   config.checkpoint_kafka->findings_topic}) {
    KafkaTopicFacts facts = {.partitions = 1, .replicas = 1, .settings = {}};
    if (topic == config.checkpoint_kafka->state_topic) {
      facts.settings["cleanup.policy"] = "compact";
    }
    Check(admin->Create(topic, facts, absl::Seconds(30)));
  }
  return config;
}

std::string EventOf(uint64_t actor, absl::Time time) {
  const std::string stamp =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  return absl::StrCat(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
      R"("auditID":"50000000-0000-4000-8000-)",
      absl::Hex(actor, absl::kZeroPad12),
      R"(","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/team-)",
      actor % 500, R"(/pods","verb":"list","user":{"username":"person-)", actor,
      R"(@example.com","groups":["system:authenticated"],"extra":{)",
      R"("authentication.kubernetes.io/credential-id":["X509SHA256=)",
      absl::Hex(actor + 1, absl::kZeroPad16), R"("]}},"sourceIPs":["10.)",
      actor >> 16 & 255, ".", actor >> 8 & 255, ".", actor & 255,
      R"("],"userAgent":"kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0",)",
      R"("objectRef":{"resource":"pods","namespace":"team-)", actor % 500,
      R"(","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},)",
      R"("requestReceivedTimestamp":")", stamp, R"(","stageTimestamp":")",
      stamp, R"(","annotations":{"authorization.k8s.io/decision":"allow"}})");
}

// A member, as far as it has come.
class Taker {
 public:
  Taker(const ServiceConfig& config, Logger& logger)
      : config_(config), logger_(logger) {}

  void TakeOver() {
    auto log = ValueOrDie(
        KafkaStateLog::Open(config_, {.logger = &logger_}, member_, stop_));
    absl::Status status;
    do {
      status = log->TakeOver();
    } while (absl::IsUnavailable(status));
    Check(status);
    storage_ = ValueOrDie(ServiceStorage::Open(
        config_, {}, {.log = std::move(log), .owner = "bench"}));
  }
  // One event of each actor from `first` on.
  void Judge(uint64_t first, uint64_t count) {
    Settings settings;
    settings.cluster = config_.cluster;
    settings.hash = storage_->hash();
    PipelineOptions options;
    options.hash = storage_->hash();
    options.max_entities = 4'000'000;
    auto pipeline = ValueOrDie(
        Pipeline::Make(options, ValueOrDie(MakePartFactory(settings)),
                       &storage_->checkpoint()));
    uint64_t made = 0;
    GeneratedSource source([&](std::string& record) {
      if (made == count) return false;
      const uint64_t actor = first + made++;
      record = EventOf(actor, absl::FromUnixSeconds(1'700'000'000) +
                                  absl::Milliseconds(actor));
      return true;
    });
    Delivery delivery({}, {});
    Check(pipeline->Run(
        {{"source", &source}}, delivery, [](size_t, const Rejected&) {},
        stop_));
    if (pipeline->counters().events < count) Die("events are missing");
    entities_ = 0;
    for (const auto& of_kind : pipeline->counters().entities) {
      entities_ += of_kind;
    }
  }
  uint64_t entities() const { return entities_; }

 private:
  const ServiceConfig& config_;
  Logger& logger_;
  const NoKafkaMember member_{};
  const std::atomic<bool> stop_{false};
  std::unique_ptr<ServiceStorage> storage_;
  uint64_t entities_ = 0;
};

// Takes over `rounds` times; judges an event more each time, of an actor from
// `first` on.
void Measure(const char* what, const ServiceConfig& config, Logger& logger,
             uint64_t first, int rounds) {
  std::vector<double> read, restored, cpu;
  uint64_t entities = 0;
  for (int round = 0; round < rounds; ++round) {
    Taker next(config, logger);
    const double cpu_before = CpuSecondsOfProcess();
    const absl::Time begin = SteadyNow();
    next.TakeOver();
    const absl::Time middle = SteadyNow();
    next.Judge(first + static_cast<uint64_t>(round), 1);
    read.push_back(absl::ToDoubleSeconds(middle - begin));
    restored.push_back(absl::ToDoubleSeconds(SteadyNow() - middle));
    cpu.push_back(CpuSecondsOfProcess() - cpu_before);
    entities = next.entities();
  }
  std::printf(
      "%s: %llu entities, %d rounds, medians\n"
      "state read      %6.2f s\nstate restored  %6.2f s\n"
      "CPU of both     %6.2f s\n",
      what, static_cast<unsigned long long>(entities), rounds, Median(read),
      Median(restored), Median(cpu));
}

// Returns when it holds all that the topic does.
void MakeCopy(const ServiceConfig& config, Logger& logger) {
  const KafkaTopicLog log = {
      .client = {.brokers = config.sources.front().kafka.brokers},
      .topic = config.checkpoint_kafka->state_topic,
      .group = config.sources.front().group};
  const SystemClock clock;
  const std::atomic<bool> stop{false};
  auto copy = ValueOrDie(KafkaStateCopy::Open(config.checkpoint_kafka->copy_dir,
                                              log, clock, logger));
  auto reader = ValueOrDie(KafkaTopicLogReader::Open(log));
  Check(reader->ReadToEnd(
      stop, [](const KafkaLogRecord&) { return absl::OkStatus(); }));
  const double cpu_before = CpuSecondsOfProcess();
  const absl::Time begin = SteadyNow();
  Check(copy->Read(stop, [](std::string_view, std::optional<std::string_view>) {
    return absl::OkStatus();
  }));
  const auto end = static_cast<uint64_t>(reader->position());
  while (copy->next_offset() < end) absl::SleepFor(absl::Milliseconds(10));
  std::printf("copy made in    %6.2f s, beside the service (CPU %.2f s)\n",
              absl::ToDoubleSeconds(SteadyNow() - begin),
              CpuSecondsOfProcess() - cpu_before);
}

int Run(const std::string& broker, uint64_t actors, int rounds) {
  ServiceConfig config = ConfigOf(broker);
  const SystemClock clock;
  Logger logger({.level = LogLevel::kWarn}, clock);
  {
    Taker first(config, logger);
    first.TakeOver();
    first.Judge(0, actors);
  }
  std::printf("%llu actors\n", static_cast<unsigned long long>(actors));
  Measure("from the brokers", config, logger, actors, rounds);
  config.checkpoint_kafka->copy_dir =
      absl::StrCat("/var/tmp/", config.sources.front().group);
  MakeCopy(config, logger);
  Measure("from the copy", config, logger,
          actors + static_cast<uint64_t>(rounds), rounds);
  std::filesystem::remove_all(config.checkpoint_kafka->copy_dir);
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf(
        "takeover_bench HOST:PORT [ACTORS] [ROUNDS]: no broker, no "
        "figures\n");
    return 0;
  }
  const uint64_t actors = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  return oddverb::Run(argv[1], actors > 0 ? actors : 900'000,
                      argc > 3 ? std::atoi(argv[3]) : 5);
}
