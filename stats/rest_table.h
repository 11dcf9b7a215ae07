// Which entities of an EntityTable rest, as packed bytes instead of state, and
// whose turn it is to rest next: of those that were not used lately
// (approximately: second chance, CLOCK), once more than max_awake are awake.
//
// Who is awake has a place, a number below the most that were awake at once:
// arrays of state by place are as long as that, however many rest.
//
// Deterministic for a sequence of calls. One thread.
#ifndef ODDVERB_STATS_REST_TABLE_H_
#define ODDVERB_STATS_REST_TABLE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/prefetch.h"
#include "stats/entity_table.h"
#include "stats/packed_bytes.h"

namespace oddverb {

class RestTable {
 public:
  static constexpr uint32_t kAllAwake = ~uint32_t{0};

  // `bytes` must outlive the table. With kAllAwake everybody's place is the id,
  // and the table takes no memory and no time.
  RestTable(uint32_t max_awake, PackedBytes* bytes)
      : max_awake_(max_awake), bytes_(bytes) {}

  bool CanRest() const { return max_awake_ != kAllAwake; }
  bool IsResting(EntityId id) const {
    return id < states_.size() && states_[id] != kNew &&
           states_[id] < kFirstPlace;
  }
  uint32_t resting() const { return resting_; }
  uint64_t packed_bytes() const { return packed_bytes_; }

  // `id` is in use. Its place, until it rests. REQUIRES: it does not rest.
  EntityId Use(EntityId id) {
    if (!CanRest()) return id;
    if (id < states_.size() && states_[id] >= kFirstPlace) {
      const EntityId place = states_[id] - kFirstPlace;
      places_[place].is_used = true;
      return place;
    }
    return TakePlace(id);
  }
  // Hints the cache that Use() will be asked soon.
  void Prefetch(EntityId id) const {
    if (id < states_.size()) PrefetchLine(&states_[id]);
  }
  // Its place, if it has one; else kNoEntity, with the hint that BytesOf() will
  // be asked soon, if it rests.
  EntityId Guess(EntityId id) const {
    if (!CanRest()) return id;
    if (id >= states_.size() || states_[id] < kFirstHandle) return kNoEntity;
    if (states_[id] >= kFirstPlace) return states_[id] - kFirstPlace;
    bytes_->Prefetch(states_[id] - kFirstHandle);
    return kNoEntity;
  }
  // Who is there. REQUIRES: somebody is.
  EntityId EntityAt(EntityId place) const {
    return CanRest() ? places_[place].id : place;
  }
  EntityId PlaceOf(EntityId id) const {  // REQUIRES: it is awake
    return CanRest() ? states_[id] - kFirstPlace : id;
  }

  // Of those awake the next that may rest, or kNoEntity for now.
  EntityId NextToRest();
  // The place of whom it will give when one more is awake, as it looks now;
  // kNoEntity if it gives nobody.
  EntityId GuessNextPlace() const;
  // Its place is free then. REQUIRES: it is awake; bytes.size() <=
  // PackedBytes::kMaxBytes.
  void Rest(EntityId id, std::string_view bytes);
  // What Rest() was given; valid until the next Rest() or Wake().
  std::string_view BytesOf(EntityId id) const;  // REQUIRES: it rests
  // Drops it; the next Use() gives a place. REQUIRES: it rests.
  void Wake(EntityId id);

 private:
  // Of states_: kNew, or the handle of what it left plus kFirstHandle, or the
  // place plus kFirstPlace.
  enum : uint32_t {
    kNew,
    kRestsEmpty,
    kFirstHandle,
    kFirstPlace = kFirstHandle + PackedBytes::kHandles
  };
  // So many are looked at before a caller has to come again.
  static constexpr int kMaxSteps = 4;

  struct Place {
    EntityId id = kNoEntity;  // = free
    bool is_used = false;
  };

  EntityId TakePlace(EntityId id);

  uint32_t max_awake_;
  PackedBytes* bytes_;
  std::vector<uint32_t> states_;  // by id
  std::vector<Place> places_;
  std::vector<EntityId> free_;  // places
  size_t hand_ = 0;             // among places_
  uint32_t resting_ = 0;
  uint64_t packed_bytes_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_REST_TABLE_H_
