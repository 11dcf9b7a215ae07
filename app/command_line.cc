#include "app/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "detectors/detectors.h"
#include "exporters/exporters.h"

namespace oddverb {
namespace {

constexpr char kFooter[] =
    "\nExit codes: 0 fine, 1 failed while running, 2 usage or configuration,\n"
    "3 findings at or above --fail-on, 4 records not judged under --strict.\n";

std::string FormatNames() {
  std::vector<std::string> names;
  for (const ExporterEntry& entry : AllExporters()) {
    names.emplace_back(entry.name);
  }
  return absl::StrJoin(names, ", ");
}

CLI::Option* AddSeverity(CLI::App* app, const std::string& flag,
                         const std::string& help,
                         const std::function<void(Severity)>& set) {
  return app
      ->add_option_function<std::string>(
          flag,
          [flag, set](const std::string& name) {
            Severity severity;
            if (!ParseSeverity(name, severity)) {
              throw CLI::ValidationError(
                  flag, "is one of info, low, medium, high, critical; got \"" +
                            name + "\"");
            }
            set(severity);
          },
          help)
      ->type_name("SEVERITY");
}

// Flags that demo and scan share.
void AddOutputFlags(CLI::App* app, ScanOptions& scan) {
  app->add_option("--format", scan.format,
                  "Of the findings: " + FormatNames() +
                      " (default: table on a terminal, else ndjson)");
  app->add_option("-o,--output", scan.output,
                  "Write the findings to this file (default: - = stdout)")
      ->type_name("FILE");
  AddSeverity(app, "--min-severity", "Leave out findings below",
              [&scan](Severity s) { scan.min_severity = s; });
  app->add_option("--threads", scan.threads,
                  "Worker threads (default: one a core); never changes the "
                  "findings")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  app->add_option("--metrics-out", scan.metrics_file,
                  "Write Prometheus metrics to this file at the end")
      ->type_name("FILE");
  app->add_flag("-q,--quiet", scan.quiet, "No progress and no summary");
}

void AddScanFlags(CLI::App* app, ScanOptions& scan) {
  app->add_option("path", scan.paths,
                  "Audit logs: files, folders, globs, - for standard input; "
                  ".gz and .zst are told apart by content")
      ->required()
      ->type_name("PATH");
  app->add_option("--config", scan.config_file,
                  "YAML with cluster, trusted_proxies and detectors")
      ->type_name("FILE");
  app->add_option("--cluster", scan.cluster, "Name of the cluster, in findings");
  app->add_option("--trusted-proxies", scan.trusted_proxies,
                  "Networks whose entries in sourceIPs are passed over, from "
                  "the right, to find the client")
      ->delimiter(',')
      ->expected(1)
      ->take_all()
      ->type_name("CIDR[,CIDR]");
  AddSeverity(app, "--fail-on", "Exit with 3 if there are findings from here up",
              [&scan](Severity s) { scan.fail_on = s; });
  app->add_flag("--strict", scan.strict,
                "Exit with 4 if any record could not be judged");
  app->add_option("--dead-letter", scan.dead_letter_file,
                  "Write the records that could not be judged to this file")
      ->type_name("FILE");
  app->add_option_function<std::string>(
         "--log-format",
         [&scan](const std::string& name) {
           scan.log.format =
               name == "json" ? LogFormat::kJson : LogFormat::kLogfmt;
         },
         "Of messages on stderr: logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}));
  app->add_option_function<std::string>(
         "--log-level",
         [&scan](const std::string& name) {
           ParseLogLevel(name, scan.log.level);
         },
         "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

struct Grammar {
  CLI::App app{"oddverb says who behaves like an intruder in a Kubernetes "
               "audit log.",
               "oddverb"};
  CLI::App* demo = nullptr;
  CLI::App* scan = nullptr;
  CLI::App* list_detectors = nullptr;
  CLI::App* schema_finding = nullptr;
  CLI::App* version = nullptr;
};

void Define(Grammar& g, CommandLine& line) {
  g.app.footer(kFooter);
  g.app.require_subcommand(0, 1);
  g.app.add_flag_callback(
      "--version", [&line] { line.command = CommandLine::Command::kVersion; },
      "Same as the command version");
  g.demo = g.app.add_subcommand(
      "demo", "Judge the built-in log; start here, no arguments needed");
  AddOutputFlags(g.demo, line.scan);
  g.scan = g.app.add_subcommand(
      "scan", "Judge audit logs once (`oddverb FILE` means this)");
  AddScanFlags(g.scan, line.scan);
  AddOutputFlags(g.scan, line.scan);
  CLI::App* list = g.app.add_subcommand("list", "Say what there is");
  list->require_subcommand(1);
  g.list_detectors = list->add_subcommand("detectors", "What is looked for");
  g.list_detectors->add_flag("--json", line.json, "As JSON");
  CLI::App* schema = g.app.add_subcommand("schema", "Print JSON Schemas");
  schema->require_subcommand(1);
  g.schema_finding =
      schema->add_subcommand("finding", "Of the findings in ndjson");
  g.version = g.app.add_subcommand("version", "Version and build");
  g.version->add_flag("--json", line.json, "As JSON");
}

// Every flag of `app`, with its dashes.
void CollectFlags(const CLI::App* app, std::vector<std::string>& out) {
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out.push_back("--" + name);
    }
  }
}

std::string Suggest(std::string_view word,
                    const std::vector<std::string>& known) {
  std::string_view nearest = NearestName(word, known);
  if (nearest.empty()) return "; see oddverb --help";
  return absl::StrCat("; did you mean ", A(nearest), "?");
}

// The innermost subcommand that was named.
const CLI::App* Named(const CLI::App& app) {
  const CLI::App* inner = &app;
  while (!inner->get_subcommands().empty()) {
    inner = inner->get_subcommands().front();
  }
  return inner;
}

absl::Status UnknownWord(const Grammar& g, const std::string& word) {
  const CLI::App* inner = Named(g.app);
  if (word.starts_with("-")) {
    std::vector<std::string> flags;
    CollectFlags(inner, flags);
    std::string name = word.substr(0, word.find('='));
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag ", name, Suggest(name, flags)));
  }
  std::vector<std::string> commands;
  for (const CLI::App* sub : inner->get_subcommands(nullptr)) {
    commands.push_back(sub->get_name());
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown command or file \"", word, "\"", Suggest(word, commands)));
}

bool IsCommand(const Grammar& g, const std::string& word) {
  for (const CLI::App* sub : g.app.get_subcommands(nullptr)) {
    if (sub->get_name() == word) return true;
  }
  return false;
}

bool LooksLikePath(const std::string& word) {
  return word == "-" || word.find('/') != std::string::npos ||
         word.find('.') != std::string::npos ||
         word.find('*') != std::string::npos || access(word.c_str(), F_OK) == 0;
}

CommandLine::Command ChosenCommand(const Grammar& g, const CommandLine& line) {
  using Command = CommandLine::Command;
  if (g.demo->parsed()) return Command::kDemo;
  if (g.scan->parsed()) return Command::kScan;
  if (g.list_detectors->parsed()) return Command::kListDetectors;
  if (g.schema_finding->parsed()) return Command::kSchemaFinding;
  if (g.version->parsed()) return Command::kVersion;
  return line.command;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments) {
  CommandLine line;
  // On the heap: its callbacks keep pointers into `line`.
  auto grammar = std::make_unique<Grammar>();
  Define(*grammar, line);
  std::vector<std::string> words = arguments;
  if (!words.empty() && !words[0].starts_with("--") &&
      !IsCommand(*grammar, words[0]) && LooksLikePath(words[0])) {
    words.insert(words.begin(), "scan");
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    grammar->app.parse(words);
  } catch (const CLI::CallForHelp&) {
    line.text = Named(grammar->app)->help();
    return line;
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> extras = grammar->app.remaining(true);
    return UnknownWord(*grammar, extras.empty() ? "" : extras.front());
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(error.what(), "; see oddverb --help"));
  }
  line.command = ChosenCommand(*grammar, line);
  if (line.command == CommandLine::Command::kHelp) {
    line.text = grammar->app.help();
  }
  return line;
}

}  // namespace oddverb
