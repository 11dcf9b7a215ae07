#include "detectors/rule_finding.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "rules/live_rules.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 80;
constexpr size_t kMaxDescriptionBytes = 1024;
constexpr size_t kMaxFalsePositives = 8;
constexpr size_t kMaxReferences = 3;
constexpr int kPractices = 9;

std::string ObjectText(const AuditEvent& event) {
  const ObjectReference& object = event.object;
  if (!object.present) {
    return Bounded(event.request_uri.substr(0, event.request_uri.find('?')),
                   kMaxNameBytes);
  }
  std::string text = Bounded(object.resource, kMaxNameBytes);
  if (!object.subresource.empty()) {
    absl::StrAppend(&text, "/", Bounded(object.subresource, kMaxNameBytes));
  }
  if (object.name.empty() && object.ns.empty()) return text;
  text += " ";
  if (!object.ns.empty() && object.ns != object.name) {
    absl::StrAppend(&text, Bounded(object.ns, kMaxNameBytes), "/");
  }
  return text + Bounded(object.name, kMaxNameBytes);
}

// "alice: create pods shop/escape (201)".
std::string Summary(const AuditEvent& event, std::string_view who) {
  std::string text =
      absl::StrCat(Bounded(who, kMaxNameBytes), ": ",
                   Bounded(event.verb, kMaxNameBytes), " ", ObjectText(event));
  if (event.response_code != 0) {
    absl::StrAppend(&text, " (", event.response_code, ")");
  }
  return text;
}

std::vector<std::string> NextSteps(const AuditEvent& event) {
  std::vector<std::string> next;
  const ObjectReference& object = event.object;
  if (object.present && !object.name.empty() && object.subresource != "proxy") {
    // With its group, as other groups may have the same word.
    std::string resource(object.resource);
    if (!object.api_group.empty()) {
      absl::StrAppend(&resource, ".", A(object.api_group));
    }
    next.push_back(absl::StrCat(
        "kubectl get ", ShellWord(resource), " ", ShellWord(object.name),
        object.ns.empty() ? "" : absl::StrCat(" -n ", ShellWord(object.ns)),
        " -o yaml"));
  }
  if (!event.user.name.empty()) {
    next.push_back(absl::StrCat("kubectl auth can-i --list --as=",
                                ShellWord(event.user.name)));
  }
  return next;
}

// "attack.t1552.007" is technique T1552.007, "practice.5" a practice; the
// others ("attack.persistence", "cve.2018-1002105") name none.
void ReadTags(const Rule& rule, Finding& out) {
  for (const std::string& tag : rule.tags) {
    std::string word = absl::AsciiStrToLower(tag);
    if (word.starts_with("attack.t") && word.size() > 8 &&
        absl::ascii_isdigit(static_cast<unsigned char>(word[8]))) {
      AddDistinct(Bounded(absl::AsciiStrToUpper(word.substr(7)),
                          Finding::kMaxTextBytes),
                  out.attack);
    } else if (word.starts_with("practice.") && word.size() == 10) {
      int practice = word[9] - '0';
      if (practice >= 1 && practice <= kPractices) {
        out.practice.push_back(practice);
      }
    }
  }
}

// How much its author trusts it.
double ConfidenceOf(std::string_view status) {
  if (status == "stable") return 0.8;
  if (status == "test") return 0.6;
  return 0.4;
}

}  // namespace

Severity SeverityOf(RuleLevel level) {
  switch (level) {
    case RuleLevel::kInformational:
      return Severity::kInfo;
    case RuleLevel::kLow:
      return Severity::kLow;
    case RuleLevel::kUnspecified:
    case RuleLevel::kMedium:
      return Severity::kMedium;
    case RuleLevel::kHigh:
      return Severity::kHigh;
    case RuleLevel::kCritical:
      return Severity::kCritical;
  }
  return Severity::kMedium;
}

std::string RuleDescription(const Rule& rule) {
  std::string_view description =
      rule.description.empty() ? rule.title : rule.description;
  return std::string(
      absl::StripAsciiWhitespace(Bounded(description, kMaxDescriptionBytes)));
}

void AddReferences(const Rule& rule, Finding& out) {
  for (size_t i = 0; i < rule.references.size() && i < kMaxReferences; ++i) {
    out.next.push_back(absl::StrCat(
        "Read ", Bounded(rule.references[i], Finding::kMaxTextBytes)));
  }
}

void DescribeRule(const Rule& rule, Finding& out) {
  out.rule = Bounded(RuleHandle(rule), Finding::kMaxTextBytes);
  out.source = rule.language == RuleLanguage::kSigma ? "sigma" : "falco";
  out.severity = SeverityOf(rule.level);
  out.confidence = ConfidenceOf(rule.status);
  out.title = Bounded(rule.title, Finding::kMaxTextBytes);
  for (const std::string& text : rule.falsepositives) {
    if (out.benign_checks.size() >= kMaxFalsePositives) break;
    out.benign_checks.push_back(Bounded(text, Finding::kMaxTextBytes));
  }
  ReadTags(rule, out);
}

void DescribeRuleFinding(const Rule& rule, const AuditEvent& event,
                         Finding& out) {
  DescribeRule(rule, out);
  out.summary = Summary(event, out.entity);
  AddReason("rule", RuleDescription(rule), 1, out);
  out.threshold = 1;
  out.next = NextSteps(event);
  AddReferences(rule, out);
}

}  // namespace oddverb
