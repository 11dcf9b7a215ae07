// What programs that only rewrite text (tr, sed, rev, base64, printf, ...) make
// of a constant. Bounded by the budget; of gzip at most 64 KiB. Pure.
#ifndef ODDVERB_DETECTORS_SHELL_FILTERS_H_
#define ODDVERB_DETECTORS_SHELL_FILTERS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/fold_budget.h"

namespace oddverb {

using ShellWords = std::vector<std::string>;

// What `words` (the program's name first, without its path) writes when it
// reads `input`; nullopt if it is none of them, or cannot be told.
std::optional<std::string> FilterOutput(const ShellWords& words,
                                        const std::string& input,
                                        FoldBudget& budget);

// printf's, from its format on. `escapes` of echo's arguments: as dash does and
// `echo -e`.
std::string PrintfOutput(const ShellWords& words, size_t format,
                         FoldBudget& budget);
std::string EchoOutput(const ShellWords& words, bool escapes);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SHELL_FILTERS_H_
