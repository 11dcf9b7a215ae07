// What a refusal means. "403" alone mixes a missing right with a full quota:
// only code, decision annotation and message together tell them apart.
//
// Messages contain text of the client (resource, object and user names), so a
// class is read only at fixed places behind the quoted names, never by a search
// through the text. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_REFUSAL_H_
#define ODDVERB_DETECTORS_REFUSAL_H_

#include <cstdint>
#include <string_view>

#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

enum class RefusalClass : uint8_t {
  kNone,             // not refused
  kUnauthenticated,  // 401
  kAuthorization,    // the authorizer said no
  // May not act as another. Answered in a filter before the authorizer, hence
  // without decision (kubernetes: endpoints/filters/impersonation.go).
  kImpersonation,
  kEscalation,        // RBAC: would grant more than the granter holds
  kNodeRestriction,   // a kubelet reached beyond its node
  kAdmission,         // quota, terminating namespace, PodSecurity, policies
  kAdmissionUnknown,  // admission, by a text that is not known here
};

RefusalClass ClassifyRefusal(const AuditEvent& event);

// True for the refusal that every kubelet meets just after a pod was bound to
// its node: the node authorizer's graph has not seen the pod yet.
bool IsNodeAuthorizerRace(const AuditEvent& event, IdentityClass identity);

// The server's own text in `message`, behind `RESOURCE "NAME" is forbidden: `.
// Empty if the message is absent or not of that form.
std::string_view ServerText(const AuditEvent& event);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_REFUSAL_H_
