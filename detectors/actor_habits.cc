#include "detectors/actor_habits.h"

#include <algorithm>
#include <array>

#include "base/ip_address.h"

namespace oddverb {
namespace {

// 1 wrote times as they are.
constexpr uint64_t kOldestState = 1, kStateVersion = 2;
// Addresses are looked at once in a span: it is a part of the day that counts,
// not how busy it was.
constexpr uint16_t kSpanSeconds = 10;
constexpr uint8_t kMinInside = 5;
constexpr uint64_t kOutsideIsNew = 24 * 60 * 60;

uint32_t FingerprintOf(uint64_t hash) {
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

void ActorHabits::See(std::string_view source_ip, absl::Time now) {
  const uint32_t second = SecondOf(now);
  const bool is_first = !seen();
  if (is_first) first_ = second;
  sessions_.See(now);
  if (first_outside_ != 0) return;
  const auto at = static_cast<uint16_t>(second);
  if (!is_first && static_cast<uint16_t>(at - span_) < kSpanSeconds) return;
  span_ = at;
  if (IsPublicAddress(source_ip)) {
    first_outside_ = second;
  } else if (inside_ < UINT8_MAX) {
    ++inside_;
  }
}

std::optional<double> ActorHabits::FirstTime(Kind kind, uint64_t act) {
  if (acts_ == nullptr) acts_ = std::make_unique<std::vector<Act>>();
  const uint32_t fingerprint = FingerprintOf(act);
  uint32_t once = 0;
  for (auto it = acts_->begin(); it != acts_->end(); ++it) {
    Act& known = *it;
    if (known.kind != kind) continue;
    if (known.fingerprint == fingerprint) {
      known.is_again |= known.session != sessions_.count();
      known.session = sessions_.count();
      std::rotate(it, it + 1, acts_->end());
      return std::nullopt;
    }
    // One that belongs to the session that is not over says nothing yet.
    if (!known.is_again && known.session != sessions_.count()) ++once;
  }
  if (acts_->size() >= kMaxActs) MakeRoom();
  acts_->push_back({fingerprint, sessions_.count(), kind, false});
  return sessions_.Novelty(once);
}

// A console acts as hundreds of people: they displace one another, and nothing
// of what it does else.
void ActorHabits::MakeRoom() {
  std::array<size_t, static_cast<size_t>(Kind::kCount)> counts{};
  for (const Act& act : *acts_) ++counts[static_cast<size_t>(act.kind)];
  const auto most = std::max_element(counts.begin(), counts.end());
  const auto kind = static_cast<Kind>(most - counts.begin());
  acts_->erase(std::find_if(acts_->begin(), acts_->end(),
                            [&](const Act& act) { return act.kind == kind; }));
}

bool ActorHabits::IsUsedTo(Kind kind) const {
  return acts_ != nullptr &&
         std::any_of(acts_->begin(), acts_->end(), [kind](const Act& act) {
           return act.kind == kind && act.is_again;
         });
}

bool ActorHabits::IsNewlyOutside(std::string_view source_ip,
                                 absl::Time now) const {
  if (inside_ < kMinInside || !IsPublicAddress(source_ip)) return false;
  return first_outside_ == 0 || SecondOf(now) < first_outside_ + kOutsideIsNew;
}

void ActorHabits::Save(StateWriter& out) const {
  out.PutVersion(kStateVersion);
  out.PutSecond(first_);
  sessions_.SaveNear(first_, out);
  // 0 = never, as in the member.
  out.PutU64(first_outside_ == 0 ? 0 : uint64_t{first_outside_ - first_} + 1);
  out.PutFixed16(span_);
  out.PutU64(inside_);
  out.PutU64(acts_ == nullptr ? 0 : acts_->size());
  if (acts_ == nullptr) return;
  for (const Act& act : *acts_) {
    out.PutU64(act.fingerprint);
    out.PutU64(act.session);
    out.PutU64(static_cast<uint64_t>(act.kind) << 1 | (act.is_again ? 1 : 0));
  }
}

void ActorHabits::Load(StateReader& in) {
  const uint64_t version = in.GetVersion(kStateVersion);
  if (version < kOldestState || version > kStateVersion) in.Fail();
  auto number = [&in](uint64_t most) {
    const uint64_t value = in.GetU64();
    if (value > most) in.Fail();
    return value;
  };
  if (version == kOldestState) {
    sessions_.LoadWide(in);
    first_ = static_cast<uint32_t>(number(UINT32_MAX));
    first_outside_ = static_cast<uint32_t>(number(UINT32_MAX));
    span_ = static_cast<uint16_t>(number(UINT16_MAX));
  } else {
    first_ = in.GetSecond();
    sessions_.LoadNear(first_, in);
    const uint64_t outside = number(uint64_t{UINT32_MAX} + 1);
    first_outside_ =
        outside == 0 ? 0 : first_ + static_cast<uint32_t>(outside - 1);
    span_ = in.GetFixed16();
  }
  inside_ = static_cast<uint8_t>(number(UINT8_MAX));
  acts_.reset();
  uint64_t count = in.GetCount(3);
  if (count > kMaxActs) in.Fail();
  if (count == 0 || !in.status().ok()) return;
  acts_ = std::make_unique<std::vector<Act>>();
  for (; count > 0 && in.status().ok(); --count) {
    Act act;
    act.fingerprint = static_cast<uint32_t>(number(UINT32_MAX));
    act.session = static_cast<uint16_t>(number(UINT16_MAX));
    const uint64_t kind = number(UINT8_MAX);
    if (kind >> 1 >= static_cast<uint64_t>(Kind::kCount)) in.Fail();
    act.kind = static_cast<Kind>(kind >> 1);
    act.is_again = (kind & 1) != 0;
    acts_->push_back(act);
  }
}

}  // namespace oddverb
