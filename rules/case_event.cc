#include "rules/case_event.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "rules/canonical_number.h"
#include "rules/event_fields.h"

namespace oddverb {
namespace {

struct ShortName {
  std::string_view name;
  std::string_view path;
};
// Those of rules (short_names.cc) that name one place.
constexpr ShortName kShortNames[] = {
    {"apiGroup", "objectRef.apiGroup"},
    {"decision", "annotations.authorization.k8s.io/decision"},
    {"name", "objectRef.name"},
    {"namespace", "objectRef.namespace"},
    {"resource", "objectRef.resource"},
    {"subresource", "objectRef.subresource"},
    {"username", "user.username"},
};
// What lies below has names with dots of its own.
constexpr std::string_view kMaps[] = {"annotations", "user.extra",
                                      "impersonatedUser.extra"};

std::string_view PathOf(std::string_view key) {
  for (const ShortName& name : kShortNames) {
    if (name.name == key) return name.path;
  }
  return key;
}

std::vector<std::string> Parts(std::string_view path) {
  for (std::string_view map : kMaps) {
    if (!path.starts_with(map) || path.size() <= map.size() + 1 ||
        path[map.size()] != '.') {
      continue;
    }
    std::vector<std::string> parts = absl::StrSplit(A(map), '.');
    parts.emplace_back(path.substr(map.size() + 1));
    return parts;
  }
  return absl::StrSplit(A(path), '.');
}

std::vector<std::string> SettableNames() {
  std::vector<std::string> names = {"requestObject", "responseObject",
                                    "annotations", "stageTimestamp"};
  for (const EventField& field : EventFields()) names.emplace_back(field.name);
  for (const ShortName& name : kShortNames) names.emplace_back(name.name);
  for (std::string_view own : {"at", "base", "every", "json", "repeat"}) {
    names.emplace_back(own);
  }
  return names;
}

bool IsQuoted(const RuleText& text, const YamlNode& node) {
  YamlNode::Location at = node.location();
  std::string_view line = text.Line(at.line);
  if (at.column == 0 || at.column > line.size()) return false;
  char first = line[at.column - 1];
  return first == '"' || first == '\'' || first == '|' || first == '>';
}

CaseValue Plain(std::string_view json) {
  return {.kind = CaseValue::Kind::kScalar, .scalar = std::string(json)};
}

std::string TextOf(const CaseValue& event, std::string_view object,
                   std::string_view key) {
  const CaseValue* parent = event.Find(object);
  const CaseValue* value = parent == nullptr ? nullptr : parent->Find(key);
  if (value == nullptr || value->kind != CaseValue::Kind::kScalar) return "";
  std::string_view text = value->scalar;
  if (text.size() < 2 || text.front() != '"') return std::string(text);
  return std::string(text.substr(1, text.size() - 2));
}

std::string UriOf(const CaseValue& event) {
  auto part = [&event](std::string_view key) {
    return TextOf(event, "objectRef", key);
  };
  std::string group = part("apiGroup");
  std::string uri = group.empty() ? "/api/v1" : "/apis/" + group + "/v1";
  std::string ns = part("namespace");
  if (!ns.empty() && part("resource") != "namespaces") {
    uri += "/namespaces/" + ns;
  }
  for (std::string_view key : {"resource", "name", "subresource"}) {
    if (std::string text = part(key); !text.empty()) uri += "/" + text;
  }
  return uri;
}

void WriteJson(const CaseValue& value, JsonWriter& out) {
  switch (value.kind) {
    case CaseValue::Kind::kScalar:
      out.Raw(value.scalar);
      return;
    case CaseValue::Kind::kArray:
      out.BeginArray();
      for (const CaseValue& item : value.items) WriteJson(item, out);
      out.EndArray();
      return;
    case CaseValue::Kind::kObject:
      out.BeginObject();
      for (const auto& [key, member] : value.members) {
        out.Key(key);
        WriteJson(member, out);
      }
      out.EndObject();
      return;
  }
}

}  // namespace

CaseValue CaseValue::Text(std::string_view text) {
  std::string json = "\"";
  AppendJsonEscaped(text, json);
  return Plain(json + "\"");
}

const CaseValue* CaseValue::Find(std::string_view key) const {
  auto it = std::find_if(members.begin(), members.end(),
                         [key](const auto& m) { return m.first == key; });
  return it == members.end() ? nullptr : &it->second;
}

CaseValue* CaseValue::Find(std::string_view key) {
  return const_cast<CaseValue*>(std::as_const(*this).Find(key));
}

CaseValue& CaseValue::At(std::string_view key) {
  if (kind != Kind::kObject) *this = CaseValue{};
  if (CaseValue* found = Find(key)) return *found;
  return members.emplace_back(std::string(key), CaseValue{}).second;
}

void CaseValue::Erase(std::string_view key) {
  std::erase_if(members, [key](const auto& m) { return m.first == key; });
}

void CaseValue::Add(CaseValue other) {
  if (kind != Kind::kObject || other.kind != Kind::kObject) {
    *this = std::move(other);
    return;
  }
  for (auto& [key, value] : other.members) At(key).Add(std::move(value));
}

std::string CaseValue::ToJson() const {
  JsonWriter out;
  WriteJson(*this, out);
  return out.Release();
}

CaseValue ReadCaseValue(const RuleText& text, const YamlNode& node) {
  CaseValue value;
  switch (node.kind()) {
    case YamlNode::Kind::kMapping:
      for (const std::string& key : node.Keys()) {
        value.members.emplace_back(key, ReadCaseValue(text, node.Get(key)));
      }
      return value;
    case YamlNode::Kind::kSequence:
      value.kind = CaseValue::Kind::kArray;
      for (const YamlNode& item : node.Items()) {
        value.items.push_back(ReadCaseValue(text, item));
      }
      return value;
    case YamlNode::Kind::kAbsent:
    case YamlNode::Kind::kNull:
      return Plain("null");
    case YamlNode::Kind::kScalar:
      break;
  }
  std::string_view scalar = node.text();
  bool is_plain = scalar == "true" || scalar == "false" ||
                  CanonicalNumber(scalar) == std::string(scalar);
  if (is_plain && !IsQuoted(text, node)) return Plain(scalar);
  return CaseValue::Text(scalar);
}

CaseValue DefaultCaseEvent() {
  CaseValue event;
  event.At("kind") = CaseValue::Text("Event");
  event.At("apiVersion") = CaseValue::Text("audit.k8s.io/v1");
  event.At("level") = CaseValue::Text("RequestResponse");
  event.At("stage") = CaseValue::Text("ResponseComplete");
  event.At("verb") = CaseValue::Text("get");
  CaseValue& user = event.At("user");
  user.At("username") = CaseValue::Text("alice@example.com");
  user.At("groups") = {.kind = CaseValue::Kind::kArray,
                       .scalar = "",
                       .items = {CaseValue::Text("system:authenticated")}};
  event.At("sourceIPs") = {.kind = CaseValue::Kind::kArray,
                           .scalar = "",
                           .items = {CaseValue::Text("10.0.0.10")}};
  event.At("userAgent") =
      CaseValue::Text("kubectl/v1.36.1 (linux/amd64) kubernetes/0000000");
  event.At("responseStatus").At("code") = Plain("200");
  event.At("annotations").At("authorization.k8s.io/decision") =
      CaseValue::Text("allow");
  return event;
}

void SetCaseField(const RuleText& text, std::string_view key,
                  const YamlNode& value, SigmaReporter& reporter,
                  CaseValue& event) {
  std::string_view path = PathOf(key);
  if (!IsAuditField(path)) {
    reporter.ErrorAtKey(
        value, absl::StrCat("audit events have no field ", QuotedName(key),
                            NearestHint(key, SettableNames())));
    return;
  }
  std::vector<std::string> parts = Parts(path);
  CaseValue* parent = &event;
  for (size_t i = 0; i + 1 < parts.size(); ++i) parent = &parent->At(parts[i]);
  if (value.kind() == YamlNode::Kind::kNull) {
    parent->Erase(parts.back());
  } else {
    parent->At(parts.back()).Add(ReadCaseValue(text, value));
  }
}

void CompleteCaseEvent(uint64_t number, absl::Time time, CaseValue& event) {
  auto set = [&event](std::string_view key, std::string_view text) {
    if (event.Find(key) == nullptr) event.At(key) = CaseValue::Text(text);
  };
  std::string stamp =
      absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone());
  set("auditID", absl::StrFormat("00000000-0000-4000-8000-%012d", number));
  set("requestURI", UriOf(event));
  set("requestReceivedTimestamp", stamp);
  set("stageTimestamp", stamp);
}

}  // namespace oddverb
