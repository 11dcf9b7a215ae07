// Dispatches the command line to its command.
#include <unistd.h>

#include <string>
#include <vector>

#include "app/app.h"
#include "app/build_version.h"
#include "app/command_line.h"
#include "app/config_check.h"
#include "app/config_schema.h"
#include "app/demo.h"
#include "app/explain_text.h"
#include "app/forward.h"
#include "app/list_text.h"
#include "app/scan.h"
#include "app/service.h"
#include "app/version_text.h"
#include "exporters/finding_json.h"
#include "exporters/output_file.h"

namespace oddverb {
namespace {

int Print(const std::string& text) {
  OutputFile output(STDOUT_FILENO, "standard output",
                    OutputFile::Ownership::kBorrowed);
  absl::Status status = output.Write(text);
  return status.ok() ? kExitFine : ReportError(status);
}

int PrintVersion(bool json) {
  const BuildVersion& build = GetBuildVersion();
  if (!json) {
    return Print("oddverb " + std::string(build.version) + " (" +
                 std::string(build.revision) + ", " +
                 std::string(build.build_type) + ", " +
                 std::string(build.compiler) + ")\n");
  }
  return Print(VersionJson());
}

}  // namespace

int RunApp(int argc, const char* const* argv, const AppSignals& signals) {
  absl::StatusOr<CommandLine> line =
      ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!line.ok()) return ReportError(line.status());
  switch (line->command) {
    case CommandLine::Command::kHelp:
      return Print(line->text);
    case CommandLine::Command::kDemo:
      return RunDemo(line->scan, signals.stop);
    case CommandLine::Command::kScan:
      return RunScan(line->scan, signals.stop);
    case CommandLine::Command::kRun:
      return RunService(line->config_file, ProcessEnvironment,
                        {signals.stop, signals.reload});
    case CommandLine::Command::kForward:
      return RunForward(line->forward, ProcessEnvironment,
                        {signals.stop, signals.reload});
    case CommandLine::Command::kCheckConfig:
      return RunCheckConfig(line->config_file);
    case CommandLine::Command::kExplain: {
      absl::StatusOr<std::string> text = ExplainText(line->explained);
      return text.ok() ? Print(*text) : ReportError(text.status());
    }
    case CommandLine::Command::kListDetectors:
      return Print(DetectorsText(line->list_format));
    case CommandLine::Command::kListMetrics:
      return Print(MetricsText(line->list_format));
    case CommandLine::Command::kListOutputs:
      return Print(OutputsText(line->list_format));
    case CommandLine::Command::kRulesCheck:
      return RunRulesCheck(line->rule_command, signals.stop);
    case CommandLine::Command::kRulesList:
      return RunRulesList(line->rule_command);
    case CommandLine::Command::kRulesMatch:
      return RunRulesMatch(line->rule_command, signals.stop);
    case CommandLine::Command::kRulesTest:
      return RunRulesTest(line->rule_command);
    case CommandLine::Command::kSchemaConfig:
      return Print(ConfigSchemaJson() + "\n");
    case CommandLine::Command::kSchemaFinding:
      return Print(std::string(FindingSchemaJson()) + "\n");
    case CommandLine::Command::kVersion:
      return PrintVersion(line->json);
  }
  return kExitUsage;
}

}  // namespace oddverb
