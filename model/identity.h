// Who acts: the identity class of an event and the keys of the entities it
// touches. The actor is the real user (the owner of the credential), never the
// impersonated one. Thread-safe.
#ifndef ODDVERB_MODEL_IDENTITY_H_
#define ODDVERB_MODEL_IDENTITY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "model/audit_event.h"

namespace oddverb {

enum class IdentityClass : uint8_t {
  kHuman,            // everything else that is authenticated: people, CI
  kServiceAccount,   // group system:serviceaccounts
  kNode,             // group system:nodes
  kControlPlane,     // system:kube-*, system:apiserver, managed providers' own
  kBootstrap,        // group system:bootstrappers
  kAnonymous,        // system:anonymous (group system:unauthenticated)
  kUnauthenticated,  // 401: no user at all
};

// From authenticated groups first, name second.
IdentityClass ClassifyIdentity(const AuditEvent& event);
// "user", "serviceaccount", "node", "controlplane", "bootstrap", "anonymous",
// "unauthenticated".
std::string_view IdentityClassName(IdentityClass identity);

// Entities that state is kept for.
enum class EntityKind : uint8_t {
  kActor,       // user name; anonymous and 401: the address
  kCredential,  // credential-id, else user name + uid
  kPod,         // pod that a bound token belongs to
  kAddress,     // source address (correlator only)
  kCount
};

// Keyed hashes of the entities of one event; 0 = it has none of that kind.
struct EntityKeys {
  uint64_t actor = 0;
  uint64_t credential = 0;
  uint64_t pod = 0;
  IdentityClass identity = IdentityClass::kHuman;

  // 0 for a token that is bound to a pod: the pod, which has a new one each
  // hour, stands for all of them.
  uint64_t unbound_credential() const { return pod == 0 ? credential : 0; }

  friend bool operator==(const EntityKeys&, const EntityKeys&) = default;
};
EntityKeys KeysOf(const KeyedHash& hash, const AuditEvent& event);

// The actor as findings name it: the user name; for anonymous and 401 callers
// the name with the address, "system:anonymous@203.0.113.5".
std::string ActorName(const AuditEvent& event, IdentityClass identity);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_IDENTITY_H_
