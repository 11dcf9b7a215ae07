#include "exporters/finding_ocsf.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/ip_address.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

constexpr std::string_view kSchemaVersion = "1.6.0";
constexpr int64_t kClass = 2004;

// A number of an OCSF enum and its caption.
struct Choice {
  int id = 0;
  std::string_view caption;
};

Choice ActivityOf(FindingState state) {
  constexpr std::array<Choice, 3> kActivities = {
      {{1, "Create"}, {2, "Update"}, {3, "Close"}}};
  return kActivities[static_cast<size_t>(state)];
}

Choice SeverityOf(Severity severity) {
  constexpr std::array<Choice, 5> kSeverities = {{{1, "Informational"},
                                                  {2, "Low"},
                                                  {3, "Medium"},
                                                  {4, "High"},
                                                  {5, "Critical"}}};
  return kSeverities[static_cast<size_t>(severity)];
}

// OCSF names no limits; these are the thirds of the scale.
Choice ConfidenceOf(int percent) {
  if (percent < 34) return {1, "Low"};
  return percent < 67 ? Choice{2, "Medium"} : Choice{3, "High"};
}

// Rules of Sigma and Falco are rules; the detectors learn what is usual.
Choice AnalyticType(const Finding& finding) {
  return finding.source == "builtin" ? Choice{2, "Behavioral"}
                                     : Choice{1, "Rule"};
}

Choice UserType(const Finding& finding) {
  if (finding.entity_kind == "serviceaccount") return {4, "Service"};
  if (finding.entity_kind == "node") return {3, "System"};
  if (finding.entity_kind == "user") return {1, "User"};
  return {0, "Unknown"};
}

class OcsfWriter {
 public:
  explicit OcsfWriter(const Finding& finding) : finding_(finding) {}

  std::string Write() {
    json_.BeginObject();
    WriteClassification();
    Time("time", finding_.time);
    Time("start_time", finding_.first_seen);
    Time("end_time", finding_.last_seen);
    // An integer_t has 32 bits.
    json_.Key("count").Int(std::clamp<int64_t>(
        finding_.count, 0, std::numeric_limits<int32_t>::max()));
    Text("message",
         finding_.summary.empty() ? finding_.title : finding_.summary);
    WriteConfidence();
    Object("metadata", [&] { WriteMetadata(); });
    Object("finding_info", [&] { WriteFindingInfo(); });
    Array("evidences", finding_.evidence,
          [&](const Evidence& event) { WriteEvidence(event); });
    WriteResources();
    WriteAnomalies();
    const std::string next = absl::StrJoin(finding_.next, "\n");
    if (!next.empty()) {
      Object("remediation", [&] { Text("desc", next); });
    }
    Object("unmapped", [&] { WriteUnmapped(); });
    json_.EndObject();
    return json_.Release();
  }

 private:
  template <class Content>
  void Object(std::string_view key, Content content) {
    json_.Key(key);
    Object(content);
  }
  template <class Content>
  void Object(Content content) {
    json_.BeginObject();
    content();
    json_.EndObject();
  }
  // Of objects; nothing for none.
  template <class Items, class Content>
  void Array(std::string_view key, const Items& items, Content content) {
    if (items.empty()) return;
    json_.Key(key).BeginArray();
    for (const auto& item : items) {
      Object([&] { content(item); });
    }
    json_.EndArray();
  }
  void Text(std::string_view key, std::string_view value) {
    AddText(key, value, json_);
  }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    AddTexts(key, values, json_);
  }
  void Time(std::string_view key, absl::Time time) {
    json_.Key(key).Int(UnixNanos(time) / 1'000'000);
  }
  void Choose(std::string_view id_key, std::string_view caption_key,
              Choice choice) {
    json_.Key(id_key).Int(choice.id);
    json_.Key(caption_key).String(choice.caption);
  }

  void WriteClassification() {
    const Choice activity = ActivityOf(finding_.state);
    Choose("activity_id", "activity_name", activity);
    Choose("category_uid", "category_name", {2, "Findings"});
    Choose("class_uid", "class_name", {kClass, "Detection Finding"});
    json_.Key("type_uid").Int(kClass * 100 + activity.id);
    json_.Key("type_name")
        .String(absl::StrCat("Detection Finding: ", A(activity.caption)));
    Choose("severity_id", "severity", SeverityOf(finding_.severity));
    Choose("status_id", "status", {1, "New"});
    json_.Key("is_alert").Bool(finding_.severity != Severity::kInfo);
  }

  void WriteConfidence() {
    const int percent = ConfidencePercent(finding_);
    json_.Key("confidence_score").Int(percent);
    Choose("confidence_id", "confidence", ConfidenceOf(percent));
  }

  void WriteMetadata() {
    Text("version", kSchemaVersion);
    Object("product", [&] {
      Text("name", "oddverb");
      Text("vendor_name", "oddverb");
    });
    Text("uid", finding_.id.ToHex());
    Text("event_code", finding_.rule);
    Text("log_name", "audit.k8s.io/v1");
    Text("log_provider", "kube-apiserver");
  }

  void WriteFindingInfo() {
    Text("uid", finding_.id.ToHex());
    Text("title", finding_.title.empty() ? finding_.rule : finding_.title);
    Text("desc", finding_.summary);
    Time("created_time", finding_.time);
    Time("first_seen_time", finding_.first_seen);
    Time("last_seen_time", finding_.last_seen);
    Object("analytic", [&] {
      const std::string_view rule =
          finding_.rule.empty() ? "oddverb" : std::string_view(finding_.rule);
      Text("uid", rule);
      Text("name", rule);
      Text("category", finding_.detector);
      Choose("type_id", "type", AnalyticType(finding_));
      Text("version", std::to_string(finding_.rule_version));
    });
    WriteAttacks();
    Texts("data_sources", {"Kubernetes audit log"});
  }

  void WriteAttacks() {
    std::vector<std::string_view> techniques;
    for (const std::string& id : finding_.attack) {
      if (IsAttackTechnique(id)) techniques.push_back(id);
    }
    Array("attacks", techniques, [&](std::string_view id) {
      const std::string_view technique = id.substr(0, id.find('.'));
      Object("technique", [&] { Text("uid", technique); });
      if (id.size() > technique.size()) {
        Object("sub_technique", [&] { Text("uid", id); });
      }
    });
  }

  void WriteEvidence(const Evidence& event) {
    Object("api", [&] {
      Text("operation", event.verb.empty() ? "unknown" : event.verb);
      if (!event.audit_id.empty()) {
        Object("request", [&] { Text("uid", event.audit_id); });
      }
      if (event.code != 0) {
        Object("response", [&] { json_.Key("code").Int(event.code); });
      }
    });
    WriteActor();
    if (!finding_.where.source_ip.empty()) {
      Object("src_endpoint", [&] {
        auto ip = IpAddress::Parse(finding_.where.source_ip);
        Text(ip ? "ip" : "name",
             ip ? ip->ToString() : finding_.where.source_ip);
      });
    }
    WriteRequest(event);
  }

  void WriteActor() {
    const std::string& name =
        finding_.who.user.empty() ? finding_.entity : finding_.who.user;
    if (name.empty()) return;
    Object("actor", [&] {
      Object("user", [&] {
        Text("name", name);
        Choose("type_id", "type", UserType(finding_));
        std::vector<std::string_view> groups;
        for (const std::string& group : finding_.who.groups) {
          if (!group.empty()) groups.push_back(group);
        }
        Array("groups", groups,
              [&](std::string_view group) { Text("name", group); });
      });
      if (!finding_.who.credential_id.empty()) {
        Object("session",
               [&] { Text("credential_uid", finding_.who.credential_id); });
      }
    });
  }

  void WriteRequest(const Evidence& event) {
    const std::string_view uri = event.uri;
    if (uri.empty() && finding_.where.user_agent.empty()) return;
    Object("http_request", [&] {
      Text("user_agent", finding_.where.user_agent);
      const size_t mark = uri.find('?');
      const std::string_view path = uri.substr(0, mark);
      if (!path.empty()) {
        Object("url", [&] {
          Text("path", path);
          if (mark != uri.npos) Text("query_string", uri.substr(mark + 1));
        });
      }
    });
  }

  // The objects that were asked for; the kinds where none has a name.
  void WriteResources() {
    const bool named = !finding_.what.names.empty();
    const std::vector<std::string>& targets =
        named ? finding_.what.names : finding_.what.resources;
    std::vector<std::string_view> names;
    for (const std::string& name : targets) {
      if (!name.empty()) names.push_back(name);
    }
    Array("resources", names, [&](std::string_view name) {
      Text("name", name);
      Text("type", named ? OnlyOne(finding_.what.resources) : name);
      Text("namespace", OnlyOne(finding_.what.namespaces));
    });
  }

  void WriteAnomalies() {
    std::vector<const FindingReason*> reasons;
    for (const FindingReason& reason : finding_.why) {
      if (!reason.feature.empty()) reasons.push_back(&reason);
    }
    if (reasons.empty()) return;
    auto observed = [&](std::string_view parameter, std::string_view value) {
      Text("observation_parameter", parameter);
      json_.Key("observations").BeginArray();
      Object([&] { json_.Key("value").String(value); });
      json_.EndArray();
    };
    json_.Key("anomaly_analyses").BeginArray().BeginObject();
    json_.Key("analysis_targets").BeginArray();
    Object([&] {
      Text("name", finding_.entity.empty() ? "unknown" : finding_.entity);
      Text("type", finding_.entity_kind);
    });
    json_.EndArray();
    Array("anomalies", reasons, [&](const FindingReason* reason) {
      observed(reason->feature, reason->value);
    });
    if (!finding_.normal.empty()) {
      json_.Key("baselines").BeginArray();
      Object([&] { observed("usual behaviour", finding_.normal); });
      json_.EndArray();
    }
    json_.EndObject().EndArray();
  }

  void WriteUnmapped() {
    Text("cluster", finding_.cluster);
    Text("entity", finding_.entity);
    Text("entity_kind", finding_.entity_kind);
    Text("impersonated", finding_.who.impersonated);
    Text("pod", finding_.who.pod);
    Text("node", finding_.who.node);
    Texts("claimed_ips", finding_.where.claimed_ips);
    Texts("verbs", finding_.what.verbs);
    Texts("resources", finding_.what.resources);
    Texts("namespaces", finding_.what.namespaces);
    Texts("benign_checks", finding_.benign_checks);
    json_.Key("score").Raw(DecimalText(DecimalUnits(finding_.score)));
    json_.Key("threshold").Raw(DecimalText(DecimalUnits(finding_.threshold)));
    json_.Key("warming").Bool(finding_.warming);
  }

  const Finding& finding_;
  JsonWriter json_;
};

}  // namespace

void AppendFindingOcsf(const Finding& finding, std::string& out) {
  out += OcsfWriter(finding).Write();
}

}  // namespace oddverb
