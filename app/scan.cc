#include "app/scan.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "app/app.h"
#include "app/build.h"
#include "app/dead_letter.h"
#include "app/number_text.h"
#include "app/progress.h"
#include "app/scan_metrics.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "ingest/merged_source.h"
#include "ingest/paths.h"
#include "pipeline/pipeline.h"
#include "telemetry/limited_log.h"

namespace oddverb {
namespace {

// A locale that says UTF-8, by the usual variables.
Charset CharsetOfLocale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale(value);
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
  if (terminal.columns > 0 && std::getenv("NO_COLOR") == nullptr) {
    terminal.colours = Colours::kOn;
  }
  return terminal;
}

std::string FormatOf(const ScanOptions& options) {
  if (!options.format.empty()) return options.format;
  bool person = options.output == "-" && isatty(STDOUT_FILENO) != 0;
  return person ? "table" : "ndjson";
}

absl::StatusOr<std::unique_ptr<Exporter>> OpenExporter(
    const ScanOptions& options) {
  ExporterSetup setup;
  ODDVERB_ASSIGN_OR_RETURN(
      setup.output,
      OutputFile::Open(options.output, OutputFile::Mode::kReplace));
  setup.terminal = TerminalOf(options.output);
  return MakeExporter(FormatOf(options), std::move(setup));
}

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
  RejectReport(Source& source, Logger& logger, std::optional<DeadLetter> file)
      : source_(source), log_(logger), file_(std::move(file)) {}

  void Add(const Rejected& rejected) {
    std::string place = source_.Describe(rejected.position);
    log_.Warn(RejectReasonName(rejected.reason),
              absl::StrCat("record not judged: ", rejected.detail), place);
    if (file_.has_value() && status_.ok()) {
      status_ = file_->Add(rejected, place);
    }
  }

  absl::Status Finish() {
    log_.Finish();
    ODDVERB_RETURN_IF_ERROR(status_);
    return file_.has_value() ? file_->Close() : absl::OkStatus();
  }

 private:
  Source& source_;
  LimitedLog log_;
  std::optional<DeadLetter> file_;
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
  result.findings = delivery.counts();
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
  if (repaired > 0) absl::StrAppend(&text, ", ", WithCommas(repaired), " repaired");
  absl::StrAppend(&text, "; ", Counted(all_findings(), "finding"));
  const char* separator = ": ";
  for (size_t i = findings.size(); i-- > 0;) {
    if (findings[i] == 0) continue;
    absl::StrAppend(&text, separator, WithCommas(findings[i]), " ",
                    SeverityName(static_cast<Severity>(i)).data());
    separator = ", ";
  }
  return text;
}

absl::StatusOr<ScanResult> Scan(const ScanOptions& options, Exporter* extra,
                                const std::atomic<bool>& stop) {
  const absl::Time start = absl::Now();
  ODDVERB_ASSIGN_OR_RETURN(Settings settings, LoadSettings(options));
  ODDVERB_ASSIGN_OR_RETURN(PartFactory parts, MakePartFactory(settings));
  ODDVERB_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                           ExpandPaths(options.paths));
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Source> source,
                           OpenFiles(paths, FileSourceOptions()));
  std::optional<DeadLetter> dead_letter;
  if (!options.dead_letter_file.empty()) {
    ODDVERB_ASSIGN_OR_RETURN(dead_letter,
                             DeadLetter::Open(options.dead_letter_file));
  }
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<Exporter> exporter,
                           OpenExporter(options));
  std::vector<Exporter*> exporters = {exporter.get()};
  if (extra != nullptr) exporters.push_back(extra);
  Delivery delivery({PolicyOf(options), options.min_severity}, exporters);

  PipelineOptions pipeline_options;
  pipeline_options.threads = ThreadCount(options.threads);
  pipeline_options.decoder.trusted_proxies = settings.trusted_proxies;
  ODDVERB_ASSIGN_OR_RETURN(
      std::unique_ptr<Pipeline> pipeline,
      Pipeline::Make(pipeline_options, parts, /*checkpoint=*/nullptr));

  SystemClock clock;
  Logger logger(options.log, clock);
  RejectReport rejects(*source, logger, std::move(dead_letter));
  Progress progress(StyleOf(options), [&] {
    Source::Progress at = source->progress();
    return ProgressReading{pipeline->counters().events, at.read_bytes,
                           at.total_bytes};
  });
  absl::Status status = pipeline->Run(
      *source, delivery, [&](const Rejected& r) { rejects.Add(r); }, stop);
  progress.Stop();
  ODDVERB_RETURN_IF_ERROR(status);
  ODDVERB_RETURN_IF_ERROR(delivery.Finish());
  ODDVERB_RETURN_IF_ERROR(rejects.Finish());
  ScanResult result = ResultOf(pipeline->counters(), delivery);
  result.elapsed = absl::Now() - start;
  if (!options.metrics_file.empty()) {
    ODDVERB_RETURN_IF_ERROR(
        WriteScanMetrics(*pipeline, delivery, options.metrics_file));
  }
  return result;
}

int ReportError(const absl::Status& status) {
  std::fprintf(stderr, "oddverb: %s\n", std::string(status.message()).c_str());
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
    std::fprintf(stderr, "%s\n", result->Summary().c_str());
  }
  if (options.strict && result->rejected > 0) return kExitPartlyUnreadable;
  if (options.fail_on.has_value() && result->has_at_least(*options.fail_on)) {
    return kExitFindings;
  }
  return kExitFine;
}

}  // namespace oddverb
