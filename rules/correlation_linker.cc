#include "rules/correlation_linker.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using Index = std::map<std::string, uint32_t, std::less<>>;

// Among more names the nearest one is not looked for.
constexpr size_t kMaxHinted = 5000;

class Linker {
 public:
  Linker(std::vector<SigmaCorrelation> read, std::vector<Rule>& rules,
         RuleDiagnostics& diagnostics)
      : read_(std::move(read)),
        rules_(rules),
        diagnostics_(diagnostics),
        states_(read_.size(), State::kUntouched),
        numbers_(read_.size(), 0) {
    for (uint32_t i = 0; i < rules_.size(); ++i) {
      bool is_falco = rules_[i].language == RuleLanguage::kFalco;
      AddName(is_falco ? rules_[i].title : rules_[i].name, i, rule_numbers_);
      AddName(rules_[i].id, i, rule_numbers_);
    }
    for (uint32_t i = 0; i < read_.size(); ++i) {
      AddName(read_[i].correlation.rule.name, i, correlation_numbers_);
      AddName(read_[i].correlation.rule.id, i, correlation_numbers_);
    }
  }

  std::vector<Correlation> Link(uint64_t& refused) {
    for (uint32_t i = 0; i < read_.size(); ++i) Visit(i, 0);
    for (State state : states_) refused += state == State::kBroken ? 1 : 0;
    SilenceMembers();
    return std::move(linked_);
  }

 private:
  enum class State : uint8_t { kUntouched, kBegun, kGood, kBroken };

  static void AddName(const std::string& name, uint32_t number, Index& index) {
    if (!name.empty()) index.try_emplace(name, number);
  }

  void Error(const SigmaCorrelation& of, const YamlNode& node,
             std::string message) {
    const YamlNode::Location at = node.location();
    diagnostics_.Add({.severity = RuleDiagnostic::Severity::kError,
                      .file = of.correlation.rule.place.file,
                      .line = at.line,
                      .column = at.column,
                      .message = std::move(message),
                      .source_line = std::string(of.lines.Find(at.line))});
  }

  void Visit(uint32_t number, int depth) {
    if (states_[number] != State::kUntouched) return;
    states_[number] = State::kBegun;
    bool good = true;
    Correlation& correlation = read_[number].correlation;
    for (size_t i = 0; i < correlation.rules.size(); ++i) {
      auto member = MemberOf(read_[number], i, depth);
      good &= member.has_value();
      if (member.has_value()) correlation.members.push_back(*std::move(member));
    }
    states_[number] = good ? State::kGood : State::kBroken;
    if (!good) return;
    numbers_[number] = static_cast<uint32_t>(linked_.size());
    linked_.push_back(correlation);
  }

  std::optional<CorrelationMember> MemberOf(const SigmaCorrelation& of,
                                            size_t i, int depth) {
    const std::string& name = of.correlation.rules[i];
    const YamlNode& node = of.rule_nodes[i];
    if (auto rule = rule_numbers_.find(name); rule != rule_numbers_.end()) {
      return OfRule(of, node, name, rule->second);
    }
    auto other = correlation_numbers_.find(name);
    if (other == correlation_numbers_.end()) {
      std::vector<std::string> known;
      for (const Index* index : {&rule_numbers_, &correlation_numbers_}) {
        if (index->size() > kMaxHinted) continue;
        for (const auto& [n, number] : *index) known.push_back(n);
      }
      Error(of, node,
            absl::StrCat("no rule of this id or name: ", QuotedName(name),
                         NearestHint(name, known)));
      return std::nullopt;
    }
    uint32_t number = other->second;
    if (depth + 1 >= kMaxCorrelationChain &&
        states_[number] == State::kUntouched) {
      Error(of, node,
            absl::StrCat("more than ", kMaxCorrelationChain,
                         " correlations of one another"));
      return std::nullopt;
    }
    Visit(number, depth + 1);
    if (states_[number] != State::kGood) {
      bool is_cycle = states_[number] == State::kBegun;
      Error(of, node,
            absl::StrCat("the correlation ", QuotedName(name),
                         is_cycle ? " refers to itself" : " is broken"));
      return std::nullopt;
    }
    return OfCorrelation(of, node, name, numbers_[number]);
  }

  static std::string FieldOf(const Correlation& correlation,
                             const std::string& field,
                             const std::string& rule) {
    auto alias = correlation.aliases.find(field);
    if (alias == correlation.aliases.end()) return field;
    auto of_rule = alias->second.find(rule);
    return of_rule == alias->second.end() ? field : of_rule->second;
  }

  std::optional<CorrelationMember> OfRule(const SigmaCorrelation& of,
                                          const YamlNode& node,
                                          const std::string& name,
                                          uint32_t number) {
    CorrelationMember member{.index = number};
    auto compile = [&](const std::vector<std::string>& names,
                       std::vector<Field>& out) {
      for (const std::string& written : names) {
        std::string field = FieldOf(of.correlation, written, name);
        auto compiled = Field::Compile(field, Field::Brackets::kLiteral);
        if (!compiled.ok()) {
          Error(of, node,
                absl::StrCat("cannot group by ", QuotedName(field), ": ",
                             compiled.status().message()));
          return false;
        }
        WarnOfField(of, node, *compiled, number);
        out.push_back(*std::move(compiled));
      }
      return true;
    };
    bool good = compile(of.correlation.group_by, member.group) &&
                compile(of.correlation.fields, member.values);
    if (!good) return std::nullopt;
    return member;
  }

  void WarnOfField(const SigmaCorrelation& of, const YamlNode& node,
                   const Field& field, uint32_t rule) {
    if (rules_[rule].product != "kubernetes" || field.IsOfAuditEvent()) return;
    RuleText text(of.correlation.rule.place.file, "");
    SigmaReporter(text, diagnostics_)
        .Warn(node, absl::StrCat("never counts: audit events have no field ",
                                 QuotedName(field.name()),
                                 NearestHint(field.name(), KnownFieldNames())));
  }

  std::optional<CorrelationMember> OfCorrelation(const SigmaCorrelation& of,
                                                 const YamlNode& node,
                                                 const std::string& name,
                                                 uint32_t number) {
    const std::vector<std::string>& theirs = linked_[number].group_by;
    CorrelationMember member{.index = number, .is_correlation = true};
    auto find = [&](const std::vector<std::string>& names,
                    std::vector<size_t>& out) {
      for (const std::string& written : names) {
        std::string field = FieldOf(of.correlation, written, name);
        auto it = std::find(theirs.begin(), theirs.end(), field);
        if (it == theirs.end()) {
          Error(of, node,
                absl::StrCat("the correlation ", QuotedName(name),
                             " is not grouped by ", QuotedName(field)));
          return false;
        }
        out.push_back(static_cast<size_t>(it - theirs.begin()));
      }
      return true;
    };
    bool good = find(of.correlation.group_by, member.group_positions) &&
                find(of.correlation.fields, member.value_positions);
    if (!good) return std::nullopt;
    return member;
  }

  // What is referred to alerts only if one that refers to it says "generate".
  void SilenceMembers() {
    std::map<std::pair<bool, uint32_t>, bool> generates;
    for (const Correlation& correlation : linked_) {
      for (const CorrelationMember& member : correlation.members) {
        generates[{member.is_correlation, member.index}] |=
            correlation.generate;
      }
    }
    for (const auto& [key, alerts] : generates) {
      auto [is_correlation, index] = key;
      Rule& rule = is_correlation ? linked_[index].rule : rules_[index];
      rule.alerts = alerts;
    }
  }

  std::vector<SigmaCorrelation> read_;
  std::vector<Rule>& rules_;
  RuleDiagnostics& diagnostics_;
  std::vector<State> states_;
  std::vector<uint32_t> numbers_;  // in `linked_`
  Index rule_numbers_, correlation_numbers_;
  std::vector<Correlation> linked_;
};

}  // namespace

std::vector<Correlation> LinkCorrelations(
    std::vector<SigmaCorrelation> correlations, std::vector<Rule>& rules,
    RuleDiagnostics& diagnostics, uint64_t& refused) {
  return Linker(std::move(correlations), rules, diagnostics).Link(refused);
}

}  // namespace oddverb
