#include "stats/rest_table.h"

#include <cassert>

namespace oddverb {

void RestTable::Use(EntityId id) {
  if (id >= states_.size()) states_.resize(id + size_t{1}, kNew);
  assert(states_[id] < kRestsEmpty);
  if (states_[id] == kNew) awake_.push_back(id);
  states_[id] = kUsed;
}

EntityId RestTable::NextToRest() {
  for (int i = 0; i < kMaxSteps && awake_.size() > max_awake_; ++i) {
    if (hand_ >= awake_.size()) hand_ = 0;
    const EntityId id = awake_[hand_++];
    if (states_[id] != kUsed) return id;
    states_[id] = kAwake;
  }
  return kNoEntity;
}

void RestTable::Rest(EntityId id, std::string_view bytes) {
  assert(hand_ > 0 && awake_[hand_ - 1] == id);
  awake_[hand_ - 1] = awake_.back();
  awake_.pop_back();
  states_[id] = kRestsEmpty;
  if (!bytes.empty()) states_[id] = bytes_->Put(bytes) + kFirstHandle;
  packed_bytes_ += bytes.size();
  ++resting_;
}

std::string_view RestTable::BytesOf(EntityId id) const {
  assert(IsResting(id));
  if (states_[id] == kRestsEmpty) return {};
  return bytes_->Get(states_[id] - kFirstHandle);
}

void RestTable::Wake(EntityId id) {
  assert(IsResting(id));
  packed_bytes_ -= BytesOf(id).size();
  if (states_[id] >= kFirstHandle) bytes_->Free(states_[id] - kFirstHandle);
  states_[id] = kNew;
  --resting_;
}

}  // namespace oddverb
