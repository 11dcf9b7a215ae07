#include "app/list_text.h"

#include <algorithm>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "detectors/detectors.h"
#include "exporters/exporters.h"
#include "rules/live_rules.h"
#include "telemetry/metric_names.h"

namespace oddverb {
namespace {

constexpr int kColumns = 80;
constexpr size_t kMaxNameColumns = 24;
constexpr size_t kMaxLines = 100;

// A column of a row: one text, or a list of words.
struct Cell {
  std::string_view key;
  std::string_view text;
  std::vector<std::string_view> words;
  bool is_list = false;
};

struct Row {
  std::string_view name;
  std::vector<Cell> cells;
};

struct Page {
  std::string_view title;
  std::string_view opening;
  std::vector<Row> rows;
};

std::string Joined(const Cell& cell, std::string_view quote = "") {
  return absl::StrJoin(cell.words, ", ",
                       [quote](std::string* out, std::string_view word) {
                         absl::StrAppend(out, A(quote), A(word), A(quote));
                       });
}

// "NAME   text", wrapped in a column of its own, and the other cells below it.
std::string Text(const Page& page) {
  size_t indent = 0;
  for (const Row& row : page.rows) {
    indent = std::max(indent, std::min(row.name.size(), kMaxNameColumns) + 2);
  }
  std::string out;
  for (const Row& row : page.rows) {
    std::string line(row.name);
    if (line.size() > kMaxNameColumns) {
      absl::StrAppend(&out, line, "\n");
      line.clear();
    }
    for (const Cell& cell : row.cells) {
      if (cell.is_list && cell.words.empty()) continue;
      std::string text = cell.is_list
                             ? absl::StrCat(A(cell.key), ": ", Joined(cell))
                             : std::string(cell.text);
      for (const std::string& words :
           WrapText(text, kColumns - static_cast<int>(indent), kMaxLines,
                    Charset::kAscii)) {
        line.resize(indent, ' ');
        absl::StrAppend(&out, line, words, "\n");
        line.clear();
      }
    }
  }
  return out;
}

std::string Markdown(const Page& page) {
  std::string out =
      absl::StrCat("# ", A(page.title), "\n\n", A(page.opening), "\n\n| name ");
  std::string rule = "| --- ";
  for (const Cell& cell : page.rows.front().cells) {
    absl::StrAppend(&out, "| ", A(cell.key), " ");
    rule += "| --- ";
  }
  absl::StrAppend(&out, "|\n", rule, "|\n");
  for (const Row& row : page.rows) {
    absl::StrAppend(&out, "| `", A(row.name), "` ");
    for (const Cell& cell : row.cells) {
      absl::StrAppend(&out, "| ",
                      cell.is_list ? Joined(cell, "`") : std::string(cell.text),
                      " ");
    }
    out += "|\n";
  }
  return out;
}

std::string Json(const Page& page) {
  JsonWriter out;
  out.BeginArray();
  for (const Row& row : page.rows) {
    out.BeginObject();
    out.Key("name").String(row.name);
    for (const Cell& cell : row.cells) {
      out.Key(cell.key);
      if (!cell.is_list) {
        out.String(cell.text);
        continue;
      }
      out.BeginArray();
      for (std::string_view word : cell.words) out.String(word);
      out.EndArray();
    }
    out.EndObject();
  }
  out.EndArray();
  return out.Release() + "\n";
}

std::string Print(const Page& page, ListFormat format) {
  switch (format) {
    case ListFormat::kText:
      return Text(page);
    case ListFormat::kMarkdown:
      return Markdown(page);
    case ListFormat::kJson:
      return Json(page);
  }
  return "";
}

Cell TextCell(std::string_view key, std::string_view text) {
  return {key, text, {}, false};
}

Cell ListCell(std::string_view key, std::span<const std::string_view> words) {
  return {key, "", {words.begin(), words.end()}, true};
}

std::string LabelTable() {
  std::string out = "\n## Labels\n\n| label | values |\n| --- | --- |\n";
  for (const MetricLabel& label : AllMetricLabels()) {
    absl::StrAppend(&out, "| `", A(label.name), "` | ", A(label.values),
                    " |\n");
  }
  return out;
}

}  // namespace

std::string DetectorsText(ListFormat format) {
  Page page{
      "Detectors", "What is looked for, and the rules findings name.", {}};
  for (const DetectorEntry& entry : AllDetectors()) {
    page.rows.push_back(
        {entry.name,
         {TextCell("summary", entry.summary), ListCell("rules", entry.rules)}});
  }
  return Print(page, format);
}

std::string MetricsText(ListFormat format) {
  Page page{
      "Metrics",
      "`oddverb run` serves these at `/metrics`; a finished "
      "`oddverb scan --metrics-out FILE` writes those that it has. Labels\n"
      "take their values from the configuration and from fixed lists, never "
      "from a log: no user, pod, address or namespace is one, so\n"
      "nobody who writes to the log can make series. "
      "`exporters/prometheus/` has rules for them, `exporters/grafana/` "
      "dashboards.\n\n"
      "This page is printed by `oddverb list metrics --format markdown`.",
      {}};
  for (const MetricName& metric : AllMetrics()) {
    page.rows.push_back({metric.name,
                         {TextCell("meaning", metric.help),
                          TextCell("type", MetricTypeName(metric.type)),
                          ListCell("labels", metric.labels())}});
  }
  return Print(page, format) +
         (format == ListFormat::kMarkdown ? LabelTable() : "");
}

std::string OutputsText(ListFormat format) {
  Page page{"Outputs", "How findings are written.", {}};
  for (const ExporterEntry& entry : AllExporters()) {
    page.rows.push_back({entry.name, {TextCell("summary", entry.summary)}});
  }
  return Print(page, format);
}

std::string RulesText(std::span<const Rule* const> rules, ListFormat format) {
  Page page{"Rules", "What rules say of themselves.", {}};
  // JSON escapes by itself.
  std::deque<std::string> texts;
  auto text = [&](std::string_view of) -> std::string_view {
    if (format == ListFormat::kJson) return of;
    std::string visible = VisibleText(of, Charset::kUtf8);
    if (format == ListFormat::kMarkdown) {
      visible = absl::StrReplaceAll(visible, {{"|", "\\|"}});
    }
    return texts.emplace_back(std::move(visible));
  };
  for (const Rule* rule : rules) {
    std::vector<std::string_view> tags;
    for (const std::string& tag : rule->tags) tags.push_back(text(tag));
    std::string_view level = rule->priority.empty() ? RuleLevelName(rule->level)
                                                    : text(rule->priority);
    page.rows.push_back(
        {text(RuleHandle(*rule)),
         {TextCell("title", text(rule->title)), TextCell("level", level),
          ListCell("tags", tags),
          TextCell("place", texts.emplace_back(rule->place.ToString()))}});
  }
  if (!page.rows.empty()) return Print(page, format);
  return format == ListFormat::kJson ? "[]\n" : "";
}

}  // namespace oddverb
