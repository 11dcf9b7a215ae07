#include "exporters/alert.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "exporters/alert_names.h"
#include "model/attack_tactic.h"

namespace oddverb {
namespace {

constexpr size_t kMaxLineBytes = 240;
// A command is copied from here: whole or not at all.
constexpr size_t kMaxStepBytes = 1024;
constexpr size_t kMaxSummaryBytes = 512;
constexpr size_t kMaxIdBytes = 64;  // a UUID has 36
constexpr size_t kMaxFormLabels = 16;
constexpr size_t kMaxUrlBytes = 2048;

constexpr size_t kMaxReasons = 4;
constexpr size_t kMaxSteps = 3;
constexpr size_t kMaxChecks = 2;
// With a line each for the command that was decoded, what is normal, when and
// from where.
static_assert(kMaxReasons + kMaxSteps + kMaxChecks + 3 ==
              Alert::kMaxDescriptionLines);

constexpr std::array<std::string_view, 9> kOurLabels = {
    "alertname", "cluster", "detector",     "level", "namespace",
    "rule",      "subject", "subject_kind", "tactic"};
constexpr std::string_view kSeverityLabel = "severity";
constexpr std::string_view kOverflowName = "OddverbAlertsOverflow";

// One line of at most `max_bytes`.
std::string Shown(std::string_view text, size_t max_bytes) {
  return Bounded(VisibleText(Bounded(text, max_bytes), Charset::kUtf8),
                 max_bytes);
}

std::string TimeShown(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E3SZ", time,
                          absl::UTCTimeZone());
}

// Alertmanager drops a label without a value; so an empty one is none.
void Put(std::string_view name, std::string value, AlertTexts& texts) {
  if (value.empty()) return;
  auto less = [](const AlertText& a, std::string_view b) { return a.name < b; };
  auto at = std::lower_bound(texts.begin(), texts.end(), name, less);
  texts.insert(at, {std::string(name), std::move(value)});
}

// The namespace whose people this concerns: the service account's own, else
// that of the first event, which stays the first when the finding grows.
std::string_view NamespaceOf(const Finding& finding) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  std::string_view entity = finding.entity;
  if (entity.starts_with(kPrefix)) {
    entity.remove_prefix(kPrefix.size());
    size_t colon = entity.find(':');
    if (colon != std::string_view::npos) return entity.substr(0, colon);
  }
  if (finding.what.namespaces.empty()) return "";
  return finding.what.namespaces.front();
}

std::string IdentityOf(const AlertTexts& labels) {
  std::string identity;
  for (const AlertText& label : labels) {
    if (label.name == kSeverityLabel || label.name == "level") continue;
    // A byte that no label holds, as text is valid UTF-8.
    absl::StrAppend(&identity, label.name, "\xff", label.value, "\xff");
  }
  return identity;
}

void PutSeverity(Severity severity, AlertTexts& labels) {
  Put(kSeverityLabel, std::string(AlertSeverityName(severity)), labels);
  Put("level", std::string(SeverityName(severity)), labels);
}

void PutLabel(std::string_view name, std::string_view value,
              AlertTexts& labels) {
  Put(name, Shown(value, Alert::kMaxLabelBytes), labels);
}

void PutFormLabels(const AlertForm& form, AlertTexts& labels) {
  for (const AlertText& label : form.labels) {
    PutLabel(label.name, label.value, labels);
  }
}

AlertTexts LabelsOf(const Finding& finding, const AlertForm& form) {
  AlertTexts labels;
  PutFormLabels(form, labels);
  PutSeverity(finding.severity, labels);
  Put("alertname", AlertName(finding), labels);
  PutLabel("cluster", finding.cluster, labels);
  PutLabel("detector", finding.detector, labels);
  PutLabel("namespace", NamespaceOf(finding), labels);
  PutLabel("rule", finding.rule, labels);
  PutLabel("subject", finding.entity, labels);
  PutLabel("subject_kind", finding.entity_kind, labels);
  if (!finding.attack.empty()) {
    Put("tactic", std::string(TacticOf(finding.attack.front())), labels);
  }
  return labels;
}

// Lines with a label before the first and blanks before the others.
class Blocks {
 public:
  void Add(std::string_view label, std::string_view text,
           size_t max_bytes = kMaxLineBytes) {
    std::string_view shown_label = label == last_label_ ? "" : label;
    absl::StrAppendFormat(&text_, "%s%-8s%s", text_.empty() ? "" : "\n",
                          std::string(shown_label), Shown(text, max_bytes));
    last_label_ = label;
  }
  std::string Release() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view last_label_;
};

std::string SeenLine(const Finding& finding) {
  std::string line =
      absl::StrCat(finding.count, finding.count == 1 ? " event, " : " events, ",
                   TimeShown(finding.first_seen));
  if (finding.last_seen > finding.first_seen) {
    absl::StrAppend(&line, " to ", TimeShown(finding.last_seen));
  }
  if (!finding.where.source_ip.empty()) {
    absl::StrAppend(&line, ", from ", Bounded(finding.where.source_ip, 64));
  }
  absl::StrAppend(&line,
                  absl::StrFormat(", confidence %.2f", finding.confidence),
                  finding.warming ? " (little history)" : "");
  if (!finding.where.user_agent.empty()) {
    absl::StrAppend(&line, ", agent ", Bounded(finding.where.user_agent, 100));
  }
  return line;
}

std::string Description(const Finding& finding) {
  Blocks blocks;
  for (size_t i = 0; i < std::min(finding.why.size(), kMaxReasons); ++i) {
    const FindingReason& reason = finding.why[i];
    blocks.Add("Why", absl::StrCat(reason.feature, ": ", reason.value));
  }
  if (!finding.decoded.empty()) {
    const DecodedLayer& last = finding.decoded.back();
    blocks.Add("Decoded", absl::StrCat(last.layer, ": ", last.text));
  }
  if (!finding.normal.empty()) blocks.Add("Normal", finding.normal);
  for (size_t i = 0; i < std::min(finding.next.size(), kMaxSteps); ++i) {
    std::string step = VisibleText(Bounded(finding.next[i], kMaxStepBytes + 1),
                                   Charset::kUtf8);
    if (step.size() > kMaxStepBytes) step = "(too long: see the finding)";
    blocks.Add("Do now", step, kMaxStepBytes);
  }
  for (size_t i = 0; i < std::min(finding.benign_checks.size(), kMaxChecks);
       ++i) {
    blocks.Add("Checked", finding.benign_checks[i]);
  }
  blocks.Add("Seen", SeenLine(finding));
  return blocks.Release();
}

std::string EvidenceLines(const Finding& finding) {
  std::string text;
  const size_t lines =
      std::min(finding.evidence.size(), Alert::kMaxEvidenceLines);
  for (size_t i = 0; i < lines; ++i) {
    const Evidence& event = finding.evidence[i];
    // The URI stands last, as it may be cut.
    absl::StrAppend(
        &text, i == 0 ? "" : "\n",
        Shown(
            absl::StrCat(TimeShown(event.time), " auditID ",
                         Bounded(event.audit_id, kMaxIdBytes), " ", event.code,
                         " ", Bounded(event.verb, kMaxIdBytes), " ", event.uri),
            kMaxLineBytes));
  }
  return text;
}

std::string AuditIds(const Finding& finding) {
  std::vector<std::string> ids;
  for (const Evidence& event : finding.evidence) {
    if (ids.size() == Finding::kMaxEvidence) break;
    ids.push_back(Shown(event.audit_id, kMaxIdBytes));
  }
  return absl::StrJoin(ids, ", ");
}

std::string_view Headline(const Finding& finding) {
  if (!finding.summary.empty()) return finding.summary;
  return finding.title.empty() ? finding.rule : finding.title;
}

// Letters, digits and "-._~" as they are (RFC 3986).
std::string PercentEncoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool is_plain = absl::ascii_isalnum(byte) || c == '-' || c == '.' ||
                    c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      absl::StrAppendFormat(&out, "%%%02X", byte);
    }
  }
  return out;
}

std::string WithoutLastSlash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

void PutRunbook(const Finding& finding, const AlertForm& form,
                AlertTexts& annotations) {
  if (form.runbook_url.empty()) return;
  Put("runbook_url",
      absl::StrCat(form.runbook_url,
                   PercentEncoded(Bounded(finding.rule, kMaxIdBytes))),
      annotations);
}

AlertTexts AnnotationsOf(const Finding& finding, const AlertForm& form) {
  AlertTexts annotations;
  Put("summary", Shown(Headline(finding), kMaxSummaryBytes), annotations);
  Put("description", Description(finding), annotations);
  Put("evidence", EvidenceLines(finding), annotations);
  Put("audit_ids", AuditIds(finding), annotations);
  Put("attack", Shown(absl::StrJoin(finding.attack, ", "), kMaxLineBytes),
      annotations);
  Put("finding_id", finding.id.ToHex(), annotations);
  PutRunbook(finding, form, annotations);
  return annotations;
}

std::string FindingUrl(const Finding& finding, const AlertForm& form) {
  if (form.external_url.empty()) return "";
  return absl::StrCat(WithoutLastSlash(form.external_url),
                      "/api/v1/findings?id=", finding.id.ToHex());
}

bool IsLabelName(std::string_view name) {
  if (name.empty() || name.size() > Alert::kMaxLabelBytes) return false;
  if (absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

bool IsOurs(std::string_view name) {
  return name == kSeverityLabel || name.starts_with("__") ||
         std::find(kOurLabels.begin(), kOurLabels.end(), name) !=
             kOurLabels.end();
}

absl::Status CheckUrl(std::string_view what, std::string_view url) {
  bool is_http = url.starts_with("http://") || url.starts_with("https://");
  bool is_plain = std::all_of(url.begin(), url.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (url.empty() || (is_http && is_plain && url.size() <= kMaxUrlBytes)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      A(what), ": must be a URL that begins with http:// or https://"));
}

}  // namespace

absl::Status CheckAlertForm(const AlertForm& form) {
  for (const auto& [what, url] : {std::pair<std::string_view, std::string_view>{
                                      "external_url", form.external_url},
                                  {"runbook_url", form.runbook_url}}) {
    if (absl::Status status = CheckUrl(what, url); !status.ok()) return status;
  }
  if (form.labels.size() > kMaxFormLabels) {
    return absl::InvalidArgumentError(
        absl::StrCat("labels: at most ", kMaxFormLabels));
  }
  for (size_t i = 0; i < form.labels.size(); ++i) {
    const std::string& name = form.labels[i].name;
    std::string shown = Shown(name, kMaxIdBytes);
    if (!IsLabelName(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "labels: a name is made of letters, digits and _: \"", shown, "\""));
    }
    if (IsOurs(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "labels: oddverb sets this one itself: \"", shown, "\""));
    }
    for (size_t k = 0; k < i; ++k) {
      if (form.labels[k].name != name) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("labels: given twice: \"", shown, "\""));
    }
  }
  return absl::OkStatus();
}

Alert MakeAlert(const Finding& finding, const AlertForm& form) {
  Alert alert;
  alert.labels = LabelsOf(finding, form);
  alert.annotations = AnnotationsOf(finding, form);
  alert.generator_url = FindingUrl(finding, form);
  alert.detector = Shown(finding.detector, Alert::kMaxLabelBytes);
  alert.severity = finding.severity;
  alert.identity = IdentityOf(alert.labels);
  return alert;
}

Alert MakeOverflowAlert(const Finding& last, uint64_t count,
                        const AlertForm& form) {
  Alert alert;
  PutFormLabels(form, alert.labels);
  Put(kSeverityLabel, std::string(AlertSeverityName(last.severity)),
      alert.labels);
  Put("alertname", std::string(kOverflowName), alert.labels);
  PutLabel("cluster", last.cluster, alert.labels);
  PutLabel("detector", last.detector, alert.labels);
  Put("summary",
      absl::StrCat(count, count == 1 ? " finding" : " findings", " of ",
                   Shown(last.detector, kMaxIdBytes),
                   " without an alert of their own: too many alerts of this "
                   "detector fire already"),
      alert.annotations);
  Put("description",
      Shown(absl::StrCat("All findings are in oddverb's other outputs and at "
                         "/api/v1/findings. The newest: ",
                         A(Headline(last))),
            kMaxSummaryBytes),
      alert.annotations);
  Put("finding_id", last.id.ToHex(), alert.annotations);
  alert.generator_url = FindingUrl(last, form);
  alert.detector = Shown(last.detector, Alert::kMaxLabelBytes);
  alert.severity = last.severity;
  // One for each severity: a flood of small ones must not hide a big one.
  alert.identity = absl::StrCat(IdentityOf(alert.labels),
                                A(AlertSeverityName(last.severity)));
  return alert;
}

uint64_t AlertFingerprint(const AlertTexts& labels) {
  uint64_t hash = 14695981039346656037ULL;
  auto add = [&hash](std::string_view bytes) {
    for (char c : bytes) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211ULL;
    }
  };
  for (const AlertText& label : labels) {
    add(label.name);
    add("\xff");
    add(label.value);
    add("\xff");
  }
  return hash;
}

std::string_view TextOf(const AlertTexts& texts, std::string_view name) {
  for (const AlertText& text : texts) {
    if (text.name == name) return text.value;
  }
  return "";
}

void WriteAlertTexts(const AlertTexts& texts, JsonWriter& json) {
  json.BeginObject();
  for (const AlertText& text : texts) json.Key(text.name).String(text.value);
  json.EndObject();
}

}  // namespace oddverb
