// The nearest of known names to a misspelt one, for "did you mean".
#ifndef ODDVERB_BASE_NEAREST_NAME_H_
#define ODDVERB_BASE_NEAREST_NAME_H_

#include <span>
#include <string>
#include <string_view>

namespace oddverb {

// By Levenshtein distance with transpositions, case-insensitive; empty if even
// the best needs more than a third of the longer name's letters (at least 2)
// changed. Ties: the first.
std::string_view NearestName(std::string_view name,
                             std::span<const std::string> known);

}  // namespace oddverb

#endif  // ODDVERB_BASE_NEAREST_NAME_H_
