// Where one credential was used from: up to four addresses with the clients
// seen there, and how often use went from one to another. State of
// StolenCredential, kept for a pod-bound token by its pod (tokens are renewed
// every hour, the pod stays) and for any other credential by itself.
//
// Bounded: texts are cut, a fifth address replaces the one that was used least
// recently. One thread.
#ifndef ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_
#define ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "stats/recent_times.h"

namespace oddverb {

struct Contact {
  static constexpr size_t kMaxAgents = 4;
  static constexpr size_t kMaxAgentBytes = 128;
  static constexpr size_t kMaxUriBytes = 128;

  std::string ip;
  std::vector<std::string> user_agents;
  Evidence first_use;
  absl::Time last_use;
  int64_t uses = 0;
  // Severity + 1 of what was said of this address; 0 = nothing.
  int reported = 0;

  bool SharesAgentWith(const Contact& other) const;
};

class CredentialContacts {
 public:
  static constexpr size_t kMaxContacts = 4;

  struct Use {
    size_t contact = 0;       // index into contacts()
    size_t previous = 0;      // the one used before; == contact if the same
    bool is_new = false;      // first use from this address
    bool is_first = false;    // first use at all
  };
  // REQUIRES: event.source_ip is not empty.
  Use Add(const AuditEvent& event);

  const std::vector<Contact>& contacts() const { return contacts_; }
  Contact& contact(size_t index) { return contacts_[index]; }
  const Contact& contact(size_t index) const { return contacts_[index]; }
  // Changes of address in [now - span, now], at most RecentTimes::kCapacity.
  int ChangesWithin(absl::Time now, absl::Duration span) const {
    return changes_.CountWithin(now, span);
  }
  // More addresses were seen than are remembered.
  bool crowded() const { return crowded_; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  size_t Find(std::string_view ip) const;
  size_t Insert(const AuditEvent& event);

  std::vector<Contact> contacts_;  // in order of first use
  RecentTimes changes_;
  size_t current_ = 0;
  bool crowded_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_
