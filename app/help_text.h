// What `oddverb help` and --help print. Flags and their words come from the
// grammar, so they cannot go stale; the layout is ours, because CLI11 2.1 does
// not wrap lines.
#ifndef ODDVERB_APP_HELP_TEXT_H_
#define ODDVERB_APP_HELP_TEXT_H_

#include <string>

namespace CLI {
class App;
}

namespace oddverb {

// The help of the program or of one of its commands, at most 80 columns wide.
// Of a description the first line is the summary (which lists of commands
// show); the rest, and the footer, are printed as they are.
std::string HelpText(const CLI::App& app);

// "oddverb list detectors": the command with those that it belongs to.
std::string CommandName(const CLI::App& app);

}  // namespace oddverb

#endif  // ODDVERB_APP_HELP_TEXT_H_
