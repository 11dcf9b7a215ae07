#include "app/kafka_state_copy.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace oddverb {
namespace {

// Between two looks at what came; what a restart reads again.
constexpr absl::Duration kPace = absl::Seconds(1);
constexpr absl::Duration kStep = absl::Milliseconds(100);
constexpr absl::Duration kAfterFailure = absl::Seconds(30);
// Of the mark, where nothing came.
constexpr absl::Duration kMarkAge = absl::Minutes(1);
// Of one transaction of the copy.
constexpr size_t kBatchRecords = 10'000;
constexpr size_t kBatchBytes = size_t{8} << 20;

std::string DirectoryOf(const std::string& directory,
                        const KafkaTopicLog& log) {
  return absl::StrCat(directory, "/", log.topic, "-", log.partition);
}

// Beside a judge, which has the memory and the processor to itself: librdkafka
// fetches nothing for a second whenever so much is queued.
KafkaTopicLog InTheBackground(KafkaTopicLog log) {
  log.client.properties.emplace_back("queued.max.messages.kbytes", "16384");
  return log;
}

// What helps against these is to read all of the topic.
bool IsUseless(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaStateCopy>> KafkaStateCopy::Open(
    const std::string& directory, const KafkaTopicLog& log, const Clock& clock,
    Logger& logger) {
  // What is wrong with it shows with the one inside.
  static_cast<void>(::mkdir(directory.c_str(), 0700));
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<StateCopy> copy,
                           StateCopy::Open(DirectoryOf(directory, log)));
  return std::unique_ptr<KafkaStateCopy>(
      new KafkaStateCopy(log, std::move(copy), clock, logger));
}

KafkaStateCopy::~KafkaStateCopy() { StopFollowing(); }

void KafkaStateCopy::StopFollowing() {
  stop_ = true;
  if (follower_.joinable()) follower_.join();
  stop_ = false;
}

absl::Status KafkaStateCopy::Read(const std::atomic<bool>& stop,
                                  const StateLog::Each& each) {
  StopFollowing();
  counts_ = {};
  if (!is_broken_) ODDVERB_RETURN_IF_ERROR(ReadCopy(stop, each));
  const std::optional<StateCopy::Mark>& mark = copy_->mark();
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaTopicLogReader> reader,
      KafkaTopicLogReader::Open(
          log_, mark.has_value() ? static_cast<int64_t>(mark->next_offset)
                                 : KafkaTopicLogReader::kBeginning));
  absl::Status status =
      reader->ReadToEnd(stop, [&](const KafkaLogRecord& record) {
        ++counts_.records_of_topic;
        return each(record.key, record.value);
      });
  if (mark.has_value() && absl::IsOutOfRange(status)) return Drop(status);
  ODDVERB_RETURN_IF_ERROR(status);
  if (is_broken_) return absl::OkStatus();
  next_offset_ = mark.has_value() ? mark->next_offset : 0;
  follower_ = std::thread([this] { Follow(); });
  return absl::OkStatus();
}

absl::Status KafkaStateCopy::Drop(const absl::Status& cause) {
  logger_.Warn("the copy of the state is dropped, and all of it is read",
               {{"topic", log_.topic},
                {"partition", absl::StrCat(log_.partition)},
                {"error", std::string(cause.message())}});
  is_broken_ = !copy_->Clear().ok();
  return absl::AbortedError(cause.message());
}

bool KafkaStateCopy::IsOfUse(const StateCopy::Mark& mark,
                             const std::string& identity) const {
  const absl::Duration age = clock_.Now() - mark.complete_as_of;
  // Younger than nothing: somebody has set the clock back.
  return mark.identity == identity && age < kMaxAge && age > -kMarkAge;
}

absl::Status KafkaStateCopy::ReadCopy(const std::atomic<bool>& stop,
                                      const StateLog::Each& each) {
  if (!copy_->mark().has_value()) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(const std::string identity,
                           TopicLogIdentity(log_, stop));
  if (!IsOfUse(*copy_->mark(), identity)) {
    is_broken_ = !copy_->Clear().ok();
    return absl::OkStatus();
  }
  absl::Status given;
  absl::Status status = copy_->Read(
      [&](std::string_view key, std::optional<std::string_view> value) {
        ++counts_.records_of_copy;
        given = stop ? absl::CancelledError("stopped") : each(key, value);
        return given;
      });
  if (status.ok() || (!given.ok() && !IsUseless(given))) return status;
  return Drop(status);
}

void KafkaStateCopy::Follow() {
  while (!stop_) {
    absl::Status status = FollowUntilStopped();
    if (stop_) return;
    logger_.Warn("the copy of the state is not kept up; a restart reads more",
                 {{"topic", log_.topic},
                  {"partition", absl::StrCat(log_.partition)},
                  {"error", std::string(status.message())}});
    if (IsUseless(status) && !copy_->Clear().ok()) return;
    Pause(kAfterFailure);
  }
}

absl::Status KafkaStateCopy::FollowUntilStopped() {
  std::string identity;
  while (!stop_ && identity.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(identity, TopicLogIdentity(log_, stop_));
    if (identity.empty()) Pause(kPace);
  }
  const int64_t from = copy_->mark().has_value()
                           ? static_cast<int64_t>(copy_->mark()->next_offset)
                           : KafkaTopicLogReader::kBeginning;
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<KafkaTopicLogReader> reader,
      KafkaTopicLogReader::Open(InTheBackground(log_), from));
  while (!stop_) {
    ODDVERB_RETURN_IF_ERROR(CatchUp(*reader, identity));
    Pause(kPace);
  }
  return absl::OkStatus();
}

absl::Status KafkaStateCopy::CatchUp(KafkaTopicLogReader& reader,
                                     const std::string& identity) {
  // Also after a process that slept, or brokers that were away, for long.
  if (copy_->mark().has_value() && !IsOfUse(*copy_->mark(), identity)) {
    return absl::OutOfRangeError("it is too old, or of another topic");
  }
  const absl::Time begin = clock_.Now();
  StateCopy::Mark mark = copy_->mark().value_or(
      StateCopy::Mark{.identity = identity, .complete_as_of = begin});
  std::vector<StateLogRecord> records;
  size_t bytes = 0;
  ODDVERB_RETURN_IF_ERROR(
      reader.ReadToEnd(stop_, [&](const KafkaLogRecord& record) {
        records.push_back({std::string(record.key), std::nullopt});
        if (record.value.has_value()) records.back().value = *record.value;
        bytes += record.key.size() + record.value.value_or("").size();
        if (records.size() < kBatchRecords && bytes < kBatchBytes) {
          return absl::OkStatus();
        }
        mark.next_offset = static_cast<uint64_t>(record.offset) + 1;
        bytes = 0;
        return Apply(records, mark);
      }));
  // Moves without a record over what was undone, and over the ends of
  // transactions.
  const auto position = static_cast<uint64_t>(reader.position());
  if (records.empty() && copy_->mark().has_value() &&
      copy_->mark()->next_offset == position &&
      begin - copy_->mark()->complete_as_of < kMarkAge) {
    return absl::OkStatus();
  }
  mark.next_offset = position;
  mark.complete_as_of = begin;
  return Apply(records, mark);
}

absl::Status KafkaStateCopy::Apply(std::vector<StateLogRecord>& records,
                                   const StateCopy::Mark& mark) {
  ODDVERB_RETURN_IF_ERROR(copy_->Apply(records, mark));
  records.clear();
  next_offset_ = mark.next_offset;
  return absl::OkStatus();
}

void KafkaStateCopy::Pause(absl::Duration length) const {
  const absl::Time end = SteadyNow() + length;
  while (!stop_ && SteadyNow() < end) absl::SleepFor(kStep);
}

}  // namespace oddverb
