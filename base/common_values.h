// Values that many entities have, as User-Agents and the keys of networks,
// by small numbers: what rests in memory has the number instead.
//
// A value has a number from the third time on that it comes while it is one of
// the candidates, of which a newer one takes the place of an older one. Numbers
// stay, as they are written somewhere; so there is an end to them, and who
// invents values can only keep others from having one. Which values those are
// differs from run to run. One thread.
#ifndef ODDVERB_BASE_COMMON_VALUES_H_
#define ODDVERB_BASE_COMMON_VALUES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"

namespace oddverb {

// Value is std::string, then View is std::string_view; or both are a number.
template <class Value, class View>
class CommonValues {
 public:
  static constexpr uint32_t kNone = 0;
  static constexpr size_t kMaxValues = 4096;
  static constexpr size_t kMaxBytes = 64 << 10;  // of all

  // From 1; kNone = it has none yet.
  uint32_t NumberOf(View value) {
    if (auto found = numbers_.find(value); found != numbers_.end()) {
      return found->second;
    }
    const size_t bytes = bytes_ + BytesOf(value);
    if (values_.size() >= kMaxValues || bytes > kMaxBytes) return kNone;
    const uint64_t hash = absl::Hash<View>()(value);
    Candidate& candidate = candidates_[hash % candidates_.size()];
    if (candidate.hash != hash) candidate = {.hash = hash, .times = 0};
    if (++candidate.times < kTimes) return kNone;
    candidate = {};
    values_.emplace_back(value);
    bytes_ = bytes;
    const auto number = static_cast<uint32_t>(values_.size());
    numbers_.emplace(values_.back(), number);
    return number;
  }
  // Null: NumberOf() never gave the number.
  const Value* Find(uint64_t number) const {
    if (number == kNone || number > values_.size()) return nullptr;
    return &values_[number - 1];
  }

 private:
  static constexpr uint8_t kTimes = 3;
  struct Candidate {
    uint64_t hash = 0;
    uint8_t times = 0;
  };

  static size_t BytesOf(std::string_view text) { return text.size(); }
  static size_t BytesOf(uint32_t) { return sizeof(uint32_t); }

  std::deque<Value> values_;  // which do not move
  size_t bytes_ = 0;
  absl::flat_hash_map<View, uint32_t> numbers_;
  std::array<Candidate, 256> candidates_;  // by hash
};

// Of one table of entities.
struct RestValues {
  // Longer texts have no number.
  static constexpr size_t kMaxTextBytes = 256;

  CommonValues<std::string, std::string_view> texts;
  CommonValues<uint32_t, uint32_t> hashes;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_COMMON_VALUES_H_
