// Long because: one walk, whose steps share its budgets.
#include "detectors/metadata_body.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/metadata_resources.h"
#include "model/identity.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

bool IsWrite(string_view verb) {
  return verb == "create" || verb == "update" || verb == "patch" ||
         verb == "apply";
}

// Copies what others wrote: pods from templates, slices from Endpoints. The
// author is told of at the original.
bool IsCopier(const AuditEvent& event) {
  constexpr string_view kPrefix = "system:serviceaccount:kube-system:";
  string_view name = event.user.name;
  if (name.starts_with(kPrefix)) return name.ends_with("-controller");
  return ClassifyIdentity(event) == IdentityClass::kControlPlane;
}

// Official settings of the clouds' libraries: agents have them.
bool IsOfficialVariable(string_view name, string_view value) {
  bool official = name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" ||
                  name == "AWS_EC2_METADATA_SERVICE_ENDPOINT" ||
                  name == "GCE_METADATA_HOST" || name == "GCE_METADATA_IP" ||
                  name == "GCE_METADATA_ROOT";
  return official && (value.find("169.254.") != value.npos ||
                      value.find("metadata.google.internal") != value.npos ||
                      value.find("[fd00:ec2::") != value.npos);
}

bool IsNoProxy(string_view name) {
  return absl::AsciiStrToLower(A(name)) == "no_proxy";
}

class Reader {
 public:
  Reader(const AuditEvent& event, const ResourceRow& row)
      : event_(event), row_(row) {}

  MetadataBody Read() {
    RawJson root = event_.request_object;
    if (row_.kind == ResourceKind::kEvent) {
      ReadEvent(root);
    } else if (TypeOf(root) == JsonType::kArray) {
      ReadJsonPatch(root);
    } else {
      name_ = NameIn(root);
      ReadObject(root, 0);
    }
    return std::move(body_);
  }

 private:
  static std::string TextOf(RawJson value) {
    std::string scratch;
    return std::string(StringOf(value, scratch).value_or(string_view()));
  }

  static std::string NameIn(RawJson root) {
    RawJson metadata = FindMember(root, "metadata");
    std::string name = TextOf(FindMember(metadata, "name"));
    return name.empty() ? TextOf(FindMember(metadata, "generateName")) : name;
  }

  bool TakeNode(int depth) {
    if (depth < MetadataBody::kMaxDepth && nodes_ < MetadataBody::kMaxNodes) {
      ++nodes_;
      return true;
    }
    body_.exhausted = true;
    return false;
  }

  // [{"op": "add", "path": "/spec/containers/0/command", "value": [...]}]
  void ReadJsonPatch(RawJson root) {
    JsonElements operations(root);
    for (RawJson operation; operations.Next(operation);) {
      if (!TakeNode(0)) return;
      if (TextOf(FindMember(operation, "op")) == "remove") continue;
      std::string path = TextOf(FindMember(operation, "path"));
      RawJson value = FindMember(operation, "value");
      // The last name in the path says what the value is; a number or '-' in
      // its place is an element of a list, whose name comes before.
      bool element = false;
      string_view rest = path;
      string_view key;
      while (!rest.empty()) {
        size_t slash = rest.rfind('/');
        key = rest.substr(slash == rest.npos ? 0 : slash + 1);
        rest = rest.substr(0, slash == rest.npos ? 0 : slash);
        bool index =
            key == "-" ||
            (!key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
              return c >= '0' && c <= '9';
            }));
        if (!index) break;
        element = true;
      }
      if (key.empty()) {
        ReadObject(value, 0);
      } else if (element) {
        ReadElement(key, value, 0);
      } else {
        ReadMember(UnescapePointer(key), value, 0);
      }
      if (rest.ends_with("/data")) ReadLeaf("data", value);
      if (rest.ends_with("/annotations")) ReadLeaf("annotations", value);
      if (rest.ends_with("/parameters")) ReadLeaf("parameters", value);
    }
  }

  static std::string UnescapePointer(string_view key) {
    std::string text;
    for (size_t i = 0; i < key.size(); ++i) {
      bool escaped = key[i] == '~' && i + 1 < key.size();
      if (escaped && key[i + 1] == '1') {
        text += '/';
        ++i;
      } else if (escaped && key[i + 1] == '0') {
        text += '~';
        ++i;
      } else {
        text += key[i];
      }
    }
    return text;
  }

  void ReadObject(RawJson value, int depth) {
    if (!TakeNode(depth)) return;
    if (TypeOf(value) == JsonType::kArray) {
      JsonElements elements(value);
      for (RawJson element; elements.Next(element);) {
        ReadObject(element, depth + 1);
      }
      return;
    }
    JsonMembers members(value);
    std::string scratch;
    for (JsonMember member; members.Next(member);) {
      ReadMember(std::string(member.Key(scratch)), member.value, depth + 1);
    }
  }

  // One element that is added to the list `key`.
  void ReadElement(string_view key, RawJson value, int depth) {
    if (key == "env") {
      ReadVariable(value);
    } else if (TypeOf(value) == JsonType::kString) {
      ReadLeaf(key, value);
    } else {
      ReadObject(value, depth);
    }
  }

  void ReadMember(const std::string& key, RawJson value, int depth) {
    switch (row_.kind) {
      case ResourceKind::kWebhook:
        // Of a CRD: deep, and nobody calls what it says.
        if (key == "openAPIV3Schema") return;
        break;
      case ResourceKind::kWorkload:
        ReadWorkload(key, value, depth);
        return;
      case ResourceKind::kIngress:
      case ResourceKind::kStorage:
      case ResourceKind::kConfig:
        if (key == "annotations" || key == "parameters" || key == "data" ||
            (row_.kind == ResourceKind::kStorage && key == "spec")) {
          ReadLeaves(key, value, depth);
          return;
        }
        break;
      default:
        break;
    }
    ReadOther(key, value, depth);
  }

  void ReadOther(const std::string& key, RawJson value, int depth) {
    switch (TypeOf(value)) {
      case JsonType::kString:
        ReadLeaf(key, value);
        return;
      case JsonType::kArray: {
        JsonElements elements(value);
        for (RawJson element; elements.Next(element);) {
          if (!TakeNode(depth)) return;
          ReadElement(key, element, depth + 1);
        }
        return;
      }
      case JsonType::kObject:
        ReadObject(value, depth);
        return;
      default:
        return;
    }
  }

  void ReadWorkload(const std::string& key, RawJson value, int depth) {
    if (key == "command" || key == "args") {
      ReadCommand(value);
    } else if (key == "env") {
      JsonElements variables(value);
      for (RawJson variable; variables.Next(variable);) {
        if (!TakeNode(depth)) return;
        ReadVariable(variable);
      }
    } else if (key == "httpGet" || key == "tcpSocket") {
      ReadProbe(value);
    } else if (key == "nameservers" || key == "annotations" ||
               key == "labels") {
      // DNS servers live at metadata addresses too (Google Cloud).
    } else {
      ReadOther(key, value, depth);
    }
  }

  void ReadCommand(RawJson value) {
    ShellLine line;
    ShellWords arguments;
    JsonElements words(value);
    for (RawJson word; words.Next(word);) {
      if (!TakeNode(0)) break;
      arguments.push_back(TextOf(word));
      line.Add(arguments.back());
    }
    bool debug = event_.object.subresource == "ephemeralcontainers";
    Add({.id = SurfaceId::kWorkload,
         .text = line.text(),
         .text_kind = CommandTextKind::kCommand,
         .arguments = std::move(arguments),
         .weight = debug ? 3 : 2.5,
         .place = debug ? "command of a debug container"
                        : "command of a container"});
  }

  void ReadVariable(RawJson variable) {
    std::string name = TextOf(FindMember(variable, "name"));
    std::string value = TextOf(FindMember(variable, "value"));
    if (IsNoProxy(name) || IsOfficialVariable(name, value)) return;
    Add({.id = SurfaceId::kWorkload,
         .text = std::move(value),
         .weight = 1.5,
         .place = "environment of a container"});
  }

  // The kubelet calls it, from the node's own network.
  void ReadProbe(RawJson probe) {
    MetadataSurface surface{.id = SurfaceId::kWorkload,
                            .host = TextOf(FindMember(probe, "host")),
                            .text = TextOf(FindMember(probe, "path")),
                            .weight = 4,
                            .place = "probe or lifecycle hook"};
    if (surface.host.empty()) return;  // the pod's own address
    JsonElements headers(FindMember(probe, "httpHeaders"));
    for (RawJson header; headers.Next(header);) {
      if (!TakeNode(0)) break;
      absl::StrAppend(&surface.text, " '", TextOf(FindMember(header, "name")),
                      ": ", TextOf(FindMember(header, "value")), "'");
    }
    Add(std::move(surface));
  }

  // core/v1 or events.k8s.io/v1. What a kubelet says of its probes and hooks
  // is the outcome of an attack; what programs say of their own failures is
  // that they lack credentials.
  void ReadEvent(RawJson event) {
    constexpr std::array<string_view, 5> kOutcomes = {
        "FailedPostStartHook", "FailedPreStopHook", "ProbeError",
        "ProbeWarning", "Unhealthy"};
    const std::string reason = TextOf(FindMember(event, "reason"));
    if (std::find(kOutcomes.begin(), kOutcomes.end(), reason) ==
        kOutcomes.end()) {
      return;
    }
    std::string text = TextOf(FindMember(event, "message"));
    if (text.empty()) text = TextOf(FindMember(event, "note"));
    RawJson about = FindMember(event, "involvedObject");
    if (!about.present()) about = FindMember(event, "regarding");
    Add({.id = SurfaceId::kEvent,
         .text = std::move(text),
         .weight = 2,
         .place = "outcome of a probe or hook"});
    if (body_.texts.empty() || !about.present()) return;
    MetadataSurface& added = body_.texts.back();
    added.owner_kind = OwnerOfKind(TextOf(FindMember(about, "kind")));
    added.owner_ns = TextOf(FindMember(about, "namespace"));
    added.owner_name = TextOf(FindMember(about, "name"));
  }

  // Every string below: configuration has no names to go by.
  void ReadLeaves(const std::string& key, RawJson value, int depth) {
    if (!TakeNode(depth)) return;
    if (TypeOf(value) == JsonType::kString) {
      ReadLeaf(key, value);
    } else if (TypeOf(value) == JsonType::kArray) {
      JsonElements elements(value);
      for (RawJson element; elements.Next(element);) {
        ReadLeaves(key, element, depth + 1);
      }
    } else {
      JsonMembers members(value);
      for (JsonMember member; members.Next(member);) {
        // A whole manifest, which is read as itself.
        if (member.KeyIs("kubectl.kubernetes.io/last-applied-configuration")) {
          continue;
        }
        ReadLeaves(key, member.value, depth + 1);
      }
    }
  }

  void ReadLeaf(string_view key, RawJson value) {
    std::string text = TextOf(value);
    if (text.empty()) return;
    switch (row_.kind) {
      case ResourceKind::kWorkload:
        return ReadWorkloadLeaf(key, std::move(text));
      case ResourceKind::kRouting:
        return ReadRoutingLeaf(key, std::move(text));
      case ResourceKind::kNode:
        if (key != "address") return;
        return Add({.id = SurfaceId::kRouting,
                    .host = std::move(text),
                    .weight = 4,
                    .place = "address of a node"});
      case ResourceKind::kWebhook:
        if (key != "url") return;
        return Add({.id = SurfaceId::kWebhook,
                    .text = std::move(text),
                    .weight = 4,
                    .place = "address that the API server calls"});
      case ResourceKind::kPolicy:
        return ReadPolicyLeaf(key, std::move(text));
      case ResourceKind::kIngress:
        if (key != "annotations") return;
        return Add({.id = SurfaceId::kRouting,
                    .text = std::move(text),
                    .weight = 3,
                    .place = "annotation that a proxy obeys"});
      case ResourceKind::kStorage:
        return Add({.id = SurfaceId::kConfig,
                    .text = std::move(text),
                    .weight = 3,
                    .place = "parameter of storage"});
      case ResourceKind::kConfig:
        if (key != "data") return;
        return Add({.id = SurfaceId::kConfig,
                    .text = std::move(text),
                    .weight = 1,
                    .place = "text of a config map"});
      case ResourceKind::kEvent:  // see ReadEvent()
      case ResourceKind::kNone:
        return;
    }
  }

  void ReadWorkloadLeaf(string_view key, std::string text) {
    if (key == "image") {
      size_t slash = text.find('/');
      if (slash == text.npos) return;
      text.resize(slash);
      size_t port = text.rfind(':');
      if (port != text.npos && text.find(']', port) == text.npos) {
        text.resize(port);
      }
      Add({.id = SurfaceId::kWorkload,
           .host = std::move(text),
           .weight = 3,
           .place = "registry of an image"});
    } else if (key == "ip" || key == "podIP") {
      Add({.id = SurfaceId::kWorkload,
           .host = std::move(text),
           .weight = 3,
           .place = "host alias"});
    }
  }

  void ReadRoutingLeaf(string_view key, std::string text) {
    string_view place = "address of an endpoint";
    if (key == "externalName") {
      place = "external name";
    } else if (key == "externalIPs" || key == "loadBalancerIP") {
      place = "external address";
    } else if (key != "ip" && key != "hostname" && key != "addresses") {
      return;
    }
    Add({.id = SurfaceId::kRouting,
         .host = std::move(text),
         .weight = 4,
         .place = place});
  }

  // What is let through; "except" is a defence.
  void ReadPolicyLeaf(string_view key, std::string text) {
    constexpr string_view kHost4 = "/32", kHost6 = "/128";
    if (key != "cidr") return;
    for (string_view suffix : {kHost4, kHost6}) {
      if (!text.ends_with(suffix)) continue;
      text.resize(text.size() - suffix.size());
      Add({.id = SurfaceId::kNetworkPolicy,
           .host = std::move(text),
           .weight = 2,
           .place = "allowed by a network policy"});
      return;
    }
  }

  // Containers of one pod often have the same environment.
  bool IsKnown(const MetadataSurface& surface) const {
    return std::any_of(body_.texts.begin(), body_.texts.end(),
                       [&](const MetadataSurface& known) {
                         return known.text == surface.text &&
                                known.host == surface.host &&
                                known.place == surface.place &&
                                known.arguments == surface.arguments;
                       });
  }

  void Add(MetadataSurface surface) {
    if (surface.text.size() > MetadataBody::kMaxTextBytes) {
      surface.text.resize(MetadataBody::kMaxTextBytes);
      body_.exhausted = true;
    }
    // A shell can compute any text.
    bool computes = surface.text_kind == CommandTextKind::kCommand &&
                    surface.text.find_first_of("$`|\\+") != std::string::npos;
    if (!computes && !MayNameTarget(surface.host) &&
        !MayNameTarget(surface.text)) {
      return;
    }
    if (IsKnown(surface)) return;
    all_bytes_ += surface.text.size();
    if (body_.texts.size() >= MetadataBody::kMaxTexts ||
        all_bytes_ > MetadataBody::kMaxAllBytes) {
      body_.exhausted = true;
      return;
    }
    surface.owner_kind = row_.owner;
    surface.owner_ns = std::string(event_.object.ns);
    surface.owner_name = std::string(event_.object.name);
    if (surface.owner_name.empty()) surface.owner_name = name_;
    body_.texts.push_back(std::move(surface));
  }

  const AuditEvent& event_;
  const ResourceRow& row_;
  MetadataBody body_;
  std::string name_;
  size_t nodes_ = 0;
  size_t all_bytes_ = 0;
};

}  // namespace

bool HasMetadataBody(const AuditEvent& event) {
  if (!event.request_object.present() || !IsWrite(event.verb)) return false;
  const ObjectReference& object = event.object;
  bool status_of_node =
      object.resource == "nodes" && object.subresource == "status";
  if (!object.subresource.empty() && !status_of_node &&
      object.subresource != "ephemeralcontainers") {
    return false;
  }
  return MetadataResource(object.resource) != nullptr && !IsCopier(event);
}

MetadataBody ReadMetadataBody(const AuditEvent& event) {
  const ResourceRow* row = MetadataResource(event.object.resource);
  if (row == nullptr) return {};
  return Reader(event, *row).Read();
}

}  // namespace oddverb
