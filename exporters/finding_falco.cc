#include "exporters/finding_falco.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

std::string Joined(const std::vector<std::string>& values) {
  return absl::StrJoin(values, ",");
}

// As Falco's own line: time, priority, what happened, (field=value ...).
std::string OutputText(const Finding& finding) {
  const std::string_view what =
      finding.summary.empty() ? finding.title : finding.summary;
  std::string text = absl::StrCat(
      absl::FormatTime("%H:%M:%E9S",
                       absl::FromUnixNanos(UnixNanos(finding.time)),
                       absl::UTCTimeZone()),
      ": ", A(FalcoPriority(finding.severity)), " ", A(what),
      " (entity=", finding.entity);
  if (!finding.cluster.empty()) {
    absl::StrAppend(&text, " cluster=", finding.cluster);
  }
  absl::StrAppend(&text, " finding=", finding.id.ToHex(), ")");
  return text;
}

void WriteRequestFields(const Finding& finding, JsonWriter& json) {
  AddText("ka.cluster.name", finding.cluster, json);
  AddText("ka.user.name", finding.who.user, json);
  AddText("ka.user.groups", Joined(finding.who.groups), json);
  AddText("ka.impuser.name", finding.who.impersonated, json);
  AddText("ka.sourceips", finding.where.source_ip, json);
  AddText("ka.useragent", finding.where.user_agent, json);
  AddText("ka.verb", Joined(finding.what.verbs), json);
  AddText("ka.target.resource", Joined(finding.what.resources), json);
  AddText("ka.target.namespace", Joined(finding.what.namespaces), json);
  AddText("ka.target.name", Joined(finding.what.names), json);
  if (finding.evidence.empty()) return;
  const Evidence& first = finding.evidence.front();
  AddText("ka.auditid", first.audit_id, json);
  AddText("ka.uri", first.uri, json);
  // A string, as the plugin has it.
  if (first.code != 0) {
    json.Key("ka.response.code").String(std::to_string(first.code));
  }
}

void WriteOwnFields(const Finding& finding, JsonWriter& json) {
  json.Key("oddverb.finding_id").String(finding.id.ToHex());
  AddText("oddverb.detector", finding.detector, json);
  json.Key("oddverb.severity").String(SeverityName(finding.severity));
  json.Key("oddverb.state").String(FindingStateName(finding.state));
  json.Key("oddverb.confidence").Int(ConfidencePercent(finding));
  json.Key("oddverb.count").Int(finding.count);
  AddText("oddverb.title", finding.title, json);
  AddText("oddverb.entity", finding.entity, json);
  AddText("oddverb.credential_id", finding.who.credential_id, json);
  AddText("oddverb.why", WhyText(finding), json);
  AddText("oddverb.normal", finding.normal, json);
  AddText("oddverb.next", absl::StrJoin(finding.next, "\n"), json);
}

}  // namespace

std::string_view FalcoPriority(Severity severity) {
  constexpr std::array<std::string_view, 5> kPriorities = {
      "Informational", "Notice", "Warning", "Error", "Critical"};
  return kPriorities[static_cast<size_t>(severity)];
}

void AppendFindingFalco(const Finding& finding, std::string& out) {
  JsonWriter json;
  json.BeginObject();
  json.Key("output").String(OutputText(finding));
  json.Key("output_fields").BeginObject();
  WriteRequestFields(finding, json);
  WriteOwnFields(finding, json);
  json.EndObject();
  json.Key("priority").String(FalcoPriority(finding.severity));
  json.Key("rule").String(finding.rule.empty() ? "oddverb" : finding.rule);
  json.Key("source").String("k8s_audit");
  json.Key("tags").BeginArray().String("k8s").String("oddverb");
  for (const std::string& technique : finding.attack) {
    if (IsAttackTechnique(technique)) json.String(technique);
  }
  json.EndArray();
  json.Key("time").String(NanoTimeText(finding.time));
  json.EndObject();
  out += json.text();
}

}  // namespace oddverb
