#include "tests/support/kafka_topics.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr int kPatienceMs = 60'000;

rd_kafka_t* MakeClient(rd_kafka_type_t type, const std::string& address,
                       const std::string& group) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[256];
  auto set = [&](const char* name, const char* value) {
    EXPECT_EQ(rd_kafka_conf_set(conf, name, value, error, sizeof(error)),
              RD_KAFKA_CONF_OK)
        << error;
  };
  set("bootstrap.servers", address.c_str());
  set("log_level", "0");
  // A partition that was just made may refuse the first batch: without, it is
  // sent again behind the next ones.
  if (type == RD_KAFKA_PRODUCER) set("enable.idempotence", "true");
  if (type == RD_KAFKA_CONSUMER) {
    set("group.id", group.c_str());
    set("enable.auto.commit", "false");
    set("auto.offset.reset", "earliest");
    set("enable.partition.eof", "true");
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof(error));
  EXPECT_NE(client, nullptr) << error;
  return client;
}

std::map<std::string, std::string> HeadersOf(const rd_kafka_message_t& from) {
  std::map<std::string, std::string> headers;
  rd_kafka_headers_t* all = nullptr;
  if (rd_kafka_message_headers(&from, &all) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return headers;
  }
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(all, i, &name, &value, &size) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    headers[name] = std::string(static_cast<const char*>(value), size);
  }
  return headers;
}

StoredMessage Copy(const rd_kafka_message_t& from) {
  StoredMessage message;
  message.partition = from.partition;
  message.offset = from.offset;
  message.key.assign(static_cast<const char*>(from.key), from.key_len);
  message.payload.assign(static_cast<const char*>(from.payload), from.len);
  message.headers = HeadersOf(from);
  message.time =
      absl::FromUnixMillis(rd_kafka_message_timestamp(&from, nullptr));
  return message;
}

}  // namespace

struct KafkaTopics::Client {
  explicit Client(const std::string& address)
      : handle(MakeClient(RD_KAFKA_PRODUCER, address, "")),
        answers(rd_kafka_queue_new(handle)) {}
  ~Client() {
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(handle);
  }
  // REQUIRES: an administrative call was just made into `answers`.
  rd_kafka_event_t* Await() {
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers, kPatienceMs);
    EXPECT_NE(event, nullptr) << "no answer of the broker";
    if (event != nullptr) {
      EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR)
          << rd_kafka_event_error_string(event);
    }
    return event;
  }
  void AwaitTopics(
      const rd_kafka_topic_result_t** (*results)(const rd_kafka_event_t*)) {
    rd_kafka_event_t* event = Await();
    if (event == nullptr) return;
    const rd_kafka_topic_result_t** all = results(event);
    EXPECT_EQ(rd_kafka_topic_result_error(all[0]), RD_KAFKA_RESP_ERR_NO_ERROR)
        << rd_kafka_topic_result_error_string(all[0]);
    rd_kafka_event_destroy(event);
  }

  rd_kafka_t* handle;
  rd_kafka_queue_t* answers;
};

KafkaTopics::KafkaTopics(std::string address, int replicas)
    : address_(std::move(address)),
      replicas_(replicas),
      client_(std::make_unique<Client>(address_)) {}

KafkaTopics::~KafkaTopics() = default;

void KafkaTopics::Create(const std::string& topic, int partitions,
                         const Settings& settings) {
  rd_kafka_NewTopic_t* wanted =
      rd_kafka_NewTopic_new(topic.c_str(), partitions, replicas_, nullptr, 0);
  for (const auto& [name, value] : settings) {
    rd_kafka_NewTopic_set_config(wanted, name.c_str(), value.c_str());
  }
  rd_kafka_CreateTopics(client_->handle, &wanted, 1, nullptr, client_->answers);
  rd_kafka_NewTopic_destroy(wanted);
  client_->AwaitTopics([](const rd_kafka_event_t* event) {
    size_t count = 0;
    return rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(
            const_cast<rd_kafka_event_t*>(event)),
        &count);
  });
  Await(topic, partitions);
}

void KafkaTopics::Delete(const std::string& topic) {
  rd_kafka_DeleteTopic_t* unwanted = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(client_->handle, &unwanted, 1, nullptr,
                        client_->answers);
  rd_kafka_DeleteTopic_destroy(unwanted);
  client_->AwaitTopics([](const rd_kafka_event_t* event) {
    size_t count = 0;
    return rd_kafka_DeleteTopics_result_topics(
        rd_kafka_event_DeleteTopics_result(
            const_cast<rd_kafka_event_t*>(event)),
        &count);
  });
}

void KafkaTopics::AddPartitions(const std::string& topic, int partitions) {
  char error[256];
  rd_kafka_NewPartitions_t* wanted = rd_kafka_NewPartitions_new(
      topic.c_str(), static_cast<size_t>(partitions), error, sizeof(error));
  rd_kafka_CreatePartitions(client_->handle, &wanted, 1, nullptr,
                            client_->answers);
  rd_kafka_NewPartitions_destroy(wanted);
  client_->AwaitTopics([](const rd_kafka_event_t* event) {
    size_t count = 0;
    return rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(
            const_cast<rd_kafka_event_t*>(event)),
        &count);
  });
  Await(topic, partitions);
}

void KafkaTopics::Await(const std::string& topic, int partitions) {
  const absl::Time deadline = absl::Now() + absl::Milliseconds(kPatienceMs);
  int found = 0;
  while (found < partitions && absl::Now() < deadline) {
    rd_kafka_topic_t* handle =
        rd_kafka_topic_new(client_->handle, topic.c_str(), nullptr);
    const struct rd_kafka_metadata* metadata = nullptr;
    if (rd_kafka_metadata(client_->handle, 0, handle, &metadata, kPatienceMs) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      const rd_kafka_metadata_topic_t& told = metadata->topics[0];
      found = static_cast<int>(std::count_if(
          told.partitions, told.partitions + told.partition_cnt,
          [](const auto& partition) { return partition.leader >= 0; }));
      rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    if (found < partitions) absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_GE(found, partitions) << topic;
}

void KafkaTopics::DeleteBefore(const std::string& topic, int32_t partition,
                               int64_t offset) {
  rd_kafka_topic_partition_list_t* before =
      rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(before, topic.c_str(), partition)->offset =
      offset;
  rd_kafka_DeleteRecords_t* unwanted = rd_kafka_DeleteRecords_new(before);
  rd_kafka_topic_partition_list_destroy(before);
  rd_kafka_DeleteRecords(client_->handle, &unwanted, 1, nullptr,
                         client_->answers);
  rd_kafka_DeleteRecords_destroy(unwanted);
  rd_kafka_event_t* event = client_->Await();
  if (event != nullptr) rd_kafka_event_destroy(event);
}

void KafkaTopics::Allow(const std::string& user, const std::string& topic) {
  char error[256];
  rd_kafka_AclBinding_t* acl = rd_kafka_AclBinding_new(
      RD_KAFKA_RESOURCE_TOPIC, topic.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL,
      user.c_str(), "*", RD_KAFKA_ACL_OPERATION_ALL,
      RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, error, sizeof(error));
  rd_kafka_CreateAcls(client_->handle, &acl, 1, nullptr, client_->answers);
  rd_kafka_AclBinding_destroy(acl);
  rd_kafka_event_t* event = client_->Await();
  if (event != nullptr) rd_kafka_event_destroy(event);
}

void KafkaTopics::Write(const std::string& topic, int32_t partition,
                        const std::vector<std::string>& payloads) {
  std::vector<std::pair<const char*, size_t>> all;
  for (const std::string& payload : payloads) {
    all.push_back({payload.data(), payload.size()});
  }
  Produce(topic, partition, all);
}

void KafkaTopics::WriteInTurns(const std::string& topic, int32_t partitions,
                               const std::vector<std::string>& payloads,
                               size_t begin, size_t end) {
  std::vector<std::vector<std::string>> of_partition(
      static_cast<size_t>(partitions));
  for (size_t i = begin; i < end; ++i) {
    of_partition[i % of_partition.size()].push_back(payloads[i]);
  }
  for (int32_t p = 0; p < partitions; ++p) {
    Write(topic, p, of_partition[static_cast<size_t>(p)]);
  }
}

uint64_t KafkaTopics::CommittedMessages(const std::string& group,
                                        const std::string& topic) {
  uint64_t sum = 0;
  for (const auto& [partition, offset] : CommittedOffsets(group, topic)) {
    if (offset > 0) sum += static_cast<uint64_t>(offset);
  }
  return sum;
}

int KafkaTopics::GroupCoordinator(const std::string& group) {
  return LeaderOf("__consumer_offsets", group);
}

int KafkaTopics::TransactionCoordinator(const std::string& transactional_id) {
  return LeaderOf("__transaction_state", transactional_id);
}

// Of the partition that Kafka's own topic has for the name: by the hash that
// Java's strings have.
int KafkaTopics::LeaderOf(const std::string& topic, const std::string& name) {
  uint32_t hash = 0;
  for (const char c : name) hash = 31 * hash + static_cast<unsigned char>(c);
  const int64_t positive = std::abs(int64_t{static_cast<int32_t>(hash)});
  rd_kafka_topic_t* handle =
      rd_kafka_topic_new(client_->handle, topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  EXPECT_EQ(
      rd_kafka_metadata(client_->handle, 0, handle, &metadata, kPatienceMs),
      RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_topic_destroy(handle);
  if (metadata == nullptr) return -1;
  int leader = -1;
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  EXPECT_GT(found.partition_cnt, 0) << topic;
  for (int i = 0; i < found.partition_cnt; ++i) {
    if (found.partitions[i].id == positive % found.partition_cnt) {
      leader = found.partitions[i].leader;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return leader;
}

void KafkaTopics::WriteTombstone(const std::string& topic, int32_t partition) {
  Produce(topic, partition, {{nullptr, 0}});
}

void KafkaTopics::Produce(
    const std::string& topic, int32_t partition,
    const std::vector<std::pair<const char*, size_t>>& payloads) {
  const absl::Time deadline = absl::Now() + absl::Milliseconds(kPatienceMs);
  for (const auto& [bytes, size] : payloads) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_vu_t parts[4] = {};
      parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
      parts[0].u.cstr = topic.c_str();
      parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
      parts[1].u.i32 = partition;
      parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
      parts[2].u.mem = {const_cast<char*>(bytes), size};
      parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
      parts[3].u.i = RD_KAFKA_MSG_F_COPY;
      rd_kafka_error_t* failure =
          rd_kafka_produceva(client_->handle, parts, std::size(parts));
      error = rd_kafka_error_code(failure);
      if (failure != nullptr) rd_kafka_error_destroy(failure);
      rd_kafka_poll(client_->handle, error ? 10 : 0);
      // Not every broker of a cluster knows at once of a topic that was made.
      if (error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && absl::Now() < deadline) {
        Await(topic, partition + 1);
        error = RD_KAFKA_RESP_ERR__QUEUE_FULL;
      }
    }
    ASSERT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
  }
  ASSERT_EQ(rd_kafka_flush(client_->handle, kPatienceMs),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

std::vector<StoredMessage> KafkaTopics::Read(const std::string& topic,
                                             size_t wanted) {
  rd_kafka_t* reader = MakeClient(RD_KAFKA_CONSUMER, address_, "reader");
  rd_kafka_poll_set_consumer(reader);
  const struct rd_kafka_metadata* metadata = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(reader, topic.c_str(), nullptr);
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(1);
  if (rd_kafka_metadata(reader, 0, handle, &metadata, kPatienceMs) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
      rd_kafka_topic_partition_list_add(all, topic.c_str(),
                                        metadata->topics[0].partitions[i].id)
          ->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_metadata_destroy(metadata);
  }
  int left = all->cnt;
  rd_kafka_assign(reader, all);
  std::vector<StoredMessage> messages;
  absl::Time deadline = absl::Now() + absl::Milliseconds(kPatienceMs);
  while ((left > 0 || messages.size() < wanted) && absl::Now() < deadline) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(reader, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) --left;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      messages.push_back(Copy(*message));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_partition_list_destroy(all);
  rd_kafka_topic_destroy(handle);
  rd_kafka_consumer_close(reader);
  rd_kafka_destroy(reader);
  std::sort(messages.begin(), messages.end(),
            [](const StoredMessage& a, const StoredMessage& b) {
              return std::pair(a.partition, a.offset) <
                     std::pair(b.partition, b.offset);
            });
  return messages;
}

std::map<int32_t, int64_t> KafkaTopics::CommittedOffsets(
    const std::string& group, const std::string& topic) {
  constexpr int32_t kPartitions = 16;
  rd_kafka_t* reader = MakeClient(RD_KAFKA_CONSUMER, address_, group);
  rd_kafka_topic_partition_list_t* all =
      rd_kafka_topic_partition_list_new(kPartitions);
  for (int32_t i = 0; i < kPartitions; ++i) {
    rd_kafka_topic_partition_list_add(all, topic.c_str(), i);
  }
  const absl::Time deadline = absl::Now() + absl::Milliseconds(kPatienceMs);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  do {  // who has just started does not know it yet
    error = rd_kafka_committed(reader, all, kPatienceMs);
  } while ((error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
            error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
            error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS) &&
           absl::Now() < deadline);
  EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
  std::map<int32_t, int64_t> offsets;
  for (int i = 0; i < all->cnt; ++i) {
    if (all->elems[i].offset >= 0) {
      offsets[all->elems[i].partition] = all->elems[i].offset;
    }
  }
  rd_kafka_topic_partition_list_destroy(all);
  rd_kafka_destroy(reader);
  return offsets;
}

}  // namespace oddverb
