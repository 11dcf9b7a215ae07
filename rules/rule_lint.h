// What is wrong with a rule that can be read: it can never match an audit
// event, or it misses what its author cannot have meant to miss. Pure
// functions.
#ifndef ODDVERB_RULES_RULE_LINT_H_
#define ODDVERB_RULES_RULE_LINT_H_

#include <string>
#include <vector>

#include "rules/predicate.h"

namespace oddverb {

// Messages about a predicate over audit events of the API server; a dead rule's
// begins with "dead rule".
std::vector<std::string> LintAuditPredicate(const Predicate& predicate);
// Only which tests can never hold, in one message; empty if all can.
std::string DoubtsAboutAuditPredicate(const Predicate& predicate);

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_LINT_H_
