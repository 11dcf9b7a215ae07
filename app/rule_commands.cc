#include "app/rule_commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "app/app.h"
#include "app/number_text.h"
#include "app/rule_backtest.h"
#include "app/rule_files.h"
#include "app/rule_run.h"
#include "app/scan.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "exporters/output_file.h"
#include "ingest/paths.h"
#include "rules/live_rules.h"

namespace oddverb {
namespace {

// Without the program's name before it: editors jump to "file:line:column: ".
// Each line is harmless on a terminal already.
void TellLines(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::fprintf(stderr, "%s\n", JoinedComplaints(lines).c_str());
}

absl::Status Print(std::string_view text) {
  return OutputFile(STDOUT_FILENO, "standard output",
                    OutputFile::Ownership::kBorrowed)
      .Write(text);
}

std::string Summary(const RuleFiles& files) {
  const LoadedRules& loaded = files.loaded;
  const size_t rules = loaded.rules->rules().size();
  const size_t correlations = loaded.correlations->correlations().size();
  std::string text = absl::StrCat(Counted(rules, "rule"));
  if (correlations > 0) {
    absl::StrAppend(&text, " and ", Counted(correlations, "correlation"));
  }
  absl::StrAppend(&text, " in ", Counted(files.files, "file"));
  if (loaded.other_sources > 0) {
    absl::StrAppend(&text, ", ", WithCommas(loaded.other_sources),
                    " for other logs left out");
  }
  const uint64_t errors =
      loaded.diagnostics.errors() + files.unreadable.lines().size();
  absl::StrAppend(&text, "; ", Counted(errors, "error"), ", ",
                  Counted(loaded.diagnostics.warnings(), "warning"));
  return text;
}

// What rules find in each of the logs, and what there was.
absl::Status JudgeLogs(
    const LoadedRules& loaded, const RuleCommandOptions& options,
    const std::atomic<bool>& stop,
    const std::function<void(const InputRecord&)>& take_record,
    const std::function<absl::Status(const std::string&, const RecordMatch&)>&
        take_match) {
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                           ExpandPaths(options.logs));
  RecordCounts counts;
  for (const std::string& path : paths) {
    RuleRun run(loaded);
    std::vector<RecordMatch> matches;
    absl::Status status;
    auto hand_over = [&] {
      for (const RecordMatch& match : matches) {
        status.Update(take_match(path, match));
      }
      matches.clear();
    };
    ODDVERB_RETURN_IF_ERROR(ReadRecords(
        path,
        [&](const InputRecord& record) {
          take_record(record);
          run.Judge(record, matches);
          hand_over();
        },
        stop, counts));
    run.Finish(matches);
    hand_over();
    ODDVERB_RETURN_IF_ERROR(status);
  }
  if (counts.rejected > 0) {
    Tell(absl::StrCat(Counted(counts.rejected, "record"),
                      " in all could not be judged: no JSON object"));
  }
  return absl::OkStatus();
}

std::string MatchLine(const std::string* path, const RecordMatch& match) {
  JsonWriter json;
  json.BeginObject();
  if (path != nullptr) json.Key("file").String(*path);
  json.Key("rule").String(match.rule->title);
  json.Key("id").String(match.rule->id);
  json.Key("event");
  if (match.record.has_value()) {
    json.Int(static_cast<int64_t>(*match.record));
  } else {
    json.Null();
  }
  json.Key("time");
  if (match.time == absl::InfinitePast()) {
    json.Null();
  } else {
    json.String(absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", match.time,
                                 absl::UTCTimeZone()));
  }
  json.EndObject();
  return json.Release() + "\n";
}

}  // namespace

int RunRulesCheck(const RuleCommandOptions& options,
                  const std::atomic<bool>& stop) {
  const RuleFiles files = LoadRuleFiles(options.rules);
  TellLines(RuleErrors(files));
  TellLines(RuleWarnings(files));
  std::fprintf(stderr, "%s\n", Summary(files).c_str());
  if (files.has_errors()) return kExitUsage;
  if (options.logs.empty()) return kExitFine;

  RuleBacktest backtest(files.loaded);
  absl::Status status = JudgeLogs(
      files.loaded, options, stop,
      [&](const InputRecord& record) { backtest.AddRecord(record); },
      [&](const std::string&, const RecordMatch& match) {
        backtest.AddMatch(match);
        return absl::OkStatus();
      });
  if (!status.ok()) return ReportError(status);
  status = Print(options.format == ListFormat::kJson ? backtest.Json()
                                                     : backtest.Text());
  return status.ok() ? kExitFine : ReportError(status);
}

int RunRulesList(const RuleCommandOptions& options) {
  const RuleFiles files = LoadRuleFiles(options.rules);
  TellLines(RuleErrors(files));
  std::vector<const Rule*> rules;
  for (const Rule& rule : files.loaded.rules->rules()) rules.push_back(&rule);
  for (const Correlation& one : files.loaded.correlations->correlations()) {
    rules.push_back(&one.rule);
  }
  std::stable_sort(rules.begin(), rules.end(),
                   [](const Rule* a, const Rule* b) {
                     return RuleHandle(*a) < RuleHandle(*b);
                   });
  absl::Status status = Print(RulesText(rules, options.format));
  if (!status.ok()) return ReportError(status);
  return files.has_errors() ? kExitUsage : kExitFine;
}

int RunRulesMatch(const RuleCommandOptions& options,
                  const std::atomic<bool>& stop) {
  RuleLanguageOptions languages;
  // Whatever log the rules are for: the records are what was given.
  languages.sigma.source = {};
  if (options.first_match_only) {
    languages.falco.matching = RuleMatching::kFirst;
  }
  const RuleFiles files = LoadRuleFiles(options.rules, {}, languages);
  TellLines(RuleErrors(files));
  if (files.loaded.rules->rules().empty()) {
    Tell("there is no rule to match with");
    return kExitUsage;
  }
  OutputFile output(STDOUT_FILENO, "standard output",
                    OutputFile::Ownership::kBorrowed);
  const bool one_log = options.logs.size() == 1;
  absl::Status status = JudgeLogs(
      files.loaded, options, stop, [](const InputRecord&) {},
      [&](const std::string& path, const RecordMatch& match) {
        return output.Write(MatchLine(one_log ? nullptr : &path, match));
      });
  return status.ok() ? kExitFine : ReportError(status);
}

}  // namespace oddverb
