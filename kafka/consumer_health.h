// What keeps a consumer's messages from coming, as librdkafka tells it in many
// events, with the cure. Thread-safe.
#ifndef ODDVERB_KAFKA_CONSUMER_HEALTH_H_
#define ODDVERB_KAFKA_CONSUMER_HEALTH_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace oddverb {

class ConsumerHealth {
 public:
  struct Names {
    std::string topic, group, instance_id;
  };
  explicit ConsumerHealth(Names names) : names_(std::move(names)) {}

  // An error code of librdkafka, and its own words; those that pass by
  // themselves are ignored.
  void Note(int error, std::string_view reason);
  // This process cannot be a member any more; `reason` of librdkafka.
  void NoteFatal(int error, std::string_view reason);
  // A broker answers; partitions were given to us.
  void NoteConnected();
  void NoteAssigned();

  // Unavailable: librdkafka tries again by itself.
  absl::Status status() const;
  // FailedPrecondition, for ever.
  absl::Status fatal() const;
  // Whether there is somebody to talk to, as far as is known: brokers answer,
  // and let this user in.
  bool is_connected() const;

 private:
  // A later one hides an earlier one of the same or a lower rank: when nobody
  // is let in, librdkafka ends by saying that no broker is there.
  enum class Rank : uint8_t { kNone, kConnection, kLogin, kTopic };
  void Set(Rank rank, std::string text);

  const Names names_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Rank rank_ = Rank::kNone;
  std::string text_;
  std::string last_transport_;  // why a connection was not there
  std::string fatal_;
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_CONSUMER_HEALTH_H_
