// What a person does now: shell commands in which every name from the log is
// quoted. Thread-safe.
#ifndef ODDVERB_DETECTORS_NEXT_STEPS_H_
#define ODDVERB_DETECTORS_NEXT_STEPS_H_

#include <string>
#include <string_view>
#include <vector>

#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// `text` as one word of a POSIX shell: unchanged if harmless, else in single
// quotes; control characters are dropped. Bounded.
std::string ShellWord(std::string_view text);

// The same for a name that stands alone on a command line: `placeholder`
// ("POD") for one that is empty there, or that a program would take for an
// option.
std::string NameWord(std::string_view name, std::string_view placeholder);

// See what the identity of `event` may do, then take its credential away.
std::vector<std::string> StepsAgainstCredential(const AuditEvent& event,
                                                IdentityClass identity);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_NEXT_STEPS_H_
