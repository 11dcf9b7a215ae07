// A kind of request: what an actor does, to which resource, where. The unit in
// which detectors say "this actor never managed that before". Two requests for
// two objects of one resource in one namespace are the same kind.
//
// Everything in it may be made up by an attacker, so a kind is remembered as a
// keyed hash and shown as a bounded text. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_TUPLE_H_
#define ODDVERB_DETECTORS_TUPLE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "model/audit_event.h"

namespace oddverb {

enum class VerbClass : uint8_t {
  kRead,      // list, watch: one, so that an informer counts once
  kGet,       // get, head
  kWrite,     // create, update, patch, apply
  kDelete,    // delete, deletecollection
  kExecute,   // exec, attach, portforward, ephemeralcontainers, proxy: told by
              // the subresource, as exec over WebSocket is a get
  kEscalate,  // impersonate, bind, escalate, approve, sign
  kOther,
};

// What a non-resource path gives away.
enum class PathClass : uint8_t {
  kNone,       // a resource request
  kHealth,     // /healthz, /livez, /readyz
  kDiscovery,  // /, /api, /apis, /openapi, /version
  kKnown,      // /metrics, /logs, ...
  kOther,
};

// Borrows from its event.
struct Tuple {
  VerbClass verb_class = VerbClass::kOther;
  PathClass path_class = PathClass::kNone;
  std::string_view group, resource, subresource;  // or the path's template
  std::string_view scope;  // namespace; "*" = the cluster, all namespaces
};

Tuple TupleOf(const AuditEvent& event);

// Asks what it may do itself, which everybody may.
bool IsSelfReview(const Tuple& tuple);
// Secrets of the cluster itself.
bool IsSecret(const Tuple& tuple);

// What HashTuple() hashes before the scope.
void AddKind(const Tuple& tuple, HashInput& input);
// `scratch` is cleared first; passed in to save the allocation.
uint64_t HashTuple(const KeyedHash& hash, const Tuple& tuple,
                   HashInput& scratch);

// How much a first refusal of this kind says, 1 being an ordinary resource:
// from 0.1 (discovery, which every client does) to 1.5 (credentials, code
// execution, cluster-wide rights). docs/detection.md has the table.
double Sensitivity(const Tuple& tuple);

// "secrets", "pods/exec", "certificates.cert-manager.io", "/metrics".
std::string ResourceText(const Tuple& tuple);
// "list secrets in all namespaces", "get nodes", "create pods/exec in web";
// `verb` is the event's own. At most kMaxTupleTextBytes.
inline constexpr size_t kMaxTupleTextBytes = 160;
std::string TupleText(const Tuple& tuple, std::string_view verb);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_TUPLE_H_
