// A topic of audit events, read as a member of a consumer group. The bookmark
// holds the offsets of the partitions, so positions and state are committed
// together; the group is told what is judged, for its own display and for a
// member that takes a partition over.
#ifndef ODDVERB_INGEST_KAFKA_SOURCE_H_
#define ODDVERB_INGEST_KAFKA_SOURCE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ingest/source.h"
#include "ingest/timestamp.h"
#include "kafka/kafka_consumer.h"

namespace oddverb {

// What holds:
//  - Each message is a record. Partitions are merged: the one whose watermark
//    (the latest stage time taken from it) is lowest gives its next message, so
//    that a backlog is read in about the order of time. One that has nothing
//    though the broker holds more is waited for, but not for long.
//  - Messages that the topic no longer has are a Rejected where they should
//    have been. A message without payload (a tombstone) is passed over.
//  - Not calling Read() stops fetching, and loses no partition.
//
// Threads: as Source says; progress, health, Describe and what follows from
// any.
// What a bookmark of a KafkaSource says. DataLoss: it is none.
struct KafkaBookmark {
  std::string topic;
  KafkaOffsets offsets;  // where to go on
};
absl::StatusOr<KafkaBookmark> ParseKafkaBookmark(std::string_view bookmark);
std::string KafkaBookmarkText(const KafkaBookmark& bookmark);

class KafkaSource final : public Source {
 public:
  struct Options {
    uint32_t source_index = 0;  // for positions
    KafkaConsumerOptions consumer;
    // Longer than this is rejected; librdkafka takes 100 MB.
    size_t max_record_bytes = size_t{64} << 20;
    // How long a partition that has nothing, though there is more, holds back
    // the others: a broker that restarts takes 5 to 20 s.
    absl::Duration merge_patience = absl::Seconds(30);
  };

  // The errors of KafkaConsumer::Make. Connects with the first Read().
  static absl::StatusOr<std::unique_ptr<KafkaSource>> Make(
      const Options& options);

  // FailedPrecondition: another process has taken this one's place.
  absl::Status Read(absl::Time deadline, RawBatch& out) override;
  absl::Status Accepted(const Position& position) override;
  absl::Status Commit(const Position& position) override;
  absl::Status Resume(std::string_view bookmark) override;

  // "topic TOPIC, partition 3, offset 17".
  std::string Describe(const Position& position) const override;
  bool streams_follow() const override { return false; }
  Progress progress() const override;
  absl::Status health() const override { return consumer_->health(); }

  const KafkaConsumer& consumer() const { return *consumer_; }

 private:
  struct Cursor {
    KafkaRecord head;
    bool has_head = false;
    bool is_dated = false;  // the watermark knows of the head
    bool at_end = false;
    uint64_t look_again = 0;  // when so many messages were taken
    absl::Time watermark = absl::InfinitePast();
    absl::Time empty_since = absl::InfinitePast();
  };
  enum class Fill : uint8_t { kGoOn, kFull, kWait };

  KafkaSource(const Options& options, std::unique_ptr<KafkaConsumer> consumer)
      : options_(options), consumer_(std::move(consumer)) {}

  void FollowAssignment();
  void TakeGaps(RawBatch& out);
  Fill TakeNext(RawBatch& out);
  bool FillHead(int32_t partition, Cursor& cursor);
  bool IsBefore(Cursor& cursor, Cursor& other);
  void Append(Cursor& cursor, RawBatch& out);
  bool ExpectsMore() const;
  std::string Bookmark() const;

  const Options options_;
  std::unique_ptr<KafkaConsumer> consumer_;
  bool started_ = false;
  KafkaOffsets resume_at_;
  std::map<int32_t, Cursor> cursors_;  // gone before the consumer
  uint64_t taken_ = 0;
  TimestampReader times_;
  std::string last_bookmark_;
  std::atomic<uint64_t> read_bytes_{0};
};

}  // namespace oddverb

#endif  // ODDVERB_INGEST_KAFKA_SOURCE_H_
