#include "app/scan_outputs.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "app/build.h"
#include "app/progress.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "ingest/stored_file.h"

namespace oddverb {
namespace {

// Value of an environment variable; empty = not set.
std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// A locale that says UTF-8, by the usual variables.
Charset CharsetOfLocale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string locale(Environment(name));
    if (locale.empty()) continue;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    bool utf8 = locale.find("utf-8") != std::string::npos ||
                locale.find("utf8") != std::string::npos;
    return utf8 ? Charset::kUtf8 : Charset::kAscii;
  }
  return Charset::kAscii;
}

Terminal TerminalOf(const std::string& output) {
  Terminal terminal;
  terminal.charset = CharsetOfLocale();
  if (output != "-") return terminal;
  terminal.columns = TerminalColumns(STDOUT_FILENO);
  // https://no-color.org
  bool wanted =
      Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  if (terminal.columns > 0 && wanted) terminal.colours = Colours::kOn;
  return terminal;
}

struct Output {
  std::string_view flag;
  std::string path;
};

std::vector<Output> OutputsOf(const ScanOptions& options) {
  std::vector<Output> outputs;
  for (const Output& output :
       {Output{"--output", options.output},
        Output{"--dead-letter", options.dead_letter_file},
        Output{"--metrics-out", options.metrics_file}}) {
    if (!output.path.empty() && output.path != "-") outputs.push_back(output);
  }
  return outputs;
}

// Devices may be named any number of times.
bool IsSameFile(const std::string& a, const std::string& b) {
  absl::StatusOr<StoredFile> first = InspectFile(a);
  if (!first.ok()) {  // will be made
    return std::filesystem::path(a).lexically_normal() ==
           std::filesystem::path(b).lexically_normal();
  }
  absl::StatusOr<StoredFile> second = InspectFile(b);
  return second.ok() && first->kind == StoredFile::Kind::kRegular &&
         first->SameFileAs(*second);
}

absl::Status CheckOverwritesNothing(const std::vector<Output>& outputs,
                                    const std::vector<std::string>& inputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Output& output = outputs[i];
    for (const std::string& input : inputs) {
      if (!IsSameFile(output.path, input)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          A(output.flag), ": ", output.path,
          " is read by this scan and would be overwritten; name another file"));
    }
    for (size_t j = 0; j < i; ++j) {
      if (!IsSameFile(output.path, outputs[j].path)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(A(output.flag), ": ", output.path, " is also named by ",
                       A(outputs[j].flag), "; name another file"));
    }
  }
  return absl::OkStatus();
}

absl::Status WithFlag(std::string_view flag, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(A(flag), ": ", status.message()));
}

}  // namespace

std::string FormatOf(const ScanOptions& options) {
  if (!options.format.empty()) return options.format;
  bool person = options.output == "-" && isatty(STDOUT_FILENO) != 0;
  return person ? "table" : "ndjson";
}

absl::StatusOr<ScanOutputs> OpenOutputs(
    const ScanOptions& options, const std::vector<std::string>& inputs) {
  ODDVERB_RETURN_IF_ERROR(CheckOverwritesNothing(OutputsOf(options), inputs));
  ScanOutputs outputs;
  ExporterSetup setup;
  ODDVERB_ASSIGN_OR_RETURN(
      setup.output,
      OutputFile::Open(options.output, OutputFile::Mode::kReplace));
  setup.terminal = TerminalOf(options.output);
  ODDVERB_ASSIGN_OR_RETURN(outputs.findings,
                           MakeExporter(FormatOf(options), std::move(setup)));
  if (!options.dead_letter_file.empty()) {
    absl::StatusOr<DeadLetterFile> file =
        DeadLetterFile::Open(options.dead_letter_file);
    if (!file.ok()) return WithFlag("--dead-letter", file.status());
    outputs.dead_letter = std::make_unique<DeadLetterFile>(*std::move(file));
  }
  if (!options.metrics_file.empty()) {
    absl::StatusOr<std::unique_ptr<OutputFile>> file =
        OutputFile::Open(options.metrics_file, OutputFile::Mode::kReplace);
    if (!file.ok()) return WithFlag("--metrics-out", file.status());
    outputs.metrics = *std::move(file);
  }
  return outputs;
}

}  // namespace oddverb
