#include "exporters/table_text.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr int kMinColumns = 60;      // severity, time and 12 of each name
constexpr int kProseColumns = 120;   // where the terminal sets no limit
constexpr int kGap = 2;              // between columns
constexpr int kSeverityColumns = 8;  // "CRITICAL"
constexpr int kMinNameColumns = 12;
constexpr int kGoodSubjectColumns = 24;
constexpr int kGoodRuleColumns = 20;
constexpr int kMaxRuleColumns = 32;  // "service_account.acts_like_person"
constexpr int kMaxSubjectColumns = 44;
constexpr int kMinWhyColumns = 16;   // less says nothing: left out
constexpr int kGoodWhyColumns = 40;  // names shrink to leave this
constexpr int kLabelColumns = 9;     // "Evidence "

// Longer texts are cut before anything else looks at them.
constexpr size_t kMaxCellBytes = 1024;
constexpr size_t kMaxCommandBytes = 2048;

std::string Visible(std::string_view text, const Terminal& terminal) {
  return VisibleText(Bounded(text, kMaxCellBytes), terminal.charset);
}

std::string_view ColourOf(Severity severity) {
  switch (severity) {
    case Severity::kCritical:
      return "\x1b[1;31m";
    case Severity::kHigh:
      return "\x1b[31m";
    case Severity::kMedium:
      return "\x1b[33m";
    case Severity::kLow:
      return "\x1b[36m";
    case Severity::kInfo:
      return "\x1b[2m";
  }
  return "";
}

std::string Coloured(std::string_view text, std::string_view colour,
                     const Terminal& terminal) {
  if (terminal.colours == Colours::kOff) return std::string(text);
  return absl::StrCat(A(colour), A(text), "\x1b[0m");
}

std::string SeverityWord(Severity severity) {
  return absl::AsciiStrToUpper(A(SeverityName(severity)));
}

// "sa web/frontend" for system:serviceaccount:web:frontend, else as it is.
std::string Subject(const Finding& finding, const Terminal& terminal) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  std::string_view entity = finding.entity;
  if (entity.starts_with(kPrefix)) {
    const std::string_view account = entity.substr(kPrefix.size());
    const size_t colon = account.find(':');
    if (colon != std::string_view::npos) {
      return Visible(absl::StrCat("sa ", A(account.substr(0, colon)), "/",
                                  A(account.substr(colon + 1))),
                     terminal);
    }
  }
  return Visible(entity, terminal);
}

std::string ReasonsText(const Finding& finding) {
  std::string text;
  for (const FindingReason& reason : finding.why) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", reason.feature, ": ",
                    reason.value);
    if (text.size() > kMaxCellBytes) break;
  }
  return text;
}

// The summary usually starts with the subject, which has its own column.
std::string_view WithoutSubject(const Finding& finding) {
  std::string_view text = finding.summary;
  if (finding.entity.empty() || !text.starts_with(finding.entity)) return text;
  const size_t start = text.find_first_not_of(": ", finding.entity.size());
  const bool whole_word = start != finding.entity.size();
  return whole_word && start != std::string_view::npos ? text.substr(start)
                                                       : text;
}

std::string WhyCell(const Finding& finding, const Terminal& terminal) {
  if (!finding.summary.empty()) {
    return Visible(WithoutSubject(finding), terminal);
  }
  const std::string reasons = ReasonsText(finding);
  return Visible(reasons.empty() ? finding.title : reasons, terminal);
}

struct Row {
  Severity severity = Severity::kInfo;
  std::string rule, subject, when, why;
};

// The year is only told where there is more than one.
const char* WhenFormat(std::span<const Finding* const> findings) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  auto year = [&](const Finding* f) { return absl::ToCivilYear(f->time, utc); };
  const bool one_year = std::all_of(
      findings.begin(), findings.end(),
      [&](const Finding* f) { return year(f) == year(findings.front()); });
  return one_year ? "%b %d %H:%M:%S" : "%E4Y-%m-%d %H:%M:%S";
}

std::vector<Row> RowsOf(std::span<const Finding* const> findings,
                        const Terminal& terminal) {
  const char* when = WhenFormat(findings);
  std::vector<Row> rows;
  rows.reserve(findings.size());
  for (const Finding* finding : findings) {
    rows.push_back({finding->severity, Visible(finding->rule, terminal),
                    Subject(*finding, terminal),
                    absl::FormatTime(when, finding->time, absl::UTCTimeZone()),
                    WhyCell(*finding, terminal)});
  }
  return rows;
}

struct Widths {
  int rule = 4;  // of the header words
  int subject = 7;
  int when = 10;
  int why = 0;  // 0 = no limit, negative = no room for this column
};

Widths NaturalWidths(const std::vector<Row>& rows) {
  Widths widths;
  for (const Row& row : rows) {
    widths.rule = std::max(widths.rule, DisplayWidth(row.rule));
    widths.subject = std::max(widths.subject, DisplayWidth(row.subject));
    widths.when = std::max(widths.when, DisplayWidth(row.when));
  }
  return widths;
}

// Takes up to `missing` from `width`, but leaves it `least`.
void Shrink(int& width, int least, int missing) {
  width = std::max(width - std::max(missing, 0), std::min(width, least));
}

Widths WidthsOf(const std::vector<Row>& rows, const Terminal& terminal) {
  Widths widths = NaturalWidths(rows);
  if (terminal.columns <= 0) return widths;
  widths.rule = std::min(widths.rule, kMaxRuleColumns);
  widths.subject = std::min(widths.subject, kMaxSubjectColumns);
  // For both names and the reason.
  const int room = std::max(terminal.columns, kMinColumns) - kSeverityColumns -
                   widths.when - 4 * kGap;
  Widths with_why = widths;
  Shrink(with_why.subject, kGoodSubjectColumns,
         with_why.subject + with_why.rule + kGoodWhyColumns - room);
  Shrink(with_why.rule, kGoodRuleColumns,
         with_why.subject + with_why.rule + kGoodWhyColumns - room);
  with_why.why = room - with_why.subject - with_why.rule;
  if (with_why.why >= kMinWhyColumns) return with_why;

  const int room_for_names = room + kGap;
  Shrink(widths.subject, kMinNameColumns,
         widths.subject + widths.rule - room_for_names);
  Shrink(widths.rule, kMinNameColumns,
         widths.subject + widths.rule - room_for_names);
  widths.why = -1;
  return widths;
}

std::string Padded(std::string_view text, int columns) {
  const int missing = columns - DisplayWidth(text);
  return absl::StrCat(
      A(text), std::string(static_cast<size_t>(std::max(missing, 0)), ' '));
}

std::string Line(const Row& row, std::string_view severity,
                 const Widths& widths, const Terminal& terminal) {
  const std::string gap(kGap, ' ');
  std::string line = absl::StrCat(
      A(severity), gap,
      Padded(CutMiddle(row.rule, widths.rule, terminal.charset), widths.rule),
      gap,
      Padded(CutMiddle(row.subject, widths.subject, terminal.charset),
             widths.subject),
      gap);
  if (widths.why < 0) {
    absl::StrAppend(&line, row.when);
  } else {
    const std::string why = widths.why == 0
                                ? row.why
                                : CutEnd(row.why, widths.why, terminal.charset);
    absl::StrAppend(&line, Padded(row.when, widths.when), gap, why);
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line + '\n';
}

int BlockColumns(const Terminal& terminal) {
  if (terminal.columns <= 0) return kProseColumns;
  return std::max(terminal.columns, kMinColumns);
}

// Label before the first line, blanks before the others; "-" for none, so that
// the blocks are always the same.
std::string Labelled(std::string_view label, std::vector<std::string> lines) {
  if (lines.empty()) lines.push_back("-");
  std::string text;
  for (const std::string& line : lines) {
    absl::StrAppend(&text, Padded(label, kLabelColumns), line, "\n");
    label = "";
  }
  return text;
}

std::vector<std::string> Wrapped(std::string_view text, size_t max_lines,
                                 const Terminal& terminal) {
  return WrapText(Visible(text, terminal),
                  BlockColumns(terminal) - kLabelColumns, max_lines,
                  terminal.charset);
}

std::vector<std::string> WhyLines(const Finding& finding,
                                  const Terminal& terminal) {
  std::string details;
  for (const DecodedLayer& layer : finding.decoded) {
    absl::StrAppend(&details, layer.layer, ": ", layer.text, "; ");
    if (details.size() > kMaxCellBytes) break;
  }
  absl::StrAppend(&details, ReasonsText(finding));
  std::vector<std::string> lines = Wrapped(finding.summary, 2, terminal);
  for (std::string& line : Wrapped(details, 3 - lines.size(), terminal)) {
    lines.push_back(std::move(line));
  }
  return lines;
}

// Sentences, which begin with a capital, and commands. These are copied from
// here: whole on their line or not at all.
std::vector<std::string> StepLines(const Finding& finding,
                                   const Terminal& terminal) {
  constexpr size_t kMaxSteps = 3;
  std::vector<std::string> lines;
  const size_t count = std::min(finding.next.size(), kMaxSteps);
  for (const std::string& step : std::span(finding.next).first(count)) {
    if (!step.empty() &&
        absl::ascii_isupper(static_cast<unsigned char>(step.front()))) {
      for (std::string& line : Wrapped(step, 2, terminal)) {
        lines.push_back(std::move(line));
      }
      continue;
    }
    lines.push_back(step.size() <= kMaxCommandBytes
                        ? VisibleText(step, terminal.charset)
                        : absl::StrCat("(a command of ", step.size(),
                                       " bytes: see --format ndjson)"));
  }
  return lines;
}

std::vector<std::string> EvidenceLines(const Finding& finding,
                                       const Terminal& terminal) {
  std::vector<std::string> lines;
  for (const Evidence& event : finding.evidence) {
    if (lines.size() == 2) break;
    // The id stands first, as a long URI is cut at its end.
    const std::string text = absl::StrCat(
        "auditID ", event.audit_id, " ",
        absl::FormatTime("%H:%M:%E3SZ", event.time, absl::UTCTimeZone()), " ",
        event.code, " ", event.verb, " ", event.uri);
    lines.push_back(CutEnd(Visible(text, terminal),
                           BlockColumns(terminal) - kLabelColumns,
                           terminal.charset));
  }
  std::string last =
      absl::StrCat("finding ", finding.id.ToHex(), "  ", finding.count,
                   finding.count == 1 ? " event" : " events",
                   absl::StrFormat("  confidence %.2f", finding.confidence),
                   finding.warming ? " (little history)" : "");
  if (!finding.attack.empty()) {
    absl::StrAppend(&last, "  ATT&CK ", absl::StrJoin(finding.attack, ", "));
  }
  lines.push_back(CutEnd(Visible(last, terminal),
                         BlockColumns(terminal) - kLabelColumns,
                         terminal.charset));
  return lines;
}

std::string Headline(const Finding& finding, const Terminal& terminal) {
  const std::string severity =
      absl::StrCat("[", SeverityWord(finding.severity), "]");
  std::string rest = absl::StrCat(
      " ",
      Visible(finding.title.empty() ? finding.rule : finding.title, terminal),
      "  ", Subject(finding, terminal));
  if (!finding.cluster.empty()) {
    absl::StrAppend(&rest, "  (cluster ", Visible(finding.cluster, terminal),
                    ")");
  }
  const int room = BlockColumns(terminal) - static_cast<int>(severity.size());
  return absl::StrCat(Coloured(severity, ColourOf(finding.severity), terminal),
                      CutEnd(rest, room, terminal.charset), "\n");
}

}  // namespace

std::string FindingsTable(std::span<const Finding* const> findings,
                          const Terminal& terminal) {
  const std::vector<Row> rows = RowsOf(findings, terminal);
  const Widths widths = WidthsOf(rows, terminal);
  const Row header{Severity::kInfo, "RULE", "SUBJECT", "WHEN (UTC)", "WHY"};
  std::string text =
      Line(header, Padded("SEVERITY", kSeverityColumns), widths, terminal);
  for (const Row& row : rows) {
    const std::string severity =
        Padded(SeverityWord(row.severity), kSeverityColumns);
    text += Line(row, Coloured(severity, ColourOf(row.severity), terminal),
                 widths, terminal);
  }
  return text;
}

std::string FindingBlock(const Finding& finding, const Terminal& terminal) {
  return absl::StrCat(Headline(finding, terminal),
                      Labelled("Why", WhyLines(finding, terminal)),
                      Labelled("Normal", Wrapped(finding.normal, 2, terminal)),
                      Labelled("Do now", StepLines(finding, terminal)),
                      Labelled("Evidence", EvidenceLines(finding, terminal)));
}

}  // namespace oddverb
