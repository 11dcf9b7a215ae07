#include "detectors/metadata_surface.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "base/uri.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

// The API server answers 431 to request headers above 1 MiB
// (http.DefaultMaxHeaderBytes); the log writes a URI as it came.
constexpr size_t kMaxUriBytes = 2 * 1024 * 1024;

// Weights: docs/detection.md. A proxy needs nothing inside of a pod and speaks
// from the control plane's or a node's own network, so it weighs more.
constexpr double kExecWeight = 3;
constexpr double kProxyWeight = 4;

// Takes the first segment off `path`, with the slash in front of it.
std::string_view TakeSegment(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  size_t slash = path.find('/');
  std::string_view segment = path.substr(0, slash);
  path.remove_prefix(segment.size());
  return segment;
}

// What stands behind .../RESOURCE/NAME/proxy; all of `path` if it is not built
// like that.
std::string_view ForwardedPath(std::string_view path) {
  std::string_view rest = path;
  TakeSegment(rest);  // api
  TakeSegment(rest);  // v1
  if (rest.starts_with("/namespaces/")) {
    TakeSegment(rest);
    TakeSegment(rest);
  }
  TakeSegment(rest);  // the resource
  TakeSegment(rest);  // its name
  return TakeSegment(rest) == "proxy" ? rest : path;
}

bool IsCommandParameter(std::string_view name) {
  std::string decoded = PercentDecode(name, PlusIs::kBlank);
  return decoded == "command" || decoded == "cmd";
}

// All commands of the query, in any place among other parameters.
void SetCommand(std::string_view query, MetadataSurface& surface) {
  ShellLine line;
  QueryPairs pairs(query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (!IsCommandParameter(pair.name)) continue;
    std::string argument = PercentDecode(pair.value, PlusIs::kBlank);
    line.Add(argument);
    surface.arguments.push_back(std::move(argument));
  }
  surface.text = line.text();
  surface.text_kind = CommandTextKind::kCommand;
}

// Google Cloud's log has no query; it has the command as a label, which the
// decoder makes an annotation.
void SetLabelledCommand(RawJson annotations, MetadataSurface& surface) {
  constexpr std::string_view kLabel = "command.gke.io/command";
  std::string scratch;
  std::string_view command =
      StringOf(FindMember(annotations, kLabel), scratch).value_or("");
  if (command.find("command=") != command.npos) {
    SetCommand(command, surface);
  } else {
    surface.text = command.substr(0, kMaxUriBytes);
    surface.text_kind = CommandTextKind::kCommand;
  }
}

// Splits "[scheme:]host[:port]", as the proxy subresources have it.
void SetProxiedHost(std::string_view name, MetadataSurface& surface) {
  size_t host_end;
  if (name.starts_with('[')) {
    host_end = std::min(name.find(']'), name.size() - 1) + 1;
  } else {
    size_t first = name.find(':');
    size_t second = name.find(':', std::min(first, name.size()) + 1);
    bool has_scheme = first != name.npos && second != name.npos;
    if (has_scheme && name.find(':', second + 1) != name.npos) {
      surface.host = name;  // IPv6
      return;
    }
    if (has_scheme) name.remove_prefix(first + 1);
    host_end = std::min(name.find(':'), name.size());
  }
  surface.host = name.substr(0, host_end);
  std::string_view port = name.substr(host_end);
  if (port.starts_with(':')) surface.port = port.substr(1);
}

std::string_view OwnerKind(std::string_view resource) {
  if (resource == "nodes") return "node";
  if (resource == "services") return "service";
  return "pod";
}

// The kubelet's /run, /exec and /attach: .../NAMESPACE/POD[/UID]/CONTAINER.
// True if `path` is one of them; sets the pod.
bool ReadKubeletCommand(std::string_view path, MetadataSurface& surface) {
  std::string_view rest = path;
  std::string_view action = TakeSegment(rest);
  if (action == "cri") action = TakeSegment(rest);
  if (action != "run" && action != "exec" && action != "attach") return false;
  std::string ns = PercentDecode(TakeSegment(rest), PlusIs::kPlus);
  std::string pod = PercentDecode(TakeSegment(rest), PlusIs::kPlus);
  if (pod.empty()) return false;
  surface.owner_kind = "pod";
  surface.owner_ns = std::move(ns);
  surface.owner_name = std::move(pod);
  return true;
}

MetadataSurface ProxySurface(const AuditEvent& event, UriParts uri) {
  MetadataSurface surface{.id = SurfaceId::kProxy,
                          .owner_kind = OwnerKind(event.object.resource),
                          .owner_ns = std::string(event.object.ns),
                          .owner_name = {},
                          .host = {},
                          .port = {},
                          .text = {},
                          .weight = kProxyWeight,
                          .place = "request through a proxy"};
  SetProxiedHost(event.object.name, surface);
  surface.owner_name = surface.host;
  std::string_view path = ForwardedPath(uri.path);
  if (event.object.resource == "nodes" && ReadKubeletCommand(path, surface)) {
    SetCommand(uri.query, surface);
    // The kubelet's run divides "cmd" at its blanks.
    if (surface.arguments.size() == 1) {
      std::string words = std::move(surface.arguments[0]);
      surface.arguments = absl::StrSplit(words, ' ', absl::SkipEmpty());
    }
    return surface;
  }
  surface.text = PercentDecode(path, PlusIs::kPlus);
  // Before the first '?' there is none of the query: path and parameters keep
  // the shape "path?name=value".
  char divider = '?';
  QueryPairs pairs(uri.query);
  for (QueryPair pair; pairs.Next(pair);) {
    surface.text += divider;
    surface.text += PercentDecode(pair.name, PlusIs::kBlank);
    surface.text += '=';
    surface.text += PercentDecode(pair.value, PlusIs::kBlank);
    divider = ' ';
  }
  return surface;
}

}  // namespace

std::optional<MetadataSurface> SurfaceOf(const AuditEvent& event) {
  if (!HasMetadataSurface(event)) return std::nullopt;
  std::string_view text = event.request_uri.substr(0, kMaxUriBytes);
  size_t question = text.find('?');
  // Not SplitUri: a '#' does not end a path for Go's server.
  UriParts uri{.path = text.substr(0, question), .query = {}};
  if (question != text.npos) uri.query = text.substr(question + 1);
  if (event.object.subresource == "proxy") return ProxySurface(event, uri);
  MetadataSurface surface{.id = SurfaceId::kExec,
                          .owner_kind = "pod",
                          .owner_ns = std::string(event.object.ns),
                          .owner_name = std::string(event.object.name),
                          .host = {},
                          .port = {},
                          .weight = kExecWeight,
                          .place = "command in a pod"};
  SetCommand(uri.query, surface);
  if (surface.text.empty()) SetLabelledCommand(event.annotations, surface);
  if (surface.text.empty()) return std::nullopt;
  return surface;
}

}  // namespace oddverb
