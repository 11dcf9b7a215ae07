// Unicode simple case folding, for comparisons that do not mind case: one code
// point becomes one code point, so "?" still means one character. Bytes that
// are not UTF-8 stay as they are. Pure functions.
#ifndef ODDVERB_BASE_CASE_FOLD_H_
#define ODDVERB_BASE_CASE_FOLD_H_

#include <string>
#include <string_view>

#include "absl/base/attributes.h"
#include "base/arena.h"

namespace oddverb {

char32_t FoldCase(char32_t c);

void AppendFolded(std::string_view text, std::string& out);
std::string FoldedCopy(std::string_view text);

// The text itself where folding changes nothing, else a copy in `arena`.
// Allocates beside the arena only for text that is not ASCII.
std::string_view Folded(std::string_view text,
                        Arena& arena ABSL_ATTRIBUTE_LIFETIME_BOUND);

}  // namespace oddverb

#endif  // ODDVERB_BASE_CASE_FOLD_H_
