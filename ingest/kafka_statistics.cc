#include "ingest/kafka_statistics.h"

#include <simdjson.h>

#include <algorithm>

namespace oddverb {
namespace {

namespace dom = simdjson::dom;

uint64_t NumberIn(simdjson::simdjson_result<dom::element> value) {
  int64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS) return 0;
  return static_cast<uint64_t>(std::max<int64_t>(number, 0));
}

}  // namespace

KafkaStatistics ReadKafkaStatistics(std::string_view json) {
  KafkaStatistics read;
  dom::parser parser;
  dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
    return read;
  }
  if (!root.is_object()) return read;
  dom::object brokers, topics;
  if (root["brokers"].get(brokers) == simdjson::SUCCESS) {
    for (auto [name, broker] : brokers) {
      std::string_view state;
      if (broker["state"].get(state) == simdjson::SUCCESS && state == "UP") {
        ++read.brokers_up;
      }
      // Microseconds, and milliseconds.
      read.round_trip = std::max(
          read.round_trip, absl::Microseconds(NumberIn(broker["rtt"]["p99"])));
      read.throttle =
          std::max(read.throttle,
                   absl::Milliseconds(NumberIn(broker["throttle"]["max"])));
    }
  }
  if (root["topics"].get(topics) == simdjson::SUCCESS) {
    for (auto [name, topic] : topics) {
      dom::object partitions;
      if (topic["partitions"].get(partitions) != simdjson::SUCCESS) continue;
      for (auto [number, partition] : partitions) {
        read.queued_bytes += NumberIn(partition["fetchq_size"]);
      }
    }
  }
  return read;
}

}  // namespace oddverb
