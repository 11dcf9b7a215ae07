// From which networks and with which programs an actor comes. A refusal says
// more when it comes from where the actor never was, or through a program that
// it never used: a stolen credential is mostly tried elsewhere, with other
// tools (docs/detection.md has what the benchmark says that this is worth).
//
// A network is a /16 of IPv4 or a /48 of IPv6, so that pods on other nodes and
// people behind the same provider are at home. A program is the first word of
// the User-Agent without its version. Both are cheap enough for every event.
//
// Bounded: at most eight networks and eight programs. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_KNOWN_PLACES_H_
#define ODDVERB_DETECTORS_KNOWN_PLACES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "model/audit_event.h"

namespace oddverb {

class KnownPlaces {
 public:
  // Keys of one event's network (odd) and program (even); 0 = it tells none.
  struct Place {
    uint32_t network = 0;
    uint32_t program = 0;

    friend bool operator==(const Place&, const Place&) = default;
  };
  static Place Of(const AuditEvent& event);
  // Of a User-Agent: no more of it is looked at.
  static constexpr size_t kMaxProgramBytes = 32;

  // Remembers when each was first seen.
  void See(const Place& place, absl::Time now);
  // Seen for less than a day, and first seen when `settled` had passed since
  // `born`, the actor's own first event. Nothing is new to an actor of many
  // places.
  bool IsNewNetwork(const Place& place, absl::Time now, absl::Time born,
                    absl::Duration settled) const {
    return IsNew(place.network, now, born + settled);
  }
  bool IsNewProgram(const Place& place, absl::Time now, absl::Time born,
                    absl::Duration settled) const {
    return IsNew(place.program, now, born + settled);
  }

  // Of its networks all others have addresses of the other family.
  bool IsOnlyOfItsFamily(const Place& place) const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()
  // Shorter, where most were first seen close to `second`, by which it is
  // loaded.
  void SaveNear(uint32_t second, StateWriter& out) const;
  void LoadNear(uint32_t second, StateReader& in);

 private:
  struct Entry {
    uint32_t key = 0;
    uint32_t first_second = 0;  // since 1970
  };

  void See(uint32_t key, uint32_t second);
  bool IsNew(uint32_t key, absl::Time now, absl::Time settled) const;

  std::vector<Entry> entries_;  // of both kinds
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_KNOWN_PLACES_H_
