// The command line as a value. Unknown commands and flags are answered with
// the nearest known one.
#ifndef ODDVERB_APP_COMMAND_LINE_H_
#define ODDVERB_APP_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/forward.h"
#include "app/list_text.h"
#include "app/rule_commands.h"
#include "app/scan_options.h"

namespace oddverb {

struct CommandLine {
  enum class Command : uint8_t {
    kHelp,  // `text` holds it
    kDemo,
    kScan,
    kRun,
    kForward,
    kCheckConfig,
    kExplain,
    kListDetectors,
    kListMetrics,
    kListOutputs,
    kRulesCheck,
    kRulesList,
    kRulesMatch,
    kRulesTest,
    kSchemaConfig,
    kSchemaFinding,
    kVersion,
  };
  Command command = Command::kHelp;
  std::string text;
  ScanOptions scan;                            // for kScan and kDemo
  std::string config_file;                     // for kRun and kCheckConfig
  ForwardOptions forward;                      // for kForward
  std::string explained;                       // for kExplain
  ListFormat list_format = ListFormat::kText;  // for kList...
  RuleCommandOptions rule_command;             // for kRules...
  bool json = false;                           // for kVersion
};

// InvalidArgument with what is wrong and what was probably meant. A first
// argument that names a file means `scan`.
absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments);

}  // namespace oddverb

#endif  // ODDVERB_APP_COMMAND_LINE_H_
