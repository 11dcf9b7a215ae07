// Findings full of what an attacker would write, for tests of exporters.
#ifndef ODDVERB_TESTS_SUPPORT_RANDOM_FINDING_H_
#define ODDVERB_TESTS_SUPPORT_RANDOM_FINDING_H_

#include <random>
#include <string>

#include "model/finding.h"

namespace oddverb {

// Mixes plain words, quotes, escapes, controls, all kinds of UTF-8 and of bytes
// that are none.
std::string RandomHostileText(std::mt19937_64& random);

// Every member set; contributions sum up to the score but for rounding.
Finding RandomFinding(std::mt19937_64& random);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RANDOM_FINDING_H_
