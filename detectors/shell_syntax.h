// Where the constructs of a shell script end: quotes, substitutions, words,
// bodies. Pure text; each call is linear in what it passes, but for nested
// substitutions, whose depth is bounded. Thread-safe.
#ifndef ODDVERB_DETECTORS_SHELL_SYNTAX_H_
#define ODDVERB_DETECTORS_SHELL_SYNTAX_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

// Behind the quoted text, substitution, or single byte at `at`. The end of the
// text for what is not closed.
size_t SkipShellUnit(std::string_view text, size_t at);
// Behind the ')' of the '(' at `open`; npos if there is none.
size_t SkipShellParentheses(std::string_view text, size_t open);
// Behind the '}' of the "${" whose '{' is at `open`; npos if there is none.
size_t SkipShellBraces(std::string_view text, size_t open);
// Behind the word at `at`.
size_t SkipShellWord(std::string_view text, size_t at);

bool IsShellBlank(char c);  // divides words, ends no command
bool IsShellNameByte(char c);
bool IsShellName(std::string_view text);

// The text from `at` up to the word `close` that belongs to a word `open` in
// front of it, and where what follows begins.
struct ShellBody {
  std::string_view text;
  size_t end = 0;
};
std::optional<ShellBody> ReadShellBody(std::string_view text, size_t at,
                                       std::string_view open,
                                       std::string_view close);

// "a{b,c}" is "ab", "ac"; "{1..3}" too. At most kMaxBraceWords; `out` is raw
// text, to be expanded further.
inline constexpr size_t kMaxBraceWords = 64;
void ExpandBraces(std::string_view word, std::vector<std::string>& out);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SHELL_SYNTAX_H_
