// What one actor is used to, as far as grave acts go: how often it worked, from
// inside or outside of private networks, and which such acts it did in how many
// of its sessions. From that comes how much it says that it does one for the
// first time (work_sessions.h).
//
// 32 bytes for an actor, and 8 for each act (at most kMaxActs). One thread.
#ifndef ODDVERB_DETECTORS_ACTOR_HABITS_H_
#define ODDVERB_DETECTORS_ACTOR_HABITS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/work_sessions.h"

namespace oddverb {

class ActorHabits {
 public:
  enum class Kind : uint8_t {
    kEvidence,
    kImpersonation,
    kMint,
    kProxy,
    kSecretList,
    kSettings,
    kWorkload,
    kCount
  };
  static constexpr size_t kMaxActs = 64;

  // Any event of the actor, before what follows is asked.
  void See(std::string_view source_ip, absl::Time now);
  bool seen() const { return sessions_.count() > 0; }
  absl::Time first_seen() const { return absl::FromUnixSeconds(first_); }

  // Remembers the act. If it is the first of its kind: its novelty.
  std::optional<double> FirstTime(Kind kind, uint64_t act);
  // Some act of the kind was done in more than one session.
  bool IsUsedTo(Kind kind) const;
  // The address is public, and the actor was at home in private networks until
  // a day ago.
  bool IsNewlyOutside(std::string_view source_ip, absl::Time now) const;

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  struct Act {
    uint32_t fingerprint = 0;
    uint16_t session = 0;  // the last one
    Kind kind = Kind::kEvidence;
    bool is_again = false;  // in more than one session
  };

  void MakeRoom();

  WorkSessions sessions_;
  // Seconds since 1970.
  uint32_t first_ = 0;
  uint32_t first_outside_ = 0;  // 0 = never
  uint16_t span_ = 0;           // when the last span began, modulo 2^16
  uint8_t inside_ = 0;          // spans with a request from inside, before that
  std::unique_ptr<std::vector<Act>> acts_;  // the last one last
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ACTOR_HABITS_H_
