// Which entities of an EntityTable rest, as packed bytes instead of state, and
// whose turn it is to rest next: of those that were not used lately
// (approximately: second chance, CLOCK), once more than max_awake are awake.
//
// Deterministic for a sequence of calls. One thread.
#ifndef ODDVERB_STATS_REST_TABLE_H_
#define ODDVERB_STATS_REST_TABLE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "stats/entity_table.h"
#include "stats/packed_bytes.h"

namespace oddverb {

class RestTable {
 public:
  static constexpr uint32_t kAllAwake = ~uint32_t{0};

  // `bytes` must outlive the table. With kAllAwake it takes no memory and no
  // time.
  RestTable(uint32_t max_awake, PackedBytes* bytes)
      : max_awake_(max_awake), bytes_(bytes) {}

  bool CanRest() const { return max_awake_ != kAllAwake; }
  bool IsResting(EntityId id) const {
    return id < states_.size() && states_[id] >= kRestsEmpty;
  }
  uint32_t resting() const { return resting_; }
  uint64_t packed_bytes() const { return packed_bytes_; }

  // `id` is in use. REQUIRES: CanRest(), and it does not rest.
  void Use(EntityId id);
  // Of those awake the next that may rest, or kNoEntity for now.
  EntityId NextToRest();
  // REQUIRES: `id` is what NextToRest() returned last.
  void Rest(EntityId id, std::string_view bytes);
  // What Rest() was given; valid until the next Rest() or Wake().
  std::string_view BytesOf(EntityId id) const;  // REQUIRES: it rests
  void Wake(EntityId id);                       // REQUIRES: it rests

 private:
  // Of states_. Above is the handle of what it left, plus kFirstHandle.
  enum : uint32_t { kNew, kAwake, kUsed, kRestsEmpty, kFirstHandle };
  // So many are looked at before a caller has to come again.
  static constexpr int kMaxSteps = 4;

  uint32_t max_awake_;
  PackedBytes* bytes_;
  std::vector<uint32_t> states_;  // by id
  std::vector<EntityId> awake_;
  size_t hand_ = 0;  // behind what NextToRest() returned
  uint32_t resting_ = 0;
  uint64_t packed_bytes_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_STATS_REST_TABLE_H_
