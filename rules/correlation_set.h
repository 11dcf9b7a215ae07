// The correlations of a rule set: which of its rules they refer to, and what an
// event that one of those matches gives them. Immutable, one for all threads.
#ifndef ODDVERB_RULES_CORRELATION_SET_H_
#define ODDVERB_RULES_CORRELATION_SET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/keyed_hash.h"
#include "model/audit_event.h"
#include "model/field.h"
#include "rules/correlation.h"

namespace oddverb {

// What one match of one rule says to one correlation. Small and owned: it
// leaves the shard that saw the event.
struct CorrelationInput {
  uint32_t correlation = 0;
  uint32_t member = 0;
  absl::Time time;
  // Hash of what makes the request one: the same request counts once. 0: none.
  uint64_t request = 0;
  std::vector<std::string> group;     // one for each of `group_by`
  std::vector<uint64_t> values = {};  // hashes of what value_count counts
  std::vector<double> numbers = {};   // what the others of value_* take
};

class CorrelationSet {
 public:
  // Of a group's values, each; what is cut ends in a hash of all of it.
  static constexpr size_t kMaxGroupBytes = 256;
  // Of one match: the groups (a field can have several values), the tuples.
  static constexpr size_t kMaxGroupsPerMatch = 16;
  static constexpr size_t kMaxValuesPerMatch = 64;

  // REQUIRES: linked; a member that is a correlation stands before.
  explicit CorrelationSet(std::vector<Correlation> correlations);
  CorrelationSet(const CorrelationSet&) = delete;
  CorrelationSet& operator=(const CorrelationSet&) = delete;

  std::span<const Correlation> correlations() const { return correlations_; }
  bool empty() const { return correlations_.empty(); }
  // What the decoder has to read for them.
  FieldSet fields() const { return fields_; }
  // Whether some correlation refers to that rule of the rule set.
  bool IsMember(uint32_t rule) const {
    return rule < by_rule_.size() && !by_rule_[rule].empty();
  }

  // Appends what the match of rule number `rule` with this event says. An event
  // that lacks a field of the group, or of the values, says nothing.
  void Extract(uint32_t rule, const AuditEvent& event, Arena& arena,
               std::vector<CorrelationInput>& out) const;

  // Members that are correlation number `correlation`.
  struct Use {
    uint32_t correlation = 0;
    uint32_t member = 0;
  };
  std::span<const Use> UsesOf(uint32_t correlation) const {
    return by_correlation_[correlation];
  }

  // The same for the same definition, whatever else is in the set.
  uint64_t FingerprintOf(uint32_t correlation) const {
    return fingerprints_[correlation];
  }

  // A value as it is kept: short, or cut with a hash behind it.
  static std::string GroupText(std::string_view value);

 private:
  std::vector<Correlation> correlations_;
  std::vector<std::vector<Use>> by_rule_;
  std::vector<std::vector<Use>> by_correlation_;
  std::vector<uint64_t> fingerprints_;
  FieldSet fields_;
  KeyedHash hash_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_SET_H_
