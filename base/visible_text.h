// Text for a terminal. What an attacker wrote into a log could move the cursor,
// hide or reverse a line; here it becomes plain visible characters, and is then
// measured, cut and wrapped by terminal cells. Pure functions.
#ifndef ODDVERB_BASE_VISIBLE_TEXT_H_
#define ODDVERB_BASE_VISIBLE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

enum class Charset : uint8_t { kUtf8, kAscii };

// One line, harmless on any terminal: \n, \r, \t, \x1b for control characters,
// \xff for bytes that are not UTF-8, \u{202e} for other code points that cannot
// be seen (kAscii: for all that are not ASCII). A backslash of the text stays
// one backslash: the escapes are for eyes, the exact bytes are in the JSON.
std::string VisibleText(std::string_view text, Charset charset);

// The functions below take text that VisibleText() has returned.

// Terminal cells.
int DisplayWidth(std::string_view visible);

// At most `columns` cells; the middle is replaced by a mark, as the ends of a
// name tell the most ("system:serviceaccou...k8s-deployer").
std::string CutMiddle(std::string_view visible, int columns, Charset charset);
// The same for prose, which is cut at its end.
std::string CutEnd(std::string_view visible, int columns, Charset charset);

// Breaks at spaces (longer words inside) into at most `max_lines` lines of at
// most `columns` (>= 2) cells; the last one is marked where text is left out.
std::vector<std::string> WrapText(std::string_view visible, int columns,
                                  size_t max_lines, Charset charset);

}  // namespace oddverb

#endif  // ODDVERB_BASE_VISIBLE_TEXT_H_
