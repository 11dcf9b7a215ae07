#include "exporters/finding_ecs.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/json_writer.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

constexpr std::string_view kEcsVersion = "9.4.0";

class EcsWriter {
 public:
  explicit EcsWriter(const Finding& finding) : finding_(finding) {}

  std::string Write() {
    json_.BeginObject();
    json_.Key("@timestamp").String(TimeText(finding_.time));
    Object("ecs", [&] { Text("version", kEcsVersion); });
    Text("message",
         finding_.summary.empty() ? finding_.title : finding_.summary);
    Object("event", [&] { WriteEvent(); });
    Object("rule", [&] { WriteRule(); });
    WriteThreat();
    WriteSubject();
    WriteRelated();
    Object("orchestrator", [&] { WriteOrchestrator(); });
    Object("observer", [&] {
      Text("vendor", "oddverb");
      Text("product", "oddverb");
      Text("type", "ids");
    });
    Object("oddverb", [&] { WriteOwn(); });
    json_.EndObject();
    return json_.Release();
  }

 private:
  template <class Content>
  void Object(std::string_view key, Content content) {
    json_.Key(key).BeginObject();
    content();
    json_.EndObject();
  }
  void Text(std::string_view key, std::string_view value) {
    AddText(key, value, json_);
  }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    AddTexts(key, values, json_);
  }
  // {"name": value}, unless the value is empty.
  void Named(std::string_view key, std::string_view name,
             std::string_view value) {
    if (value.empty()) return;
    Object(key, [&] { Text(name, value); });
  }

  void WriteEvent() {
    Text("kind", "alert");
    json_.Key("category").BeginArray().String("intrusion_detection").EndArray();
    json_.Key("type").BeginArray().String("info").EndArray();
    Text("id", finding_.id.ToHex());
    Text("code", finding_.rule);
    Text("action", OnlyOne(finding_.what.verbs));
    Text("module", "oddverb");
    Text("dataset", "oddverb.finding");
    Text("provider", finding_.detector);
    Text("reason", WhyText(finding_));
    json_.Key("severity").Int(EcsSeverity(finding_.severity));
    Text("start", TimeText(finding_.first_seen));
    Text("end", TimeText(finding_.last_seen));
  }

  void WriteRule() {
    Text("id", finding_.rule);
    Text("name", finding_.rule);
    Text("ruleset", finding_.source);
    Text("category", finding_.detector);
    Text("version", std::to_string(finding_.rule_version));
  }

  void WriteThreat() {
    std::vector<std::string> techniques, parts;
    for (const std::string& id : finding_.attack) {
      if (!IsAttackTechnique(id)) continue;
      std::string technique = id.substr(0, id.find('.'));
      if (id.size() > technique.size()) parts.push_back(id);
      if (std::find(techniques.begin(), techniques.end(), technique) ==
          techniques.end()) {
        techniques.push_back(std::move(technique));
      }
    }
    if (techniques.empty()) return;
    Object("threat", [&] {
      Text("framework", "MITRE ATT&CK");
      Object("technique", [&] {
        Texts("id", techniques);
        if (!parts.empty()) {
          Object("subtechnique", [&] { Texts("id", parts); });
        }
      });
    });
  }

  void WriteSubject() {
    if (!finding_.who.user.empty() || !finding_.who.impersonated.empty()) {
      Object("user", [&] {
        Text("name", finding_.who.user);
        Named("effective", "name", finding_.who.impersonated);
      });
    }
    if (!finding_.where.source_ip.empty()) {
      Object("source", [&] {
        Text("address", finding_.where.source_ip);
        // The type "ip" refuses a document with anything else.
        if (auto ip = IpAddress::Parse(finding_.where.source_ip)) {
          Text("ip", ip->ToString());
        }
      });
    }
    Named("user_agent", "original", finding_.where.user_agent);
  }

  void WriteRelated() {
    std::vector<std::string> users, addresses;
    for (const std::string* user :
         {&finding_.who.user, &finding_.who.impersonated}) {
      if (!user->empty()) users.push_back(*user);
    }
    auto add_address = [&](const std::string& text) {
      if (auto ip = IpAddress::Parse(text)) addresses.push_back(ip->ToString());
    };
    add_address(finding_.where.source_ip);
    for (const std::string& ip : finding_.where.claimed_ips) add_address(ip);
    if (users.empty() && addresses.empty()) return;
    Object("related", [&] {
      Texts("user", users);
      Texts("ip", addresses);
    });
  }

  void WriteOrchestrator() {
    Text("type", "kubernetes");
    Named("cluster", "name", finding_.cluster);
    Text("namespace", OnlyOne(finding_.what.namespaces));
    const std::string_view type = OnlyOne(finding_.what.resources);
    const std::string_view name = OnlyOne(finding_.what.names);
    if (type.empty() && name.empty()) return;
    Object("resource", [&] {
      Text("type", type);
      Text("name", name);
    });
  }

  void WriteOwn() {
    Text("state", FindingStateName(finding_.state));
    json_.Key("confidence").Int(ConfidencePercent(finding_));
    json_.Key("score").Raw(DecimalText(DecimalUnits(finding_.score)));
    json_.Key("threshold").Raw(DecimalText(DecimalUnits(finding_.threshold)));
    json_.Key("count").Int(finding_.count);
    json_.Key("warming").Bool(finding_.warming);
    Text("title", finding_.title);
    Text("entity", finding_.entity);
    Text("entity_kind", finding_.entity_kind);
    Texts("groups", finding_.who.groups);
    Text("credential_id", finding_.who.credential_id);
    Text("pod", finding_.who.pod);
    Text("node", finding_.who.node);
    Texts("verbs", finding_.what.verbs);
    Texts("resources", finding_.what.resources);
    Texts("namespaces", finding_.what.namespaces);
    Texts("names", finding_.what.names);
    Text("normal", finding_.normal);
    Texts("next", finding_.next);
    Texts("benign_checks", finding_.benign_checks);
    std::vector<std::string> audit_ids, uris;
    for (const Evidence& event : finding_.evidence) {
      if (!event.audit_id.empty()) audit_ids.push_back(event.audit_id);
      if (!event.uri.empty()) uris.push_back(event.uri);
    }
    Texts("audit_ids", audit_ids);
    Texts("uris", uris);
  }

  const Finding& finding_;
  JsonWriter json_;
};

}  // namespace

int EcsSeverity(Severity severity) {
  constexpr std::array<int, 5> kNumbers = {1, 21, 47, 73, 99};
  return kNumbers[static_cast<size_t>(severity)];
}

void AppendFindingEcs(const Finding& finding, std::string& out) {
  out += EcsWriter(finding).Write();
}

}  // namespace oddverb
