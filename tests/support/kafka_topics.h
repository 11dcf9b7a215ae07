// What tests do with a broker beside the code under test: make topics, fill
// them, read them, all over an address where everybody may do everything.
#ifndef ODDVERB_TESTS_SUPPORT_KAFKA_TOPICS_H_
#define ODDVERB_TESTS_SUPPORT_KAFKA_TOPICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

struct StoredMessage {
  int32_t partition = 0;
  int64_t offset = 0;
  std::string key = {};
  std::string payload = {};
  std::map<std::string, std::string> headers = {};
  absl::Time time = absl::InfinitePast();
};

// One thread. What fails, fails the test.
class KafkaTopics {
 public:
  // `replicas`: of the topics that it makes.
  explicit KafkaTopics(std::string address, int replicas = 1);
  ~KafkaTopics();

  using Settings = std::vector<std::pair<std::string, std::string>>;
  void Create(const std::string& topic, int partitions,
              const Settings& settings = {});
  void Delete(const std::string& topic);
  void AddPartitions(const std::string& topic, int partitions);
  // Returns when brokers tell of the topic and so many partitions, which is
  // some time after they were made. The two above do so.
  void Await(const std::string& topic, int partitions);
  // As retention does it: all messages of the partition before `offset` go.
  void DeleteBefore(const std::string& topic, int32_t partition,
                    int64_t offset);
  // The user (User:NAME) may do everything with the topic from now on.
  void Allow(const std::string& user, const std::string& topic);

  // Returns when the broker has all of them. No payload: a tombstone.
  void Write(const std::string& topic, int32_t partition,
             const std::vector<std::string>& payloads);
  // Payloads `begin` to `end`, in turns to the first `partitions`, as unkeyed
  // messages go; a partition after the other, so that whoever reads meanwhile
  // sees much disorder.
  void WriteInTurns(const std::string& topic, int32_t partitions,
                    const std::vector<std::string>& payloads, size_t begin,
                    size_t end);
  void WriteTombstone(const std::string& topic, int32_t partition);
  // All that the topic holds, by partition and offset; waits for `wanted`.
  std::vector<StoredMessage> Read(const std::string& topic, size_t wanted);
  // Of the group, by partition.
  std::map<int32_t, int64_t> CommittedOffsets(const std::string& group,
                                              const std::string& topic);
  // The sum of these: so many messages the group has.
  uint64_t CommittedMessages(const std::string& group,
                             const std::string& topic);

  // Which node coordinates the group, or the transactions of the id. They must
  // have been used.
  int GroupCoordinator(const std::string& group);
  int TransactionCoordinator(const std::string& transactional_id);

 private:
  struct Client;
  void Produce(const std::string& topic, int32_t partition,
               const std::vector<std::pair<const char*, size_t>>& payloads);
  int LeaderOf(const std::string& topic, const std::string& name);

  const std::string address_;
  const int replicas_;
  std::unique_ptr<Client> client_;  // a producer, which can administer too
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_KAFKA_TOPICS_H_
