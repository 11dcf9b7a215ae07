// Runs the correlations of a set over the matches of its rules, by event time.
// One thread.
//
//   CorrelationEngine engine(set, options);
//   engine.Observe(input);             // of CorrelationSet::Extract()
//   engine.AdvanceTo(watermark, alerts);
//
// Matches wait until the watermark, less the allowed lateness, has passed them,
// and are then judged in the order of their times (those of one time as they
// came), so that what is found does not depend on how far out of order they
// came. Later ones are counted and not judged.
//
// A group alerts when its condition becomes true, and not again until it has
// been false. A correlation that others refer to gives them a match at the time
// of its alert, whether or not it alerts itself.
//
// Memory is bounded: groups of each correlation (the one that was silent
// longest goes first, and is counted), matches of each group, waiting matches.
#ifndef ODDVERB_RULES_CORRELATION_ENGINE_H_
#define ODDVERB_RULES_CORRELATION_ENGINE_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rules/correlation_group.h"
#include "rules/correlation_set.h"

namespace oddverb {

struct CorrelationAlert {
  uint32_t correlation = 0;
  absl::Time time;   // of the match that completed it, or the window's end
  absl::Time since;  // of the first match in it
  std::vector<std::string> group = {};  // one for each of `group_by`
  double number = 0;                    // the count, the sum, ... at that time
  // How often the condition held on since the alert before this one.
  uint64_t repeats = 0;
};

class CorrelationEngine {
 public:
  struct Options {
    // How long a match may come behind the watermark.
    absl::Duration allowed_lateness = absl::ZeroDuration();
    // Of each correlation. One costs some 300 bytes, and 100 for each match (or
    // distinct value) up to the threshold of the condition.
    size_t max_groups = 10'000;
    size_t max_waiting = 100'000;
  };
  struct Counts {
    uint64_t late = 0;            // matches that came too late
    uint64_t evicted_groups = 0;  // that had something in their window
    uint64_t dropped_values = 0;  // of sums and percentiles: too many in one
    uint64_t hurried = 0;         // matches judged before their time
  };

  CorrelationEngine(std::shared_ptr<const CorrelationSet> set, Options options);
  CorrelationEngine(const CorrelationEngine&) = delete;
  CorrelationEngine& operator=(const CorrelationEngine&) = delete;

  // Takes a match; the alerts of matches that it leaves no room for are
  // appended.
  void Observe(CorrelationInput input, std::vector<CorrelationAlert>& alerts);
  // Judges what lies before `watermark`, less the lateness. Appends the alerts
  // in the order of their times. At the end of a log: absl::InfiniteFuture().
  void AdvanceTo(absl::Time watermark, std::vector<CorrelationAlert>& alerts);

  const Counts& counts() const { return counts_; }
  // Groups that are remembered, of all correlations.
  size_t groups() const;

  std::string Save() const;
  // Into a new engine. What is known of correlations that the set no longer
  // has, or has otherwise, is left out. DataLoss for damage: then the engine is
  // as new.
  absl::Status Load(std::string_view bytes);

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // hash of the group
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>(key.second);
    }
  };
  struct Slot {
    CorrelationGroup group;
    std::list<Key>::iterator place;
  };
  // The groups of one correlation.
  struct Groups {
    std::unordered_map<Key, Slot, KeyHash> slots;
    std::list<Key> by_age;  // the one that was silent longest comes first
  };
  using Timer = std::tuple<absl::Time, uint32_t, Key>;
  using Waiting = std::map<std::pair<absl::Time, uint64_t>, CorrelationInput>;
  using Alerts = std::vector<CorrelationAlert>;

  static Key KeyOf(const std::vector<std::string>& group);
  void Clear();
  Slot& SlotOf(uint32_t correlation, const CorrelationInput& input);
  void Remove(uint32_t correlation, const Key& key);
  void ForgetOld(uint32_t correlation, absl::Time now);
  void TakeFirst(Alerts& alerts);
  void Judge(const CorrelationInput& input, Alerts& alerts);
  void EndWindow(const Timer& timer, Alerts& alerts);
  void Fire(uint32_t correlation, CorrelationGroup& group, absl::Time time,
            Alerts& alerts);
  void SaveWaiting(StateWriter& state) const;
  bool LoadGroups(StateReader& state, std::vector<int64_t>& numbers);
  void LoadWaiting(StateReader& state, const std::vector<int64_t>& numbers);

  std::shared_ptr<const CorrelationSet> set_;
  Options options_;
  std::vector<Groups> groups_;  // by correlation
  std::set<Timer> timers_;
  Waiting waiting_;
  uint64_t taken_ = 0;  // for the order of those of one time
  absl::Time passed_ = absl::InfinitePast();
  Counts counts_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_ENGINE_H_
