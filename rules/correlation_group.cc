#include "rules/correlation_group.h"

#include <algorithm>
#include <cmath>

#include "rules/sigma_correlation.h"

namespace oddverb {
namespace {

// So many matches more than its threshold a count remembers, to know them when
// they are repeated.
constexpr size_t kKnownRequests = 16;

// Nodes and shares of tables, as measured with libstdc++.
constexpr size_t kGroupBytes = 600;
constexpr size_t kEntryBytes = 80;
constexpr size_t kValueBytes = 112;
constexpr size_t kMemberBytes = 16;
constexpr size_t kSampleBytes = 48;

bool CountsEntries(CorrelationType type) {
  return type == CorrelationType::kEventCount ||
         type == CorrelationType::kValueSum ||
         type == CorrelationType::kValueAvg ||
         type == CorrelationType::kValuePercentile;
}

}  // namespace

size_t KeptByCorrelation(const Correlation& correlation) {
  bool is_count = correlation.type == CorrelationType::kEventCount ||
                  correlation.type == CorrelationType::kValueCount;
  if (!is_count || correlation.JudgesAtEnd()) return kMaxCorrelationThreshold;
  // The lowest count that will do.
  double lowest = 1;
  for (const CorrelationLimit& limit : correlation.limits) {
    bool above = limit.op == CorrelationLimit::Op::kGt;
    lowest = std::max(
        lowest, above ? std::floor(limit.value) + 1 : std::ceil(limit.value));
  }
  size_t kept = static_cast<size_t>(lowest);
  if (correlation.type == CorrelationType::kEventCount) kept += kKnownRequests;
  return std::min(kMaxCorrelationThreshold, kept);
}

CorrelationGroup::CorrelationGroup(const Correlation& correlation,
                                   std::vector<std::string> values)
    : values_(std::move(values)) {
  for (const std::string& value : values_) text_bytes_ += value.size();
  size_t members = correlation.members.size();
  if (correlation.type == CorrelationType::kTemporal ||
      correlation.type == CorrelationType::kTemporalOrdered) {
    last_of_member_.assign(members, absl::InfinitePast());
  }
  if (correlation.type == CorrelationType::kTemporalOrdered) {
    begin_of_chain_.assign(members, absl::InfinitePast());
  }
}

void CorrelationGroup::DropEntry(const Correlation& correlation) {
  const Entry& entry = entries_.front();
  requests_.erase(entry.request);
  sum_ -= entry.number;
  if (correlation.type == CorrelationType::kValuePercentile) {
    sorted_.erase(
        std::lower_bound(sorted_.begin(), sorted_.end(), entry.number));
  }
  entries_.pop_front();
  if (entries_.empty()) sum_ = 0;  // so that no rounding is kept
}

void CorrelationGroup::AddEntry(const Correlation& correlation, Entry entry) {
  entries_.push_back(entry);
  sum_ += entry.number;
  if (correlation.type == CorrelationType::kValuePercentile) {
    sorted_.insert(
        std::upper_bound(sorted_.begin(), sorted_.end(), entry.number),
        entry.number);
  }
}

void CorrelationGroup::AddValue(absl::Time time, uint64_t value) {
  auto [it, is_new] = last_of_value_.try_emplace(value, time);
  if (!is_new) {
    values_by_time_.erase({it->second, value});
    it->second = time;
  }
  values_by_time_.emplace(time, value);
}

// Of several chains the one that began last stays in the window longest.
void CorrelationGroup::AddInOrder(size_t member, absl::Time time) {
  absl::Time begin = member == 0 ? time : begin_of_chain_[member - 1];
  begin_of_chain_[member] = std::max(begin_of_chain_[member], begin);
}

void CorrelationGroup::AddMember(const Correlation& correlation,
                                 const CorrelationInput& input) {
  last_of_member_[input.member] = input.time;
  if (correlation.type != CorrelationType::kTemporalOrdered) return;
  // Those of the same time are in any order.
  for (size_t m = input.member; m < last_of_member_.size(); ++m) {
    if (last_of_member_[m] == input.time) AddInOrder(m, input.time);
  }
}

void CorrelationGroup::DropSample(size_t index) {
  text_bytes_ -= samples_[index].text.size();
  samples_.erase(samples_.begin() + static_cast<ptrdiff_t>(index));
}

void CorrelationGroup::AddSamples(const CorrelationInput& input) {
  for (const std::string& text : input.samples) {
    auto shows = [&text](const Sample& sample) { return sample.text == text; };
    if (std::any_of(samples_.begin(), samples_.end(), shows)) continue;
    if (samples_.size() >= kMaxSamples) {
      auto same = std::find_if(
          samples_.begin(), samples_.end(),
          [&input](const Sample& s) { return s.member == input.member; });
      DropSample(same == samples_.end()
                     ? 0
                     : static_cast<size_t>(same - samples_.begin()));
    }
    samples_.push_back({input.time, input.member, text});
    text_bytes_ += text.size();
  }
}

void CorrelationGroup::Expire(const Correlation& correlation,
                              absl::Time begin) {
  while (!entries_.empty() && entries_.front().time < begin) {
    DropEntry(correlation);
  }
  while (!values_by_time_.empty() && values_by_time_.begin()->first < begin) {
    last_of_value_.erase(values_by_time_.begin()->second);
    values_by_time_.erase(values_by_time_.begin());
  }
  for (std::vector<absl::Time>* times : {&last_of_member_, &begin_of_chain_}) {
    for (absl::Time& time : *times) {
      if (time < begin) time = absl::InfinitePast();
    }
  }
  while (!samples_.empty() && samples_.front().time < begin) DropSample(0);
}

bool CorrelationGroup::Repeats(const CorrelationInput& input) const {
  return input.request != 0 && requests_.contains(input.request);
}

size_t CorrelationGroup::Add(const Correlation& correlation,
                             const CorrelationInput& input) {
  touched_ = input.time;
  if (opened_ == absl::InfinitePast()) opened_ = input.time;
  AddSamples(input);
  ++untold;
  size_t kept = KeptByCorrelation(correlation), dropped = 0;
  if (CountsEntries(correlation.type)) {
    if (input.request != 0) requests_.insert(input.request);
    bool is_count = correlation.type == CorrelationType::kEventCount;
    if (is_count) AddEntry(correlation, {input.time, input.request, 0});
    for (double number : input.numbers) {
      if (is_count) break;
      AddEntry(correlation, {input.time, input.request, number});
    }
    // A count that is above its threshold need not remember more.
    for (; entries_.size() > kept; dropped += is_count ? 0 : 1) {
      DropEntry(correlation);
    }
  } else if (correlation.type == CorrelationType::kValueCount) {
    for (uint64_t value : input.values) AddValue(input.time, value);
    while (last_of_value_.size() > kept) {
      last_of_value_.erase(values_by_time_.begin()->second);
      values_by_time_.erase(values_by_time_.begin());
    }
  } else {
    AddMember(correlation, input);
  }
  return dropped;
}

std::vector<bool> CorrelationGroup::SeenMembers() const {
  std::vector<bool> seen;
  for (absl::Time time : last_of_member_) {
    seen.push_back(time != absl::InfinitePast());
  }
  return seen;
}

double CorrelationGroup::Number(const Correlation& correlation) const {
  switch (correlation.type) {
    case CorrelationType::kEventCount:
      return static_cast<double>(entries_.size());
    case CorrelationType::kValueCount:
      return static_cast<double>(last_of_value_.size());
    case CorrelationType::kTemporal:
    case CorrelationType::kTemporalOrdered: {
      std::vector<bool> seen = SeenMembers();
      return static_cast<double>(std::count(seen.begin(), seen.end(), true));
    }
    case CorrelationType::kValueSum:
      return sum_;
    case CorrelationType::kValueAvg:
      return entries_.empty() ? 0 : sum_ / static_cast<double>(entries_.size());
    case CorrelationType::kValuePercentile: {
      if (sorted_.empty()) return 0;
      double rank = std::ceil(correlation.percentile / 100 *
                              static_cast<double>(sorted_.size()));
      return sorted_[static_cast<size_t>(std::max(rank, 1.0)) - 1];
    }
  }
  return 0;
}

uint64_t CorrelationGroup::Matches(const Correlation& correlation) const {
  if (CountsEntries(correlation.type)) return entries_.size();
  return std::max(static_cast<uint64_t>(Number(correlation)),
                  uint64_t{samples_.size()});
}

std::vector<std::string> CorrelationGroup::Samples() const {
  std::vector<std::string> texts;
  for (const Sample& sample : samples_) texts.push_back(sample.text);
  return texts;
}

size_t CorrelationGroup::Bytes() const {
  return kGroupBytes + text_bytes_ + entries_.size() * kEntryBytes +
         last_of_value_.size() * kValueBytes +
         last_of_member_.size() * kMemberBytes + samples_.size() * kSampleBytes;
}

bool CorrelationGroup::Holds(const Correlation& correlation) const {
  switch (correlation.type) {
    case CorrelationType::kTemporalOrdered:
      return begin_of_chain_.back() != absl::InfinitePast();
    case CorrelationType::kTemporal: {
      if (correlation.expression.has_value()) {
        return correlation.expression->Holds(SeenMembers());
      }
      double count = Number(correlation);
      return correlation.limits.empty()
                 ? count == static_cast<double>(last_of_member_.size())
                 : correlation.Holds(count);
    }
    default:
      break;
  }
  bool is_empty = entries_.empty() && last_of_value_.empty();
  return !is_empty && correlation.Holds(Number(correlation));
}

absl::Time CorrelationGroup::Since() const {
  absl::Time since = touched_;
  if (!entries_.empty()) since = entries_.front().time;
  if (!values_by_time_.empty()) since = values_by_time_.begin()->first;
  bool is_ordered = !begin_of_chain_.empty();
  for (absl::Time time : last_of_member_) {
    bool counts = time != absl::InfinitePast() && !is_ordered;
    if (counts) since = std::min(since, time);
  }
  if (is_ordered && begin_of_chain_.back() != absl::InfinitePast()) {
    since = begin_of_chain_.back();
  }
  return since;
}

void CorrelationGroup::Save(StateWriter& state) const {
  state.PutU64(values_.size());
  for (const std::string& value : values_) state.PutString(value);
  state.PutTime(touched_);
  state.PutTime(opened_);
  state.PutU64(firing ? 1 : 0);
  state.PutU64(repeats);
  state.PutU64(untold);
  state.PutDouble(sum_);
  state.PutU64(entries_.size());
  for (const Entry& entry : entries_) {
    state.PutTime(entry.time);
    state.PutFixed64(entry.request);
    state.PutDouble(entry.number);
  }
  state.PutU64(values_by_time_.size());
  for (const auto& [time, value] : values_by_time_) {
    state.PutTime(time);
    state.PutFixed64(value);
  }
  for (absl::Time time : last_of_member_) state.PutTime(time);
  for (absl::Time time : begin_of_chain_) state.PutTime(time);
  state.PutU64(samples_.size());
  for (const Sample& sample : samples_) {
    state.PutTime(sample.time);
    state.PutU64(sample.member);
    state.PutString(sample.text);
  }
}

CorrelationGroup CorrelationGroup::Load(const Correlation& correlation,
                                        StateReader& state) {
  std::vector<std::string> values(state.GetCount(1));
  for (std::string& value : values) value = std::string(state.GetString());
  if (values.size() != correlation.group_by.size()) state.Fail();
  CorrelationGroup group(correlation, std::move(values));
  group.touched_ = state.GetTime();
  group.opened_ = state.GetTime();
  group.firing = state.GetU64() != 0;
  group.repeats = state.GetU64();
  group.untold = state.GetU64();
  double sum = state.GetDouble();
  for (size_t left = state.GetCount(18); left > 0; --left) {
    Entry entry;
    entry.time = state.GetTime();
    entry.request = state.GetFixed64();
    entry.number = state.GetDouble();
    group.AddEntry(correlation, entry);
    if (entry.request != 0) group.requests_.insert(entry.request);
  }
  group.sum_ = sum;
  for (size_t left = state.GetCount(10); left > 0; --left) {
    absl::Time time = state.GetTime();
    group.AddValue(time, state.GetFixed64());
  }
  for (absl::Time& time : group.last_of_member_) time = state.GetTime();
  for (absl::Time& time : group.begin_of_chain_) time = state.GetTime();
  size_t samples = state.GetCount(4);
  if (samples > kMaxSamples) state.Fail();
  for (; samples > 0 && state.status().ok(); --samples) {
    Sample sample;
    sample.time = state.GetTime();
    sample.member = static_cast<uint32_t>(state.GetU64());
    sample.text = std::string(state.GetString());
    group.text_bytes_ += sample.text.size();
    group.samples_.push_back(std::move(sample));
  }
  return group;
}

}  // namespace oddverb
