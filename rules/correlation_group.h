// What a correlation remembers of one group, as little as its condition needs:
// times of matches up to the threshold, the last time of each distinct value,
// of each rule. One thread.
//
// Two ways of judging. A condition that more matches can only fulfil is judged
// at each match, over the window [t - timespan, t]; any other (lt, lte, eq,
// neq, an upper limit, "not") when its window is over, which began with the
// first match that no earlier window of the group held.
#ifndef ODDVERB_RULES_CORRELATION_GROUP_H_
#define ODDVERB_RULES_CORRELATION_GROUP_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "rules/correlation_set.h"

namespace oddverb {

class CorrelationGroup {
 public:
  // Samples kept. The oldest goes, of the same rule if there is one, so that
  // none is pushed out by another's.
  static constexpr size_t kMaxSamples = 8;

  CorrelationGroup() = default;
  CorrelationGroup(const Correlation& correlation,
                   std::vector<std::string> values);

  const std::vector<std::string>& values() const { return values_; }
  // Of the last match; InfinitePast() before the first.
  absl::Time touched() const { return touched_; }
  // When the window that is judged at its end began.
  absl::Time opened() const { return opened_; }

  // Forgets what was before `begin`.
  void Expire(const Correlation& correlation, absl::Time begin);
  // Whether it has taken this request already. Where only the last time of
  // something counts, never.
  bool Repeats(const CorrelationInput& input) const;
  // Takes a match. Returns how many old ones had to make room.
  // REQUIRES: !Repeats(input); no earlier than the last.
  size_t Add(const Correlation& correlation, const CorrelationInput& input);

  // Whether the condition holds for what is remembered.
  bool Holds(const Correlation& correlation) const;
  // What is compared: a count, a sum, ...
  double Number(const Correlation& correlation) const;
  // The earliest match that is remembered.
  absl::Time Since() const;
  // How many matches are remembered, or at least how many there were.
  uint64_t Matches(const Correlation& correlation) const;
  // What the latest matches show of themselves, by time.
  std::vector<std::string> Samples() const;
  // What it takes, about.
  size_t Bytes() const;

  // Whether it holds since it was told of, and how often that was seen.
  bool firing = false;
  uint64_t repeats = 0;
  // Matches since the last one that was told of.
  uint64_t untold = 0;

  void Save(StateWriter& state) const;
  // Damage shows in the reader's status.
  static CorrelationGroup Load(const Correlation& correlation,
                               StateReader& state);

 private:
  struct Entry {
    absl::Time time;
    uint64_t request = 0;
    double number = 0;
  };
  struct Sample {
    absl::Time time;
    uint32_t member = 0;
    std::string text;
  };

  void AddEntry(const Correlation& correlation, Entry entry);
  void DropEntry(const Correlation& correlation);
  void AddValue(absl::Time time, uint64_t value);
  void AddMember(const Correlation& correlation, const CorrelationInput& input);
  void AddSamples(const CorrelationInput& input);
  void DropSample(size_t index);
  void AddInOrder(size_t member, absl::Time time);
  std::vector<bool> SeenMembers() const;

  std::vector<std::string> values_;
  absl::Time touched_ = absl::InfinitePast();
  absl::Time opened_ = absl::InfinitePast();
  // event_count, value_sum, value_avg, value_percentile.
  std::deque<Entry> entries_;
  std::set<uint64_t> requests_;
  double sum_ = 0;
  std::vector<double> sorted_;  // value_percentile
  // value_count: when each value was last there, and the same by time.
  std::map<uint64_t, absl::Time> last_of_value_;
  std::set<std::pair<absl::Time, uint64_t>> values_by_time_;
  // temporal: when each rule last matched. temporal_ordered: the latest
  // beginning of a chain that ends in this rule, and when it last matched.
  std::vector<absl::Time> last_of_member_;
  std::vector<absl::Time> begin_of_chain_;
  std::vector<Sample> samples_;  // by time
  size_t text_bytes_ = 0;        // of values_ and samples_
};

// As many matches (or values) as have to be remembered to judge the condition.
size_t KeptByCorrelation(const Correlation& correlation);

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_GROUP_H_
