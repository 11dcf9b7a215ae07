// What every text of rules has to stand: it is loaded, its complaints have
// places, and what is good of it judges a few events. Aborts where not.
#ifndef ODDVERB_TESTS_SUPPORT_RULE_FUZZING_H_
#define ODDVERB_TESTS_SUPPORT_RULE_FUZZING_H_

#include <string_view>

namespace oddverb {

void LoadAndJudge(std::string_view rules);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RULE_FUZZING_H_
