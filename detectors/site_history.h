// From which networks an identity has come, session by session, so that a
// network can be called new to it: how new follows from how often it came from
// a new one before (Good-Turing). Who roams has seen many networks once, and
// one more means little; who always came from the same one has none.
//
// A network ("site") is a /24 of IPv4 or a /48 of IPv6. A session ends with a
// pause of an hour, or after eight hours. Bounded: eight sites, the one seen
// last long ago makes room. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_SITE_HISTORY_H_
#define ODDVERB_DETECTORS_SITE_HISTORY_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "base/state_io.h"

namespace oddverb {

// 0 = `ip` is no address.
uint32_t SiteOf(const KeyedHash& hash, std::string_view ip);

class SiteHistory {
 public:
  static constexpr size_t kMaxSites = 8;
  static constexpr absl::Duration kPause = absl::Hours(1);
  static constexpr absl::Duration kLongest = absl::Hours(8);
  // What is new for a day is not new any more.
  static constexpr absl::Duration kNew = absl::Hours(24);
  // Before that nothing is new: five days, or twenty sessions in less.
  static constexpr absl::Duration kMinAge = absl::Hours(24 * 5);
  static constexpr uint32_t kMinSessions = 20;
  static constexpr double kMaxNovelty = 8;

  // The identity is there; told at least once in ten minutes.
  void Note(uint32_t site, absl::Time now);
  bool IsLong(absl::Time now) const;
  // Since less, and since more, than kNew.
  bool IsNew(uint32_t site, absl::Time now) const;
  bool IsEstablished(uint32_t site, absl::Time now) const;
  // From the first to the last time that it was seen there it is kSettles.
  static constexpr absl::Duration kSettles = absl::Hours(1);
  bool IsSettled(uint32_t site) const;
  // First seen less than kTogether apart: through two ways out of one place, if
  // both are new.
  static constexpr absl::Duration kTogether = absl::Minutes(10);
  bool CameTogether(uint32_t site, uint32_t other) const;
  // -ln of the chance that a session comes from a site like this one, which was
  // never seen before: (sites seen in one session alone + 0.5) / (sessions +
  // 1). At most kMaxNovelty; 0 with less than five sessions.
  double Novelty(uint32_t site) const;
  uint32_t sessions() const { return sessions_; }

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  struct Site {
    uint32_t key = 0;
    uint32_t first_second = 0;  // since 1970
    uint32_t last_second = 0;
    uint32_t last_session = 0;   // number of it
    bool is_seen_again = false;  // in a second session
  };

  const Site* Find(uint32_t site) const;
  void Insert(const Site& site);

  std::vector<Site> sites_;
  uint32_t sessions_ = 0;
  uint32_t first_second_ = 0;
  uint32_t session_second_ = 0;  // begin of the session
  uint32_t last_second_ = 0;
  uint32_t once_gone_ = 0;  // sites that made room, seen in one session alone
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SITE_HISTORY_H_
