// The correlations of a rule set: which of its rules they refer to, and what an
// event that one of those matches gives them. Immutable, one for all threads.
#ifndef ODDVERB_RULES_CORRELATION_SET_H_
#define ODDVERB_RULES_CORRELATION_SET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/keyed_hash.h"
#include "model/audit_event.h"
#include "model/correlation_input.h"
#include "model/field.h"
#include "rules/correlation.h"
#include "rules/rule_record.h"

namespace oddverb {

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
  // The same for any record, of which the caller says when it was, and a hash
  // of what makes its request one (0: it is no request).
  struct Occurrence {
    absl::Time time;
    uint64_t request = 0;
  };
  void Extract(uint32_t rule, const RuleRecord& record,
               const Occurrence& occurrence, Arena& arena,
               std::vector<CorrelationInput>& out) const;

  // Members that are correlation number `correlation`.
  struct Use {
    uint32_t correlation = 0;
    uint32_t member = 0;
  };
  std::span<const Use> UsesOf(uint32_t correlation) const {
    return by_correlation_[correlation];
  }

  // The same for the same definition, whatever else is in the set; of several
  // equal ones each has its own.
  uint64_t FingerprintOf(uint32_t correlation) const {
    return fingerprints_[correlation];
  }
  std::optional<uint32_t> Find(uint64_t fingerprint) const;

  // A value as it is kept: short, or cut with a hash behind it.
  static std::string GroupText(std::string_view value);

 private:
  std::vector<Correlation> correlations_;
  std::vector<std::vector<Use>> by_rule_;
  std::vector<std::vector<Use>> by_correlation_;
  std::vector<uint64_t> fingerprints_;
  std::map<uint64_t, uint32_t> by_fingerprint_;
  FieldSet fields_;
  KeyedHash hash_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_CORRELATION_SET_H_
