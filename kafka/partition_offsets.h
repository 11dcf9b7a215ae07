// Where partitions begin and end, as their leaders say. In the place of
// rd_kafka_query_watermark_offsets(), which waits for a leader that has died
// for longer than it is told to.
#ifndef ODDVERB_KAFKA_PARTITION_OFFSETS_H_
#define ODDVERB_KAFKA_PARTITION_OFFSETS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct rd_kafka_s;

namespace oddverb {

enum class PartitionEdge : uint8_t {
  kBegin,
  kEnd  // behind the last message that the client may read: see isolation.level
};

// Leaves an offset for each of the partitions. Returns 0, or the error of
// librdkafka (rd_kafka_resp_err_t), and then asks who leads now, so that it can
// be tried again. Without that librdkafka would believe what it knew for up to
// 15 minutes (metadata.max.age.ms), whatever the broker replies: it looks only
// for leaders of topics that the client reads (seen with 2.0.2, when a broker
// had died). Each of the two questions is given `timeout_ms`. Any thread.
int AskForOffsets(rd_kafka_s* client, const std::string& topic,
                  std::span<const int32_t> partitions, PartitionEdge edge,
                  int timeout_ms, std::vector<int64_t>& offsets);

struct PartitionRange {
  int64_t begin = 0, end = 0;
};

// The same, of both edges of one partition.
int AskForRange(rd_kafka_s* client, const std::string& topic, int32_t partition,
                int timeout_ms, PartitionRange& range);

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_PARTITION_OFFSETS_H_
