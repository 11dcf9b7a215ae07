// What librdkafka says of itself (STATISTICS.md), as far as people ask for it.
// Pure; thread-safe.
#ifndef ODDVERB_INGEST_KAFKA_STATISTICS_H_
#define ODDVERB_INGEST_KAFKA_STATISTICS_H_

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"

namespace oddverb {

struct KafkaStatistics {
  uint64_t brokers_up = 0;
  // Of the slowest broker: 99 of 100 requests were answered within.
  absl::Duration round_trip;
  // The longest that a broker made us wait, because of a quota.
  absl::Duration throttle;
  uint64_t queued_bytes = 0;  // fetched and not taken
};

// All zero for what is no statistics.
KafkaStatistics ReadKafkaStatistics(std::string_view json);

}  // namespace oddverb

#endif  // ODDVERB_INGEST_KAFKA_STATISTICS_H_
