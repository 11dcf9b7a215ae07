#include "app/help_text.h"

#include <algorithm>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "base/visible_text.h"

namespace oddverb {
namespace {

// CLI11's group of --help and of all flags that name no other.
constexpr char kDefaultGroup[] = "Options";
constexpr int kColumns = 80;
constexpr size_t kMaxTermColumns = 26;
constexpr size_t kMaxLines = 100;

std::string SummaryOf(const CLI::App& app) {
  std::string text = app.get_description();
  return text.substr(0, text.find('\n'));
}

// "  TERM      what it means", the meaning wrapped in a column of its own.
void AppendEntry(const std::string& term, const std::string& meaning,
                 size_t term_columns, std::string& out) {
  const size_t indent = 2 + term_columns + 2;
  std::string line = absl::StrCat("  ", term);
  if (term.size() > term_columns) {
    absl::StrAppend(&out, line, "\n");
    line.clear();
  }
  for (const std::string& part :
       WrapText(meaning, kColumns - static_cast<int>(indent), kMaxLines,
                Charset::kAscii)) {
    line.resize(indent, ' ');
    absl::StrAppend(&out, line, part, "\n");
    line.clear();
  }
}

struct Entry {
  std::string term;
  std::string meaning;
};

void AppendSection(const std::string& title, const std::vector<Entry>& entries,
                   std::string& out) {
  if (entries.empty()) return;
  size_t columns = 0;
  for (const Entry& entry : entries) {
    if (entry.term.size() <= kMaxTermColumns) {
      columns = std::max(columns, entry.term.size());
    }
  }
  absl::StrAppend(&out, "\n", title, ":\n");
  for (const Entry& entry : entries) {
    AppendEntry(entry.term, entry.meaning, columns, out);
  }
}

// "-o, --output FILE".
std::string TermOf(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) {
    names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    names.push_back("--" + name);
  }
  std::string term = absl::StrJoin(names, ", ");
  const std::string value = option.get_type_name();
  if (option.get_expected_max() > 0 && !value.empty()) {
    absl::StrAppend(&term, " ", value);
  }
  return term;
}

std::string UsageOf(const CLI::App& app) {
  std::string usage = absl::StrCat("usage: ", CommandName(app));
  if (!app.get_subcommands(nullptr).empty()) return usage + " COMMAND\n";
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional() && option->get_name() != "--help") {
      usage += " [FLAG]...";
      break;
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    usage += " " + option->get_type_name();
    if (option->get_expected_max() > 1) usage += "...";
  }
  return usage + "\n";
}

}  // namespace

std::string CommandName(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return CommandName(*app.get_parent()) + " " + app.get_name();
}

std::string HelpText(const CLI::App& app) {
  std::string out = UsageOf(app) + "\n" + app.get_description() + "\n";
  std::vector<Entry> commands;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    commands.push_back({command->get_name(), SummaryOf(*command)});
  }
  AppendSection("Commands", commands, out);
  std::vector<std::string> groups = app.get_groups();
  // CLI11 has it first, because of --help.
  std::stable_partition(
      groups.begin(), groups.end(),
      [](const std::string& group) { return group != kDefaultGroup; });
  for (const std::string& group : groups) {
    std::vector<Entry> flags;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group() != group || !option->nonpositional()) continue;
      flags.push_back({TermOf(*option), option->get_description()});
    }
    AppendSection(group, flags, out);
  }
  if (!app.get_footer().empty()) {
    absl::StrAppend(&out, "\n", app.get_footer(), "\n");
  }
  return out;
}

}  // namespace oddverb
