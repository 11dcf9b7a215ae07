#include "rules/correlation_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "rules/canonical_number.h"
#include "rules/rule_record.h"

namespace oddverb {
namespace {

// All ways to take one value of each field; at most `max` of them. Empty where
// a field has none.
std::vector<std::vector<std::string_view>> Tuples(
    const std::vector<Field>& fields, const RuleRecord& record, Arena& arena,
    size_t max) {
  std::vector<std::vector<std::string_view>> tuples(1);
  std::vector<FieldValue> values;
  for (const Field& field : fields) {
    values.clear();
    field.Read(record, arena, values);
    std::vector<std::vector<std::string_view>> longer;
    for (const auto& tuple : tuples) {
      for (const FieldValue& value : values) {
        if (!value.IsScalar() || longer.size() >= max) continue;
        longer.push_back(tuple);
        longer.back().push_back(value.text);
      }
    }
    tuples = std::move(longer);
  }
  return tuples;
}

uint64_t FingerprintOfOne(const Correlation& correlation, KeyedHash hash) {
  HashInput input;
  input.Add(static_cast<uint64_t>(correlation.type));
  input.Add(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(correlation.timespan)));
  for (const std::string& rule : correlation.rules) input.Add(rule);
  input.Add(uint64_t{0});
  for (const std::string& field : correlation.group_by) input.Add(field);
  input.Add(uint64_t{1});
  for (const std::string& field : correlation.fields) input.Add(field);
  for (const auto& [alias, rules] : correlation.aliases) {
    for (const auto& [rule, field] : rules) {
      input.Add(alias).Add(rule).Add(field);
    }
  }
  for (const CorrelationLimit& limit : correlation.limits) {
    input.Add(static_cast<uint64_t>(limit.op));
    input.Add(absl::StrCat(limit.value));
  }
  input.Add(absl::StrCat(correlation.percentile));
  if (correlation.expression.has_value()) {
    input.Add(correlation.expression->ToString());
  }
  input.Add(correlation.rule.id).Add(correlation.rule.title);
  return hash.Hash(input.bytes());
}

}  // namespace

CorrelationSet::CorrelationSet(std::vector<Correlation> correlations)
    : correlations_(std::move(correlations)),
      by_correlation_(correlations_.size()) {
  for (uint32_t c = 0; c < correlations_.size(); ++c) {
    const Correlation& correlation = correlations_[c];
    uint64_t fingerprint = FingerprintOfOne(correlation, hash_);
    while (!by_fingerprint_.emplace(fingerprint, c).second) ++fingerprint;
    fingerprints_.push_back(fingerprint);
    for (uint32_t m = 0; m < correlation.members.size(); ++m) {
      const CorrelationMember& member = correlation.members[m];
      auto& uses = member.is_correlation ? by_correlation_ : by_rule_;
      if (uses.size() <= member.index) uses.resize(member.index + 1);
      uses[member.index].push_back({c, m});
      for (const Field& field : member.group) fields_ |= field.fields();
      for (const Field& field : member.values) fields_ |= field.fields();
    }
  }
}

std::optional<uint32_t> CorrelationSet::Find(uint64_t fingerprint) const {
  auto it = by_fingerprint_.find(fingerprint);
  if (it == by_fingerprint_.end()) return std::nullopt;
  return it->second;
}

std::string CorrelationSet::GroupText(std::string_view value) {
  if (value.size() <= kMaxGroupBytes) return std::string(value);
  return absl::StrCat(A(Utf8Prefix(value, kMaxGroupBytes)), "...",
                      KeyedHash().HashWide(value).ToHex());
}

void CorrelationSet::Extract(uint32_t rule, const AuditEvent& event,
                             Arena& arena,
                             std::vector<CorrelationInput>& out) const {
  uint64_t request =
      event.audit_id.empty() ? 0 : hash_.Hash(event.audit_id) | 1;
  Extract(rule, RuleRecord(event), {event.stage_time, request}, arena, out);
}

void CorrelationSet::Extract(uint32_t rule, const RuleRecord& record,
                             const Occurrence& occurrence, Arena& arena,
                             std::vector<CorrelationInput>& out) const {
  if (!IsMember(rule)) return;
  for (const Use& use : by_rule_[rule]) {
    const Correlation& correlation = correlations_[use.correlation];
    const CorrelationMember& member = correlation.members[use.member];
    CorrelationInput input{.correlation = use.correlation,
                           .member = use.member,
                           .time = occurrence.time,
                           .request = occurrence.request,
                           .group = {},
                           .fingerprint = fingerprints_[use.correlation]};
    if (!member.values.empty()) {
      auto tuples = Tuples(member.values, record, arena, kMaxValuesPerMatch);
      for (const auto& tuple : tuples) {
        if (correlation.type != CorrelationType::kValueCount) {
          auto number = Number::Parse(tuple[0]);
          if (!number.has_value()) continue;
          input.numbers.push_back(number->is_integer
                                      ? static_cast<double>(number->integer)
                                      : number->real);
          continue;
        }
        HashInput joined;
        for (std::string_view part : tuple) joined.Add(part);
        input.values.push_back(hash_.Hash(joined.bytes()));
      }
      if (input.values.empty() && input.numbers.empty()) continue;
    }
    for (const auto& group :
         Tuples(member.group, record, arena, kMaxGroupsPerMatch)) {
      CorrelationInput of_group = input;
      for (std::string_view part : group) {
        of_group.group.push_back(GroupText(part));
      }
      out.push_back(std::move(of_group));
    }
  }
}

}  // namespace oddverb
