#include "exporters/otlp_exporter.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "exporters/format_text.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

// Of a receiver's message, in a log line.
constexpr size_t kShownBytes = 200;

int SeverityNumber(Severity severity) {
  constexpr std::array<int, 5> kNumbers = {9, 13, 14, 17, 21};
  return kNumbers[static_cast<size_t>(severity)];
}

class LogsWriter {
 public:
  std::string Write(std::span<const Finding> findings,
                    const Attributes& resource) {
    std::vector<std::string_view> clusters;
    for (const Finding& finding : findings) {
      if (std::find(clusters.begin(), clusters.end(), finding.cluster) ==
          clusters.end()) {
        clusters.push_back(finding.cluster);
      }
    }
    json_.BeginObject().Key("resourceLogs").BeginArray();
    for (std::string_view cluster : clusters) {
      json_.BeginObject();
      WriteResource(cluster, resource);
      json_.Key("scopeLogs").BeginArray().BeginObject();
      json_.Key("scope").BeginObject().Key("name").String("oddverb");
      json_.EndObject();
      json_.Key("logRecords").BeginArray();
      for (const Finding& finding : findings) {
        if (finding.cluster == cluster) WriteRecord(finding);
      }
      json_.EndArray().EndObject().EndArray().EndObject();
    }
    json_.EndArray().EndObject();
    return json_.Release();
  }

 private:
  // An attribute, unless its value is empty.
  void Text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    json_.BeginObject().Key("key").String(key);
    json_.Key("value").BeginObject().Key("stringValue").String(value);
    json_.EndObject().EndObject();
  }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json_.BeginObject().Key("key").String(key);
    json_.Key("value").BeginObject().Key("arrayValue").BeginObject();
    json_.Key("values").BeginArray();
    for (const std::string& value : values) {
      json_.BeginObject().Key("stringValue").String(value).EndObject();
    }
    json_.EndArray().EndObject().EndObject().EndObject();
  }
  // 64-bit numbers are strings in the JSON form of Protocol Buffers.
  void Int(std::string_view key, int64_t value) {
    json_.BeginObject().Key("key").String(key).Key("value").BeginObject();
    json_.Key("intValue").String(std::to_string(value));
    json_.EndObject().EndObject();
  }
  void Number(std::string_view key, double value) {
    json_.BeginObject().Key("key").String(key).Key("value").BeginObject();
    json_.Key("doubleValue").Raw(DecimalText(DecimalUnits(value)));
    json_.EndObject().EndObject();
  }

  void WriteResource(std::string_view cluster, const Attributes& resource) {
    json_.Key("resource").BeginObject().Key("attributes").BeginArray();
    // A key may be there once.
    auto is_set = [&](std::string_view key) {
      return std::any_of(resource.begin(), resource.end(),
                         [&](const auto& own) { return own.first == key; });
    };
    if (!is_set("service.name")) Text("service.name", "oddverb");
    if (!is_set("k8s.cluster.name")) Text("k8s.cluster.name", cluster);
    for (const auto& [key, value] : resource) Text(key, value);
    json_.EndArray().EndObject();
  }

  void WriteRecord(const Finding& finding) {
    const std::string time = std::to_string(UnixNanos(finding.time));
    json_.BeginObject();
    json_.Key("timeUnixNano").String(time);
    json_.Key("observedTimeUnixNano").String(time);
    json_.Key("severityNumber").Int(SeverityNumber(finding.severity));
    json_.Key("severityText").String(SeverityName(finding.severity));
    json_.Key("eventName").String("oddverb.finding");
    json_.Key("body").BeginObject().Key("stringValue");
    json_.String(finding.summary.empty() ? finding.title : finding.summary);
    json_.EndObject().Key("attributes").BeginArray();
    WriteDecision(finding);
    WriteSubject(finding);
    json_.EndArray().EndObject();
  }

  void WriteDecision(const Finding& finding) {
    Text("oddverb.finding.id", finding.id.ToHex());
    Text("oddverb.rule", finding.rule);
    Text("oddverb.detector", finding.detector);
    Text("oddverb.severity", SeverityName(finding.severity));
    Text("oddverb.state", FindingStateName(finding.state));
    Text("oddverb.title", finding.title);
    Int("oddverb.confidence", ConfidencePercent(finding));
    Number("oddverb.score", finding.score);
    Int("oddverb.count", finding.count);
    Text("oddverb.first_seen", TimeText(finding.first_seen));
    Text("oddverb.last_seen", TimeText(finding.last_seen));
    Text("oddverb.why", WhyText(finding));
    Text("oddverb.normal", finding.normal);
    Texts("oddverb.next", finding.next);
    Texts("oddverb.attack", finding.attack);
    std::vector<std::string> audit_ids;
    for (const Evidence& event : finding.evidence) {
      audit_ids.push_back(event.audit_id);
    }
    Texts("oddverb.audit_ids", audit_ids);
  }

  void WriteSubject(const Finding& finding) {
    Text("oddverb.entity", finding.entity);
    Text("oddverb.entity_kind", finding.entity_kind);
    Text("user.name", finding.who.user);
    Texts("oddverb.groups", finding.who.groups);
    Text("oddverb.impersonated", finding.who.impersonated);
    Text("oddverb.credential_id", finding.who.credential_id);
    Text("source.address", finding.where.source_ip);
    Text("user_agent.original", finding.where.user_agent);
    Text("k8s.namespace.name", OnlyOne(finding.what.namespaces));
    Texts("oddverb.verbs", finding.what.verbs);
    Texts("oddverb.resources", finding.what.resources);
    Texts("oddverb.namespaces", finding.what.namespaces);
    Texts("oddverb.names", finding.what.names);
  }

  JsonWriter json_;
};

struct PartialSuccess {
  int64_t rejected = 0;
  std::string message;
};

// Nothing for an answer that does not say so, whatever it is.
PartialSuccess ReadPartialSuccess(std::string_view body) {
  PartialSuccess result;
  const RawJson partial = FindMember(RawJson{body}, "partialSuccess");
  const RawJson rejected = FindMember(partial, "rejectedLogRecords");
  std::string scratch;
  // A string by the rules of Protocol Buffers; some write a number.
  if (auto text = StringOf(rejected, scratch); text.has_value()) {
    if (!absl::SimpleAtoi(A(*text), &result.rejected)) result.rejected = 0;
  } else {
    result.rejected = IntOf(rejected).value_or(0);
  }
  if (auto text = StringOf(FindMember(partial, "errorMessage"), scratch)) {
    result.message = VisibleText(Bounded(*text, kShownBytes), Charset::kUtf8);
  }
  return result;
}

}  // namespace

std::string OtlpLogsJson(std::span<const Finding> findings,
                         const Attributes& resource) {
  return LogsWriter().Write(findings, resource);
}

absl::StatusOr<std::unique_ptr<Exporter>> OtlpExporter::Make(
    const OtlpOptions& options, Logger& logger) {
  ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<HttpPost> post,
                           HttpPost::Make(options.http));
  return std::unique_ptr<Exporter>(
      new OtlpExporter(options, std::move(post), logger));
}

absl::Status OtlpExporter::Export(std::span<const Finding> findings,
                                  absl::Time deadline) {
  if (findings.empty()) return absl::OkStatus();
  ODDVERB_ASSIGN_OR_RETURN(
      std::string answer,
      post_->Send("application/json", OtlpLogsJson(findings, options_.resource),
                  deadline));
  const PartialSuccess partial = ReadPartialSuccess(answer);
  if (partial.rejected <= 0) return absl::OkStatus();
  if (partial.rejected >= static_cast<int64_t>(findings.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("the receiver refused each of ", findings.size(),
                     " log records: ", partial.message));
  }
  logger_.Warn("the OTLP receiver refused a part of the findings for good",
               {{"refused", std::to_string(partial.rejected)},
                {"sent", std::to_string(findings.size())},
                {"reason", partial.message}});
  return absl::OkStatus();
}

}  // namespace oddverb
