#include "app/kafka_group_key.h"

#include <memory>
#include <optional>
#include <random>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "app/kafka_client.h"
#include "app/kafka_state_log.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/kafka_member.h"
#include "kafka/kafka_topic_log.h"
#include "pipeline/hash_key.h"
#include "pipeline/state_log_records.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(5);  // of one question
constexpr absl::Duration kPause = absl::Milliseconds(100);
// Who tries takes the right to write from whoever is trying. So members that
// start together would stop each other for ever, had their pauses not lengths
// that differ by more than a try takes, on a busy broker too.
constexpr Backoff::Options kBetweenTries = {.first = absl::Seconds(1),
                                            .max = absl::Seconds(10)};

std::string OriginKey() {
  return StateLogKey{.type = StateLogKey::Type::kOrigin}.ToText();
}

// Nullopt: there is none yet. It stands before all else, so little is read.
absl::StatusOr<std::optional<std::string>> FindKey(
    const ServiceConfig& config, int32_t partition,
    const std::atomic<bool>& stop) {
  std::optional<std::string> found;
  const absl::Status enough = absl::AlreadyExistsError("found");
  absl::Status status = ReadTopicLog(
      {.client = KafkaClientOf(config.sources.front().kafka),
       .topic = config.checkpoint_kafka->state_topic,
       .partition = partition,
       .group = config.sources.front().group},
      stop, [&](const KafkaLogRecord& record) -> absl::Status {
        if (record.key != OriginKey() || !record.value.has_value()) {
          return absl::OkStatus();
        }
        ODDVERB_ASSIGN_OR_RETURN(StateOrigin origin,
                                 ParseOriginValue(*record.value));
        found = origin.hash_key;
        return enough;
      });
  if (status != enough) ODDVERB_RETURN_IF_ERROR(status);
  return found;
}

// One try. Unavailable: not reached, or another process is about it.
absl::StatusOr<std::string> GroupHashKey(const ServiceConfig& config,
                                         int32_t partition,
                                         const std::atomic<bool>& stop) {
  ODDVERB_ASSIGN_OR_RETURN(std::optional<std::string> key,
                           FindKey(config, partition, stop));
  if (key.has_value()) return *std::move(key);
  // Of several that come here at once the last one writes, after it has seen
  // that nobody did.
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<KafkaTransactions> transactions,
                           MakeKafkaTransactions(config, "-key"));
  ODDVERB_RETURN_IF_ERROR(transactions->Begin(SteadyNow() + kPatience));
  ODDVERB_ASSIGN_OR_RETURN(key, FindKey(config, partition, stop));
  if (key.has_value()) return *std::move(key);
  ODDVERB_ASSIGN_OR_RETURN(key, RandomHashKey());
  KafkaTransaction transaction;
  transaction.writes.push_back(
      {.topic = config.checkpoint_kafka->state_topic,
       .partition = partition,
       .key = OriginKey(),
       .payload = OriginValue(
           {.owner = GroupStateOwner(config, partition), .hash_key = *key})});
  absl::Status written = transactions->Write(transaction, NoKafkaMember(),
                                             SteadyNow() + kPatience);
  if (written.ok()) return *std::move(key);
  // Whether it is there is seen when it is asked for again; another process may
  // have come in between.
  return absl::UnavailableError(
      absl::StrCat("making the key of the group: ", written.message()));
}

}  // namespace

std::string GroupStateOwner(const ServiceConfig& config, int32_t partition) {
  return absl::StrCat("group ", config.sources.front().group, ", partition ",
                      partition);
}

absl::StatusOr<std::string> AwaitGroupHashKey(
    const ServiceConfig& config, int32_t partition,
    const std::function<void(const absl::Status& cause)>& on_wait,
    const std::atomic<bool>& stop) {
  Backoff backoff(kBetweenTries);
  std::mt19937_64 random{std::random_device()()};
  while (true) {
    absl::StatusOr<std::string> key = GroupHashKey(config, partition, stop);
    if (!absl::IsUnavailable(key.status())) return key;
    const absl::Time next = SteadyNow() + backoff.Next(random);
    do {
      on_wait(key.status());
      absl::SleepFor(kPause);
      if (stop) return absl::CancelledError("stopped");
    } while (SteadyNow() < next);
  }
}

}  // namespace oddverb
