// The rules in force, with their correlations. A reload puts others in their
// place as a whole; whoever matches takes them over between two events. Counts
// the matches of each rule and the alerts of each correlation, over all sets.
//
// Thread-safe. A matcher asks version() for each event, which costs a load, and
// comes to the lock only when it has changed.
#ifndef ODDVERB_RULES_LIVE_RULES_H_
#define ODDVERB_RULES_LIVE_RULES_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "model/field.h"
#include "rules/correlation_set.h"
#include "rules/rule_loader.h"
#include "rules/rule_set.h"

namespace oddverb {

// What people call a rule by, in findings, metrics and the configuration: its
// name, else its id, else its title.
std::string_view RuleHandle(const Rule& rule);

class LiveRules {
 public:
  // Rules beyond so many are counted together, as "other": each is a series of
  // a metric.
  static constexpr size_t kMaxCounted = 1000;
  static constexpr std::string_view kOther = "other";

  // Whether Replace() will be called: the decoder's fields are fixed at the
  // start, so it then reads all that any rule could ask for.
  enum class Reload : uint8_t { kNever, kPossible };

  // What correlations could not take into account; see
  // CorrelationEngine::Counts. Counted by the one who runs them.
  struct CorrelationLosses {
    std::atomic<uint64_t> late{0}, evicted_groups{0}, dropped_values{0},
        hurried{0}, forgotten{0};
  };

  // One load with its counters.
  struct InForce {
    std::shared_ptr<const RuleSet> rules;
    std::shared_ptr<const CorrelationSet> correlations;    // of `rules`
    std::vector<std::atomic<uint64_t>*> matches = {};      // by rule
    std::vector<std::atomic<uint64_t>*> alerts_made = {};  // by correlation
  };

  // REQUIRES: `loaded` is of RuleLoader::Finish().
  LiveRules(const LoadedRules& loaded, Reload reload);
  LiveRules(const LiveRules&) = delete;
  LiveRules& operator=(const LiveRules&) = delete;

  void Replace(const LoadedRules& loaded);

  // Rises with each Replace().
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Its counters live as long as this.
  std::shared_ptr<const InForce> Get() const;
  FieldSet fields() const { return fields_; }

  // Totals by handle, sorted.
  std::vector<std::pair<std::string, uint64_t>> MatchCounts() const;
  CorrelationLosses& losses() { return losses_; }
  const CorrelationLosses& losses() const { return losses_; }

 private:
  // REQUIRES: mutex_ is held, or nobody else knows this yet.
  std::shared_ptr<const InForce> Prepare(const LoadedRules& loaded);
  std::atomic<uint64_t>* CounterOf(const Rule& rule);

  const FieldSet fields_;
  std::atomic<uint64_t> version_{1};
  CorrelationLosses losses_;
  mutable std::mutex mutex_;
  // Both guarded by mutex_. A map's values stay where they are.
  std::map<std::string, std::atomic<uint64_t>, std::less<>> counters_;
  std::shared_ptr<const InForce> in_force_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_LIVE_RULES_H_
