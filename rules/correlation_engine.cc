#include "rules/correlation_engine.h"

#include <algorithm>

#include "base/keyed_hash.h"
#include "base/strings.h"
#include "rules/canonical_number.h"

namespace oddverb {
namespace {

// Of a waiting match, besides its texts and numbers.
constexpr size_t kWaitingBytes = 300;
constexpr size_t kTextBytes = 40;

double AsDouble(const Number& number) {
  return number.is_integer ? static_cast<double>(number.integer) : number.real;
}

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

size_t CorrelationEngine::BytesOf(const CorrelationInput& input) {
  size_t bytes = kWaitingBytes + 8 * input.values.size();
  bytes += 8 * input.numbers.size();
  for (const std::string& value : input.group) {
    bytes += kTextBytes + value.size();
  }
  for (const std::string& sample : input.samples) {
    bytes += kTextBytes + sample.size();
  }
  return bytes;
}

uint32_t CorrelationEngine::TakeNumber(Row row) {
  uint32_t number = numbers_.Take();
  if (number == rows_.size()) rows_.emplace_back();
  rows_[number] = row;
  return number;
}

void CorrelationEngine::FreeNumber(uint32_t number) {
  rows_[number] = {};
  numbers_.Free(number);
}

// Takes over what the group has come to.
void CorrelationEngine::Weigh(Slot& slot) {
  size_t bytes = slot.group.Bytes();
  bytes_ += bytes - slot.bytes;
  groups_[slot.correlation].bytes += bytes - slot.bytes;
  slot.bytes = bytes;
}

void CorrelationEngine::Remove(uint32_t correlation, const Key& key) {
  Groups& groups = groups_[correlation];
  auto it = groups.slots.find(key);
  Slot& slot = it->second;
  const Correlation& of = set_->correlations()[correlation];
  if (of.JudgesAtEnd()) {
    timers_.erase({slot.group.opened() + of.timespan, correlation, key});
  }
  bytes_ -= slot.bytes;
  groups.bytes -= slot.bytes;
  FreeNumber(slot.number);
  groups.by_use.erase(slot.used);
  groups.slots.erase(it);
}

// Groups whose window is empty by now.
void CorrelationEngine::ForgetOld(uint32_t correlation, absl::Time now) {
  const Correlation& of = set_->correlations()[correlation];
  if (of.JudgesAtEnd()) return;  // they go with their windows
  Groups& groups = groups_[correlation];
  while (!groups.by_use.empty()) {
    Key oldest = groups.by_use.begin()->second;
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
    Slot& slot = it->second;
    auto place = groups.by_use.extract(slot.used);
    place.key() = slot.used = ++uses_;
    groups.by_use.insert(std::move(place));
    numbers_.MarkChanged(slot.number);
    return slot;
  }
  if (groups.slots.size() >= options_.max_groups) {
    ++counts_.evicted_groups;
    Remove(correlation, groups.by_use.begin()->second);
  }
  const Correlation& of = set_->correlations()[correlation];
  if (of.JudgesAtEnd()) {
    timers_.emplace(input.time + of.timespan, correlation, key);
  }
  Slot& slot = groups.slots[key];
  slot.correlation = correlation;
  slot.group = CorrelationGroup(of, input.group);
  slot.used = ++uses_;
  slot.number = TakeNumber({.slot = &slot});
  groups.by_use.emplace(slot.used, key);
  return slot;
}

// Where much is kept of one correlation, whoever is behind it does not push out
// what is known for the others.
void CorrelationEngine::EvictOverBudget() {
  while (bytes_ > options_.max_bytes) {
    auto most = std::max_element(
        groups_.begin(), groups_.end(),
        [](const Groups& a, const Groups& b) { return a.bytes < b.bytes; });
    ++counts_.evicted_groups;
    Remove(static_cast<uint32_t>(most - groups_.begin()),
           most->by_use.begin()->second);
  }
}

void CorrelationEngine::Judge(const CorrelationInput& input, Alerts& alerts) {
  const Correlation& correlation = set_->correlations()[input.correlation];
  ForgetOld(input.correlation, input.time);
  Slot& slot = SlotOf(input.correlation, input);
  CorrelationGroup& group = slot.group;
  bool at_end = correlation.JudgesAtEnd();
  if (!at_end) {
    group.Expire(correlation, input.time - correlation.timespan);
  }
  bool is_new = !group.Repeats(input);
  if (is_new && group.firing && !group.Holds(correlation)) group.firing = false;
  if (is_new) counts_.dropped_values += group.Add(correlation, input);
  Weigh(slot);
  if (!is_new || at_end) return;
  if (!group.Holds(correlation)) {
    group.firing = false;  // an average can fall
  } else if (!group.firing) {
    group.firing = true;
    Fire(input.correlation, group, input.time, input.tag, alerts);
  } else {
    ++group.repeats;
    group.untold = 0;
    if (!options_.tell_repeats || !correlation.rule.alerts) return;
    alerts.push_back({.correlation = input.correlation,
                      .time = input.time,
                      .since = input.time,
                      .group = group.values(),
                      .number = group.Number(correlation),
                      .is_repeat = true,
                      .matches = 1,
                      .samples = input.samples,
                      .completed_by = input.tag});
  }
}

void CorrelationEngine::EndWindow(const Timer& timer, Alerts& alerts) {
  auto [time, number, key] = timer;
  const Correlation& correlation = set_->correlations()[number];
  CorrelationGroup group = groups_[number].slots.at(key).group;
  Remove(number, key);
  if (group.Holds(correlation)) Fire(number, group, time, 0, alerts);
}

// Recursion is bounded by kMaxCorrelationChain. A group is not touched after
// the alert: others may push it out.
void CorrelationEngine::Fire(uint32_t correlation, CorrelationGroup& group,
                             absl::Time time, uint64_t tag, Alerts& alerts) {
  const Correlation& of = set_->correlations()[correlation];
  CorrelationAlert alert{.correlation = correlation,
                         .time = time,
                         .since = group.Since(),
                         .group = group.values(),
                         .number = group.Number(of),
                         .repeats = group.repeats,
                         .matches = std::min(group.untold, group.Matches(of)),
                         .samples = group.Samples(),
                         .completed_by = tag};
  group.repeats = group.untold = 0;
  std::vector<CorrelationInput> inputs = InputsOf(alert);
  if (of.rule.alerts) alerts.push_back(std::move(alert));
  for (const CorrelationInput& input : inputs) Judge(input, alerts);
}

// What the alert is for the correlations that refer to this one.
std::vector<CorrelationInput> CorrelationEngine::InputsOf(
    const CorrelationAlert& alert) const {
  HashInput request;
  request.Add(set_->FingerprintOf(alert.correlation));
  request.Add(static_cast<uint64_t>(absl::ToUnixNanos(alert.time)));
  for (const std::string& value : alert.group) request.Add(value);
  KeyedHash hash;
  std::vector<CorrelationInput> inputs;
  for (const CorrelationSet::Use& use : set_->UsesOf(alert.correlation)) {
    const Correlation& outer = set_->correlations()[use.correlation];
    const CorrelationMember& member = outer.members[use.member];
    CorrelationInput input{.correlation = use.correlation,
                           .member = use.member,
                           .time = alert.time,
                           .request = hash.Hash(request.bytes()) | 1,
                           .group = {},
                           .samples = alert.samples,
                           .tag = alert.completed_by};
    for (size_t position : member.group_positions) {
      input.group.push_back(alert.group[position]);
    }
    HashInput tuple;
    for (size_t position : member.value_positions) {
      tuple.Add(alert.group[position]);
    }
    if (member.value_positions.empty()) {
      inputs.push_back(std::move(input));
      continue;
    }
    if (outer.type == CorrelationType::kValueCount) {
      input.values.push_back(hash.Hash(tuple.bytes()));
    } else {
      auto number = Number::Parse(alert.group[member.value_positions[0]]);
      if (!number.has_value()) continue;
      input.numbers.push_back(AsDouble(*number));
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void CorrelationEngine::TakeFirst(Alerts& alerts) {
  auto first = waiting_.begin();
  CorrelationInput input = std::move(first->second.input);
  waiting_bytes_ -= BytesOf(input);
  FreeNumber(first->second.number);
  waiting_.erase(first);
  // Windows that were over before it.
  while (!timers_.empty() && std::get<0>(*timers_.begin()) < input.time) {
    EndWindow(Timer(*timers_.begin()), alerts);
  }
  passed_ = std::max(passed_, input.time);
  Judge(input, alerts);
  EvictOverBudget();
}

void CorrelationEngine::Observe(CorrelationInput input, Alerts& alerts) {
  if (input.time < passed_) {
    ++counts_.late;
    return;
  }
  waiting_bytes_ += BytesOf(input);
  Place place(input.time, taken_++);
  auto it = waiting_.emplace(place, Waiting{.input = std::move(input)}).first;
  it->second.number = TakeNumber({.waiting = &*it});
  while (waiting_.size() > options_.max_waiting ||
         waiting_bytes_ > options_.max_waiting_bytes) {
    ++counts_.hurried;
    TakeFirst(alerts);
  }
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
  for (uint32_t c = 0; c < groups_.size(); ++c) ForgetOld(c, limit);
  EvictOverBudget();
}

}  // namespace oddverb
