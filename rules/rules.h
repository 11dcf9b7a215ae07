// Rules: text of rule languages (Sigma, Falco's) becomes predicates, and those
// a RuleSet that says which rules an audit event matches. A pure library: knows
// no files, no detectors, no clock.
#ifndef ODDVERB_RULES_RULES_H_
#define ODDVERB_RULES_RULES_H_

#include "rules/rule_loader.h"
#include "rules/rule_set.h"

#endif  // ODDVERB_RULES_RULES_H_
