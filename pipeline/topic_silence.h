// Tells a silence of a whole topic from those of its partitions, each of which
// is silent whenever its actors are. One thread.
#ifndef ODDVERB_PIPELINE_TOPIC_SILENCE_H_
#define ODDVERB_PIPELINE_TOPIC_SILENCE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/observation.h"
#include "pipeline/observation_record.h"

namespace oddverb {

class TopicSilence {
 public:
  // Silences of a partition that are remembered; older ones go.
  static constexpr size_t kMaxGaps = 64;

  explicit TopicSilence(uint32_t partitions) : partitions_(partitions) {}

  // As a partition's judge says it, in its order. REQUIRES: partition is one.
  void NoteJump(uint32_t partition, const StreamBreak& seen);
  void NoteMark(uint32_t partition, const ObservationMark& mark);

  // A jump of one partition (kTimeJumped), in the order of the whole stream:
  // what it is of the topic; nullopt if others went on meanwhile.
  std::optional<Observation> OfTopic(uint32_t partition, Observation jump);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);

 private:
  struct Gap {
    absl::Time before, after;
  };
  struct Partition {
    ObservationMark mark;  // the last
    std::deque<Gap> gaps;  // oldest first
  };
  // The last event of the partition before `time`, as far as that matters.
  static absl::Time LastBefore(const Partition& partition, absl::Time time);

  std::vector<Partition> partitions_;
  absl::Time told_ = absl::InfinitePast();  // end of the last one told
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_TOPIC_SILENCE_H_
