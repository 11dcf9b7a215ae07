// What the group and the consumer tell each other.
#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "kafka/consumer_parts.h"
#include "kafka/kafka_consumer.h"
#include "kafka/partition_offsets.h"

namespace oddverb {
namespace {

constexpr size_t kAtOnce = 64;  // messages; a queue holds 4 MiB of them
// Before, messages that a call has taken are lost where a rebalance pauses the
// partition in the middle of it (confluentinc/librdkafka#4208).
constexpr int kBatchesAndPausesWork = 0x020100ff;

// For what the group has committed, when partitions come: without an answer
// they are read from where they are known.
constexpr int kCommittedMs = 1000;
constexpr int kQuestions = 30;
// To tell it though it is not sure that nothing is on its way: an answer to a
// heartbeat whose connection broke never comes.
constexpr absl::Duration kTellAnyway = absl::Seconds(10);
// Of a group that answers late: a busy broker, a rebalance in between. What it
// is not told then is known to the owner's checkpoint.
constexpr absl::Duration kTellPatience = absl::Seconds(5);
// For taking leave, and what is told then.
constexpr absl::Duration kLeavePatience = absl::Seconds(10);
// After an answer that is none yet.
constexpr absl::Duration kTellPause = absl::Milliseconds(50);

struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const {
    rd_kafka_event_destroy(event);
  }
};

// Whether the same commit may be taken a little later. Any other answer is
// final: the member is not of the group any more.
bool IsForLater(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
      return true;
    default:
      return false;
  }
}

}  // namespace

void KafkaConsumer::Subscribe() {
  PartitionListPointer topics = NewPartitionList();
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(client_->handle, topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) OnError(error, "");
}

// Those that are not ours yet.
void KafkaConsumer::TakeAll() {
  rd_kafka_t* handle = client_->handle;
  rd_kafka_topic_t* topic =
      rd_kafka_topic_new(handle, options_.topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle, 0, topic, &metadata, kConsumerQuestionMs);
  if (topic != nullptr) rd_kafka_topic_destroy(topic);
  // Without an answer, what is wrong with the brokers is told by other events.
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  PartitionListPointer added = NewPartitionList();
  if (metadata->topic_cnt > 0) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    error = found.err;
    std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < found.partition_cnt; ++i) {
      const int32_t id = found.partitions[i].id;
      if (options_.only.value_or(id) != id || assigned_.contains(id)) continue;
      rd_kafka_topic_partition_list_add(added.get(), options_.topic.c_str(),
                                        id);
    }
  }
  rd_kafka_metadata_destroy(metadata);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    topic_failed_ = true;
    return OnError(error, "");
  }
  if (std::exchange(topic_failed_, false)) health_.NoteAssigned();
  if (added->cnt == 0) return;
  OnAssigned(added.get());
  ReleaseError(rd_kafka_incremental_assign(handle, added.get()));
}

// The partitions go by a revocation as any other, which tells the group.
void KafkaConsumer::Leave() {
  rd_kafka_t* handle = client_->handle;
  const absl::Time deadline = SteadyNow() + kLeavePatience;
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  ReleaseError(rd_kafka_consumer_close_queue(handle, queue));
  while (rd_kafka_consumer_closed(handle) == 0 && SteadyNow() < deadline) {
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(handle, kConsumerPollMs);
    if (message != nullptr) rd_kafka_message_destroy(message);
  }
  rd_kafka_queue_destroy(queue);
}

void KafkaConsumer::OnRebalance(int error, PartitionList* partitions) {
  rd_kafka_t* handle = client_->handle;
  client_->talk->is_joining = false;
  bool is_ending = false;
  {
    // Before the partitions: whoever sees these sees it counted.
    std::lock_guard<std::mutex> lock(mutex_);
    ++counters_.rebalances;
    is_ending = ending_;
  }
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    // Nobody reads them any more, and they go at once.
    if (!is_ending) OnAssigned(partitions);
    ReleaseError(rd_kafka_incremental_assign(handle, partitions));
  } else {
    OnRevoked(partitions, rd_kafka_assignment_lost(handle) != 0);
    ReleaseError(rd_kafka_incremental_unassign(handle, partitions));
  }
  // Whoever gave partitions away joins once more behind this.
  rejoins_ = error != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  next_tell_ = SteadyNow() + kTellInterval;
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
    if (options_.partitions == KafkaConsumerOptions::Partitions::kAll ||
        rd_kafka_version() >= kBatchesAndPausesWork) {
      made->at_once = kAtOnce;
    }
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
    PartitionListPointer last = NewPartitionList();
    for (int i = 0; i < partitions->cnt; ++i) {
      auto found = assigned_.find(partitions->elems[i].partition);
      if (found == assigned_.end()) continue;
      const Assigned& going = *found->second;
      // What was told may be refused yet.
      if (going.committed < 0 ||
          (!is_telling_ && going.told >= going.committed)) {
        continue;
      }
      rd_kafka_topic_partition_list_add(last.get(), options_.topic.c_str(),
                                        partitions->elems[i].partition)
          ->offset = going.committed;
    }
    lock.unlock();
    if (last->cnt > 0) TellBeforeTheyGo(last.get());
    lock.lock();
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    assigned_.erase(partitions->elems[i].partition);
    if (lost) ++counters_.lost_partitions;
  }
}

KafkaOffsets KafkaConsumer::CommittedOf(const PartitionList* partitions) const {
  KafkaOffsets committed;
  // Where the state is written with the offsets it knows them. And brokers that
  // were killed may say for long that the offsets are not settled.
  KafkaOffsets known;
  if (options_.partitions == KafkaConsumerOptions::Partitions::kAll) {
    known = positions();
  }
  PartitionListPointer asked = NewPartitionList();
  for (int i = 0; i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& partition = partitions->elems[i];
    if (known.contains(partition.partition)) continue;
    rd_kafka_topic_partition_list_add(asked.get(), partition.topic,
                                      partition.partition);
  }
  if (asked->cnt == 0) return committed;
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
  const int32_t one[] = {partition};
  std::vector<int64_t> offsets;
  if (AskForOffsets(client_->handle, options_.topic, one,
                    from_end ? PartitionEdge::kEnd : PartitionEdge::kBegin,
                    kConsumerQuestionMs,
                    offsets) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return from_end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
  }
  return offsets.front();
}

// Of the poller, which is why the answer comes to a queue of its own. The
// revocation waits for it: behind it somebody else may have the partitions.
void KafkaConsumer::TellBeforeTheyGo(const PartitionList* offsets) {
  if (options_.partitions == KafkaConsumerOptions::Partitions::kAll) return;
  rd_kafka_queue_t* answers = rd_kafka_queue_new(client_->handle);
  const absl::Time deadline = SteadyNow() + kTellPatience;
  bool is_told = false;
  while (!is_told && SteadyNow() < deadline) {
    rd_kafka_resp_err_t error = rd_kafka_commit_queue(
        client_->handle, offsets, answers, nullptr, nullptr);
    std::unique_ptr<rd_kafka_event_t, EventDeleter> answer;
    while (error == RD_KAFKA_RESP_ERR_NO_ERROR && answer == nullptr &&
           SteadyNow() < deadline) {
      answer.reset(rd_kafka_queue_poll(answers, kConsumerPollMs));
    }
    if (answer != nullptr) error = rd_kafka_event_error(answer.get());
    is_told = !IsForLater(error);
    if (!is_told) absl::SleepFor(kTellPause);
  }
  rd_kafka_queue_destroy(answers);
}

// Of the poller.
void KafkaConsumer::TellWhenSafe() {
  const absl::Duration due = SteadyNow() - next_tell_;
  if (due < absl::ZeroDuration()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!HasNews()) return;
  }
  if (due < kTellAnyway && !IsSafeToTell()) return;
  next_tell_ = SteadyNow() + kTellInterval;
  std::lock_guard<std::mutex> lock(mutex_);
  if (HasNews()) TellGroup();
}

// That no heartbeat leads to a request to join before a commit of now.
// librdkafka's threads may be long in seeing an answer and in sending what
// follows from it, so it is not enough that some time went by: a question is
// put to the group, which goes the way of a commit, behind all that is under
// way. If no heartbeat was sent meanwhile, the answer to the last one is seen,
// and a request to join that it led to is sent. Left: a heartbeat that is sent,
// answered and acted on between this and the commit, and a request to join for
// another cause.
bool KafkaConsumer::IsSafeToTell() const {
  const GroupTalk& talk = *client_->talk;
  const uint64_t heartbeats = talk.heartbeats;
  if (rejoins_ || talk.is_joining || talk.awaits_heartbeat) return false;
  PartitionListPointer one = NewPartitionList();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (assigned_.empty()) return false;
    rd_kafka_topic_partition_list_add(one.get(), options_.topic.c_str(),
                                      assigned_.begin()->first);
  }
  if (rd_kafka_committed(client_->handle, one.get(), kCommittedMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return false;
  }
  return !talk.is_joining && !talk.awaits_heartbeat &&
         talk.heartbeats == heartbeats;
}

// REQUIRES: mutex_ is held. One at a time: the last answer is of the last.
bool KafkaConsumer::HasNews() const {
  if (is_telling_ || client_->talk->is_joining) return false;
  return std::any_of(
      assigned_.begin(), assigned_.end(), [](const auto& assigned) {
        return assigned.second->told < assigned.second->committed;
      });
}

// REQUIRES: mutex_ is held, HasNews().
void KafkaConsumer::TellGroup() {
  PartitionListPointer news = NewPartitionList();
  for (auto& [partition, assigned] : assigned_) {
    if (assigned->told >= assigned->committed) continue;
    rd_kafka_topic_partition_list_add(news.get(), options_.topic.c_str(),
                                      partition)
        ->offset = assigned->told = assigned->committed;
  }
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

}  // namespace oddverb
