// The rules in force. A reload puts another RuleSet in their place as a whole;
// whoever matches takes it over between two events. Counts the matches of each
// rule, over all rule sets.
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

  // One rule set with its counters, by the number of the rule.
  struct InForce {
    std::shared_ptr<const RuleSet> rules;
    std::vector<std::atomic<uint64_t>*> matches;
  };

  LiveRules(std::shared_ptr<const RuleSet> rules, Reload reload);
  LiveRules(const LiveRules&) = delete;
  LiveRules& operator=(const LiveRules&) = delete;

  void Replace(std::shared_ptr<const RuleSet> rules);

  // Rises with each Replace().
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Its counters live as long as this.
  std::shared_ptr<const InForce> Get() const;
  FieldSet fields() const { return fields_; }

  // Total by handle, sorted.
  std::vector<std::pair<std::string, uint64_t>> MatchCounts() const;

 private:
  // REQUIRES: mutex_ is held, or nobody else knows this yet.
  std::shared_ptr<const InForce> Prepare(std::shared_ptr<const RuleSet> rules);

  const FieldSet fields_;
  std::atomic<uint64_t> version_{1};
  mutable std::mutex mutex_;
  // Both guarded by mutex_. A map's values stay where they are.
  std::map<std::string, std::atomic<uint64_t>, std::less<>> counters_;
  std::shared_ptr<const InForce> in_force_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_LIVE_RULES_H_
