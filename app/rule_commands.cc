#include "app/rule_commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/app.h"
#include "app/build.h"
#include "app/number_text.h"
#include "app/rule_backtest.h"
#include "app/rule_files.h"
#include "app/rule_run.h"
#include "app/rules_config.h"
#include "app/scan.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "exporters/output_file.h"
#include "ingest/decoder.h"
#include "ingest/paths.h"
#include "rules/live_rules.h"
#include "rules/rule_case_runner.h"
#include "rules/rule_cases.h"

namespace oddverb {
namespace {

// Without the program's name before it: editors jump to "file:line:column: ".
// Each line is harmless on a terminal already.
void TellLines(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  std::fprintf(stderr, "%s\n", JoinedComplaints(lines).c_str());
}

// All of them, of which `total` are known.
void TellAll(const std::vector<std::string>& lines, uint64_t total) {
  for (const std::string& line : lines) {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  if (total <= lines.size()) return;
  std::fprintf(stderr, "and %s more\n",
               WithCommas(total - lines.size()).c_str());
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

absl::StatusOr<RuleFiles> Load(const RuleCommandOptions& options,
                               void (*adapt)(const RuleCommandOptions&,
                                             RuleLanguageOptions&) = nullptr) {
  RuleSources sources{.paths = options.rules, .builtin = options.builtin};
  RulesConfig config;
  if (!options.config_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(config, LoadRulesConfigOf(options.config_file));
  }
  if (options.rules.empty()) {
    sources.paths = config.paths;
    sources.builtin |= config.builtin || config.paths.empty();
  }
  RuleLanguageOptions languages = LanguagesOf(config);
  if (adapt != nullptr) adapt(options, languages);
  return LoadRuleFiles(sources, {}, std::move(languages));
}

// Whatever log the rules are for: the records are what was given.
void AdaptToMatch(const RuleCommandOptions& options,
                  RuleLanguageOptions& languages) {
  languages.sigma.source = {};
  if (options.first_match_only) {
    languages.falco.matching = RuleMatching::kFirst;
  }
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

// Reads one event as the program reads its log.
absl::Status DecodeAlone(std::string_view json,
                         const std::function<void(const AuditEvent&)>& use) {
  RawBatch raw;
  raw.records.push_back({0, static_cast<uint32_t>(json.size())});
  raw.positions.push_back({.line = 1});
  raw.bytes->Append(json);
  raw.source_bytes = json.size();
  std::unique_ptr<EventBatch> batch = Decoder({}).Decode(std::move(raw));
  if (batch->events.size() != 1) {
    return absl::InvalidArgumentError(batch->rejected.empty()
                                          ? "not one audit event"
                                          : batch->rejected[0].detail);
  }
  use(batch->events[0]);
  return absl::OkStatus();
}

// Of the rules of files; of the program's own the cases are elsewhere.
std::vector<std::string> Untested(const std::vector<RuleCase>& cases,
                                  const LoadedRules& loaded) {
  std::vector<std::string> lines;
  for (const UntestedRule& one : FindUntestedRules(cases, loaded)) {
    if (one.place.file.starts_with("builtin/")) continue;
    lines.push_back(absl::StrCat(
        one.place.ToString(), ": warning: ",
        VisibleText(one.rule, Charset::kUtf8), " has no case that it must ",
        !one.lacks_no_match ? "match"
        : one.lacks_match   ? "match, and none that it must not"
                            : "not match"));
  }
  return lines;
}

}  // namespace

int RunRulesCheck(const RuleCommandOptions& options,
                  const std::atomic<bool>& stop) {
  absl::StatusOr<RuleFiles> loaded = Load(options);
  if (!loaded.ok()) return ReportError(loaded.status());
  const RuleFiles& files = *loaded;
  const RuleDiagnostics& diagnostics = files.loaded.diagnostics;
  TellAll(RuleErrors(files),
          diagnostics.errors() + files.unreadable.lines().size());
  TellAll(RuleWarnings(files), diagnostics.warnings() +
                                   files.empty.lines().size() +
                                   files.loaded.unmatched.size());
  std::fprintf(stderr, "%s\n", Summary(files).c_str());
  const int good = files.has_errors() ? kExitUsage : kExitFine;
  if (options.logs.empty()) return good;

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
  return status.ok() ? good : ReportError(status);
}

int RunRulesList(const RuleCommandOptions& options) {
  absl::StatusOr<RuleFiles> loaded = Load(options);
  if (!loaded.ok()) return ReportError(loaded.status());
  const RuleFiles& files = *loaded;
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
  absl::StatusOr<RuleFiles> loaded = Load(options, &AdaptToMatch);
  if (!loaded.ok()) return ReportError(loaded.status());
  const RuleFiles& files = *loaded;
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

int RunRulesTest(const RuleCommandOptions& options) {
  absl::StatusOr<RuleFiles> loaded = Load(options);
  if (!loaded.ok()) return ReportError(loaded.status());
  const RuleFiles& files = *loaded;
  std::vector<std::string> errors = RuleErrors(files);
  RuleDiagnostics diagnostics;
  std::vector<RuleCase> cases;
  for (const RuleFiles::CaseFile& file : files.cases) {
    for (RuleCase& one : ReadRuleCases(file.path, file.text, diagnostics)) {
      cases.push_back(std::move(one));
    }
  }
  for (const RuleDiagnostic& one : diagnostics.kept()) {
    errors.push_back(one.ToString());
  }
  TellLines(errors);
  uint64_t failed = 0;
  for (const CaseResult& result :
       RunRuleCases(cases, files.loaded, DecodeAlone)) {
    if (result.passed) continue;
    ++failed;
    std::fprintf(stderr, "%s: failed: %s: %s\n",
                 result.place.ToString().c_str(),
                 VisibleText(result.rule, Charset::kUtf8).c_str(),
                 VisibleText(result.reason, Charset::kUtf8).c_str());
  }
  const std::vector<std::string> untested = Untested(cases, files.loaded);
  TellLines(untested);
  std::fprintf(stderr, "%s, %s failed; %s not tested both ways\n",
               Counted(cases.size(), "case").c_str(),
               WithCommas(failed).c_str(),
               Counted(untested.size(), "rule").c_str());
  if (!errors.empty()) return kExitUsage;
  if (cases.empty()) {
    Tell("there is no case: name the folder that holds them, too");
    return kExitUsage;
  }
  return failed > 0 ? kExitFailure : kExitFine;
}

}  // namespace oddverb
