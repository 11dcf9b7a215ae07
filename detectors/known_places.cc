#include "detectors/known_places.h"

#include <algorithm>
#include <array>
#include <bit>
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

uint32_t SecondOf(absl::Time time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, UINT32_MAX));
}

uint64_t WordAt(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// The `size` bytes that are left, the first of them at the top. By a load of
// fixed length wherever `text` is long enough: loops of a length that varies
// are guessed wrong by the processor.
uint64_t Tail(string_view text, size_t end, size_t size) {
  constexpr size_t kWord = sizeof(uint64_t);
  if (text.size() < kWord) {
    uint64_t last = 0;
    for (char c : text.substr(end - size, size)) {
      last = last << 8 | static_cast<unsigned char>(c);
    }
    return last;
  }
  if (size == 0) return 0;
  size_t begin = end < kWord ? 0 : end - kWord;
  uint64_t word = __builtin_bswap64(WordAt(text.data() + begin));
  word >>= 8 * (begin + kWord - end);
  return word & ~uint64_t{0} >> 8 * (kWord - size);
}

// Of the first `end` bytes, eight at a time (murmur's finalizer). Not keyed:
// who wants to look like a program of the actor just says its name.
uint32_t HashOf(string_view text, size_t end) {
  uint64_t hash = end;
  auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33;
  };
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= end; at += sizeof(uint64_t)) {
    mix(WordAt(text.data() + at));
  }
  mix(Tail(text, end, end - at));
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

// The two lowest bits of a key: a network, and the family of its addresses.
constexpr uint32_t kNetwork = 1, kIpV6 = 2;

uint32_t NetworkKey(uint32_t hash, uint32_t family) {
  return (hash & ~kIpV6) | family | kNetwork;
}

constexpr uint64_t kOnes = 0x0101010101010101U;

// The high bit of each byte that is `c`. Exact for each, not only the first:
// nothing is carried from one byte to the next.
uint64_t BytesThatAre(uint64_t word, char c) {
  constexpr uint64_t kLow = 0x7f * kOnes;
  uint64_t x = word ^ kOnes * static_cast<unsigned char>(c);
  return ~(((x & kLow) + kLow) | x | kLow);
}

uint32_t NetworkOf(string_view address) {
  if (address.size() >= sizeof(uint64_t)) {
    // Most second dots are among the first eight bytes, and no colon is.
    uint64_t word = WordAt(address.data());
    uint64_t dots = BytesThatAre(word, '.');
    dots &= dots - 1;  // not the first
    if (dots != 0 && BytesThatAre(word, ':') == 0) {
      return NetworkKey(
          HashOf(address, static_cast<size_t>(std::countr_zero(dots)) / 8), 0);
    }
  }
  // Up to the second dot. The groups of IPv6 are of at most four digits, so a
  // colon comes first there, also before an IPv4 address at its end.
  size_t end = 0;
  for (int dots = 0; end < address.size() && address[end] != ':'; ++end) {
    if (address[end] == '.' && ++dots == 2) break;
  }
  if (address.empty()) return 0;
  if (end == address.size() || address[end] == '.') {
    return NetworkKey(HashOf(address, end), 0);
  }
  std::optional<IpAddress> parsed = IpAddress::Parse(address);
  if (!parsed.has_value()) return 0;
  if (parsed->is_v4()) return NetworkOf(parsed->ToString());
  std::array<char, 6> prefix;
  std::memcpy(prefix.data(), parsed->bytes.data(), prefix.size());
  return NetworkKey(HashOf({prefix.data(), prefix.size()}, prefix.size()),
                    kIpV6);
}

uint32_t ProgramOf(string_view agent) {
  size_t end = 0, most = std::min(agent.size(), KnownPlaces::kMaxProgramBytes);
  for (; end + sizeof(uint64_t) <= most; end += sizeof(uint64_t)) {
    uint64_t word = WordAt(agent.data() + end);
    uint64_t ends = BytesThatAre(word, '/') | BytesThatAre(word, ' ');
    if (ends == 0) continue;
    end += static_cast<size_t>(std::countr_zero(ends)) / 8;
    break;
  }
  while (end < most && agent[end] != '/' && agent[end] != ' ') ++end;
  // Even, and not 0.
  uint32_t hash = HashOf(agent, end) & ~1U;
  return hash == 0 ? 2 : hash;
}

}  // namespace

KnownPlaces::Place KnownPlaces::Of(const AuditEvent& event) {
  return {NetworkOf(event.source_ip), ProgramOf(event.user_agent)};
}

void KnownPlaces::See(const Place& place, absl::Time now) {
  uint32_t second = SecondOf(now);
  See(place.network, second);
  See(place.program, second);
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

bool KnownPlaces::IsOnlyOfItsFamily(const Place& place) const {
  bool has_other = false;
  for (const Entry& entry : entries_) {
    if ((entry.key & kNetwork) == 0 || entry.key == place.network) continue;
    if (((entry.key ^ place.network) & kIpV6) == 0) return false;
    has_other = true;
  }
  return has_other;
}

void KnownPlaces::Save(StateWriter& out) const {
  out.PutU64(entries_.size());
  for (const Entry& entry : entries_) {
    out.PutU64(entry.key);
    out.PutU64(entry.first_second);
  }
}

void KnownPlaces::Load(StateReader& in) {
  uint64_t count = in.GetU64();
  if (count > 2 * kMaxOfAKind) in.Fail();
  entries_.clear();
  for (; count > 0 && in.status().ok(); --count) {
    auto key = static_cast<uint32_t>(in.GetU64());
    auto second = static_cast<uint32_t>(in.GetU64());
    entries_.push_back({key, second});
  }
}

void KnownPlaces::SaveNear(uint32_t second, StateWriter& out) const {
  out.PutU64(entries_.size());
  for (const Entry& entry : entries_) {
    out.PutCommonHash(entry.key);
    out.PutI64(int64_t{entry.first_second} - second);
  }
}

void KnownPlaces::LoadNear(uint32_t second, StateReader& in) {
  uint64_t count = in.GetU64();
  if (count > 2 * kMaxOfAKind) in.Fail();
  entries_.clear();
  for (; count > 0 && in.status().ok(); --count) {
    const uint32_t key = in.GetCommonHash();
    const int64_t later = in.GetI64();
    entries_.push_back({key, second + static_cast<uint32_t>(later)});
  }
}

}  // namespace oddverb
