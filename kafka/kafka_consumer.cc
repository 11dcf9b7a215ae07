// Long because: what the group does to a partition and what the reader does
// with it are read together.
#include "kafka/kafka_consumer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr int kPollMs = 100;
constexpr absl::Duration kTellInterval = absl::Seconds(1);
constexpr int64_t kUntold = -1;
constexpr int64_t kUnknown = -1;
constexpr int kQuestionMs = 5000;
// For what the group has committed, when partitions come: without an answer
// they are read from where they are known.
constexpr int kCommittedMs = 1000;
constexpr int kQuestions = 30;
// At the end, for the answer to the last commit, and for taking leave. What the
// group is not told then is known to its owner's checkpoint.
constexpr absl::Duration kLeavePatience = absl::Seconds(2);
constexpr std::chrono::seconds kDestroyPatience{2};

using ListPointer =
    std::unique_ptr<rd_kafka_topic_partition_list_t,
                    decltype(&rd_kafka_topic_partition_list_destroy)>;

ListPointer NewList() {
  return {rd_kafka_topic_partition_list_new(1),
          &rd_kafka_topic_partition_list_destroy};
}

void Release(rd_kafka_error_t* error) {
  if (error != nullptr) rd_kafka_error_destroy(error);
}

}  // namespace

void KafkaMessageDeleter::operator()(rd_kafka_message_s* message) const {
  rd_kafka_message_destroy(message);
}

struct KafkaConsumer::Client {
  ~Client() {
    if (handle == nullptr) return;
    // With a commit under way and no broker, librdkafka waits for one as long
    // as session.timeout.ms, and nothing cuts that short: it is left to end by
    // itself. It calls nothing of ours any more.
    std::promise<void> destroyed;
    std::future<void> is_destroyed = destroyed.get_future();
    std::thread destroyer(
        [handle = handle](std::promise<void> done) {
          rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
          done.set_value();
        },
        std::move(destroyed));
    if (is_destroyed.wait_for(kDestroyPatience) == std::future_status::ready) {
      destroyer.join();
    } else {
      destroyer.detach();
    }
  }

  static KafkaConsumer& Of(void* opaque) {
    return *static_cast<KafkaConsumer*>(opaque);
  }
  // All but OnReadable come from the poller's rd_kafka_consumer_poll().
  static void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    Of(opaque).OnRebalance(error, partitions);
  }
  static void OnError(rd_kafka_t*, int error, const char* reason,
                      void* opaque) {
    Of(opaque).OnError(error, reason);
  }
  static int OnStatistics(rd_kafka_t*, char* json, size_t size, void* opaque) {
    Of(opaque).OnStatistics({json, size});
    return 0;
  }
  static void OnCommitted(rd_kafka_t*, rd_kafka_resp_err_t error,
                          rd_kafka_topic_partition_list_t* partitions,
                          void* opaque) {
    Of(opaque).OnCommitted(error, partitions);
  }
  static void OnReadable(rd_kafka_t*, void* opaque) { Of(opaque).Wake(); }

  rd_kafka_t* handle = nullptr;
};

struct KafkaConsumer::Assigned {
  ~Assigned() {
    if (queue == nullptr) return;
    rd_kafka_queue_cb_event_enable(queue, nullptr, nullptr);
    rd_kafka_queue_destroy(queue);
  }

  rd_kafka_queue_t* queue = nullptr;
  bool leaving = false;      // nothing is handed out any more
  bool at_end = false;       // as the broker said last
  bool is_unsure = false;    // was at its end when no broker answered any more
  bool needs_reset = false;  // what was asked for is not there
  bool has_gap = false;      // that nobody has taken yet
  int64_t end = kUnknown;    // of the partition, as the broker said last
  int64_t taken = 0;         // behind the last; below 0: none
  int64_t handed_out = 0;    // behind the last
  int64_t committed = 0;
  int64_t told = kUntold;  // to the group, of `committed`
};

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
  if (!options.instance_id.empty()) {
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
  ListPointer topics = NewList();
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(handle, topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) OnError(error, "");
  auto is_ending = [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    return ending_;
  };
  absl::Time next_tell = SteadyNow();
  while (!is_ending()) {
    // Messages have queues of their own: what comes here are events.
    rd_kafka_message_t* message = rd_kafka_consumer_poll(handle, kPollMs);
    if (message != nullptr) {
      const char* text = rd_kafka_message_errstr(message);
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        OnError(message->err, text == nullptr ? "" : text);
      }
      rd_kafka_message_destroy(message);
    }
    MendResets();
    LookForEnds();
    if (SteadyNow() < next_tell) continue;
    next_tell = SteadyNow() + kTellInterval;
    std::lock_guard<std::mutex> lock(mutex_);
    TellGroup();
  }
  // Without a broker there is nobody to take leave of.
  if (health_.status().ok()) Leave();
}

void KafkaConsumer::Leave() {
  rd_kafka_t* handle = client_->handle;
  const absl::Time deadline = SteadyNow() + kLeavePatience;
  auto poll_until = [&](auto is_done) {
    while (!is_done() && SteadyNow() < deadline) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(handle, kPollMs);
      if (message != nullptr) rd_kafka_message_destroy(message);
    }
  };
  poll_until([this] {
    std::lock_guard<std::mutex> lock(mutex_);
    TellGroup();  // once the answer to the one before is here
    return !is_telling_;
  });
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  Release(rd_kafka_consumer_close_queue(handle, queue));
  poll_until([handle] { return rd_kafka_consumer_closed(handle) != 0; });
  rd_kafka_queue_destroy(queue);
}

void KafkaConsumer::OnRebalance(int error, PartitionList* partitions) {
  rd_kafka_t* handle = client_->handle;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    OnAssigned(partitions);
    Release(rd_kafka_incremental_assign(handle, partitions));
  } else {
    OnRevoked(partitions, rd_kafka_assignment_lost(handle) != 0);
    Release(rd_kafka_incremental_unassign(handle, partitions));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  ++counters_.rebalances;
}

void KafkaConsumer::OnAssigned(PartitionList* partitions) {
  const KafkaOffsets told = CommittedOf(partitions);
  const bool is_first = positions().empty();
  for (int i = 0; i < partitions->cnt; ++i) {
    rd_kafka_topic_partition_t& added = partitions->elems[i];
    auto of_group = told.find(added.partition);
    auto made = std::make_unique<Assigned>();
    if (of_group != told.end()) made->told = of_group->second;
    added.offset = StartOf(added.partition, made->told, is_first);
    made->taken = made->handed_out = made->committed = added.offset;
    made->queue = rd_kafka_queue_get_partition(
        client_->handle, options_.topic.c_str(), added.partition);
    if (made->queue == nullptr) continue;
    rd_kafka_queue_forward(made->queue, nullptr);
    rd_kafka_queue_cb_event_enable(made->queue, &Client::OnReadable, this);
    std::lock_guard<std::mutex> lock(mutex_);
    // Handed out before it was lost, and not judged yet.
    auto judged = judged_.find(added.partition);
    if (judged != judged_.end()) {
      made->committed = std::max(judged->second, made->told);
    }
    // A logical one (the end, where no broker answered) is known once a
    // message was handed out.
    if (added.offset >= 0) positions_[added.partition] = added.offset;
    assigned_[added.partition] = std::move(made);
  }
  if (partitions->cnt > 0) health_.NoteAssigned();
  Wake();
}

void KafkaConsumer::OnRevoked(const PartitionList* partitions, bool lost) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto is_done = [&] {
    if (ending_) return true;
    for (int i = 0; i < partitions->cnt; ++i) {
      auto found = assigned_.find(partitions->elems[i].partition);
      if (found == assigned_.end()) continue;
      if (found->second->committed < found->second->handed_out) return false;
    }
    return true;
  };
  for (int i = 0; i < partitions->cnt; ++i) {
    auto found = assigned_.find(partitions->elems[i].partition);
    if (found != assigned_.end()) found->second->leaving = true;
  }
  // Its next owner is to begin behind what is judged here; a lost partition
  // has its next owner already.
  if (!lost) {
    committed_.wait_for(lock, absl::ToChronoNanoseconds(options_.hand_over),
                        is_done);
    TellGroup();  // the revocation waits for the answer
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    assigned_.erase(partitions->elems[i].partition);
    if (lost) ++counters_.lost_partitions;
  }
}

KafkaOffsets KafkaConsumer::CommittedOf(const PartitionList* partitions) const {
  KafkaOffsets committed;
  if (partitions->cnt == 0) return committed;
  ListPointer asked(rd_kafka_topic_partition_list_copy(partitions),
                    &rd_kafka_topic_partition_list_destroy);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
  for (int tries = 0; error != RD_KAFKA_RESP_ERR_NO_ERROR; ++tries) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (ending_ || tries == kQuestions) return committed;
    lock.unlock();
    error = rd_kafka_committed(client_->handle, asked.get(), kCommittedMs);
  }
  for (int i = 0; i < asked->cnt; ++i) {
    if (asked->elems[i].offset < 0) continue;  // none
    committed[asked->elems[i].partition] = asked->elems[i].offset;
  }
  return committed;
}

// A number, so that a restart before the first message begins there too.
int64_t KafkaConsumer::StartOf(int32_t partition, int64_t told,
                               bool is_first) const {
  const KafkaOffsets known = positions();
  auto ours = known.find(partition);
  if (ours != known.end()) return std::max(ours->second, told);
  if (told != kUntold) return told;
  // One that was added to a topic which is read already is read as a whole.
  const bool from_end =
      is_first && options_.start == KafkaConsumerOptions::Start::kEnd;
  int64_t low = 0, high = 0;
  rd_kafka_resp_err_t error =
      rd_kafka_query_watermark_offsets(client_->handle, options_.topic.c_str(),
                                       partition, &low, &high, kQuestionMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return from_end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
  }
  return from_end ? high : low;
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
  int64_t low = 0, high = 0;
  rd_kafka_t* handle = client_->handle;
  if (rd_kafka_query_watermark_offsets(handle, options_.topic.c_str(),
                                       partition, &low, &high, kQuestionMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return;  // it is asked again
  }
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
    assigned.taken = next;
    assigned.end = high;
  }
  // A partition whose offset was refused is stopped, and cannot be sought in.
  ListPointer one = NewList();
  rd_kafka_topic_partition_list_add(one.get(), options_.topic.c_str(),
                                    partition)
      ->offset = next;
  Release(rd_kafka_incremental_unassign(handle, one.get()));
  Release(rd_kafka_incremental_assign(handle, one.get()));
  Wake();
}

// What a partition's end was before the broker was gone says nothing of what
// is there when it is back. librdkafka tells an end once; a seek makes it tell
// it again.
void KafkaConsumer::LookForEnds() {
  const bool is_connected = health_.status().ok();
  ListPointer unsure = NewList();
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
  Release(rd_kafka_seek_partitions(client_->handle, unsure.get(), kQuestionMs));
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
    record.owner.reset(rd_kafka_consume_queue(assigned.queue, 0));
    if (record.owner == nullptr) {
      return assigned.at_end ? Step::kAtEnd : Step::kNothing;
    }
    const rd_kafka_message_t& message = *record.owner;
    assigned.at_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (assigned.at_end) {
      assigned.end = message.offset;
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

std::vector<KafkaGap> KafkaConsumer::TakeGaps() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const KafkaGap& gap : gaps_) {
    positions_[gap.partition] = gap.to;
    auto found = assigned_.find(gap.partition);
    if (found != assigned_.end()) found->second->has_gap = false;
  }
  return std::exchange(gaps_, {});
}

void KafkaConsumer::Wait(absl::Time deadline) {
  std::unique_lock<std::mutex> lock(wake_mutex_);
  wake_.wait_for(lock, absl::ToChronoNanoseconds(deadline - SteadyNow()),
                 [this] { return woken_; });
  woken_ = false;
}

void KafkaConsumer::Wake() {
  {
    std::lock_guard<std::mutex> lock(wake_mutex_);
    woken_ = true;
  }
  wake_.notify_all();
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

// REQUIRES: mutex_ is held. One at a time: the last answer is of the last.
void KafkaConsumer::TellGroup() {
  if (is_telling_) return;
  ListPointer news = NewList();
  for (auto& [partition, assigned] : assigned_) {
    if (assigned->told >= assigned->committed) continue;
    rd_kafka_topic_partition_list_add(news.get(), options_.topic.c_str(),
                                      partition)
        ->offset = assigned->told = assigned->committed;
  }
  if (news->cnt == 0) return;
  is_telling_ = true;
  rd_kafka_resp_err_t error =
      rd_kafka_commit(client_->handle, news.get(), /*async=*/1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) NoteTold(error, news.get());
}

void KafkaConsumer::OnCommitted(int error, const PartitionList* partitions) {
  std::lock_guard<std::mutex> lock(mutex_);
  NoteTold(error, partitions);
}

// REQUIRES: mutex_ is held. What the group did not take it is told again.
void KafkaConsumer::NoteTold(int error, const PartitionList* partitions) {
  is_telling_ = false;
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& told = partitions->elems[i];
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR &&
        told.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      continue;
    }
    auto found = assigned_.find(told.partition);
    if (found != assigned_.end()) found->second->told = kUntold;
  }
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
