#include "rules/rule_case_runner.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/arena.h"
#include "base/strings.h"
#include "rules/correlation_engine.h"
#include "rules/live_rules.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

// Rules that a reason lists.
constexpr size_t kMaxListed = 5;

// With every correlation reporting, also those that only others count.
std::shared_ptr<const CorrelationSet> Loud(const CorrelationSet& set) {
  std::vector<Correlation> all(set.correlations().begin(),
                               set.correlations().end());
  for (Correlation& correlation : all) correlation.rule.alerts = true;
  return std::make_shared<const CorrelationSet>(std::move(all));
}

class Runner {
 public:
  Runner(const LoadedRules& loaded, const CaseDecoder& decode)
      : loaded_(loaded),
        decode_(decode),
        matcher_(loaded.rules),
        set_(Loud(*loaded.correlations)) {
    for (const Rule& rule : loaded.rules->rules()) AddNames(rule, rules_);
    for (const Correlation& correlation : loaded.correlations->correlations()) {
      AddNames(correlation.rule, correlations_);
    }
  }

  CaseResult Run(const RuleCase& c) {
    CaseResult result{.place = c.place, .rule = c.rule};
    bool is_sequence = c.expectation == RuleCase::Expectation::kFirings;
    if (!is_sequence && !c.events.empty()) result.place = c.events[0].place;
    bool is_rule = rules_.contains(c.rule);
    bool is_correlation = correlations_.contains(c.rule);
    if (!is_rule && !is_correlation) {
      result.reason = absl::StrCat("there is no rule ", QuotedName(c.rule),
                                   NearestHint(c.rule, Known()));
    } else if (is_sequence && !is_correlation) {
      result.reason =
          "no correlation: write \"match\" or \"no_match\" for a rule of one "
          "event";
    } else if (!is_sequence && !is_rule) {
      result.reason =
          "a correlation: write \"events\" and \"firings\", as one event does "
          "not make it";
    } else {
      result.reason = is_sequence ? JudgeSequence(c) : JudgeSingle(c);
    }
    result.passed = result.reason.empty();
    return result;
  }

 private:
  using Numbers = std::map<std::string, uint32_t, std::less<>>;

  void AddNames(const Rule& rule, Numbers& numbers) {
    auto number = static_cast<uint32_t>(seen_[&numbers]++);
    for (const std::string& name : {rule.name, rule.id, rule.title}) {
      if (!name.empty()) numbers.try_emplace(name, number);
    }
  }

  std::vector<std::string> Known() const {
    std::set<std::string> known;
    for (const Rule& rule : loaded_.rules->rules()) {
      known.emplace(RuleHandle(rule));
    }
    for (const Correlation& c : set_->correlations()) {
      known.emplace(RuleHandle(c.rule));
    }
    return {known.begin(), known.end()};
  }

  std::span<const Rule* const> Match(const AuditEvent& event) {
    return matcher_.Match(event, CarriesResponseStatus(event)
                                     ? RuleMatcher::Request::kFirstWithStatus
                                     : RuleMatcher::Request::kOther);
  }

  std::string JudgeSingle(const RuleCase& c) {
    bool matches = false;
    std::vector<std::string> others;
    absl::Status status =
        decode_(c.events[0].json, [&](const AuditEvent& event) {
          const Rule* wanted =
              &loaded_.rules->rules()[rules_.find(c.rule)->second];
          for (const Rule* rule : Match(event)) {
            if (rule == wanted) {
              matches = true;
            } else if (others.size() < kMaxListed) {
              others.emplace_back(RuleHandle(*rule));
            }
          }
        });
    if (!status.ok()) return Undecoded(status);
    bool expected = c.expectation == RuleCase::Expectation::kMatch;
    if (matches == expected) return "";
    if (matches) return "matches, and must not";
    return absl::StrCat("must match, and does not; ",
                        others.empty()
                            ? "no other rule does"
                            : "others that do: " + absl::StrJoin(others, ", "));
  }

  std::string JudgeSequence(const RuleCase& c) {
    std::vector<CorrelationAlert> alerts;
    CorrelationEngine engine(set_, {});
    for (const CaseEvent& event : c.events) {
      absl::Status status = decode_(
          event.json, [&](const AuditEvent& e) { Take(e, engine, alerts); });
      if (!status.ok()) {
        return absl::StrCat(event.place.ToString(), ": ", Undecoded(status));
      }
    }
    engine.AdvanceTo(absl::InfiniteFuture(), alerts);
    uint32_t wanted = correlations_.find(c.rule)->second;
    uint64_t firings = 0;
    for (const CorrelationAlert& alert : alerts) {
      firings += alert.correlation == wanted ? 1 : 0;
    }
    if (firings == c.firings) return "";
    return absl::StrCat("fires ", firings, " times, and must ", c.firings,
                        " times");
  }

  void Take(const AuditEvent& event, CorrelationEngine& engine,
            std::vector<CorrelationAlert>& alerts) {
    const Rule* first = loaded_.rules->rules().data();
    Arena arena;
    std::vector<CorrelationInput> inputs;
    for (const Rule* rule : Match(event)) {
      auto number = static_cast<uint32_t>(rule - first);
      if (!set_->IsMember(number)) continue;
      set_->Extract(number, event, arena, inputs);
    }
    for (CorrelationInput& input : inputs) {
      engine.Observe(std::move(input), alerts);
    }
  }

  static std::string Undecoded(const absl::Status& status) {
    return absl::StrCat("no audit event: ", status.message());
  }

  const LoadedRules& loaded_;
  const CaseDecoder& decode_;
  RuleMatcher matcher_;
  std::shared_ptr<const CorrelationSet> set_;
  std::map<const Numbers*, uint32_t> seen_;
  Numbers rules_;
  Numbers correlations_;
};

}  // namespace

std::vector<CaseResult> RunRuleCases(const std::vector<RuleCase>& cases,
                                     const LoadedRules& loaded,
                                     const CaseDecoder& decode) {
  Runner runner(loaded, decode);
  std::vector<CaseResult> results;
  results.reserve(cases.size());
  for (const RuleCase& c : cases) results.push_back(runner.Run(c));
  return results;
}

std::vector<UntestedRule> FindUntestedRules(const std::vector<RuleCase>& cases,
                                            const LoadedRules& loaded) {
  std::set<std::string, std::less<>> matched, unmatched;
  for (const RuleCase& c : cases) {
    bool is_match =
        c.expectation == RuleCase::Expectation::kMatch ||
        (c.expectation == RuleCase::Expectation::kFirings && c.firings > 0);
    (is_match ? matched : unmatched).insert(c.rule);
  }
  std::vector<UntestedRule> untested;
  auto check = [&](const Rule& rule) {
    auto is_in = [&rule](const auto& names) {
      return names.contains(rule.name) || names.contains(rule.id) ||
             names.contains(rule.title);
    };
    UntestedRule found{.rule = std::string(RuleHandle(rule)),
                       .place = rule.place,
                       .lacks_match = !is_in(matched),
                       .lacks_no_match = !is_in(unmatched)};
    if (found.lacks_match || found.lacks_no_match) {
      untested.push_back(std::move(found));
    }
  };
  for (const Rule& rule : loaded.rules->rules()) check(rule);
  for (const Correlation& c : loaded.correlations->correlations()) {
    check(c.rule);
  }
  return untested;
}

}  // namespace oddverb
