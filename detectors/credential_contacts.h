// Where one credential was used from: up to four addresses with the clients
// seen there, and how often use went from one to another. State of
// StolenCredential, kept for a pod-bound token by its pod (tokens are renewed
// every hour, the pod stays) and for any other credential by itself.
//
// Bounded: texts are cut, a fifth address replaces the one that was used least
// recently, but never the home. A credential that is used from one address
// only, as nearly all are, takes one small block and one of text. One thread.
#ifndef ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_
#define ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/credential_contact.h"
#include "model/audit_event.h"
#include "stats/recent_times.h"

namespace oddverb {

class CredentialContacts {
 public:
  static constexpr size_t kMaxContacts = 4;

  struct Use {
    size_t contact = 0;      // index of the address
    size_t previous = 0;     // of the one used before; == contact if the same
    bool is_new = false;     // first use from this address
    bool is_first = false;   // first use at all
    bool is_repeat = false;  // another line of a request that was seen before
    absl::Time last_use;     // of the contact, before this one
  };
  // Hints the cache that Add() will be called soon.
  void Prefetch() const;
  // REQUIRES: event.source_ip is not empty.
  Use Add(const AuditEvent& event);

  // When the newest request was received; before the first one: long ago.
  absl::Time latest() const;
  // When it was used first, at the first address that is remembered.
  absl::Time first() const {
    return absl::FromUnixMicros(first_.first_micros_);
  }
  // In order of first use.
  size_t size() const;
  Contact& contact(size_t index);
  const Contact& contact(size_t index) const;
  // Where the credential belongs, as far as is known: the first inside address,
  // else the first one. Where the log begins while a thief is at work, that is
  // not always the first one.
  size_t home() const;
  // The client of this address is one that was seen at home, or at an address
  // which has a client in common with home.
  bool HasOwnClient(size_t index) const;
  // On a dual-stack network there is one address of each family, both of them
  // inside or both outside, and one program behind both. A thief's that was
  // told is none of them.
  bool IsOtherFamily(size_t index) const;

  // It belonged to `place` (home, or where its machine had been started again,
  // an hour before or longer) when address `index` came, and was used there
  // since.
  bool IsBack(size_t place, size_t index) const;
  // It went to address `index` and came back with `use`, and in between was
  // silent where it is now for far longer than ever before, while others were
  // in use: as when its machine was started again twice. Nobody falls silent
  // because of a thief.
  bool MovedBackFrom(size_t index, const Use& use, absl::Time now) const;

  // Changes of address in [now - span, now], at most RecentTimes::kCapacity.
  int ChangesWithin(absl::Time now, absl::Duration span) const;
  // In another /16 than home's address of IPv4, or one of the other family that
  // cannot be the same machine's (MayBeDualStack).
  bool IsFarFromHome(size_t index) const;
  // More addresses than are remembered were in use within a day (two hours, for
  // one near to home). That lasts for a day; for two hours if one of them is
  // near to home and they were not all in use within an hour.
  bool IsCrowded(absl::Time now) const;
  // Was it said already that the credential roams?
  bool roaming_reported() const;
  void SetRoamingReported() { Moved().roaming_reported = true; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  // What only a credential with a second address needs.
  struct Movement {
    std::vector<Contact> others;
    RecentTimes changes;
    int64_t crowded_until_micros = INT64_MIN;
    uint8_t current = 0;  // index of the contact used last
    bool roaming_reported = false;
  };

  Movement& Moved();
  size_t Find(std::string_view ip) const;
  size_t Insert(const AuditEvent& event);
  // A day, or two hours where it is near to home.
  int64_t CrowdMicros(size_t index) const;
  // Within the last of those.
  bool IsInUse(size_t index, int64_t now_micros) const;
  // The oldest that is out of use, else the oldest: then it is crowded.
  void Evict(absl::Time now);
  bool IsLate(int64_t received_micros) const;

  Contact first_;
  std::unique_ptr<Movement> moved_;
  int64_t latest_micros_ = 0;  // when the newest request was received
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CREDENTIAL_CONTACTS_H_
