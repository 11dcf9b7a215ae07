// A process's place in a consumer group, as its proof.
#ifndef ODDVERB_KAFKA_KAFKA_MEMBER_H_
#define ODDVERB_KAFKA_KAFKA_MEMBER_H_

struct rd_kafka_s;

namespace oddverb {

// Thread-safe.
class KafkaMember {
 public:
  virtual ~KafkaMember() = default;
  // For KafkaTransactions, which writes the group's offsets in its name.
  virtual rd_kafka_s* handle() const = 0;
};

// Of who writes no offsets, so that there is nothing to prove.
class NoKafkaMember final : public KafkaMember {
 public:
  rd_kafka_s* handle() const override { return nullptr; }
};

}  // namespace oddverb

#endif  // ODDVERB_KAFKA_KAFKA_MEMBER_H_
