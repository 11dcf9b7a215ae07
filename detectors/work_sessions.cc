#include "detectors/work_sessions.h"

#include <algorithm>
#include <cmath>

namespace oddverb {
namespace {

constexpr uint64_t kGapSeconds = 60 * 60;
constexpr uint64_t kLongestSeconds = 6 * 60 * 60;

// Modulo 2^16, as WorkSlots has it.
uint16_t SlotAt(int64_t second) {
  return static_cast<uint16_t>(second / int64_t{kLongestSeconds});
}
uint16_t SlotNear(int64_t micros) { return SlotAt(micros / 1'000'000); }

}  // namespace

uint32_t SecondOf(absl::Time time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToUnixSeconds(time), 1, UINT32_MAX));
}

void WorkSessions::See(absl::Time now) {
  const uint32_t second = SecondOf(now);
  // Events may be late by a little: time does not run back.
  const bool is_new = count_ == 0 || second >= last_ + kGapSeconds ||
                      second >= start_ + kLongestSeconds;
  if (is_new) {
    start_ = second;
    if (count_ < UINT16_MAX) ++count_;
  }
  last_ = std::max(last_, second);
}

double WorkSessions::NoveltyOf(uint32_t sessions, uint32_t new_ones) {
  if (sessions < kMinSessions) return 0;
  return std::clamp(-std::log((new_ones + 0.5) / (sessions + 1.0)), 0.0,
                    kMaxNovelty);
}

double WorkSessions::Novelty(uint32_t new_ones) const {
  return NoveltyOf(count_ > 0 ? count_ - 1u : 0u, new_ones);
}

void WorkSessions::SaveNear(uint32_t second, StateWriter& out) const {
  out.PutI64(int64_t{last_} - second);
  out.PutU64(last_ - start_);
  out.PutU64(count_);
}

void WorkSessions::LoadNear(uint32_t second, StateReader& in) {
  const uint64_t last = static_cast<uint64_t>(in.GetI64()) + second;
  const uint64_t span = in.GetU64();
  Set(last, last - span, in.GetU64(), in);
}

void WorkSessions::LoadWide(StateReader& in) {
  const uint64_t last = in.GetU64();
  const uint64_t start = in.GetU64();
  Set(last, start, in.GetU64(), in);
}

void WorkSessions::Set(uint64_t last, uint64_t start, uint64_t count,
                       StateReader& in) {
  if (last > UINT32_MAX || start > last || count > UINT16_MAX) in.Fail();
  last_ = static_cast<uint32_t>(last);
  start_ = static_cast<uint32_t>(start);
  count_ = static_cast<uint16_t>(count);
}

void WorkSlots::See(absl::Time now) {
  const uint16_t slot = SlotAt(SecondOf(now));
  // Events may be late by a little: time does not run back.
  const bool is_later = static_cast<int16_t>(slot - slot_) > 0;
  if (count_ > 0 && !is_later) return;
  new_ = static_cast<uint8_t>(new_ & ~kPresent);
  if (count_ >= kMostSessions) {
    count_ = kMostSessions / 2;
    new_ = static_cast<uint8_t>(new_ / 2);
  }
  slot_ = slot;
  ++count_;
}

int64_t WorkSlots::EndOf(int64_t second) {
  constexpr auto kSlot = static_cast<int64_t>(kLongestSeconds);
  return second / kSlot * kSlot + kSlot;
}

double WorkSlots::NoveltyOfNew() {
  const uint32_t before = count_ > 0 ? count_ - 1u : 0u;
  const bool is_present = (new_ & kPresent) != 0;
  const auto all = static_cast<uint8_t>(new_ & ~kPresent);
  const double novelty =
      WorkSessions::NoveltyOf(before, all - (is_present ? 1u : 0u));
  if (!is_present && before > 0) {
    new_ = static_cast<uint8_t>((all + 1) | kPresent);
  }
  return novelty;
}

void WorkSlots::Save(StateWriter& out) const {
  const auto later = static_cast<int16_t>(slot_ - SlotNear(out.near_micros()));
  out.PutNumbers({out.rests() ? ZigzagOf(later) : slot_, count_, new_});
}

void WorkSlots::Load(StateReader& in) {
  const auto [said, count, new_ones] = in.GetNumbers<3>();
  const uint64_t slot =
      in.rests()
          ? static_cast<uint16_t>(SlotNear(in.near_micros()) + FromZigzag(said))
          : said;
  const uint64_t all = new_ones & ~uint64_t{kPresent};
  // The first session is not counted, the present one only with the flag.
  if (slot > UINT16_MAX || count > kMostSessions || new_ones > UINT8_MAX ||
      all > count || (new_ones == kPresent)) {
    in.Fail();
    return;
  }
  slot_ = static_cast<uint16_t>(slot);
  count_ = static_cast<uint8_t>(count);
  new_ = static_cast<uint8_t>(new_ones);
}

}  // namespace oddverb
