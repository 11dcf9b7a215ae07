// Dispatches the command line to its command.
#include <cstdio>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/build_version.h"
#include "app/command_line.h"
#include "app/demo.h"
#include "app/scan.h"
#include "base/json_writer.h"
#include "detectors/detectors.h"
#include "exporters/finding_json.h"

namespace oddverb {
namespace {

int Print(const std::string& text) {
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) ==
                     text.size() &&
                 std::fflush(stdout) == 0;
  return written ? kExitFine : kExitFailure;
}

int PrintVersion(bool json) {
  const BuildVersion& build = GetBuildVersion();
  if (!json) {
    return Print("oddverb " + std::string(build.version) + " (" +
                 std::string(build.revision) + ", " +
                 std::string(build.build_type) + ", " +
                 std::string(build.compiler) + ")\n");
  }
  JsonWriter out;
  out.BeginObject();
  out.Key("version").String(build.version);
  out.Key("revision").String(build.revision);
  out.Key("build_type").String(build.build_type);
  out.Key("compiler").String(build.compiler);
  out.Key("assertions").Bool(build.assertions);
  out.EndObject();
  return Print(out.Release() + "\n");
}

int PrintDetectors(bool json) {
  JsonWriter out;
  std::string table;
  out.BeginArray();
  for (const DetectorEntry& entry : AllDetectors()) {
    out.BeginObject();
    out.Key("name").String(entry.name);
    out.Key("summary").String(entry.summary);
    out.Key("rules").BeginArray();
    table += std::string(entry.name) + "\n    " + std::string(entry.summary) +
             "\n";
    for (std::string_view rule : entry.rules) {
      out.String(rule);
      table += "    - " + std::string(rule) + "\n";
    }
    out.EndArray();
    out.EndObject();
  }
  out.EndArray();
  return Print(json ? out.Release() + "\n" : table);
}

}  // namespace

int RunApp(int argc, const char* const* argv, const std::atomic<bool>& stop) {
  absl::StatusOr<CommandLine> line =
      ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!line.ok()) return ReportError(line.status());
  switch (line->command) {
    case CommandLine::Command::kHelp:
      return Print(line->text);
    case CommandLine::Command::kDemo:
      return RunDemo(line->scan, stop);
    case CommandLine::Command::kScan:
      return RunScan(line->scan, stop);
    case CommandLine::Command::kListDetectors:
      return PrintDetectors(line->json);
    case CommandLine::Command::kSchemaFinding:
      return Print(std::string(FindingSchemaJson()) + "\n");
    case CommandLine::Command::kVersion:
      return PrintVersion(line->json);
  }
  return kExitUsage;
}

}  // namespace oddverb
