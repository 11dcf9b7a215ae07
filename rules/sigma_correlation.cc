#include "rules/sigma_correlation.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/canonical_number.h"
#include "rules/sigma_condition.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;
using Names = std::vector<std::string>;
using Op = CorrelationLimit::Op;

struct TypeName {
  std::string_view name;
  CorrelationType type = CorrelationType::kEventCount;
};
constexpr TypeName kTypes[] = {
    {"event_count", CorrelationType::kEventCount},
    {"temporal", CorrelationType::kTemporal},
    {"temporal_extended", CorrelationType::kTemporal},
    {"temporal_ordered", CorrelationType::kTemporalOrdered},
    {"value_avg", CorrelationType::kValueAvg},
    {"value_count", CorrelationType::kValueCount},
    {"value_median", CorrelationType::kValuePercentile},
    {"value_percentile", CorrelationType::kValuePercentile},
    {"value_sum", CorrelationType::kValueSum},
};

struct OpName {
  std::string_view name;
  Op op = Op::kGte;
};
constexpr OpName kOps[] = {{"eq", Op::kEq},   {"gt", Op::kGt},
                           {"gte", Op::kGte}, {"lt", Op::kLt},
                           {"lte", Op::kLte}, {"neq", Op::kNeq}};

// The name of the field that stands for a member in an expression.
constexpr std::string_view kMemberPrefix = "member";

RuleExpression ExpressionOf(const Predicate& predicate) {
  using E = RuleExpression::Kind;
  RuleExpression expression;
  switch (predicate.kind()) {
    case Predicate::Kind::kTrue:
      break;
    case Predicate::Kind::kFalse:
      expression.kind = E::kFalse;
      break;
    case Predicate::Kind::kTest: {
      expression.kind = E::kMember;
      std::string_view name = predicate.test().field.name();
      name.remove_prefix(kMemberPrefix.size());
      std::from_chars(name.data(), name.data() + name.size(),
                      expression.member);
      return expression;
    }
    case Predicate::Kind::kNot:
      expression.kind = E::kNot;
      break;
    case Predicate::Kind::kAnd:
      expression.kind = E::kAnd;
      break;
    case Predicate::Kind::kOr:
      expression.kind = E::kOr;
      break;
  }
  for (const Predicate& part : predicate.parts()) {
    expression.parts.push_back(ExpressionOf(part));
  }
  return expression;
}

// Reads one document; an error leaves what it is about at its default.
class CorrelationReader {
 public:
  CorrelationReader(SigmaCorrelation& out, SigmaReporter& reporter)
      : out_(out),
        correlation_(out.correlation),
        reporter_(reporter),
        section_(out.document.Below("correlation")) {}

  void Read() {
    if (section_.layers().empty()) {
      reporter_.Error(out_.document.Get("correlation"),
                      "\"correlation\" must be a map");
      return;
    }
    WarnOfUnknownKeys();
    ReadType();
    ReadRules();
    ReadGroupBy();
    ReadAliases();
    ReadTimespan();
    ReadGenerate();
    ReadCondition();
  }

 private:
  void WarnOfUnknownKeys() {
    const Names known = {"aliases", "condition", "generate", "group-by",
                         "rules",   "timespan",  "type",     "timeframe"};
    for (const std::string& key : section_.Keys()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      reporter_.WarnAtKey(section_.Get(key),
                          absl::StrCat("unknown key: ", QuotedName(key),
                                       NearestHint(key, known)));
    }
  }

  // The node, or where there is none, a place to complain at.
  YamlNode At(std::string_view key) const {
    YamlNode node = section_.Get(key);
    return node.present() ? node : out_.document.Get("correlation");
  }

  Names Texts(std::string_view key) {
    YamlNode node = section_.Get(key);
    Names texts;
    if (node.kind() == Kind::kScalar) texts.emplace_back(node.text());
    if (node.kind() == Kind::kMapping) {
      reporter_.Error(node, absl::StrCat("\"", A(key), "\" must be a list"));
    }
    for (const YamlNode& item : node.Items()) {
      if (item.kind() != Kind::kScalar || item.text().empty()) {
        reporter_.Error(
            item, absl::StrCat("\"", A(key), "\" must be a list of texts"));
      }
      texts.emplace_back(item.text());
    }
    return texts;
  }

  void ReadType() {
    std::string word = absl::AsciiStrToLower(A(section_.Get("type").text()));
    Names known;
    for (const TypeName& type : kTypes) {
      known.emplace_back(type.name);
      if (type.name != word) continue;
      correlation_.type = type.type;
      return;
    }
    reporter_.Error(
        At("type"),
        word.empty()
            ? std::string("no \"type\"")
            : absl::StrCat("no such type of correlation: ", QuotedName(word),
                           NearestHint(word, known)));
  }

  void ReadRules() {
    correlation_.rules = Texts("rules");
    YamlNode node = section_.Get("rules");
    out_.rule_nodes = node.Items();
    if (node.kind() == Kind::kScalar) out_.rule_nodes = {node};
    if (correlation_.rules.empty()) {
      reporter_.Error(At("rules"), "\"rules\" names no rule");
    } else if (correlation_.rules.size() > kMaxCorrelationRules) {
      reporter_.Error(
          node, absl::StrCat("more than ", kMaxCorrelationRules, " rules"));
    }
  }

  void ReadGroupBy() {
    correlation_.group_by = Texts("group-by");
    if (correlation_.group_by.size() > kMaxGroupFields) {
      reporter_.Error(section_.Get("group-by"),
                      absl::StrCat("more than ", kMaxGroupFields, " fields"));
    }
  }

  void ReadAliases() {
    YamlNode aliases = section_.Get("aliases");
    for (const std::string& alias : aliases.Keys()) {
      YamlNode of = aliases.Get(alias);
      if (of.kind() != Kind::kMapping) {
        reporter_.Error(of, "an alias must be a map of rules to fields");
      }
      for (const std::string& rule : of.Keys()) {
        const Names& rules = correlation_.rules;
        if (std::find(rules.begin(), rules.end(), rule) == rules.end()) {
          reporter_.ErrorAtKey(
              of.Get(rule),
              absl::StrCat("not one of \"rules\": ", QuotedName(rule),
                           NearestHint(rule, rules)));
        }
        correlation_.aliases[alias][rule] = std::string(of.Get(rule).text());
      }
    }
  }

  void ReadTimespan() {
    YamlNode node = section_.Get("timespan");
    if (!node.present()) node = section_.Get("timeframe");
    auto timespan = ParseTimespan(node.text());
    if (!timespan.has_value() || *timespan > kMaxTimespan) {
      reporter_.Error(At("timespan"),
                      "\"timespan\" must be a number and one of s, m, h, d, w, "
                      "M, y, such as 5m; at most a year");
      return;
    }
    correlation_.timespan = *timespan;
  }

  void ReadGenerate() {
    YamlNode node = section_.Get("generate");
    if (!node.present()) node = out_.document.Get("generate");
    std::string word = absl::AsciiStrToLower(A(node.text()));
    if (node.present() && word != "true" && word != "false") {
      reporter_.Error(node, "\"generate\" must be true or false");
    }
    correlation_.generate = word == "true";
  }

  bool IsTemporal() const {
    return correlation_.type == CorrelationType::kTemporal ||
           correlation_.type == CorrelationType::kTemporalOrdered;
  }

  void ReadCondition() {
    YamlNode node = section_.Get("condition");
    out_.condition = node;
    if (node.kind() == Kind::kScalar && IsTemporal()) {
      ReadExpression(node);
    } else if (node.kind() == Kind::kMapping) {
      ReadLimits(node);
    } else if (node.present() || !IsTemporal()) {
      reporter_.Error(At("condition"),
                      "\"condition\" must be a map, such as {gte: 10}");
      return;
    }
    if (reporter_.failed()) return;
    CheckCondition(At("condition"));
  }

  void ReadExpression(const YamlNode& node) {
    SigmaSelections members;
    for (size_t i = 0; i < correlation_.rules.size(); ++i) {
      auto field = Field::Compile(absl::StrCat(A(kMemberPrefix), i),
                                  Field::Brackets::kLiteral);
      members.insert_or_assign(
          correlation_.rules[i],
          Predicate::Of({.field = *field, .comparison = Comparison::kExists}));
    }
    SigmaCondition condition = ParseSigmaCondition(node.text(), members);
    for (SigmaConditionError& error : condition.errors) {
      reporter_.Error(node, std::move(error.message), error.offset);
    }
    if (condition.predicate.depth() > Predicate::kMaxDepth) {
      reporter_.Error(node, absl::StrCat("nested deeper than ",
                                         Predicate::kMaxDepth, " levels"));
    } else {
      correlation_.expression = ExpressionOf(condition.predicate);
    }
  }

  void ReadLimits(const YamlNode& node) {
    Names known = {"field", "percentile"};
    for (const OpName& op : kOps) known.emplace_back(op.name);
    for (const std::string& key : node.Keys()) {
      YamlNode value = node.Get(key);
      if (key == "field") {
        ReadFields(value);
        continue;
      }
      std::optional<Number> number = Number::Parse(value.text());
      if (!number.has_value()) {
        reporter_.Error(
            value, absl::StrCat("not a number: ", QuotedName(value.text())));
        continue;
      }
      double real = number->is_integer ? static_cast<double>(number->integer)
                                       : number->real;
      auto op = std::find_if(std::begin(kOps), std::end(kOps),
                             [&](const OpName& o) { return o.name == key; });
      if (op != std::end(kOps)) {
        correlation_.limits.push_back({op->op, real});
      } else if (key == "percentile") {
        has_percentile_ = true;
        correlation_.percentile = real;
      } else {
        reporter_.ErrorAtKey(value,
                             absl::StrCat("unknown key: ", QuotedName(key),
                                          NearestHint(key, known)));
      }
    }
  }

  void ReadFields(const YamlNode& node) {
    std::vector<YamlNode> nodes = node.Items();
    if (node.kind() == Kind::kScalar) nodes = {node};
    for (const YamlNode& item : nodes) {
      correlation_.fields.emplace_back(item.text());
      if (item.text().empty()) reporter_.Error(item, "expected a field");
    }
    if (correlation_.fields.size() > kMaxGroupFields) {
      reporter_.Error(node,
                      absl::StrCat("more than ", kMaxGroupFields, " fields"));
    }
  }

  void CheckCondition(const YamlNode& at) {
    bool counts_values =
        !IsTemporal() && correlation_.type != CorrelationType::kEventCount;
    size_t fields = correlation_.fields.size();
    if (counts_values != (fields > 0)) {
      reporter_.Error(at, counts_values
                              ? "the condition needs a \"field\""
                              : "this type of correlation takes no \"field\"");
    } else if (fields > 1 &&
               correlation_.type != CorrelationType::kValueCount) {
      reporter_.Error(at, "only \"value_count\" takes several fields");
    }
    if (correlation_.limits.size() > 2) {
      reporter_.Error(at, "a condition has one comparison, or two for a range");
    } else if (correlation_.limits.empty() && !IsTemporal()) {
      reporter_.Error(at, "the condition has no comparison, such as \"gte\"");
    }
    CheckOrder(at);
    CheckThresholds(at);
    CheckPercentile(at);
  }

  void CheckOrder(const YamlNode& at) {
    if (correlation_.type != CorrelationType::kTemporalOrdered) return;
    auto all = static_cast<double>(correlation_.rules.size());
    bool says_all = correlation_.limits.empty() ||
                    (correlation_.limits.size() == 1 &&
                     correlation_.limits[0].op != Op::kNeq &&
                     correlation_.Holds(all) && !correlation_.Holds(all - 1));
    if (!says_all || correlation_.expression.has_value()) {
      reporter_.Error(at,
                      "\"temporal_ordered\" takes no condition: it wants "
                      "all rules, in their order");
    }
    correlation_.limits.clear();
  }

  void CheckThresholds(const YamlNode& at) {
    bool is_count = correlation_.type == CorrelationType::kEventCount ||
                    correlation_.type == CorrelationType::kValueCount;
    for (const CorrelationLimit& limit : correlation_.limits) {
      if (!is_count) continue;
      if (limit.value < 0 ||
          limit.value >= static_cast<double>(kMaxCorrelationThreshold)) {
        reporter_.Error(at, absl::StrCat("a count must be from 0 to ",
                                         kMaxCorrelationThreshold - 1));
      }
    }
  }

  void CheckPercentile(const YamlNode& at) {
    bool takes_it = correlation_.type == CorrelationType::kValuePercentile;
    std::string_view type = section_.Get("type").text();
    bool is_median = absl::AsciiStrToLower(A(type)) == "value_median";
    if (has_percentile_ && (!takes_it || is_median)) {
      reporter_.Error(at, "only \"value_percentile\" takes a \"percentile\"");
    } else if (takes_it && !is_median && !has_percentile_) {
      reporter_.Error(
          at,
          "the condition needs a \"percentile\", and compares the value there; "
          "values that are rare among all are not what is counted here");
    } else if (correlation_.percentile <= 0 || correlation_.percentile > 100) {
      reporter_.Error(at, "\"percentile\" must be above 0 and at most 100");
    }
  }

  SigmaCorrelation& out_;
  Correlation& correlation_;
  SigmaReporter& reporter_;
  SigmaMapping section_;
  bool has_percentile_ = false;
};

}  // namespace

std::optional<SigmaCorrelation> ReadSigmaCorrelation(
    const SigmaMapping& document, const std::string& file,
    const SigmaOptions& options, SigmaReporter& reporter) {
  SigmaCorrelation out;
  out.document = document;
  out.correlation.rule = ReadSigmaMetadata(document, file, options, reporter);
  CorrelationReader(out, reporter).Read();
  if (reporter.failed()) return std::nullopt;
  return out;
}

}  // namespace oddverb
