#include "stats/rest_table.h"

#include <cassert>

namespace oddverb {

EntityId RestTable::TakePlace(EntityId id) {
  assert(!IsResting(id));
  if (id >= states_.size()) states_.resize(id + size_t{1}, kNew);
  auto place = static_cast<EntityId>(places_.size());
  if (free_.empty()) {
    places_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  places_[place] = {.id = id, .is_used = true};
  states_[id] = place + kFirstPlace;
  return place;
}

EntityId RestTable::NextToRest() {
  for (int i = 0; i < kMaxSteps; ++i) {
    if (places_.size() - free_.size() <= max_awake_) return kNoEntity;
    if (hand_ >= places_.size()) hand_ = 0;
    Place& place = places_[hand_++];
    if (place.id == kNoEntity) continue;
    if (!place.is_used) return place.id;
    place.is_used = false;
  }
  return kNoEntity;
}

EntityId RestTable::GuessNextPlace() const {
  const size_t awake = places_.size() - free_.size();
  if (awake == 0 || awake < max_awake_) return kNoEntity;
  size_t at = hand_;
  for (int i = 0; i < kMaxSteps; ++i, ++at) {
    if (at >= places_.size()) at = 0;
    if (places_[at].id == kNoEntity || places_[at].is_used) continue;
    return static_cast<EntityId>(at);
  }
  return kNoEntity;
}

void RestTable::Rest(EntityId id, std::string_view bytes) {
  const EntityId place = PlaceOf(id);
  assert(places_[place].id == id);
  places_[place] = Place();
  free_.push_back(place);
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
