// Words for what StolenCredential sees: drafts of findings, to which the
// correlator's part adds what it knows of the addresses. Pure functions;
// thread-safe.
#ifndef ODDVERB_DETECTORS_STOLEN_CREDENTIAL_FINDING_H_
#define ODDVERB_DETECTORS_STOLEN_CREDENTIAL_FINDING_H_

#include <string_view>

#include "absl/time/time.h"
#include "detectors/credential_contacts.h"
#include "detectors/detector.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {

inline constexpr std::string_view kTokenRule = "token.outside_its_pod";
inline constexpr std::string_view kCredentialRule = "credential.two_networks";

// Of nodes' credentials: their names, and the entity of a finding about one.
inline constexpr std::string_view kNodePrefix = "system:node:";
inline constexpr std::string_view kNodeKind = "node";

// Two addresses of one credential, one of them in doubt.
struct Suspicion {
  const AuditEvent& event;  // the one that raised it
  const EntityIds& ids;
  const CredentialContacts& contacts;
  size_t suspect = 0;  // index of the contact in doubt
  size_t other = 0;    // of the one that it is compared with

  const Contact& suspected() const { return contacts.contact(suspect); }
  const Contact& compared() const { return contacts.contact(other); }
};

// The token of one pod is used from a further address.
enum class TokenMove : uint8_t {
  kAsAfterRestart,  // as if the pod had been restarted on another address
  kOutside,         // another program or network, or both addresses in use
  kOtherFamily,     // as of a dual-stack pod; low until more is known
};
Finding DraftMoved(const DetectorContext& context, const Suspicion& suspicion,
                   TokenMove move);

// An unbound credential goes back and forth.
struct Alternation {
  int changes = 0;
  int needed = 0;
  absl::Duration span;
  bool own_client = false;  // the suspect's client is used at home too
  // A machine's credential, in another network: its client excuses nothing.
  bool is_off_machine = false;
  bool crowded = false;  // more addresses than are remembered
  // Its own client is used at several addresses of the suspect's network.
  bool is_pool = false;
  // Where it belongs is known, so that it can be elsewhere.
  bool has_home = false;
  // It is not, but a person's desktop is at the address that is not in doubt.
  bool has_desktop = false;
  // Of a network that is new to an identity with a history; 0 = not so.
  double novelty = 0;
  // Not only the suspect's network, but also the one that it is compared to.
  bool both_are_new = false;
  uint32_t sessions = 0;   // of that history
  bool sensitive = false;  // the suspect asks for what few ask for
  Severity severity = Severity::kLow;
};
// With a history the changes need not be so many, nor the client another one:
// all of it adds up, from kNewNetworkScore on.
inline constexpr double kNewNetworkScore = 7;
double NewNetworkScore(const Alternation& seen);

// What the correlator is told of a credential at an address.
Observation ObservationOf(ObservationKind kind, const AuditEvent& event,
                          const EntityKeys& keys, const Contact& contact);
Finding DraftAlternation(const DetectorContext& context,
                         const Suspicion& suspicion, const Alternation& seen);

// A draft that tells of another program or of an address outside of private
// networks.
bool IsStrange(const Finding& draft);

// Two ways to the same suspicion of one credential at one address.
bool IsSameCase(const Finding& a, const Finding& b);

// A token that may have come through its own node, once that shows itself.
inline constexpr std::string_view kUnseenNode =
    "its node is not known yet, and may translate its address";
bool HasReason(std::string_view feature, const Finding& finding);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_STOLEN_CREDENTIAL_FINDING_H_
