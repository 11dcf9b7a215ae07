// What the correlation engine leaves behind and takes up again.
#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "rules/correlation_engine.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 2;
// What a row holds.
constexpr uint64_t kGroup = 1;
constexpr uint64_t kWaiting = 2;

void SaveInput(const CorrelationInput& input, StateWriter& state) {
  state.PutU64(input.member);
  state.PutFixed64(input.request);
  state.PutU64(input.group.size());
  for (const std::string& value : input.group) state.PutString(value);
  state.PutU64(input.values.size());
  for (uint64_t value : input.values) state.PutFixed64(value);
  state.PutU64(input.numbers.size());
  for (double number : input.numbers) state.PutDouble(number);
  state.PutU64(input.samples.size());
  for (const std::string& sample : input.samples) state.PutString(sample);
}

CorrelationInput LoadInput(StateReader& state) {
  CorrelationInput input;
  input.member = static_cast<uint32_t>(state.GetU64());
  input.request = state.GetFixed64();
  input.group.resize(state.GetCount(1));
  for (std::string& value : input.group) value = std::string(state.GetString());
  input.values.resize(state.GetCount(8));
  for (uint64_t& value : input.values) value = state.GetFixed64();
  input.numbers.resize(state.GetCount(8));
  for (double& number : input.numbers) number = state.GetDouble();
  input.samples.resize(state.GetCount(1));
  for (std::string& sample : input.samples) {
    sample = std::string(state.GetString());
  }
  return input;
}

absl::Status Damaged() {
  return absl::DataLossError("state of the correlations is damaged");
}

}  // namespace

void CorrelationEngine::Clear() {
  groups_.assign(set_->correlations().size(), {});
  timers_.clear();
  waiting_.clear();
  bytes_ = waiting_bytes_ = 0;
  taken_ = uses_ = 0;
  passed_ = absl::InfinitePast();
  counts_ = {};
  numbers_ = {};
  rows_.clear();
}

void CorrelationEngine::Replace(std::shared_ptr<const CorrelationSet> set) {
  std::string state = Save();
  set_ = std::move(set);
  // What was just saved is whole. Nobody else knows which rows the checkpoint
  // lacks.
  if (!Load(state).ok()) return;
  for (uint32_t number = 0; number < numbers_.size(); ++number) {
    numbers_.MarkChanged(number);
  }
}

std::string CorrelationEngine::RowBytes(const Row& row) const {
  StateWriter state;
  if (row.slot != nullptr) {
    state.PutU64(kGroup);
    state.PutFixed64(set_->FingerprintOf(row.slot->correlation));
    state.PutU64(row.slot->used);
    row.slot->group.Save(state);
  } else if (row.waiting != nullptr) {
    const auto& [place, waiting] = *row.waiting;
    state.PutU64(kWaiting);
    state.PutFixed64(set_->FingerprintOf(waiting.input.correlation));
    state.PutTime(place.first);
    state.PutU64(place.second);
    SaveInput(waiting.input, state);
  }
  return state.Release();
}

void CorrelationEngine::TakeChanges(std::vector<CorrelationRow>& out) {
  for (uint32_t number : numbers_.TakeChanged()) {
    out.push_back({number, RowBytes(rows_[number])});
  }
}

void CorrelationEngine::SaveShared(StateWriter& state) const {
  state.PutU64(kStateVersion);
  state.PutTime(passed_);
  state.PutU64(taken_);
  state.PutU64(uses_);
  for (uint64_t count :
       {counts_.late, counts_.evicted_groups, counts_.dropped_values,
        counts_.hurried, counts_.forgotten}) {
    state.PutU64(count);
  }
}

absl::Status CorrelationEngine::LoadShared(StateReader& state) {
  if (state.GetU64() != kStateVersion) state.Fail();
  passed_ = state.GetTime();
  taken_ = state.GetU64();
  uses_ = state.GetU64();
  for (uint64_t* count :
       {&counts_.late, &counts_.evicted_groups, &counts_.dropped_values,
        &counts_.hurried, &counts_.forgotten}) {
    *count = state.GetU64();
  }
  return state.status();
}

absl::Status CorrelationEngine::DropRow(uint32_t number) {
  if (!numbers_.Append(number)) return Damaged();
  rows_.emplace_back();
  numbers_.MarkChanged(number);
  return absl::OkStatus();
}

absl::Status CorrelationEngine::LoadRow(uint32_t number,
                                        std::string_view bytes) {
  if (!numbers_.Append(number)) return Damaged();
  rows_.emplace_back();
  if (bytes.empty()) return absl::OkStatus();
  StateReader state(bytes);
  uint64_t kind = state.GetU64();
  if (kind != kGroup && kind != kWaiting) return Damaged();
  return kind == kGroup ? LoadGroup(number, state) : LoadWaiting(number, state);
}

absl::Status CorrelationEngine::LoadGroup(uint32_t number, StateReader& state) {
  auto of = set_->Find(state.GetFixed64());
  ODDVERB_RETURN_IF_ERROR(state.status());
  if (!of.has_value()) {
    ++counts_.forgotten;
    numbers_.MarkChanged(number);
    return absl::OkStatus();
  }
  const Correlation& correlation = set_->correlations()[*of];
  Groups& groups = groups_[*of];
  uint64_t used = state.GetU64();
  CorrelationGroup group = CorrelationGroup::Load(correlation, state);
  Key key = KeyOf(group.values());
  if (!state.status().ok() || !state.AtEnd() || used > uses_ ||
      groups.slots.contains(key) || !groups.by_use.emplace(used, key).second) {
    return Damaged();
  }
  if (correlation.JudgesAtEnd()) {
    timers_.emplace(group.opened() + correlation.timespan, *of, key);
  }
  Slot& slot = groups.slots[key];
  slot.correlation = *of;
  slot.group = std::move(group);
  slot.used = used;
  slot.number = number;
  rows_[number] = {.slot = &slot};
  numbers_.TakeBack(number);
  Weigh(slot);
  // Fewer may be allowed now.
  if (groups.slots.size() <= options_.max_groups) return absl::OkStatus();
  ++counts_.evicted_groups;
  Remove(*of, groups.by_use.begin()->second);
  return absl::OkStatus();
}

absl::Status CorrelationEngine::LoadWaiting(uint32_t number,
                                            StateReader& state) {
  auto of = set_->Find(state.GetFixed64());
  absl::Time time = state.GetTime();
  uint64_t taken = state.GetU64();
  CorrelationInput input = LoadInput(state);
  if (!state.status().ok() || !state.AtEnd() || taken >= taken_) {
    return Damaged();
  }
  if (!of.has_value()) {
    ++counts_.forgotten;
    numbers_.MarkChanged(number);
    return absl::OkStatus();
  }
  const Correlation& correlation = set_->correlations()[*of];
  if (input.member >= correlation.members.size() ||
      input.group.size() != correlation.group_by.size()) {
    return Damaged();
  }
  input.correlation = *of;
  input.fingerprint = set_->FingerprintOf(*of);
  input.time = time;
  size_t bytes = BytesOf(input);
  auto [it, is_new] = waiting_.try_emplace(Place(time, taken),
                                           Waiting{std::move(input), number});
  if (!is_new) return Damaged();
  waiting_bytes_ += bytes;
  rows_[number] = {.waiting = &*it};
  numbers_.TakeBack(number);
  return absl::OkStatus();
}

std::string CorrelationEngine::Save() const {
  StateWriter state;
  SaveShared(state);
  state.PutU64(rows_.size());
  for (const Row& row : rows_) state.PutString(RowBytes(row));
  return state.Release();
}

absl::Status CorrelationEngine::Load(std::string_view bytes) {
  Clear();
  StateReader state(bytes);
  absl::Status status = LoadShared(state);
  size_t rows = state.GetCount(1);
  for (uint32_t number = 0; number < rows && status.ok(); ++number) {
    status = LoadRow(number, state.GetString());
  }
  if (status.ok() && !state.AtEnd()) state.Fail();
  if (status.ok()) status = state.status();
  if (!status.ok()) Clear();
  return status;
}

}  // namespace oddverb
