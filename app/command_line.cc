#include "app/command_line.h"

#include <unistd.h>

#include <algorithm>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/command_grammar.h"
#include "app/help_text.h"
#include "base/nearest_name.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using Names = std::vector<std::string>;

// Every flag of `app`, with its dashes.
Names FlagsOf(const CLI::App* app) {
  Names flags;
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) {
      flags.push_back("--" + name);
    }
    for (const std::string& name : option->get_snames()) {
      flags.push_back("-" + name);
    }
  }
  return flags;
}

bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Names CommandsOf(const CLI::App* app) {
  Names commands;
  for (const CLI::App* sub : app->get_subcommands(nullptr)) {
    commands.push_back(sub->get_name());
  }
  return commands;
}

// The innermost subcommand that was named.
const CLI::App* Named(const CLI::App& app) {
  const CLI::App* inner = &app;
  while (!inner->get_subcommands().empty()) {
    inner = inner->get_subcommands().front();
  }
  return inner;
}

std::string SeeHelp(const CLI::App* app) {
  return absl::StrCat("; see ", CommandName(*app), " --help");
}

std::string Suggest(std::string_view word, const Names& known,
                    const CLI::App* app) {
  // Any two short flags are near each other.
  std::string_view nearest = word.starts_with("-") && !word.starts_with("--")
                                 ? std::string_view()
                                 : NearestName(word, known);
  if (nearest.empty()) return SeeHelp(app);
  return absl::StrCat("; did you mean ", A(nearest), "?");
}

absl::Status UnknownWord(const CommandGrammar& g, const std::string& word) {
  const CLI::App* inner = Named(*g.app);
  if (word.starts_with("-")) {
    Names flags = FlagsOf(inner);
    if (inner == g.app.get()) {
      for (std::string& flag : FlagsOf(g.scan)) flags.push_back(flag);
    }
    std::string name = word.substr(0, word.find('='));
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag ", name, Suggest(name, flags, inner)));
  }
  std::string what =
      inner == g.app.get()
          ? "unknown command or file"
          : absl::StrCat(inner->get_name(), ": unexpected argument");
  return absl::InvalidArgumentError(absl::StrCat(
      what, " \"", word, "\"", Suggest(word, CommandsOf(inner), inner)));
}

// In our words what CLI11 found wrong.
absl::Status Mistake(const CommandGrammar& g, const CLI::Error& error) {
  const CLI::App* inner = Named(*g.app);
  Names extras = g.app->remaining(true);
  if (!extras.empty()) return UnknownWord(g, extras.front());
  std::string text = error.what();
  switch (static_cast<CLI::ExitCodes>(error.get_exit_code())) {
    case CLI::ExitCodes::ValidationError:
      return absl::InvalidArgumentError(text);  // says the cure itself
    case CLI::ExitCodes::ArgumentMismatch:
      text = absl::StrCat(text.substr(0, text.find(':')), " needs a value");
      break;
    case CLI::ExitCodes::RequiredError:
      // Else it is a flag or an argument, and CLI11 says which.
      if (!CommandsOf(inner).empty()) {
        text = absl::StrCat(inner->get_name(), " needs one of: ",
                            absl::StrJoin(CommandsOf(inner), ", "));
      }
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(text, SeeHelp(inner)));
}

bool LooksLikePath(const std::string& word) {
  return word == "-" || word.find('/') != std::string::npos ||
         word.find('.') != std::string::npos ||
         word.find('*') != std::string::npos || access(word.c_str(), F_OK) == 0;
}

// What follows "--" is a path even if it looks like a flag. CLI11 2.1 cannot be
// told so inside of a command, but "./" says it as well.
void MarkPaths(Names& words) {
  auto mark = std::find(words.begin(), words.end(), "--");
  if (mark == words.end()) return;
  for (auto word = words.erase(mark); word != words.end(); ++word) {
    if (word->starts_with("-") && *word != "-") word->insert(0, "./");
  }
}

// `oddverb PATH` and `oddverb -q PATH` mean scan, `oddverb help scan` means
// `oddverb scan --help`.
void Complete(const CommandGrammar& g, Names& words) {
  if (words.empty()) return;
  const std::string& first = words[0];
  if (first == "help") {
    words.erase(words.begin());
    words.push_back("--help");
    return;
  }
  if (Contains(CommandsOf(g.app.get()), first)) return;
  bool is_flag = first.starts_with("-") && first != "-";
  std::string flag = first.substr(0, first.find('='));
  bool of_scan = is_flag ? !Contains(FlagsOf(g.app.get()), flag) &&
                               Contains(FlagsOf(g.scan), flag)
                         : LooksLikePath(first);
  if (of_scan) words.insert(words.begin(), "scan");
}

CommandLine::Command ChosenCommand(const CommandGrammar& g,
                                   const CommandLine& line) {
  using Command = CommandLine::Command;
  if (g.demo->parsed()) return Command::kDemo;
  if (g.scan->parsed()) return Command::kScan;
  if (g.run->parsed()) return Command::kRun;
  if (g.forward->parsed()) return Command::kForward;
  if (g.explain->parsed()) return Command::kExplain;
  if (g.list_detectors->parsed()) return Command::kListDetectors;
  if (g.list_metrics->parsed()) return Command::kListMetrics;
  if (g.list_outputs->parsed()) return Command::kListOutputs;
  if (g.check_config->parsed()) return Command::kCheckConfig;
  if (g.rules_check->parsed()) return Command::kRulesCheck;
  if (g.rules_list->parsed()) return Command::kRulesList;
  if (g.rules_match->parsed()) return Command::kRulesMatch;
  if (g.rules_test->parsed()) return Command::kRulesTest;
  if (g.schema_config->parsed()) return Command::kSchemaConfig;
  if (g.schema_finding->parsed()) return Command::kSchemaFinding;
  if (g.version->parsed()) return Command::kVersion;
  return line.command;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments) {
  CommandLine line;
  CommandGrammar grammar(line);
  Names words = arguments;
  MarkPaths(words);
  Complete(grammar, words);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    grammar.app->parse(words);
  } catch (const CLI::CallForHelp&) {
    // "oddverb help scna" names no command.
    Names extras = grammar.app->remaining(true);
    if (!extras.empty()) return UnknownWord(grammar, extras.front());
    line.text = HelpText(*Named(*grammar.app));
    return line;
  } catch (const CLI::Error& error) {
    return Mistake(grammar, error);
  }
  line.command = ChosenCommand(grammar, line);
  if (line.command == CommandLine::Command::kHelp) {
    line.text = HelpText(*grammar.app);
  }
  if (line.command == CommandLine::Command::kScan && line.scan.paths.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "nothing to scan: name files or folders, or - for standard input",
        SeeHelp(grammar.scan)));
  }
  return line;
}

}  // namespace oddverb
