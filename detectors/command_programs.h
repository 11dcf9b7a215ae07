// The programs of command lines, as far as they decide what a host among their
// words means. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_COMMAND_PROGRAMS_H_
#define ODDVERB_DETECTORS_COMMAND_PROGRAMS_H_

#include <cstdint>
#include <string_view>

namespace oddverb {

enum class CommandProgram : uint8_t {
  kOther,
  kFetches,       // connects to the hosts that are its arguments
  kOnlyMentions,  // searches for them, or asks them as DNS servers
  kFirewall,      // blocks them, unless it redirects to them (DNAT)
};

enum class ProgramPlace : uint8_t {
  kCommand,   // where a shell expects the program
  kArgument,  // behind another program
};

// Of a word, which may have a path or ".exe"; in any case of letters. Some
// names count only in the place of a program.
CommandProgram ProgramOf(std::string_view word, ProgramPlace place);

// Whether the word behind `word` can still be the program of its command: a
// shell, a wrapper ("sudo"), an option, an assignment.
bool LeadsToProgram(std::string_view word);

// Whether the next word is data for this option of a fetching program, and
// never a host: "-H".
bool IsDataOption(std::string_view word);

// "NO_PROXY=...", also as "--env=NO_PROXY=...": hosts that are left alone.
bool IsNoProxyAssignment(std::string_view word);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_COMMAND_PROGRAMS_H_
