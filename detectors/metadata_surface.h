// Where in an audit event a request to the metadata service can hide. Each
// surface gives the texts to search and the object that would be abused.
// Here: the commands of exec and attach, and the proxy subresources; bodies are
// in metadata_body.h.
//
// Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_SURFACE_H_
#define ODDVERB_DETECTORS_METADATA_SURFACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "detectors/command_text.h"
#include "detectors/shell_filters.h"
#include "model/audit_event.h"

namespace oddverb {

enum class SurfaceId : uint8_t {
  kExec,   // a command run in a container through the API server
  kProxy,  // a request that the API server (or a kubelet) forwards
  // Of bodies (metadata_body.h):
  kWorkload,       // what containers run, what kubelets probe
  kRouting,        // where names and addresses lead
  kWebhook,        // what the API server calls
  kNetworkPolicy,  // what is let through
  kConfig,         // texts that programs read
  kEvent,          // what Kubernetes Events say of others
};

// What was written rather than done.
inline bool IsBody(SurfaceId id) {
  return id != SurfaceId::kExec && id != SurfaceId::kProxy;
}

struct MetadataSurface {
  SurfaceId id = SurfaceId::kExec;
  // The object that is used or written: "pod", "service", "node", ...
  std::string_view owner_kind{};
  std::string owner_ns{};
  std::string owner_name{};
  // A text that is a host and nothing else. kProxy: the parts of the name in
  // the URL, "[scheme:]host[:port]". The host may be an address.
  std::string host{};
  std::string port{};
  // The command, or the forwarded path with its parameters as words.
  std::string text{};
  CommandTextKind text_kind = CommandTextKind::kPlain;
  // Of a command: what `text` consists of.
  ShellWords arguments{};
  // How much a target weighs here, and what the place is called.
  double weight = 0;
  std::string_view place{};
};

// Cheap: what nearly all events fail.
inline bool HasMetadataSurface(const AuditEvent& event) {
  std::string_view subresource = event.object.subresource;
  return !subresource.empty() &&
         (subresource == "exec" || subresource == "attach" ||
          subresource == "proxy" || subresource == "ephemeralcontainers");
}

// nullopt if there is nothing to search.
std::optional<MetadataSurface> SurfaceOf(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_SURFACE_H_
