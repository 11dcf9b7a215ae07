// The words of a finding that a rule makes. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_RULE_FINDING_H_
#define ODDVERB_DETECTORS_RULE_FINDING_H_

#include <string>

#include "model/audit_event.h"
#include "model/finding.h"
#include "rules/rule.h"

namespace oddverb {

// A rule without a level says nothing about how bad it is: medium, as Sigma's
// own converters take it.
Severity SeverityOf(RuleLevel level);

// Sets what a rule says of itself: rule, source, severity, confidence, title,
// ATT&CK, practices, benign checks.
void DescribeRule(const Rule& rule, Finding& out);
// What it is about, for a reason.
std::string RuleDescription(const Rule& rule);
// Appends where to read more to the next steps.
void AddReferences(const Rule& rule, Finding& out);

// Sets rule, source, severity, texts, ATT&CK and practices from the rule, and
// the summary from the event that opened the finding. `out.entity` names the
// actor already. Leaves identity, times, counts and evidence alone.
void DescribeRuleFinding(const Rule& rule, const AuditEvent& event,
                         Finding& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_RULE_FINDING_H_
