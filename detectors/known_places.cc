#include "detectors/known_places.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/ip_address.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kMaxOfAKind = 8;
// After a day a place is one of the actor's own: people travel, and what is
// deployed today is normal tomorrow.
constexpr uint32_t kNewSeconds = 24 * 60 * 60;
constexpr size_t kMaxProgramBytes = 32;

uint32_t SecondOf(absl::Time time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, UINT32_MAX));
}

// Eight bytes at a time (murmur's finalizer). Not keyed: who wants to look like
// a program of the actor just says its name.
uint32_t HashOf(string_view bytes) {
  uint64_t hash = bytes.size();
  auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33;
  };
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    mix(word);
    bytes.remove_prefix(sizeof(word));
  }
  // By hand: a copy of a length that varies is a call.
  uint64_t last = 0;
  for (char c : bytes) last = last << 8 | static_cast<unsigned char>(c);
  mix(last);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

uint32_t NetworkOf(string_view address) {
  // Up to the second dot. The groups of IPv6 are of at most four digits, so a
  // colon comes first there, also before an IPv4 address at its end.
  size_t end = 0;
  for (int dots = 0; end < address.size() && address[end] != ':'; ++end) {
    if (address[end] == '.' && ++dots == 2) break;
  }
  if (address.empty()) return 0;
  if (end == address.size() || address[end] == '.') {
    return HashOf(address.substr(0, end)) | 1U;
  }
  std::optional<IpAddress> parsed = IpAddress::Parse(address);
  if (!parsed.has_value()) return 0;
  if (parsed->is_v4()) return NetworkOf(parsed->ToString());
  std::array<char, 6> prefix;
  std::memcpy(prefix.data(), parsed->bytes.data(), prefix.size());
  return HashOf({prefix.data(), prefix.size()}) | 1U;
}

uint32_t ProgramOf(string_view agent) {
  size_t end = 0, most = std::min(agent.size(), kMaxProgramBytes);
  while (end < most && agent[end] != '/' && agent[end] != ' ') ++end;
  // Even, and not 0.
  uint32_t hash = HashOf(agent.substr(0, end)) & ~1U;
  return hash == 0 ? 2 : hash;
}

}  // namespace

KnownPlaces::Place KnownPlaces::Of(const AuditEvent& event) {
  return {NetworkOf(event.source_ip), ProgramOf(event.user_agent)};
}

void KnownPlaces::See(const Place& place, absl::Time now) {
  uint32_t second = SecondOf(now);
  if (place.network == last_.network && place.program == last_.program &&
      second >= last_second_) {
    return;
  }
  See(place.network, second);
  See(place.program, second);
  last_ = place;
  last_second_ = second;
}

void KnownPlaces::See(uint32_t key, uint32_t second) {
  if (key == 0) return;
  Entry* youngest = nullptr;
  size_t of_kind = 0;
  for (Entry& entry : entries_) {
    if (entry.key == key) {
      entry.first_second = std::min(entry.first_second, second);
      return;
    }
    if ((entry.key & 1U) != (key & 1U)) continue;
    ++of_kind;
    if (youngest == nullptr || entry.first_second > youngest->first_second) {
      youngest = &entry;
    }
  }
  if (of_kind < kMaxOfAKind) {
    // Most actors have one of each.
    if (entries_.empty()) entries_.reserve(2);
    entries_.push_back({key, second});
    return;
  }
  // What was seen last makes room, if it is new: a thief who makes up programs
  // drives out his own.
  if (second < youngest->first_second + kNewSeconds) *youngest = {key, second};
}

bool KnownPlaces::IsNew(uint32_t key, absl::Time now,
                        absl::Time settled) const {
  for (const Entry& entry : entries_) {
    if (entry.key != key) continue;
    return entry.first_second >= SecondOf(settled) &&
           SecondOf(now) - entry.first_second < kNewSeconds;
  }
  // None, or not kept, as there are too many.
  return false;
}

void KnownPlaces::Save(StateWriter& out) const {
  out.PutU64(entries_.size());
  for (const Entry& entry : entries_) {
    out.PutU64(entry.key);
    out.PutU64(entry.first_second);
  }
}

void KnownPlaces::Load(StateReader& in) {
  last_ = {};
  uint64_t count = in.GetU64();
  if (count > 2 * kMaxOfAKind) in.Fail();
  entries_.clear();
  for (; count > 0 && in.status().ok(); --count) {
    auto key = static_cast<uint32_t>(in.GetU64());
    auto second = static_cast<uint32_t>(in.GetU64());
    entries_.push_back({key, second});
  }
}

}  // namespace oddverb
