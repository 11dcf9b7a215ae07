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
// longest goes first, and is counted), the bytes of all groups (one of the
// correlation that takes most goes), matches of each group, waiting matches.
//
// State is rows, as a checkpoint wants it: each group and each waiting match
// has a number, which is used again when it has gone, and those that changed
// since the last TakeChanges() are written.
#ifndef ODDVERB_RULES_CORRELATION_ENGINE_H_
#define ODDVERB_RULES_CORRELATION_ENGINE_H_

#include <cstdint>
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
#include "base/row_numbers.h"
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
  // Options::tell_repeats: no alert, but one more match of a group that has
  // alerted and whose condition holds on.
  bool is_repeat = false;
  // At least so many are behind it that no alert before told of.
  uint64_t matches = 0;
  std::vector<std::string> samples = {};  // CorrelationInput::samples of them
  // CorrelationInput::tag of the match that completed it; 0: the window's end.
  uint64_t completed_by = 0;
};

// A row of the engine's state. Without bytes: the number is free.
struct CorrelationRow {
  uint32_t number = 0;
  std::string bytes;
};

class CorrelationEngine {
 public:
  struct Options {
    // How long a match may come behind the watermark.
    absl::Duration allowed_lateness = absl::ZeroDuration();
    // Of each correlation. One costs some 600 bytes and its texts, and 100 for
    // each match (or distinct value) up to the threshold of the condition.
    size_t max_groups = 10'000;
    // Of the groups of all correlations.
    size_t max_bytes = 128 << 20;
    size_t max_waiting = 100'000;
    size_t max_waiting_bytes = 64 << 20;
    bool tell_repeats = false;
  };
  struct Counts {
    uint64_t late = 0;            // matches that came too late
    uint64_t evicted_groups = 0;  // that had something in their window
    uint64_t dropped_values = 0;  // of sums and percentiles: too many in one
    uint64_t hurried = 0;         // matches judged before their time
    // Groups and waiting matches of correlations that are no longer there.
    uint64_t forgotten = 0;
  };

  CorrelationEngine(std::shared_ptr<const CorrelationSet> set, Options options);
  CorrelationEngine(const CorrelationEngine&) = delete;
  CorrelationEngine& operator=(const CorrelationEngine&) = delete;

  // Goes on with another set: what is known of correlations that both have
  // stays.
  void Replace(std::shared_ptr<const CorrelationSet> set);

  // Takes a match; the alerts of matches that it leaves no room for are
  // appended.
  void Observe(CorrelationInput input, std::vector<CorrelationAlert>& alerts);
  // Judges what lies before `watermark`, less the lateness. Appends the alerts
  // in the order of their times. At the end of a log: absl::InfiniteFuture().
  void AdvanceTo(absl::Time watermark, std::vector<CorrelationAlert>& alerts);

  const Counts& counts() const { return counts_; }
  // Groups that are remembered, of all correlations.
  size_t groups() const;

  // Appends the rows that changed since the last call.
  void TakeChanges(std::vector<CorrelationRow>& out);
  // What belongs to no row; it has changed whenever a row has.
  void SaveShared(StateWriter& state) const;
  // Into a new engine: first the shared state, then the rows in their order.
  // What is known of correlations that the set no longer has, or has otherwise,
  // is left out. DataLoss for damage: then the engine is not to be used.
  absl::Status LoadShared(StateReader& state);
  absl::Status LoadRow(uint32_t number, std::string_view bytes);
  // Instead, where the shared state is missing: the row goes.
  absl::Status DropRow(uint32_t number);

  // All of it in one. After DataLoss the engine is as new.
  std::string Save() const;
  absl::Status Load(std::string_view bytes);

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // hash of the group
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>(key.second);
    }
  };
  struct Slot {
    uint32_t correlation = 0;
    CorrelationGroup group;
    uint64_t used = 0;    // place in Groups::by_use
    uint32_t number = 0;  // of its row
    size_t bytes = 0;
  };
  // The groups of one correlation.
  struct Groups {
    std::unordered_map<Key, Slot, KeyHash> slots;
    std::map<uint64_t, Key> by_use;  // the one that was silent longest first
    size_t bytes = 0;
  };
  using Timer = std::tuple<absl::Time, uint32_t, Key>;
  // By time, and in the order in which they came.
  using Place = std::pair<absl::Time, uint64_t>;
  struct Waiting {
    CorrelationInput input;
    uint32_t number = 0;  // of its row
  };
  // What a row holds: one of them, or nothing.
  struct Row {
    const Slot* slot = nullptr;
    const std::pair<const Place, Waiting>* waiting = nullptr;
  };
  using Alerts = std::vector<CorrelationAlert>;

  static Key KeyOf(const std::vector<std::string>& group);
  static size_t BytesOf(const CorrelationInput& input);
  void Clear();
  uint32_t TakeNumber(Row row);
  void FreeNumber(uint32_t number);
  void Weigh(Slot& slot);
  Slot& SlotOf(uint32_t correlation, const CorrelationInput& input);
  void Remove(uint32_t correlation, const Key& key);
  void ForgetOld(uint32_t correlation, absl::Time now);
  void EvictOverBudget();
  void TakeFirst(Alerts& alerts);
  void Judge(const CorrelationInput& input, Alerts& alerts);
  void EndWindow(const Timer& timer, Alerts& alerts);
  // `tag` is that of the match that completed it, 0 for a window's end.
  void Fire(uint32_t correlation, CorrelationGroup& group, absl::Time time,
            uint64_t tag, Alerts& alerts);
  std::vector<CorrelationInput> InputsOf(const CorrelationAlert& alert) const;
  std::string RowBytes(const Row& row) const;
  absl::Status LoadGroup(uint32_t number, StateReader& state);
  absl::Status LoadWaiting(uint32_t number, StateReader& state);

  std::shared_ptr<const CorrelationSet> set_;
  Options options_;
  std::vector<Groups> groups_;  // by correlation
  std::set<Timer> timers_;
  std::map<Place, Waiting> waiting_;
  size_t bytes_ = 0;          // of all groups
  size_t waiting_bytes_ = 0;  // of all inputs that wait
  uint64_t taken_ = 0;        // for the order of those of one time
  uint64_t uses_ = 0;         // for Slot::used
  absl::Time passed_ = absl::InfinitePast();
  Counts counts_;
  RowNumbers numbers_;
  std::vector<Row> rows_;  // by number
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_ENGINE_H_
