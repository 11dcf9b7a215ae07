// Dispatches the command line to its command.
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/app.h"
#include "app/build_version.h"
#include "app/command_line.h"
#include "app/config_check.h"
#include "app/config_schema.h"
#include "app/demo.h"
#include "app/forward.h"
#include "app/scan.h"
#include "app/service.h"
#include "app/version_text.h"
#include "base/json_writer.h"
#include "base/visible_text.h"
#include "detectors/detectors.h"
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

std::string DetectorsJson() {
  JsonWriter out;
  out.BeginArray();
  for (const DetectorEntry& entry : AllDetectors()) {
    out.BeginObject();
    out.Key("name").String(entry.name);
    out.Key("summary").String(entry.summary);
    out.Key("rules").BeginArray();
    for (std::string_view rule : entry.rules) out.String(rule);
    out.EndArray();
    out.EndObject();
  }
  out.EndArray();
  return out.Release();
}

// "NAME   summary" and below it the rules, wrapped in the same column.
std::string DetectorsText() {
  constexpr int kColumns = 80;
  constexpr size_t kMaxLines = 100;
  size_t indent = 0;
  for (const DetectorEntry& entry : AllDetectors()) {
    indent = std::max(indent, entry.name.size() + 2);
  }
  std::string text;
  for (const DetectorEntry& entry : AllDetectors()) {
    std::string line(entry.name);
    std::string rules = absl::StrCat(
        "rules: ", absl::StrJoin(entry.rules, ", ",
                                 [](std::string* out, std::string_view rule) {
                                   out->append(rule);
                                 }));
    for (std::string_view part : {entry.summary, std::string_view(rules)}) {
      for (const std::string& words :
           WrapText(part, kColumns - static_cast<int>(indent), kMaxLines,
                    Charset::kAscii)) {
        line.resize(indent, ' ');
        absl::StrAppend(&text, line, words, "\n");
        line.clear();
      }
    }
  }
  return text;
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
    case CommandLine::Command::kListDetectors:
      return Print(line->json ? DetectorsJson() + "\n" : DetectorsText());
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
