// What ForbiddenBurst remembers of one actor. An actor that was never refused
// costs a ForbiddenActor with its set of what succeeded (about 250 bytes at ten
// kinds of request); the rest is allocated at the first refusal that weighs
// something. Plain state, one thread.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_STATE_H_
#define ODDVERB_DETECTORS_FORBIDDEN_STATE_H_

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/packed_text.h"
#include "base/state_io.h"
#include "detectors/known_places.h"
#include "detectors/refused_kind.h"
#include "detectors/tuple.h"
#include "detectors/work_sessions.h"
#include "model/audit_event.h"
#include "model/finding.h"
#include "model/packed_evidence.h"
#include "stats/decayed_score.h"
#include "stats/fingerprint_set.h"
#include "stats/tombstone_table.h"

namespace oddverb {

inline constexpr absl::Duration kFastHalfLife = absl::Minutes(10);
inline constexpr absl::Duration kSlowHalfLife = absl::Hours(72);

// One refused request, on its way through ForbiddenBurst. Borrows.
struct RefusedAttempt {
  const AuditEvent& event;
  Tuple tuple;
  bool impersonation = false;  // refused to act as another
  uint64_t hash = 0;           // of the tuple
  absl::Time time = absl::InfinitePast();
  bool first_contact = false;  // else a further object name, or a retry
  // The kind of which it is one more namespace; 0 = of none.
  uint64_t further_of = 0;
  double novelty = 1;  // NoveltyFactor()
  double weight = 0;
};

// A score with what stands behind it. Begins anew when the score has decayed.
struct RefusalScore {
  DecayedScore score;
  double peak = 0;         // highest since it began
  double added = 0;        // all that was added, without decay and credit
  absl::Time first, last;  // refusals that weighed
  uint32_t kinds = 0;      // first contacts
  uint32_t refusals = 0;   // with further object names
  uint32_t repeats = 0;    // retries of a refused request: weigh 0
  uint32_t lost = 0;       // refused, but it succeeded before: weigh 0

  // Decays, then adds. With `may_restart` it begins anew if nothing was left;
  // true if it did.
  bool Add(const RefusedAttempt& attempt, absl::Duration half_life,
           bool may_restart);
  void TakeBack(double weight, absl::Duration half_life, absl::Time now);
  void Save(StateWriter& out) const;
  void Load(StateReader& in);
};

// A finding that was reported and not finished.
struct OpenRefusal {
  static constexpr size_t kMaxSuccesses = 3;
  bool slow = false;  // forbidden.low_and_slow
  double reported_score = 0;
  // What succeeded after all, for people.
  std::vector<std::string> successes;
  absl::Time deadline;  // finished once the watermark is there
  Finding base;  // id, rule, severity, subject, next; the rest is written anew

  void Save(StateWriter& out) const;
  void Load(StateReader& in);
};

// Two kinds of what an actor listed before in a namespace are refused: its
// rights there were taken away, or an API server starts. While that lasts, what
// else is refused there says little.
struct LostRights {
  static constexpr int64_t kLastsSeconds = 60;

  uint32_t scope = 0;    // hash of the namespace; 0 = none
  uint32_t second = 0;   // of the last one, since 1970
  uint32_t kind = 0;     // hash of the first one
  bool is_sure = false;  // there was another one

  bool IsNear(uint32_t where, absl::Time time) const {
    const int64_t since = absl::ToUnixSeconds(time) - int64_t{second};
    return scope == where && where != 0 && since <= kLastsSeconds &&
           since >= -kLastsSeconds;
  }
  bool Cover(uint32_t where, absl::Time time) const {
    return is_sure && IsNear(where, time);
  }
};

// From the first refusal that weighed something, or of what was listed before.
struct RefusalRecord {
  // The stages of one request lie close together in an actor's stream.
  static constexpr size_t kRecentRequests = 8;

  RefusalScore fast, slow;
  FingerprintSet failed;  // tuples, and tuples with object names
  std::array<uint64_t, kRecentRequests> requests{};  // a ring of request keys
  uint32_t next_request = 0;
  std::vector<RefusedKind> kinds;        // in order of first contact
  std::vector<PackedEvidence> evidence;  // at most Finding::kMaxEvidence
  std::unique_ptr<OpenRefusal> open;
  // Of the kinds that were refused before the actor was forgotten: to try them
  // again is nothing new.
  uint64_t refused_before = 0;

  bool WasRefusedBefore(uint64_t tuple) const {
    return (refused_before & DigestOf(tuple)) == DigestOf(tuple);
  }
  // What is to be known of an actor that is forgotten: the slow score, as the
  // other one halves every ten minutes. nullopt: nothing is under way.
  std::optional<Remains> Left(absl::Time first_seen) const;
  // As what it comes back.
  static RefusalRecord Of(const Remains& remains);
  LostRights lost;

  const RefusalScore& reported() const {  // REQUIRES: open
    return open->slow ? slow : fast;
  }
  // False if `key` is one of the recent ones.
  bool RememberRequest(uint64_t key);
  void Add(const RefusedAttempt& attempt);
  // Takes back `part` of what the namespace's kinds added that were refused
  // since `since` for the first time; not from what is reported.
  void TakeBack(std::string_view ns, absl::Time since, absl::Time now,
                double part);
  // Until format 5 no rights were lost.
  static constexpr uint64_t kFormat = 6;
  void Save(StateWriter& out) const;
  void Load(StateReader& in, uint64_t format = kFormat);

 private:
  void AddKind(const RefusedAttempt& attempt);
};

// How often something happened, the last hour left out: a burst must not make
// itself look normal. Kept by clock hours: what is counted shows once a whole
// hour lies between, so after one to two hours. Two small numbers instead of a
// list of times.
struct SettledCount {
  uint16_t settled = 0;
  uint16_t previous = 0;  // in the hour before the current one
  uint16_t current = 0;

  bool any() const { return (settled | previous | current) != 0; }
};

// In it an event from this place tells nothing new of when and from where the
// actor works, as nearly all do. Not saved.
struct QuietSpan {
  KnownPlaces::Place place;
  uint32_t begin = 0, seconds = 0;  // since 1970

  // Any second, as absl::ToUnixSeconds() gives it.
  bool Has(KnownPlaces::Place where, int64_t second) const {
    return std::bit_cast<uint64_t>(where) == std::bit_cast<uint64_t>(place) &&
           static_cast<uint64_t>(second) - begin < seconds;
  }
};

struct ForbiddenActor {
  static constexpr int64_t kNeverSeen = INT64_MIN;

  // What every event reads comes first, so that it shares a line of the
  // processor's cache. The owner ends the span of an actor that it watches.
  QuietSpan quiet;
  std::unique_ptr<RefusalRecord> refused;
  FingerprintSet allowed;  // tuples that succeeded
  int64_t first_seen_micros = kNeverSeen;
  KnownPlaces places;         // where it comes from
  PackedText examples;        // of what succeeded, for people; bounded
  uint32_t hour = 0;          // since 1970, of the `current` counts
  SettledCount successes;     // first contacts that succeeded
  SettledCount failures;      // and that failed
  uint16_t failures_day = 0;  // day and number of failures settled on it
  uint16_t failures_today = 0;
  WorkSlots slots;  // how often it works, and does something new

  bool seen() const { return first_seen_micros != kNeverSeen; }
  absl::Time first_seen() const {
    return absl::FromUnixMicros(first_seen_micros);
  }
  // It does something, somewhere: `place` is empty where that tells nothing.
  void See(const KnownPlaces::Place& place, absl::Time now);
  // Whether See() would do nothing, by its quiet span. In the second of its
  // first event another may come before that.
  bool IsQuiet(KnownPlaces::Place place, absl::Time now) const {
    const int64_t second = absl::ToUnixSeconds(now);
    return quiet.Has(place, second) &&
           (second > quiet.begin ||
            absl::ToUnixMicros(now) >= first_seen_micros);
  }
  // Moves the counts on to the clock hour of `now`.
  void SettleCounts(absl::Time now);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_STATE_H_
