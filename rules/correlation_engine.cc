#include "rules/correlation_engine.h"

#include <algorithm>

#include "base/keyed_hash.h"
#include "base/strings.h"
#include "rules/canonical_number.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;

}  // namespace

CorrelationEngine::CorrelationEngine(std::shared_ptr<const CorrelationSet> set,
                                     Options options)
    : set_(std::move(set)),
      options_(options),
      groups_(set_->correlations().size()) {}

CorrelationEngine::Key CorrelationEngine::KeyOf(
    const std::vector<std::string>& group) {
  HashInput input;
  for (const std::string& value : group) input.Add(value);
  Hash128 hash = KeyedHash().HashWide(input.bytes());
  return {hash.high, hash.low};
}

size_t CorrelationEngine::groups() const {
  size_t count = 0;
  for (const Groups& of : groups_) count += of.slots.size();
  return count;
}

void CorrelationEngine::Remove(uint32_t correlation, const Key& key) {
  Groups& groups = groups_[correlation];
  auto it = groups.slots.find(key);
  const Correlation& of = set_->correlations()[correlation];
  if (of.JudgesAtEnd()) {
    timers_.erase({it->second.group.opened() + of.timespan, correlation, key});
  }
  groups.by_age.erase(it->second.place);
  groups.slots.erase(it);
}

// Groups whose window is empty by now.
void CorrelationEngine::ForgetOld(uint32_t correlation, absl::Time now) {
  const Correlation& of = set_->correlations()[correlation];
  if (of.JudgesAtEnd()) return;  // they go with their windows
  Groups& groups = groups_[correlation];
  while (!groups.by_age.empty()) {
    Key oldest = groups.by_age.front();
    if (groups.slots.at(oldest).group.touched() + of.timespan >= now) return;
    Remove(correlation, oldest);
  }
}

CorrelationEngine::Slot& CorrelationEngine::SlotOf(
    uint32_t correlation, const CorrelationInput& input) {
  Groups& groups = groups_[correlation];
  Key key = KeyOf(input.group);
  auto it = groups.slots.find(key);
  if (it != groups.slots.end()) {
    groups.by_age.splice(groups.by_age.end(), groups.by_age, it->second.place);
    return it->second;
  }
  if (groups.slots.size() >= options_.max_groups) {
    ++counts_.evicted_groups;
    Remove(correlation, groups.by_age.front());
  }
  const Correlation& of = set_->correlations()[correlation];
  groups.by_age.push_back(key);
  if (of.JudgesAtEnd()) {
    timers_.emplace(input.time + of.timespan, correlation, key);
  }
  return groups.slots
      .emplace(key, Slot{CorrelationGroup(of, input.group),
                         std::prev(groups.by_age.end())})
      .first->second;
}

void CorrelationEngine::Judge(const CorrelationInput& input, Alerts& alerts) {
  const Correlation& correlation = set_->correlations()[input.correlation];
  ForgetOld(input.correlation, input.time);
  CorrelationGroup& group = SlotOf(input.correlation, input).group;
  bool at_end = correlation.JudgesAtEnd();
  if (!at_end) {
    group.Expire(correlation, input.time - correlation.timespan);
  }
  if (group.Repeats(input)) return;
  if (at_end) {
    counts_.dropped_values += group.Add(correlation, input);
    return;
  }
  if (group.firing && !group.Holds(correlation)) group.firing = false;
  counts_.dropped_values += group.Add(correlation, input);
  if (!group.Holds(correlation)) {
    group.firing = false;  // an average can fall
  } else if (group.firing) {
    ++group.repeats;
  } else {
    group.firing = true;
    Fire(input.correlation, group, input.time, alerts);
  }
}

void CorrelationEngine::EndWindow(const Timer& timer, Alerts& alerts) {
  auto [time, number, key] = timer;
  const Correlation& correlation = set_->correlations()[number];
  CorrelationGroup group = std::move(groups_[number].slots.at(key).group);
  groups_[number].by_age.erase(groups_[number].slots.at(key).place);
  groups_[number].slots.erase(key);
  timers_.erase(timer);
  if (group.Holds(correlation)) Fire(number, group, time, alerts);
}

// Recursion is bounded by kMaxCorrelationChain. A group is not touched after
// the alert: others may push it out.
void CorrelationEngine::Fire(uint32_t correlation, CorrelationGroup& group,
                             absl::Time time, Alerts& alerts) {
  const Correlation& of = set_->correlations()[correlation];
  CorrelationAlert alert{.correlation = correlation,
                         .time = time,
                         .since = group.Since(),
                         .group = group.values(),
                         .number = group.Number(of),
                         .repeats = group.repeats};
  group.repeats = 0;
  HashInput request;
  request.Add(set_->FingerprintOf(correlation));
  request.Add(static_cast<uint64_t>(absl::ToUnixNanos(time)));
  for (const std::string& value : alert.group) request.Add(value);
  KeyedHash hash;
  std::vector<CorrelationInput> inputs;
  for (const CorrelationSet::Use& use : set_->UsesOf(correlation)) {
    const Correlation& outer = set_->correlations()[use.correlation];
    const CorrelationMember& member = outer.members[use.member];
    CorrelationInput& input = inputs.emplace_back(
        CorrelationInput{.correlation = use.correlation,
                         .member = use.member,
                         .time = time,
                         .request = hash.Hash(request.bytes()) | 1,
                         .group = {}});
    for (size_t position : member.group_positions) {
      input.group.push_back(alert.group[position]);
    }
    HashInput tuple;
    for (size_t position : member.value_positions) {
      tuple.Add(alert.group[position]);
    }
    if (member.value_positions.empty()) continue;
    if (outer.type == CorrelationType::kValueCount) {
      input.values.push_back(hash.Hash(tuple.bytes()));
    } else if (auto number =
                   Number::Parse(alert.group[member.value_positions[0]])) {
      input.numbers.push_back(number->is_integer
                                  ? static_cast<double>(number->integer)
                                  : number->real);
    } else {
      inputs.pop_back();
    }
  }
  if (of.rule.alerts) alerts.push_back(std::move(alert));
  for (const CorrelationInput& input : inputs) Judge(input, alerts);
}

void CorrelationEngine::TakeFirst(Alerts& alerts) {
  auto first = waiting_.begin();
  CorrelationInput input = std::move(first->second);
  waiting_.erase(first);
  // Windows that were over before it.
  while (!timers_.empty() && std::get<0>(*timers_.begin()) < input.time) {
    EndWindow(Timer(*timers_.begin()), alerts);
  }
  passed_ = std::max(passed_, input.time);
  Judge(input, alerts);
}

void CorrelationEngine::Observe(CorrelationInput input, Alerts& alerts) {
  if (input.time < passed_) {
    ++counts_.late;
    return;
  }
  waiting_.emplace(std::pair(input.time, taken_++), std::move(input));
  if (waiting_.size() <= options_.max_waiting) return;
  ++counts_.hurried;
  TakeFirst(alerts);
}

void CorrelationEngine::AdvanceTo(absl::Time watermark, Alerts& alerts) {
  absl::Time limit = watermark - options_.allowed_lateness;
  while (!waiting_.empty() && waiting_.begin()->first.first <= limit) {
    TakeFirst(alerts);
  }
  // A window that ends at the limit can still get a match of that time.
  while (!timers_.empty() && std::get<0>(*timers_.begin()) < limit) {
    EndWindow(Timer(*timers_.begin()), alerts);
  }
  passed_ = std::max(passed_, limit);
}

void CorrelationEngine::Clear() {
  groups_.assign(groups_.size(), {});
  timers_.clear();
  waiting_.clear();
  taken_ = 0;
  passed_ = absl::InfinitePast();
  counts_ = {};
}

std::string CorrelationEngine::Save() const {
  StateWriter state;
  state.PutU64(kStateVersion);
  state.PutTime(passed_);
  state.PutU64(taken_);
  for (uint64_t count : {counts_.late, counts_.evicted_groups,
                         counts_.dropped_values, counts_.hurried}) {
    state.PutU64(count);
  }
  state.PutU64(groups_.size());
  for (uint32_t c = 0; c < groups_.size(); ++c) {
    state.PutFixed64(set_->FingerprintOf(c));
    // In one string, so that it can be passed over.
    StateWriter inner;
    inner.PutU64(groups_[c].by_age.size());
    for (const Key& key : groups_[c].by_age) {
      groups_[c].slots.at(key).group.Save(inner);
    }
    state.PutString(inner.bytes());
  }
  SaveWaiting(state);
  return state.Release();
}

void CorrelationEngine::SaveWaiting(StateWriter& state) const {
  state.PutU64(waiting_.size());
  for (const auto& [when, input] : waiting_) {
    state.PutTime(when.first);
    state.PutU64(when.second);
    state.PutU64(input.correlation);
    state.PutU64(input.member);
    state.PutFixed64(input.request);
    state.PutU64(input.group.size());
    for (const std::string& value : input.group) state.PutString(value);
    state.PutU64(input.values.size());
    for (uint64_t value : input.values) state.PutFixed64(value);
    state.PutU64(input.numbers.size());
    for (double number : input.numbers) state.PutDouble(number);
  }
}

// `numbers`: what the saved correlations are called here; -1: nothing.
bool CorrelationEngine::LoadGroups(StateReader& state,
                                   std::vector<int64_t>& numbers) {
  std::multimap<uint64_t, uint32_t> known;
  for (uint32_t c = 0; c < groups_.size(); ++c) {
    known.emplace(set_->FingerprintOf(c), c);
  }
  for (size_t left = state.GetCount(9); left > 0; --left) {
    auto it = known.find(state.GetFixed64());
    std::string_view bytes = state.GetString();
    numbers.push_back(it == known.end() ? -1 : int64_t{it->second});
    if (it == known.end()) continue;
    uint32_t c = it->second;
    known.erase(it);
    const Correlation& correlation = set_->correlations()[c];
    StateReader inner(bytes);
    for (size_t groups = inner.GetCount(1); groups > 0; --groups) {
      CorrelationGroup group = CorrelationGroup::Load(correlation, inner);
      if (!inner.status().ok()) return false;
      Key key = KeyOf(group.values());
      if (groups_[c].slots.contains(key)) return false;
      if (correlation.JudgesAtEnd()) {
        timers_.emplace(group.opened() + correlation.timespan, c, key);
      }
      groups_[c].by_age.push_back(key);
      groups_[c].slots.emplace(
          key, Slot{std::move(group), std::prev(groups_[c].by_age.end())});
      // Fewer may be allowed now.
      if (groups_[c].slots.size() <= options_.max_groups) continue;
      ++counts_.evicted_groups;
      Remove(c, groups_[c].by_age.front());
    }
    if (!inner.AtEnd()) return false;
  }
  return true;
}

void CorrelationEngine::LoadWaiting(StateReader& state,
                                    const std::vector<int64_t>& numbers) {
  for (size_t left = state.GetCount(16); left > 0; --left) {
    CorrelationInput input;
    input.time = state.GetTime();
    uint64_t taken = state.GetU64(), correlation = state.GetU64();
    uint64_t member = state.GetU64();
    input.request = state.GetFixed64();
    input.group.resize(state.GetCount(1));
    for (std::string& value : input.group) {
      value = std::string(state.GetString());
    }
    input.values.resize(state.GetCount(8));
    for (uint64_t& value : input.values) value = state.GetFixed64();
    input.numbers.resize(state.GetCount(8));
    for (double& number : input.numbers) number = state.GetDouble();
    if (correlation >= numbers.size()) return state.Fail();
    if (numbers[correlation] < 0) continue;
    input.correlation = static_cast<uint32_t>(numbers[correlation]);
    const Correlation& of = set_->correlations()[input.correlation];
    if (member >= of.members.size() ||
        input.group.size() != of.group_by.size()) {
      return state.Fail();
    }
    input.member = static_cast<uint32_t>(member);
    waiting_.emplace(std::pair(input.time, taken), std::move(input));
  }
}

absl::Status CorrelationEngine::Load(std::string_view bytes) {
  Clear();
  StateReader state(bytes);
  if (state.GetU64() != kStateVersion) state.Fail();
  passed_ = state.GetTime();
  taken_ = state.GetU64();
  for (uint64_t* count : {&counts_.late, &counts_.evicted_groups,
                          &counts_.dropped_values, &counts_.hurried}) {
    *count = state.GetU64();
  }
  std::vector<int64_t> numbers;
  if (!LoadGroups(state, numbers)) state.Fail();
  LoadWaiting(state, numbers);
  if (!state.AtEnd()) state.Fail();
  if (!state.status().ok()) Clear();
  return state.status();
}

}  // namespace oddverb
