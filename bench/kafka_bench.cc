// Question: what does an event cost more that comes from a topic of Kafka than
// one that comes from a file?
//
//   kafka_bench FILE HOST:PORT [ROUNDS [NAME=VALUE...]]
//
// Writes FILE (plain NDJSON) to a topic of a real broker, one event a message,
// lz4, as `oddverb forward` does it; then judges the file and the topic in
// turns, with every detector, on one thread beside librdkafka's own. Prints
// medians of this process's CPU time for an event. NAME: a property of
// librdkafka, for the reader. Without a broker it does nothing.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/build.h"
#include "base/clock.h"
#include "bench/measure.h"
#include "ingest/kafka_source.h"
#include "ingest/merged_source.h"
#include "kafka/kafka_producer.h"
#include "kafka/kafka_topics_admin.h"
#include "pipeline/pipeline.h"

namespace oddverb {
namespace {

constexpr size_t kLinesAtOnce = 2000;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "kafka_bench: %s\n", message.c_str());
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

// Returns the number of messages.
uint64_t Fill(const std::string& path, const KafkaOptions& client,
              const std::string& topic) {
  auto admin = ValueOrDie(KafkaTopicsAdmin::Make(client));
  Check(admin->Create(topic, {.partitions = 1, .replicas = 1, .settings = {}},
                      absl::Seconds(30)));
  auto producer = ValueOrDie(KafkaProducer::Make(client, topic));
  std::ifstream file(path);
  std::vector<KafkaMessage> messages;
  uint64_t count = 0;
  auto send = [&] {
    absl::Status sent;
    const absl::Time give_up = SteadyNow() + absl::Minutes(2);
    do {
      sent = producer->Send(messages, SteadyNow() + absl::Seconds(30));
    } while (absl::IsUnavailable(sent) && SteadyNow() < give_up);
    Check(sent);
    count += messages.size();
    messages.clear();
  };
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    // Messages that are equal would count as sent already.
    messages.push_back({.key = std::to_string(count + messages.size()),
                        .payload = std::move(line)});
    if (messages.size() == kLinesAtOnce) send();
  }
  if (!messages.empty()) send();
  return count;
}

// Microseconds of CPU an event.
double Judge(Source& source, uint64_t events) {
  std::unique_ptr<Pipeline> pipeline;
  std::atomic<bool> stop{false};
  // A topic has no end: whoever counts says when it is enough.
  PipelineOptions options;
  options.on_judged = [&](const JudgedBatch&) {
    if (pipeline->counters().records >= events) stop = true;
  };
  pipeline = ValueOrDie(Pipeline::Make(
      options, ValueOrDie(MakePartFactory(Settings())), nullptr));
  const double before = CpuSecondsOfProcess();
  Delivery delivery({}, {});
  Check(pipeline->Run(
      {{"source", &source}}, delivery, [](size_t, const Rejected&) {}, stop));
  if (pipeline->counters().records < events) Die("records are missing");
  return (CpuSecondsOfProcess() - before) * 1e6 / static_cast<double>(events);
}

using Properties = std::vector<std::pair<std::string, std::string>>;

int Run(const std::string& path, const std::string& broker, int rounds,
        const Properties& properties) {
  const KafkaOptions client = {.brokers = {broker}};
  KafkaOptions reader = client;
  reader.properties = properties;
  const std::string topic = "kafka_bench." + std::to_string(getpid());
  const uint64_t events = Fill(path, client, topic);
  std::vector<double> of_file, of_topic;
  for (int round = 0; round < rounds; ++round) {
    auto file = ValueOrDie(OpenFiles({path}, {}));
    of_file.push_back(Judge(*file, events));
    auto messages = ValueOrDie(KafkaSource::Make(
        {.consumer = {.client = reader,
                      .topic = topic,
                      .group = topic,
                      .partitions = KafkaConsumerOptions::Partitions::kAll}}));
    of_topic.push_back(Judge(*messages, events));
  }
  const double file = Median(of_file);
  const double messages = Median(of_topic);
  std::printf(
      "%llu events, %d rounds, medians of CPU time\n"
      "file   %6.3f us an event\ntopic  %6.3f us an event\n"
      "more   %6.3f us an event\n",
      static_cast<unsigned long long>(events), rounds, file, messages,
      messages - file);
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) {
  if (argc < 3) {
    std::printf("kafka_bench FILE HOST:PORT [ROUNDS]: no broker, no figures\n");
    return 0;
  }
  oddverb::Properties properties;
  for (int i = 4; i < argc; ++i) {
    const std::string text = argv[i];
    const size_t end = std::min(text.find('='), text.size());
    properties.push_back(
        {text.substr(0, end), text.substr(std::min(end + 1, text.size()))});
  }
  return oddverb::Run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 9,
                      properties);
}
