#include "app/service_rules.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/rule_metrics.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// Of one load; `oddverb check config` shows all.
constexpr size_t kMaxTold = 20;

std::vector<std::string> AllComplaints(const RuleFiles& files) {
  std::vector<std::string> all = RuleErrors(files);
  for (std::string& warning : RuleWarnings(files)) {
    all.push_back(std::move(warning));
  }
  return all;
}

}  // namespace

ServiceRules::ServiceRules(RuleFiles files, Logger& logger)
    : logger_(logger),
      live_(std::make_shared<LiveRules>(files.loaded,
                                        LiveRules::Reload::kPossible)),
      in_force_(std::move(files)) {}

absl::StatusOr<std::unique_ptr<ServiceRules>> ServiceRules::Make(
    const RulesConfig& config, Logger& logger) {
  RuleFiles files = LoadRules(config);
  if (config.strict && files.has_errors()) {
    return absl::InvalidArgumentError(JoinedComplaints(RuleErrors(files)));
  }
  std::unique_ptr<ServiceRules> made(
      new ServiceRules(std::move(files), logger));
  std::lock_guard<std::mutex> lock(made->mutex_);
  if (made->in_force_.has_errors()) ++made->load_failures_;
  made->Tell(made->in_force_);
  return made;
}

// A line with the caret under it is for a terminal; the log has one line each.
void ServiceRules::Tell(const RuleFiles& files) {
  std::vector<std::string> complaints = AllComplaints(files);
  for (size_t i = 0; i < std::min(complaints.size(), kMaxTold); ++i) {
    std::string_view first = complaints[i];
    first = first.substr(0, first.find('\n'));
    logger_.Warn("rules", {{"problem", std::string(first)}});
  }
  if (complaints.size() > kMaxTold) {
    logger_.Warn("rules: more problems, see oddverb check config",
                 {{"left_out", absl::StrCat(complaints.size() - kMaxTold)}});
  }
  if (files.files > 0) {
    logger_.Info("rules in force", {{"rules", RulesSummary(files)}});
  }
}

std::string ServiceRules::BrokenRule(const RuleFiles& files) const {
  std::set<std::string, std::less<>> broken_files;
  for (const RuleDiagnostic& one : files.loaded.diagnostics.kept()) {
    if (one.severity == RuleDiagnostic::Severity::kError) {
      broken_files.insert(one.file);
    }
  }
  if (broken_files.empty()) return "";
  std::set<std::string_view> there;
  for (const Rule& rule : files.loaded.rules->rules()) {
    there.insert(RuleHandle(rule));
  }
  for (const Correlation& one : files.loaded.correlations->correlations()) {
    there.insert(RuleHandle(one.rule));
  }
  auto is_lost = [&](const Rule& rule) {
    return broken_files.contains(rule.place.file) &&
           !there.contains(RuleHandle(rule));
  };
  for (const Rule& rule : in_force_.loaded.rules->rules()) {
    if (is_lost(rule)) return std::string(RuleHandle(rule));
  }
  for (const Correlation& one : in_force_.loaded.correlations->correlations()) {
    if (is_lost(one.rule)) return std::string(RuleHandle(one.rule));
  }
  return "";
}

absl::Status ServiceRules::Refusal(const RulesConfig& config,
                                   const RuleFiles& files) const {
  std::string why;
  const LoadedRules& loaded = files.loaded;
  std::string broken = BrokenRule(files);
  if (!files.unreadable.empty()) {
    why = "not all files could be read";
  } else if (loaded.refused > 0 && loaded.rules->rules().empty()) {
    why = "no rule could be used";
  } else if (!broken.empty()) {
    why = absl::StrCat("a rule in force would be lost: ", QuotedName(broken));
  } else if (config.strict && files.has_errors()) {
    why = "strict, and not all rules could be used";
  }
  if (why.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("rules: ", why, "\n", JoinedComplaints(RuleErrors(files))));
}

absl::StatusOr<RuleFiles> ServiceRules::Prepare(const RulesConfig& config) {
  RuleFiles files = LoadRules(config);  // takes its time
  std::lock_guard<std::mutex> lock(mutex_);
  absl::Status refusal = Refusal(config, files);
  if (refusal.ok()) return files;
  ++load_failures_;
  return refusal;
}

std::string ServiceRules::Apply(RuleFiles files) {
  std::lock_guard<std::mutex> lock(mutex_);
  live_->Replace(files.loaded);
  in_force_ = std::move(files);
  Tell(in_force_);
  std::string text = absl::StrCat("rules: ", RulesSummary(in_force_));
  std::vector<std::string> complaints = AllComplaints(in_force_);
  if (!complaints.empty()) {
    absl::StrAppend(&text, "\n", JoinedComplaints(std::move(complaints)));
  }
  return text;
}

void ServiceRules::FillMetrics(Metrics& metrics) const {
  std::lock_guard<std::mutex> lock(mutex_);
  FillRuleMetrics(in_force_, *live_, metrics);
  metrics.Counter(MetricId::kRuleLoadFailures)
      .Add(static_cast<double>(load_failures_));
}

}  // namespace oddverb
