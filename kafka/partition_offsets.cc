#include "kafka/partition_offsets.h"

#include <librdkafka/rdkafka.h>

#include "kafka/consumer_parts.h"

namespace oddverb {
namespace {

void AskForLeaders(rd_kafka_t* client, const std::string& topic,
                   int timeout_ms) {
  rd_kafka_topic_t* asked = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  if (asked == nullptr) return;
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(client, /*all_topics=*/0, asked, &metadata,
                        timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(asked);
}

}  // namespace

int AskForOffsets(rd_kafka_s* client, const std::string& topic,
                  std::span<const int32_t> partitions, PartitionEdge edge,
                  int timeout_ms, std::vector<int64_t>& offsets) {
  PartitionListPointer asked = NewPartitionList();
  for (int32_t partition : partitions) {
    rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), partition)
        ->offset = edge == PartitionEdge::kBegin ? RD_KAFKA_OFFSET_BEGINNING
                                                 : RD_KAFKA_OFFSET_END;
  }
  rd_kafka_resp_err_t error =
      rd_kafka_offsets_for_times(client, asked.get(), timeout_ms);
  offsets.clear();
  for (int i = 0; i < asked->cnt; ++i) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = asked->elems[i].err;
    offsets.push_back(asked->elems[i].offset);
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    AskForLeaders(client, topic, timeout_ms);
  }
  return error;
}

int AskForRange(rd_kafka_s* client, const std::string& topic, int32_t partition,
                int timeout_ms, PartitionRange& range) {
  const int32_t one[] = {partition};
  std::vector<int64_t> offsets;
  for (auto& [edge, offset] :
       {std::pair<PartitionEdge, int64_t&>(PartitionEdge::kBegin, range.begin),
        std::pair<PartitionEdge, int64_t&>(PartitionEdge::kEnd, range.end)}) {
    const int error =
        AskForOffsets(client, topic, one, edge, timeout_ms, offsets);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    offset = offsets.front();
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace oddverb
