#include "detectors/correlation_finding.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/match_sample.h"
#include "detectors/next_steps.h"
#include "detectors/rule_finding.h"
#include "rules/live_rules.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 80;
constexpr size_t kMaxNamedRules = 5;

// What a field that people group by is.
enum class Part : uint8_t {
  kOther,
  kUser,
  kImpersonated,
  kCredential,
  kAddress,
  kUserAgent,
  kVerb,
  kNamespace,
  kResource,
  kName
};

Part PartOf(std::string_view field) {
  struct Known {
    std::string_view field;
    Part part;
  };
  constexpr std::array kKnown = {
      Known{"user.username", Part::kUser},
      Known{"username", Part::kUser},
      Known{"ka.user.name", Part::kUser},
      Known{"impersonatedUser.username", Part::kImpersonated},
      Known{"ka.impuser.name", Part::kImpersonated},
      Known{"user.extra.authentication.kubernetes.io/credential-id",
            Part::kCredential},
      Known{"sourceIPs", Part::kAddress},
      Known{"ka.sourceips", Part::kAddress},
      Known{"userAgent", Part::kUserAgent},
      Known{"ka.useragent", Part::kUserAgent},
      Known{"verb", Part::kVerb},
      Known{"ka.verb", Part::kVerb},
      Known{"objectRef.namespace", Part::kNamespace},
      Known{"namespace", Part::kNamespace},
      Known{"ka.target.namespace", Part::kNamespace},
      Known{"objectRef.resource", Part::kResource},
      Known{"resource", Part::kResource},
      Known{"ka.target.resource", Part::kResource},
      Known{"objectRef.name", Part::kName},
      Known{"name", Part::kName},
      Known{"ka.target.name", Part::kName},
  };
  for (const Known& known : kKnown) {
    if (known.field == field) return known.part;
  }
  return Part::kOther;
}

std::string_view KindOf(Part part) {
  switch (part) {
    case Part::kUser:
    case Part::kImpersonated:
      return "user";
    case Part::kCredential:
      return "credential";
    case Part::kAddress:
      return "address";
    case Part::kNamespace:
      return "namespace";
    case Part::kUserAgent:
    case Part::kVerb:
    case Part::kResource:
    case Part::kName:
    case Part::kOther:
      break;
  }
  return "group";
}

std::string Text(std::string_view value) {
  return Bounded(value, Finding::kMaxTextBytes);
}

void AddGroup(const Correlation& correlation, const CorrelationAlert& alert,
              Finding& out) {
  for (size_t i = 0; i < alert.group.size(); ++i) {
    std::string value = Text(alert.group[i]);
    AddReason(Text(correlation.group_by[i]), value, 0, out);
    switch (PartOf(correlation.group_by[i])) {
      case Part::kUser:
        out.who.user = value;
        break;
      case Part::kImpersonated:
        out.who.impersonated = value;
        break;
      case Part::kCredential:
        out.who.credential_id = value;
        break;
      case Part::kAddress:
        out.where.source_ip = value;
        break;
      case Part::kUserAgent:
        out.where.user_agent = value;
        break;
      case Part::kVerb:
        AddDistinct(value, out.what.verbs);
        break;
      case Part::kNamespace:
        AddDistinct(value, out.what.namespaces);
        break;
      case Part::kResource:
        AddDistinct(value, out.what.resources);
        break;
      case Part::kName:
        AddDistinct(value, out.what.names);
        break;
      case Part::kOther:
        break;
    }
  }
}

// A user if the group has one, else its value or values.
void NameEntity(const Correlation& correlation, const CorrelationAlert& alert,
                Finding& out) {
  if (alert.group.empty()) {
    out.entity = "the whole cluster";
    out.entity_kind = "cluster";
    return;
  }
  Part part = PartOf(correlation.group_by[0]);
  out.entity_kind = alert.group.size() == 1 ? KindOf(part) : "group";
  out.entity = Text(absl::StrJoin(alert.group, ", "));
  if (out.who.user.empty()) return;
  out.entity = out.who.user;
  out.entity_kind = "user";
  for (const std::string& bytes : alert.samples) {
    MatchSample sample = UnpackSample(bytes);
    if (sample.user == out.entity) out.entity_kind = sample.user_kind;
  }
}

std::string LimitText(const Correlation& correlation) {
  using Op = CorrelationLimit::Op;
  auto text = [](std::string* out, const CorrelationLimit& limit) {
    std::string number = absl::StrCat(limit.value);
    switch (limit.op) {
      case Op::kEq:
        return absl::StrAppend(out, "exactly ", number);
      case Op::kGt:
        return absl::StrAppend(out, "more than ", number);
      case Op::kGte:
        return absl::StrAppend(out, number, " or more");
      case Op::kLt:
        return absl::StrAppend(out, "fewer than ", number);
      case Op::kLte:
        return absl::StrAppend(out, number, " or fewer");
      case Op::kNeq:
        return absl::StrAppend(out, "not ", number);
    }
  };
  return absl::StrJoin(correlation.limits, " and ", text);
}

std::string RuleNames(const Correlation& correlation,
                      std::string_view between) {
  std::vector<std::string> names;
  for (const std::string& name : correlation.rules) {
    if (names.size() == kMaxNamedRules) {
      names.back() += "...";
      break;
    }
    names.push_back(Bounded(name, kMaxNameBytes));
  }
  return absl::StrJoin(names, A(between));
}

// What its number is of: "matches of a", "different objectRef.name in a".
std::string Counts(const Correlation& correlation) {
  std::string rules = RuleNames(correlation, ", ");
  std::string fields =
      Bounded(absl::StrJoin(correlation.fields, ", "), kMaxNameBytes);
  switch (correlation.type) {
    case CorrelationType::kEventCount:
      return absl::StrCat("matches of ", rules);
    case CorrelationType::kValueCount:
      return absl::StrCat("different ", fields, " in matches of ", rules);
    case CorrelationType::kTemporal:
    case CorrelationType::kTemporalOrdered:
      return absl::StrCat("of the rules ", rules);
    case CorrelationType::kValueSum:
      return absl::StrCat("as the sum of ", fields, " in matches of ", rules);
    case CorrelationType::kValueAvg:
      return absl::StrCat("as the mean of ", fields, " in matches of ", rules);
    case CorrelationType::kValuePercentile:
      return absl::StrCat("as percentile ", correlation.percentile, " of ",
                          fields, " in matches of ", rules);
  }
  return rules;
}

// What the correlation asks for.
std::string Condition(const Correlation& correlation) {
  std::string within =
      absl::StrCat(" within ", absl::FormatDuration(correlation.timespan));
  if (correlation.type == CorrelationType::kTemporalOrdered) {
    return RuleNames(correlation, ", then ") + within;
  }
  if (correlation.expression.has_value()) {
    return absl::StrCat("the rule's condition over ",
                        RuleNames(correlation, ", "), within);
  }
  if (correlation.limits.empty()) {
    return absl::StrCat("all of ", RuleNames(correlation, ", "), within);
  }
  return absl::StrCat(LimitText(correlation), " ", Counts(correlation), within);
}

void AddNextSteps(Finding& out) {
  if (!out.who.user.empty()) {
    out.next.push_back(absl::StrCat("kubectl auth can-i --list --as=",
                                    ShellWord(out.who.user)));
  }
  if (!out.evidence.empty() && !out.evidence.back().audit_id.empty()) {
    out.next.push_back(absl::StrCat(
        "grep -F ", ShellWord(out.evidence.back().audit_id), " AUDIT_LOG"));
  }
}

bool IsGroupedBy(const Correlation& correlation, Part part) {
  return std::any_of(
      correlation.group_by.begin(), correlation.group_by.end(),
      [part](const std::string& field) { return PartOf(field) == part; });
}

}  // namespace

Finding DescribeCorrelation(const Correlation& correlation,
                            const CorrelationAlert& alert) {
  Finding out;
  DescribeRule(correlation.rule, out);
  AddReason("rule", RuleDescription(correlation.rule), 0, out);
  AddGroup(correlation, alert, out);
  NameEntity(correlation, alert, out);
  std::string condition = Condition(correlation);
  AddReason(condition, absl::StrCat(alert.number), alert.number, out);
  out.threshold = correlation.limits.empty()
                      ? static_cast<double>(correlation.members.size())
                      : correlation.limits[0].value;
  out.summary = absl::StrCat(Bounded(out.entity, kMaxNameBytes), ": ",
                             alert.number, " ", Counts(correlation), " within ",
                             SpanText(alert.since, alert.time));
  out.normal =
      absl::StrCat("Not, for one ",
                   correlation.group_by.empty()
                       ? "cluster"
                       : Bounded(absl::StrJoin(correlation.group_by, ", "),
                                 Finding::kMaxTextBytes),
                   ": ", condition, ".");
  out.first_seen = alert.since;
  out.last_seen = alert.time;
  out.count = static_cast<int64_t>(alert.matches);
  if (!alert.samples.empty()) {
    MatchSample first = UnpackSample(alert.samples[0]);
    if (out.who.user.empty()) out.who.user = first.user;
    if (out.where.source_ip.empty()) out.where.source_ip = first.source_ip;
  }
  AddSamples(correlation, alert.samples, out);
  AddNextSteps(out);
  AddReferences(correlation.rule, out);
  return out;
}

void AddSamples(const Correlation& correlation,
                std::span<const std::string> samples, Finding& finding) {
  for (const std::string& bytes : samples) {
    MatchSample sample = UnpackSample(bytes);
    if (!IsGroupedBy(correlation, Part::kUser) &&
        sample.user != finding.who.user) {
      finding.who.user.clear();
    }
    if (!IsGroupedBy(correlation, Part::kAddress) &&
        sample.source_ip != finding.where.source_ip) {
      finding.where.source_ip.clear();
    }
    AddDistinct(sample.evidence.verb, finding.what.verbs);
    AddDistinct(sample.resource, finding.what.resources);
    AddDistinct(sample.ns, finding.what.namespaces);
    AddDistinct(sample.name, finding.what.names);
    if (finding.evidence.size() < Finding::kMaxEvidence) {
      finding.evidence.push_back(sample.evidence);
    }
  }
}

}  // namespace oddverb
