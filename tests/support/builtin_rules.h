// The rules that come with the program, loaded for tests, and their cases.
#ifndef ODDVERB_TESTS_SUPPORT_BUILTIN_RULES_H_
#define ODDVERB_TESTS_SUPPORT_BUILTIN_RULES_H_

#include <string>
#include <string_view>
#include <vector>

#include "rules/rule_case_runner.h"
#include "rules/rule_cases.h"
#include "rules/rule_loader.h"

namespace oddverb {

LoadedRules LoadBuiltinRules();

// Of rules/content/cases/ in the source tree; complaints about them fail the
// test.
std::vector<RuleCase> BuiltinRuleCases();

// By the decoder of the program.
CaseDecoder DecoderForCases();

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_BUILTIN_RULES_H_
