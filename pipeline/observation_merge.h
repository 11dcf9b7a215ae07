// Puts what the judges of a topic's partitions say into one order: by event
// time, then by partition. It is the same for any interleaving of their
// messages and for any way in which these are cut.
//
// A step goes when no judge can say anything older any more: all that are busy
// are behind it. A judge that has judged all of its partition is not waited
// for; as the topic's writer may be a little later with one partition than with
// another, steps then go `allowed_lateness` of event time behind the newest,
// and not before kSettling after they came. A judge that is busy and silent is
// waited for as long as a takeover may take. What comes too late goes at once,
// and is counted.
//
// A restart reads again from the first message that had not gone whole, and
// knows how many steps of each judge had.
//
// One thread.
#ifndef ODDVERB_PIPELINE_OBSERVATION_MERGE_H_
#define ODDVERB_PIPELINE_OBSERVATION_MERGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "pipeline/observation_record.h"
#include "pipeline/topic_silence.h"

namespace oddverb {

class ObservationMerge {
 public:
  struct Options {
    uint32_t partitions = 1;
    absl::Duration allowed_lateness = absl::Seconds(10);
    // Messages with steps that wait; beyond, the earliest go before their time.
    uint64_t max_held_bytes = 256 << 20;
    // session.timeout.ms (45 s), and to read a large state again.
    absl::Duration patience = absl::Minutes(5);
  };
  // A writer's linger and one retry; a rule of thumb.
  static constexpr absl::Duration kSettling = absl::Seconds(1);

  // `now` here and below is of SteadyNow().
  ObservationMerge(const Options& options, absl::Time now);

  // Messages by their offsets. Returns how many steps are missing before it.
  // InvalidArgument: of a partition that there is not.
  absl::StatusOr<uint64_t> Add(ObservationRecord record, int64_t offset,
                               size_t bytes, absl::Time now);
  // A message that cannot be read: it is passed over.
  void Skip(int64_t offset);
  // Messages before `offset` are gone.
  void NoteGap(int64_t offset);

  // Of the last mark: up to where the partition is judged; "" = not known.
  const std::string& bookmark(uint32_t partition) const {
    return partitions_[partition].bookmark;
  }
  // Whether all that there is in the partition is judged.
  void SetIdle(uint32_t partition, bool is_idle, absl::Time now);

  // What may go now. `as_of`: of what SetIdle() was told.
  std::vector<ObservationStep> Take(absl::Time as_of, absl::Time now);
  // Event time: whatever was older has gone.
  absl::Time time() const { return time_; }

  uint64_t late_steps() const { return late_steps_; }
  size_t held_steps() const { return held_.size(); }
  uint64_t held_bytes() const { return held_bytes_; }
  // Partitions that hold the others back, and since when nothing came of them.
  std::vector<uint32_t> AwaitedSince(absl::Time since) const;

  // Where to read on after a restart; nullopt: nothing was read.
  std::optional<int64_t> resume_at() const;
  void Save(StateWriter& out) const;
  // DataLoss: damaged, or of a topic with other partitions.
  absl::Status Load(StateReader& in);

 private:
  struct Partition {
    absl::Time front = absl::InfinitePast();  // nothing older comes
    std::string bookmark;
    uint64_t next_step = 0;  // that comes
    uint64_t gone = 0;       // steps
    bool is_idle = false;
    absl::Time heard;  // since when it is waited for, if it is
  };
  struct Message {
    size_t missing = 0;  // steps that have not gone
    size_t bytes = 0;
  };
  // time, partition, number
  using Place = std::tuple<absl::Time, uint32_t, uint64_t>;
  struct Held {
    ObservationStep step;
    int64_t offset = 0;
    absl::Time came;
  };

  absl::Time Bound(absl::Time now) const;
  void LetGo(std::vector<ObservationStep>& out);
  bool IsReadingAgain() const { return next_offset_ < read_before_; }

  const Options options_;
  std::vector<Partition> partitions_;
  TopicSilence silence_;
  std::map<Place, Held> held_;
  std::map<int64_t, Message> messages_;  // by offset; with steps that wait
  uint64_t held_bytes_ = 0;
  int64_t next_offset_ = -1;  // behind the last one read
  int64_t read_before_ = -1;  // up to there an earlier process had read
  absl::Time time_ = absl::InfinitePast();
  absl::Time last_news_;
  uint64_t late_steps_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_OBSERVATION_MERGE_H_
