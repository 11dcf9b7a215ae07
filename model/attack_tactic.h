// Tactics of ATT&CK. Pure function; thread-safe.
#ifndef ODDVERB_MODEL_ATTACK_TACTIC_H_
#define ODDVERB_MODEL_ATTACK_TACTIC_H_

#include <string_view>

namespace oddverb {

// ATT&CK's short name of the tactic that a technique ("T1552.007") serves, or
// of the first that fits a cluster where it serves several; empty for one that
// is not in the table. Source: the matrices Containers and IaaS, v14.
std::string_view TacticOf(std::string_view technique);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_ATTACK_TACTIC_H_
