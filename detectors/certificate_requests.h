// client_certificate.minted: somebody asks for a client certificate of a
// privileged subject, or approves the request that they made themselves.
// Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_CERTIFICATE_REQUESTS_H_
#define ODDVERB_DETECTORS_CERTIFICATE_REQUESTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/actor_act.h"
#include "model/audit_event.h"
#include "model/identity.h"

namespace oddverb {

// Whom a certificate would name.
struct CertificateSubject {
  std::string common_name;
  std::vector<std::string> organizations;
};
// From `spec.request`, base64 of a PEM request; empty if it cannot be read.
// Looks at no more than 32 KiB.
CertificateSubject SubjectOf(std::string_view request);

// Of an administrator, a node or a part of the control plane.
bool IsPowerful(const CertificateSubject& subject);
// "CN=... O=...", bounded.
std::string SubjectText(const CertificateSubject& subject);
// The first block of a PEM, decoded; empty if there is none.
std::string DerOf(std::string_view pem);

// REQUIRES: `event` creates a certificatesigningrequest, or writes its
// approval. `is_own`: the actor made the request that it approves.
std::optional<ActorAct> JudgeCertificate(const AuditEvent& event,
                                         IdentityClass identity, bool is_own);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CERTIFICATE_REQUESTS_H_
