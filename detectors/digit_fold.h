// Digits, letters and dots of other scripts and styles as the ASCII ones that
// clients make of them: IDNA (RFC 5891, UTS 46) in browsers, curl, node and
// Python maps full-width, circled and mathematical forms; some number parsers
// take any decimal digit. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_DIGIT_FOLD_H_
#define ODDVERB_DETECTORS_DIGIT_FOLD_H_

#include <string>
#include <string_view>

namespace oddverb {

// "" if nothing of `text` is one of them; other characters stay. Characters
// without a width (U+200B, U+00AD) are left out.
std::string FoldDigits(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_DIGIT_FOLD_H_
