// Computes what is constant in a one-liner of Python, Perl, Ruby, JavaScript or
// PHP: concatenation, join, chr(), escapes, base64 and hexadecimal decoders,
// slices, formats, arithmetic, comprehensions over constants, variables. One
// grammar for all of them, lenient: what it does not know stays as it is.
// Bounded by the budget and by depth. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_CODE_FOLD_H_
#define ODDVERB_DETECTORS_CODE_FOLD_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/fold_budget.h"

namespace oddverb {

enum class CodeLanguage { kPython, kPerl, kRuby, kJavaScript, kPhp, kAwk };

struct CodeContext {
  CodeLanguage language = CodeLanguage::kPython;
  std::vector<std::string> arguments;  // sys.argv[1:], @ARGV
  // The value of an environment variable; "" = none.
  std::function<std::string(std::string_view name)> environment;
  std::string input;    // what it reads on standard input, if known
  std::string divider;  // awk -F; "" = blanks
};

struct FoldedCode {
  std::string text;                  // with constants in place of expressions
  std::string output;                // what it prints, as far as constant
  std::vector<std::string> scripts;  // that it hands to a shell
};
FoldedCode FoldCode(std::string_view code, const CodeContext& context,
                    FoldBudget& budget);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CODE_FOLD_H_
