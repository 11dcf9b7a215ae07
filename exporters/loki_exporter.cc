#include "exporters/loki_exporter.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "exporters/finding_json.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

using Labels = std::map<std::string, std::string>;

// Loki's max_label_value_length is 2048 by default, with which it refuses the
// whole line.
constexpr size_t kMaxLabelBytes = 1024;

bool IsLabelName(std::string_view name) {
  if (name.empty() ||
      absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

Labels StreamLabels(
    const Finding& finding,
    const std::vector<std::pair<std::string, std::string>>& more) {
  Labels labels = {{"job", "oddverb"},
                   {"detector", finding.detector},
                   {"severity", std::string(SeverityName(finding.severity))},
                   {"cluster", finding.cluster}};
  for (const auto& [name, value] : more) labels[name] = value;
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

void WriteMetadata(const Finding& finding, JsonWriter& json) {
  auto add = [&](std::string_view key, std::string_view value) {
    AddText(key, Bounded(value, kMaxLabelBytes), json);
  };
  json.BeginObject();
  add("finding_id", finding.id.ToHex());
  add("rule", finding.rule);
  add("state", FindingStateName(finding.state));
  add("entity", finding.entity);
  add("user", finding.who.user);
  add("namespace", OnlyOne(finding.what.namespaces));
  add("source_ip", finding.where.source_ip);
  json.EndObject();
}

}  // namespace

std::string LokiPushJson(
    std::span<const Finding> findings,
    const std::vector<std::pair<std::string, std::string>>& labels) {
  std::map<Labels, std::vector<const Finding*>> streams;
  for (const Finding& finding : findings) {
    streams[StreamLabels(finding, labels)].push_back(&finding);
  }
  JsonWriter json;
  json.BeginObject().Key("streams").BeginArray();
  for (auto& [stream, lines] : streams) {
    std::stable_sort(
        lines.begin(), lines.end(),
        [](const Finding* a, const Finding* b) { return a->time < b->time; });
    json.BeginObject().Key("stream").BeginObject();
    for (const auto& [name, value] : stream) {
      json.Key(name).String(Bounded(value, kMaxLabelBytes));
    }
    json.EndObject().Key("values").BeginArray();
    for (const Finding* finding : lines) {
      std::string line;
      AppendFindingJson(*finding, line);
      json.BeginArray().String(std::to_string(UnixNanos(finding->time)));
      json.String(line);
      WriteMetadata(*finding, json);
      json.EndArray();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return json.Release();
}

absl::StatusOr<std::unique_ptr<Exporter>> LokiExporter::Make(
    const LokiOptions& options) {
  for (const auto& [name, value] : options.labels) {
    if (IsLabelName(name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "a Loki label has letters, digits and \"_\", the first no digit: \"",
        VisibleText(Bounded(name, 64), Charset::kUtf8), "\""));
  }
  LokiOptions mine = options;
  if (!mine.tenant.empty()) {
    mine.http.headers.push_back({"X-Scope-OrgID", mine.tenant});
  }
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpPost> post,
                           HttpPost::Make(mine.http));
  return std::unique_ptr<Exporter>(
      new LokiExporter(std::move(mine), std::move(post)));
}

absl::Status LokiExporter::Export(std::span<const Finding> findings,
                                  absl::Time deadline) {
  if (findings.empty()) return absl::OkStatus();
  return post_
      ->Send("application/json", LokiPushJson(findings, options_.labels),
             deadline)
      .status();
}

}  // namespace oddverb
