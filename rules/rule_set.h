// Many rules, and which of them an event matches. Immutable, one for all
// threads; each thread has a RuleMatcher.
#ifndef ODDVERB_RULES_RULE_SET_H_
#define ODDVERB_RULES_RULE_SET_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/audit_event.h"
#include "model/field.h"
#include "rules/program.h"
#include "rules/rule.h"
#include "rules/rule_index.h"

namespace oddverb {

class RuleSet {
 public:
  // InvalidArgument for a rule that cannot be compiled; the loader has refused
  // those before, with their place.
  static absl::StatusOr<std::shared_ptr<const RuleSet>> Build(
      std::vector<Rule> rules, RuleMatching matching = RuleMatching::kAll);
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;
  ~RuleSet();

  // In the order in which they were given.
  std::span<const Rule> rules() const { return rules_; }
  // What the decoder has to read for them, and for their outputs.
  FieldSet fields() const { return fields_; }

 private:
  friend class RuleMatcher;
  RuleSet(std::vector<Rule> rules, RuleMatching matching);

  std::vector<Rule> rules_;
  RuleMatching matching_;
  std::vector<Occasion> occasions_;  // of rules_, close together
  FieldSet fields_;
  std::unique_ptr<const Program> program_;
  std::unique_ptr<const RuleIndex> index_;
};

// Whether the API server had decided on the request when it logged this stage:
// all but RequestReceived. Of several such stages of one request (a watch has
// two) the first is the one that rules with Occasion::kRequest judge.
bool CarriesResponseStatus(const AuditEvent& event);

// Judges events one after the other. One thread; allocates nothing once its
// memory has grown to what the events need.
class RuleMatcher {
 public:
  explicit RuleMatcher(std::shared_ptr<const RuleSet> rules);
  ~RuleMatcher();

  // Whether this event is the one that stands for its request.
  enum class Request : uint8_t { kFirstWithStatus, kOther };

  // All rules that match, in their order. `request` is kOther: only those that
  // judge each event. Lives until the next call, as the rules do longer.
  std::span<const Rule* const> Match(const AuditEvent& event, Request request);
  // Any other JSON object, judged by all rules.
  std::span<const Rule* const> Match(RawJson record);

  const RuleSet& rules() const { return *rules_; }

 private:
  std::span<const Rule* const> Match(const RuleRecord& record, Request request);
  std::span<const uint32_t> FindNumbers(const RuleRecord& record,
                                        Request request);

  std::shared_ptr<const RuleSet> rules_;
  ProgramState state_;
  RuleIndexState index_state_;
  std::vector<uint32_t> sure_, judged_, numbers_;
  std::vector<const Rule*> matches_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_SET_H_
