#include "kafka/kafka_consumer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/consumer_parts.h"
#include "kafka/partition_offsets.h"

namespace oddverb {
namespace {

// For partitions that were added to the topic.
constexpr absl::Duration kLookInterval = absl::Seconds(10);
constexpr absl::Duration kLookSoon = absl::Seconds(1);  // while there is none

}  // namespace

void KafkaMessageDeleter::operator()(rd_kafka_message_s* message) const {
  rd_kafka_message_destroy(message);
}

KafkaConsumer::KafkaConsumer(KafkaConsumerOptions options)
    : options_(std::move(options)),
      health_({options_.topic, options_.group, options_.instance_id}),
      client_(std::make_unique<Client>()) {}

absl::StatusOr<std::unique_ptr<KafkaConsumer>> KafkaConsumer::Make(
    const KafkaConsumerOptions& options) {
  std::unique_ptr<KafkaConsumer> made(new KafkaConsumer(options));
  KafkaProperties ours = {
      {"group.id", options.group.c_str()},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // What is not there any more is told, never passed over in silence.
      {"auto.offset.reset", "error"},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"}};
  if (!options.instance_id.empty() &&
      options.partitions == KafkaConsumerOptions::Partitions::kOfMember) {
    ours.push_back({"group.instance.id", options.instance_id.c_str()});
  }
  ODDVERB_ASSIGN_OR_RETURN(
      KafkaConf conf,
      MakeKafkaConf(options.client,
                    {{"queued.max.messages.kbytes", "4096"},  // each partition
                     {"queued.min.messages", "10000"},
                     {"statistics.interval.ms", "5000"},
                     {"socket.keepalive.enable", "true"},
                     // A broker that restarts is back in seconds.
                     {"reconnect.backoff.max.ms", "1000"},
                     {"topic.metadata.refresh.interval.ms", "10000"}},
                    ours));
  rd_kafka_conf_set_opaque(conf.get(), made.get());
  rd_kafka_conf_set_rebalance_cb(conf.get(), &Client::OnRebalance);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  rd_kafka_conf_set_stats_cb(conf.get(), &Client::OnStatistics);
  rd_kafka_conf_set_offset_commit_cb(conf.get(), &Client::OnCommitted);
  rd_kafka_conf_interceptor_add_on_new(conf.get(), GroupTalk::kName,
                                       &GroupTalk::OnNew,
                                       made->client_->talk.get());
  char error[512];
  rd_kafka_t* handle =
      rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), error, sizeof(error));
  if (handle == nullptr) return absl::FailedPreconditionError(error);
  static_cast<void>(conf.release());  // the client's now
  made->client_->handle = handle;
  rd_kafka_poll_set_consumer(handle);
  return made;
}

KafkaConsumer::~KafkaConsumer() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  committed_.notify_all();
  if (poller_.joinable()) poller_.join();
  assigned_.clear();  // queues go before the client
}

void KafkaConsumer::Start(KafkaOffsets known) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    positions_ = known;
    judged_ = std::move(known);
  }
  poller_ = std::thread([this] { Poll(); });
}

void KafkaConsumer::Poll() {
  rd_kafka_t* handle = client_->handle;
  const bool takes_all =
      options_.partitions == KafkaConsumerOptions::Partitions::kAll;
  if (!takes_all) Subscribe();
  auto is_ending = [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    return ending_;
  };
  next_tell_ = SteadyNow();
  absl::Time next_look = SteadyNow();
  while (!is_ending()) {
    if (takes_all && SteadyNow() >= next_look) {
      TakeAll();
      next_look =
          SteadyNow() + (Partitions().empty() ? kLookSoon : kLookInterval);
    }
    // Messages have queues of their own: what comes here are events.
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(handle, kConsumerPollMs);
    if (message != nullptr) {
      const char* text = rd_kafka_message_errstr(message);
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        OnError(message->err, text == nullptr ? "" : text);
      }
      rd_kafka_message_destroy(message);
    }
    MendResets();
    LookForEnds();
    if (!takes_all) TellWhenSafe();
  }
  // Without a broker there is nobody to take leave of.
  if (health_.is_connected()) Leave();
}

void KafkaConsumer::MendResets() {
  std::vector<int32_t> wanted;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [partition, assigned] : assigned_) {
      if (assigned->needs_reset) wanted.push_back(partition);
    }
  }
  for (int32_t partition : wanted) Mend(partition);
}

// Goes on at the first message that is there, and notes what is not.
void KafkaConsumer::Mend(int32_t partition) {
  rd_kafka_t* handle = client_->handle;
  PartitionRange range;
  if (AskForRange(handle, options_.topic, partition, kConsumerQuestionMs,
                  range) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return;  // it is asked again
  }
  const auto& [low, high] = range;
  int64_t next = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = assigned_.find(partition);
    if (found == assigned_.end()) return;
    Assigned& assigned = *found->second;
    auto position = positions_.find(partition);
    next = position == positions_.end() ? low : position->second;
    if (next < low || next > high) {
      gaps_.push_back({.partition = partition,
                       .from = next,
                       .to = low,
                       .cause = next < low ? KafkaGap::Cause::kDeleted
                                           : KafkaGap::Cause::kReplaced});
      if (next < low) {
        counters_.missing_messages += static_cast<uint64_t>(low - next);
      } else {
        // What the group knows is of the topic that is gone.
        assigned.told = kUntold;
        assigned.handed_out = assigned.committed = low;
      }
      assigned.has_gap = true;
      next = low;
    }
    assigned.needs_reset = false;
    assigned.DropFetched();
    assigned.taken = next;
    assigned.end = high;
  }
  // A partition whose offset was refused is stopped, and cannot be sought in.
  PartitionListPointer one = NewPartitionList();
  rd_kafka_topic_partition_list_add(one.get(), options_.topic.c_str(),
                                    partition)
      ->offset = next;
  ReleaseError(rd_kafka_incremental_unassign(handle, one.get()));
  ReleaseError(rd_kafka_incremental_assign(handle, one.get()));
  Wake();
}

// What a partition's end was before the broker was gone says nothing of what
// is there when it is back. librdkafka tells an end once; a seek makes it tell
// it again.
void KafkaConsumer::LookForEnds() {
  const bool is_connected = health_.status().ok();
  PartitionListPointer unsure = NewPartitionList();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    NoteEnds();
    for (auto& [partition, assigned] : assigned_) {
      if (!is_connected && assigned->at_end && assigned->taken >= 0) {
        assigned->at_end = false;
        assigned->is_unsure = true;
      }
      if (!is_connected || !std::exchange(assigned->is_unsure, false)) continue;
      rd_kafka_topic_partition_list_add(unsure.get(), options_.topic.c_str(),
                                        partition)
          ->offset = assigned->taken;
    }
  }
  if (unsure->cnt == 0) return;
  // What is taken meanwhile is passed over when it comes again.
  ReleaseError(rd_kafka_seek_partitions(client_->handle, unsure.get(),
                                        kConsumerQuestionMs));
}

// REQUIRES: mutex_ is held. Asks nobody. After a failed fetch librdkafka has
// forgotten the end, so it is kept here.
void KafkaConsumer::NoteEnds() {
  for (auto& [partition, assigned] : assigned_) {
    int64_t low = 0, high = 0;
    if (rd_kafka_get_watermark_offsets(client_->handle, options_.topic.c_str(),
                                       partition, &low,
                                       &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0) {
      assigned->end = high;
    }
  }
}

KafkaConsumer::Step KafkaConsumer::Take(int32_t partition,
                                        KafkaRecord& record) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = assigned_.find(partition);
  if (found == assigned_.end() || found->second->leaving) return Step::kGone;
  Assigned& assigned = *found->second;
  if (assigned.has_gap) return Step::kNothing;
  while (true) {
    record.owner.reset(assigned.Next());
    assigned.is_drained = record.owner == nullptr;
    if (assigned.is_drained) {
      return assigned.at_end ? Step::kAtEnd : Step::kNothing;
    }
    const rd_kafka_message_t& message = *record.owner;
    assigned.at_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (assigned.at_end) {
      assigned.end = assigned.at_end_of = message.offset;
      continue;
    }
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      assigned.needs_reset = true;
      return Step::kNothing;
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      health_.Note(message.err, rd_kafka_message_errstr(&message));
      return Step::kNothing;
    }
    if (message.offset < assigned.taken) continue;
    assigned.taken = message.offset + 1;
    if (message.key == nullptr) ++counters_.unkeyed_messages;
    record.partition = partition;
    record.offset = message.offset;
    record.has_payload = message.payload != nullptr;
    record.payload = {static_cast<const char*>(message.payload), message.len};
    return Step::kRecord;
  }
}

bool KafkaConsumer::HandOut(const KafkaRecord& record) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = assigned_.find(record.partition);
  if (found == assigned_.end() || found->second->leaving) return false;
  Assigned& assigned = *found->second;
  positions_[record.partition] = record.offset + 1;
  // Nothing will be committed for a tombstone.
  if (record.has_payload) assigned.handed_out = record.offset + 1;
  return true;
}

void KafkaConsumer::PassEnd(int32_t partition) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = assigned_.find(partition);
  auto position = positions_.find(partition);
  if (found == assigned_.end() || position == positions_.end()) return;
  const Assigned& assigned = *found->second;
  if (assigned.at_end && assigned.at_end_of > position->second) {
    position->second = assigned.at_end_of;
  }
}

std::vector<KafkaGap> KafkaConsumer::TakeGaps() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const KafkaGap& gap : gaps_) {
    positions_[gap.partition] = gap.to;
    auto found = assigned_.find(gap.partition);
    if (found != assigned_.end()) found->second->has_gap = false;
  }
  return std::exchange(gaps_, {});
}

void KafkaConsumer::Commit(int32_t partition, int64_t offset) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    judged_[partition] = offset + 1;
    auto found = assigned_.find(partition);
    if (found == assigned_.end()) return;  // its next owner tells
    found->second->committed = offset + 1;
  }
  committed_.notify_all();
}

std::vector<int32_t> KafkaConsumer::Partitions() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<int32_t> partitions;
  for (const auto& [partition, assigned] : assigned_) {
    if (!assigned->leaving) partitions.push_back(partition);
  }
  return partitions;
}

KafkaOffsets KafkaConsumer::positions() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return positions_;
}

void KafkaConsumer::OnError(int error, std::string_view reason) {
  if (error != RD_KAFKA_RESP_ERR__FATAL) return health_.Note(error, reason);
  char text[512];
  rd_kafka_resp_err_t cause =
      rd_kafka_fatal_error(client_->handle, text, sizeof(text));
  health_.NoteFatal(cause, text);
  Wake();
}

void KafkaConsumer::OnStatistics(std::string_view json) {
  // One that has gone away is no error to librdkafka until it is needed.
  if (json.find("\"state\":\"UP\"") != std::string_view::npos) {
    health_.NoteConnected();
  } else {
    health_.Note(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "not one is connected");
  }
  std::lock_guard<std::mutex> lock(mutex_);
  statistics_ = json;
}

KafkaConsumer::Counters KafkaConsumer::counters() const {
  std::lock_guard<std::mutex> lock(mutex_);
  Counters counters = counters_;
  for (const auto& [partition, assigned] : assigned_) {
    auto position = positions_.find(partition);
    if (position == positions_.end() || assigned->end == kUnknown) continue;
    counters.lag[partition] =
        std::max<int64_t>(0, assigned->end - position->second);
  }
  return counters;
}

std::string KafkaConsumer::statistics() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return statistics_;
}

}  // namespace oddverb
