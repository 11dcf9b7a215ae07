#include "app/scan.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "app/app.h"
#include "app/build.h"
#include "app/dead_letter.h"
#include "app/number_text.h"
#include "app/progress.h"
#include "app/rule_files.h"
#include "app/scan_metrics.h"
#include "app/scan_outputs.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "ingest/merged_source.h"
#include "ingest/paths.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pipeline.h"
#include "telemetry/limited_log.h"

namespace oddverb {
namespace {

int ThreadCount(int wanted) {
  if (wanted > 0) return wanted;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

DeliveryPolicy PolicyOf(const ScanOptions& options) {
  bool stream = std::find(options.paths.begin(), options.paths.end(), "-") !=
                options.paths.end();
  return stream && FormatOf(options) != "table" ? DeliveryPolicy::kAtOnce
                                                : DeliveryPolicy::kOnceAtEnd;
}

Progress::Style StyleOf(const ScanOptions& options) {
  if (options.quiet) return Progress::Style::kOff;
  return isatty(STDERR_FILENO) != 0 ? Progress::Style::kBar
                                    : Progress::Style::kLines;
}

// Tells of bad records: the first few in words, all to the dead letter.
class RejectReport {
 public:
  RejectReport(Source& source, Logger& logger,
               std::unique_ptr<DeadLetterFile> file)
      : source_(source),
        logger_(logger),
        log_(logger),
        file_(std::move(file)) {}

  void Add(const Rejected& rejected) {
    std::string place = source_.Describe(rejected.position);
    log_.Warn(RejectReasonName(rejected.reason),
              absl::StrCat("record not judged: ", rejected.detail), place);
    if (file_ != nullptr && status_.ok()) {
      status_ = file_->Add(rejected, place);
    }
  }

  absl::Status Finish() {
    log_.Finish();
    ODDVERB_RETURN_IF_ERROR(status_);
    if (file_ == nullptr) return absl::OkStatus();
    if (file_->left_out() > 0) {
      logger_.Warn(absl::StrCat(
          "the dead letter is full: ", Counted(file_->left_out(), "record"),
          " left out"));
    }
    return file_->Close();
  }

 private:
  Source& source_;
  Logger& logger_;
  LimitedLog log_;
  std::unique_ptr<DeadLetterFile> file_;
  absl::Status status_;
};

ScanResult ResultOf(const PipelineCounters& counters,
                    const Delivery& delivery) {
  ScanResult result;
  result.events = counters.events;
  result.bytes = counters.bytes;
  for (const auto& rejected : counters.rejected) result.rejected += rejected;
  result.salvaged = counters.salvaged;
  result.repaired = counters.repaired;
  result.eventless = counters.eventless;
  result.findings = delivery.counts();
  for (const auto& [label, count] : delivery.counts_so_far().suppressed) {
    result.suppressed += count;
  }
  return result;
}

}  // namespace

uint64_t ScanResult::all_findings() const {
  uint64_t sum = 0;
  for (uint64_t count : findings) sum += count;
  return sum;
}

bool ScanResult::has_at_least(Severity severity) const {
  for (size_t i = static_cast<size_t>(severity); i < findings.size(); ++i) {
    if (findings[i] > 0) return true;
  }
  return false;
}

std::string ScanResult::Summary() const {
  double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-3);
  std::string text = absl::StrCat(
      Counted(events, "event"), " (", BytesText(bytes), ") in ",
      absl::StrFormat("%.2f s", seconds), ", ",
      RateText(static_cast<double>(events) / seconds), " events/s");
  if (rejected > 0) {
    absl::StrAppend(&text, ", ", Counted(rejected, "record"), " rejected");
  }
  if (salvaged > 0) {
    absl::StrAppend(&text, ", ", WithCommas(salvaged), " saved from torn ones");
  }
  if (repaired > 0)
    absl::StrAppend(&text, ", ", WithCommas(repaired), " repaired");
  if (eventless > 0) {
    absl::StrAppend(&text, ", ", Counted(eventless, "record"),
                    " without an event");
  }
  absl::StrAppend(&text, "; ", Counted(all_findings(), "finding"));
  const char* separator = ": ";
  for (size_t i = findings.size(); i-- > 0;) {
    if (findings[i] == 0) continue;
    absl::StrAppend(&text, separator, WithCommas(findings[i]), " ",
                    A(SeverityName(static_cast<Severity>(i))));
    separator = ", ";
  }
  if (suppressed > 0) {
    absl::StrAppend(&text, "; ", WithCommas(suppressed), " suppressed");
  }
  return text;
}

std::string ScanResult::InputHint() const {
  constexpr char kQuestion[] =
      "is this what a kube-apiserver writes to --audit-log-path, with "
      "--audit-log-format=json?";
  if (events == 0 && rejected == 0 && eventless > 0) {
    return "no envelope in the input held an audit event: do lines of other "
           "programs come here?";
  }
  if (events == 0 && rejected == 0) {
    return absl::StrCat("there was no audit event in the input (",
                        BytesText(bytes), "); ", kQuestion);
  }
  if (events == 0) {
    return absl::StrCat(rejected == 1
                            ? "the one record was no audit event; "
                            : absl::StrCat("none of ", WithCommas(rejected),
                                           " records was an audit event; "),
                        kQuestion);
  }
  if (rejected > events) {
    return absl::StrCat(
        "most records could not be judged: ", WithCommas(rejected), " of ",
        WithCommas(events + rejected),
        "; --dead-letter FILE keeps them for a look");
  }
  return "";
}

namespace {

absl::StatusOr<std::vector<std::string>> InputsOf(const ScanOptions& options) {
  absl::StatusOr<std::vector<std::string>> paths = ExpandPaths(options.paths);
  if (absl::IsNotFound(paths.status())) {
    return absl::NotFoundError(
        absl::StrCat(paths.status().message(),
                     "\nname audit logs, folders or patterns such as "
                     "'/var/log/kubernetes/audit/*.log', or - for standard "
                     "input"));
  }
  return paths;
}

// The rules that the settings name, if any; what is wrong with them is told.
// InvalidArgument for a path that cannot be read: with fewer rules than were
// asked for, no findings would look like a clean log.
absl::StatusOr<RuleFiles> UseRules(Settings& settings) {
  RuleFiles files = LoadRules(settings.rules_config);
  std::vector<std::string> errors = RuleErrors(files);
  const bool refused = !files.unreadable.empty() ||
                       (settings.rules_config.strict && files.has_errors());
  if (refused) return absl::InvalidArgumentError(JoinedComplaints(errors));
  if (!errors.empty()) Tell(JoinedComplaints(std::move(errors)));
  std::vector<std::string> warnings = RuleWarnings(files);
  if (!warnings.empty()) Tell(JoinedComplaints(std::move(warnings)));
  settings.rules =
      std::make_shared<LiveRules>(files.loaded, LiveRules::Reload::kNever);
  return files;
}

}  // namespace

absl::StatusOr<ScanResult> Scan(const ScanOptions& options, Exporter* extra,
                                const std::atomic<bool>& stop) {
  const absl::Time start = SteadyNow();
  ODDVERB_ASSIGN_OR_RETURN(Settings settings, LoadSettings(options));
  ODDVERB_ASSIGN_OR_RETURN(RuleFiles rules, UseRules(settings));
  ODDVERB_ASSIGN_OR_RETURN(PartFactory parts, MakePartFactory(settings));
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> inputs, InputsOf(options));
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Source> source,
                           OpenFiles(inputs, FileSourceOptions()));
  ODDVERB_ASSIGN_OR_RETURN(ScanOutputs outputs, OpenOutputs(options, inputs));
  std::vector<Exporter*> exporters = {outputs.findings.get()};
  if (extra != nullptr) exporters.push_back(extra);
  // Every finding is told: a scan has no rate limit.
  Delivery delivery({.policy = PolicyOf(options),
                     .min_severity = options.min_severity,
                     .suppressions = std::move(settings.suppressions)},
                    exporters);

  PipelineOptions pipeline_options;
  pipeline_options.threads = ThreadCount(options.threads);
  pipeline_options.decoder.trusted_proxies = settings.trusted_proxies;
  if (options.memory > 0) {
    const MemoryPlan plan = MemoryPlan::Of(options.memory, {});
    pipeline_options.max_bytes_under_way = plan.in_flight;
    pipeline_options.entity_budget = EntitiesIn(options.memory - plan.bytes());
  }
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<Pipeline> pipeline,
      Pipeline::Make(pipeline_options, parts, /*checkpoint=*/nullptr));

  SystemClock clock;
  Logger logger(options.log, clock);
  RejectReport rejects(*source, logger, std::move(outputs.dead_letter));
  Progress progress(StyleOf(options), [&] {
    Source::Progress at = source->progress();
    return ProgressReading{pipeline->counters().events, at.read_bytes,
                           at.total_bytes};
  });
  absl::Status status = pipeline->Run(
      {{"scan", source.get()}}, delivery,
      [&](size_t, const Rejected& rejected) { rejects.Add(rejected); }, stop);
  progress.Stop();
  ODDVERB_RETURN_IF_ERROR(status);
  ODDVERB_RETURN_IF_ERROR(delivery.Finish());
  ODDVERB_RETURN_IF_ERROR(rejects.Finish());
  ScanResult result = ResultOf(pipeline->counters(), delivery);
  result.elapsed = SteadyNow() - start;
  if (outputs.metrics != nullptr) {
    ODDVERB_RETURN_IF_ERROR(WriteScanMetrics(
        *pipeline, delivery, {rules, *settings.rules}, *outputs.metrics));
  }
  return result;
}

void Tell(std::string_view message) {
  for (absl::string_view line : absl::StrSplit(A(message), '\n')) {
    std::fprintf(stderr, "oddverb: %s\n",
                 VisibleText(S(line), Charset::kUtf8).c_str());
  }
}

int ReportError(const absl::Status& status) {
  Tell(S(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
      return kExitUsage;
    default:
      return kExitFailure;
  }
}

int RunScan(const ScanOptions& options, const std::atomic<bool>& stop) {
  absl::StatusOr<ScanResult> result = Scan(options, nullptr, stop);
  if (!result.ok()) return ReportError(result.status());
  if (!options.quiet) {
    if (stop.load()) Tell("ended by a signal; what was read has been judged");
    std::fprintf(stderr, "%s\n", result->Summary().c_str());
  }
  // Also with --quiet: no findings must not look like a clean cluster.
  std::string hint = stop.load() ? "" : result->InputHint();
  if (!hint.empty()) Tell(hint);
  if (options.strict && result->rejected > 0) return kExitPartlyUnreadable;
  if (options.fail_on.has_value() && result->has_at_least(*options.fail_on)) {
    return kExitFindings;
  }
  return kExitFine;
}

}  // namespace oddverb
