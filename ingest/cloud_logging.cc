#include "ingest/cloud_logging.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "base/ip_address.h"
#include "base/json_writer.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

// The members that are read, in one pass over each object: the payload holds
// the request's and the response's bodies.
struct Entry {
  RawJson payload, labels, operation, timestamp;
  RawJson service, method, resource, caller, request_metadata, status, request,
      response;
};

Entry MembersOf(RawJson text) {
  Entry entry;
  JsonMembers members(text);
  for (JsonMember member; members.Next(member);) {
    if (member.KeyIs("protoPayload")) entry.payload = member.value;
    if (member.KeyIs("labels")) entry.labels = member.value;
    if (member.KeyIs("operation")) entry.operation = member.value;
    if (member.KeyIs("timestamp")) entry.timestamp = member.value;
  }
  JsonMembers of_payload(entry.payload);
  for (JsonMember member; of_payload.Next(member);) {
    if (member.KeyIs("serviceName")) entry.service = member.value;
    if (member.KeyIs("methodName")) entry.method = member.value;
    if (member.KeyIs("resourceName")) entry.resource = member.value;
    if (member.KeyIs("authenticationInfo")) entry.caller = member.value;
    if (member.KeyIs("requestMetadata")) entry.request_metadata = member.value;
    if (member.KeyIs("status")) entry.status = member.value;
    if (member.KeyIs("request")) entry.request = member.value;
    if (member.KeyIs("response")) entry.response = member.value;
  }
  return entry;
}

std::string TextOf(RawJson value) {
  std::string scratch;
  return std::string(StringOf(value, scratch).value_or(""));
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(separator)) != text.npos;) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

// "v1", "v2beta1".
bool IsApiVersion(std::string_view text) {
  return text.size() > 1 && text[0] == 'v' &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[1]));
}

// The names at the end of "io.k8s.core.v1.pods.exec.create", behind the
// version: resource, maybe subresource, verb.
struct Method {
  std::string_view resource, subresource, verb;
};

std::optional<Method> MethodOf(std::string_view name) {
  std::vector<std::string_view> parts = Split(name, '.');
  auto version = std::find_if(parts.begin(), parts.end(), IsApiVersion);
  if (parts.end() - version < 3) return std::nullopt;
  return Method{.resource = version[1],
                .subresource =
                    parts.end() - version > 3 ? version[2] : std::string_view(),
                .verb = parts.back()};
}

// GROUP/VERSION/[namespaces/NAMESPACE/]RESOURCE[/NAME[/SUBRESOURCE...]]
void WriteObject(std::string_view path, const Method& method,
                 JsonWriter& json) {
  std::vector<std::string_view> parts = Split(path, '/');
  if (parts.size() < 3) return;
  bool is_namespace = method.resource == "namespaces";
  bool in_namespace =
      parts[2] == "namespaces" && parts.size() > 4 && !is_namespace;
  size_t name = in_namespace ? 5 : 3;
  json.Key("objectRef").BeginObject();
  json.Key("resource").String(method.resource);
  // As the API server says it, a namespace lies in itself.
  if (in_namespace || (is_namespace && parts.size() > 3)) {
    json.Key("namespace").String(parts[3]);
  }
  if (parts.size() > name) json.Key("name").String(parts[name]);
  if (parts[0] != "core") json.Key("apiGroup").String(parts[0]);
  json.Key("apiVersion").String(parts[1]);
  if (!method.subresource.empty()) {
    json.Key("subresource").String(method.subresource);
  }
  json.EndObject();
}

// The HTTP status that a google.rpc.Code stands for; 0 where several do.
int64_t HttpCodeOf(std::optional<int64_t> rpc_code) {
  constexpr int64_t kNotFound = 5;
  constexpr int64_t kPermissionDenied = 7;
  constexpr int64_t kUnauthenticated = 16;
  switch (rpc_code.value_or(0)) {
    case kNotFound:
      return 404;
    case kPermissionDenied:
      return 403;
    case kUnauthenticated:
      return 401;
    default:
      return 0;
  }
}

// What the API server answered, if the answer is there; else what its gRPC
// code tells. Success says nothing but that it was one: no code then.
void WriteStatus(const Entry& entry, JsonWriter& json) {
  RawJson answer = entry.response;
  bool is_status =
      TextOf(FindMember(answer, "@type")) == "core.k8s.io/v1.Status";
  int64_t code = is_status ? IntOf(FindMember(answer, "code")).value_or(0) : 0;
  if (code == 0) {
    code = HttpCodeOf(IntOf(FindMember(entry.status, "code")));
    is_status = false;
  }
  RawJson message =
      FindMember(is_status ? entry.response : entry.status, "message");
  RawJson reason = is_status ? FindMember(answer, "reason") : RawJson{};
  if (code == 0 && TypeOf(message) != JsonType::kString) return;
  json.Key("responseStatus").BeginObject();
  if (code != 0) json.Key("code").Int(code);
  if (TypeOf(reason) == JsonType::kString) json.Key("reason").Raw(reason.text);
  if (TypeOf(message) == JsonType::kString) {
    json.Key("message").Raw(message.text);
  }
  json.EndObject();
}

void WriteIf(JsonType type, std::string_view key, RawJson value,
             JsonWriter& json) {
  if (TypeOf(value) == type) json.Key(key).Raw(value.text);
}

std::string EventOf(const Entry& entry, const Method& method) {
  JsonWriter json;
  json.BeginObject();
  json.Key("kind").String("Event");
  json.Key("apiVersion").String("audit.k8s.io/v1");
  WriteIf(JsonType::kString, "auditID", FindMember(entry.operation, "id"),
          json);
  json.Key("verb").String(method.verb);
  json.Key("user").BeginObject();
  WriteIf(JsonType::kString, "username",
          FindMember(entry.caller, "principalEmail"), json);
  json.EndObject();
  // Google puts words ("private") where it hides an address.
  std::string address = TextOf(FindMember(entry.request_metadata, "callerIp"));
  if (IpAddress::Parse(address).has_value()) {
    json.Key("sourceIPs").BeginArray().String(address).EndArray();
  }
  WriteIf(JsonType::kString, "userAgent",
          FindMember(entry.request_metadata, "callerSuppliedUserAgent"), json);
  WriteObject(TextOf(entry.resource), method, json);
  WriteStatus(entry, json);
  WriteIf(JsonType::kObject, "requestObject", entry.request, json);
  WriteIf(JsonType::kObject, "responseObject", entry.response, json);
  WriteIf(JsonType::kString, "stageTimestamp", entry.timestamp, json);
  WriteIf(JsonType::kObject, "annotations", entry.labels, json);
  json.EndObject();
  return json.Release();
}

}  // namespace

CloudAuditEntry ReadCloudAuditEntry(RawJson text) {
  CloudAuditEntry result;
  Entry entry = MembersOf(text);
  if (!entry.payload.present()) return result;
  if (TypeOf(entry.payload) != JsonType::kObject) {
    return {.kind = CloudAuditEntry::Kind::kBroken,
            .event = {},
            .problem = "protoPayload is no object"};
  }
  std::string name = TextOf(entry.method);
  bool of_kubernetes =
      TextOf(entry.service) == "k8s.io" ||
      (!entry.service.present() && name.starts_with("io.k8s."));
  if (!of_kubernetes) return result;
  std::optional<Method> method = MethodOf(name);
  if (!method.has_value()) {
    return {.kind = CloudAuditEntry::Kind::kBroken,
            .event = {},
            .problem = "methodName tells no resource and verb"};
  }
  return {.kind = CloudAuditEntry::Kind::kEvent,
          .event = EventOf(entry, *method),
          .problem = {}};
}

}  // namespace oddverb
