#include "detectors/credential_contacts.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ip_address.h"
#include "base/prefetch.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 3;  // from Contact::kOldestState on
// How long a request may be under way and its last line still tell of the past.
// Watches end within the hour, idle streams after four (kubelet's
// streamingConnectionIdleTimeout). What is older than that is a clock that was
// set, and begins anew.
constexpr int64_t kMaxLateMicros = int64_t{6} * 3600 * 1'000'000;
// More addresses than are remembered within this time are a crowd, and are
// believed to be one for as long.
constexpr int64_t kCrowdedMicros = int64_t{24} * 3600 * 1'000'000;
// In the network of home only if it is so fast, and for so long, unless all of
// them were there within an hour: a VPN gives another address with each login,
// some days more than four; a pipeline's runners come and go within an hour.
constexpr int64_t kCrowdAtHomeMicros = int64_t{2} * 3600 * 1'000'000;
constexpr int64_t kTogetherMicros = int64_t{3600} * 1'000'000;

int64_t ReceivedMicros(const AuditEvent& event) {
  bool has_received = event.received != absl::InfinitePast();
  return absl::ToUnixMicros(has_received ? event.received : event.stage_time);
}

// a - b and a + b without overflow.
int64_t Difference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a > b ? INT64_MAX : INT64_MIN;
}

int64_t Sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? INT64_MAX : INT64_MIN;
}

}  // namespace

absl::Time CredentialContacts::latest() const {
  if (size() == 0) return absl::InfinitePast();
  return absl::FromUnixMicros(latest_micros_);
}

size_t CredentialContacts::size() const {
  if (first_.texts_.empty()) return 0;
  return moved_ == nullptr ? 1 : 1 + moved_->others.size();
}

Contact& CredentialContacts::contact(size_t index) {
  return index == 0 ? first_ : moved_->others[index - 1];
}

const Contact& CredentialContacts::contact(size_t index) const {
  return index == 0 ? first_ : moved_->others[index - 1];
}

size_t CredentialContacts::home() const {
  for (size_t i = 0; i < size(); ++i) {
    if (contact(i).is_private()) return i;
  }
  return 0;
}

bool CredentialContacts::HasOwnClient(size_t index) const {
  size_t base = home();
  std::array<bool, kMaxContacts> own{};
  own[base] = true;
  // Two rounds: at home, then one step away.
  for (int round = 0; round < 2; ++round) {
    std::array<bool, kMaxContacts> known = own;
    for (size_t i = 0; i < size(); ++i) {
      for (size_t k = 0; k < size(); ++k) {
        bool joins =
            known[k] && !own[i] && contact(i).SharesAgentWith(contact(k));
        if (joins) own[i] = true;
      }
    }
  }
  return own[index];
}

// Its address of the other family, and its node's where that translates some
// calls, come up soon after the one it was started at, and are no newcomers.
bool CredentialContacts::IsBack(size_t place, size_t index) const {
  constexpr int64_t kSettledMicros = int64_t{3600} * 1'000'000;
  const Contact& before = contact(place);
  const Contact& newcomer = contact(index);
  if (before.last_micros_ < newcomer.first_micros_) return false;
  if (place == home()) return true;
  return before.reported != Contact::kReportedFully &&
         before.is_v6() == newcomer.is_v6() &&
         Difference(newcomer.first_micros_, before.first_micros_) >=
             kSettledMicros;
}

// Of pods that call in bursts and rest for hours in between, some hundred times
// the mean of all their pauses is longer than any of them.
bool CredentialContacts::MovedBackFrom(size_t index, const Use& use,
                                       absl::Time now) const {
  constexpr int64_t kFewestUses = 20;
  constexpr int64_t kMeans = 100;
  constexpr absl::Duration kShortest = absl::Hours(6);
  const Contact& here = contact(use.contact);
  const int64_t uses = here.uses() - 1;  // this one aside
  if (uses < kFewestUses) return false;
  // It may have been started again several times.
  absl::Time began = absl::InfiniteFuture(), ended = absl::InfinitePast();
  for (size_t i = 0; i < size(); ++i) {
    const Contact& away = contact(i);
    const absl::Time first = absl::FromUnixMicros(away.first_micros_);
    if (i == index && first < use.last_use) return false;
    if (i == use.contact || first < use.last_use) continue;
    began = std::min(began, first);
    ended = std::max(ended, away.last_use());
  }
  const absl::Duration mean =
      (use.last_use - absl::FromUnixMicros(here.first_micros_)) / uses;
  const absl::Duration silence = now - use.last_use;
  return silence >= std::max(kShortest, kMeans * mean) &&
         ended - began >= silence / 2;
}

bool CredentialContacts::IsFarFromHome(size_t index) const {
  // A dual-stack machine has an IPv4 address beside the other one.
  size_t near = home();
  for (size_t i = 0; i < size() && contact(near).is_v6(); ++i) {
    const bool is_pair = i != index && !contact(i).is_v6() &&
                         contact(i).is_private() == contact(near).is_private();
    if (is_pair && contact(i).SharesAgentWith(contact(near))) near = i;
  }
  std::optional<IpAddress> base = IpAddress::Parse(contact(near).ip());
  std::optional<IpAddress> away = IpAddress::Parse(contact(index).ip());
  if (!base.has_value() || !away.has_value()) return false;
  if (base->is_v4() != away->is_v4()) {
    return !MayBeDualStack(contact(near).ip(), contact(index).ip());
  }
  return base->is_v4() && base->v4() >> 16 != away->v4() >> 16;
}

bool CredentialContacts::IsOtherFamily(size_t index) const {
  const Contact& other = contact(index);
  const size_t base = home();
  for (size_t i = 0; i < size(); ++i) {
    const bool is_further = i != index && i != base &&
                            contact(i).is_v6() == other.is_v6() &&
                            contact(i).reported != Contact::kReportedFully;
    if (is_further) return false;
  }
  const Contact& owner = contact(base);
  return owner.is_v6() != other.is_v6() &&
         owner.is_private() == other.is_private() &&
         owner.SharesAgentWith(other);
}

int CredentialContacts::ChangesWithin(absl::Time now,
                                      absl::Duration span) const {
  return moved_ == nullptr ? 0 : moved_->changes.CountWithin(now, span);
}

bool CredentialContacts::IsCrowded(absl::Time now) const {
  return moved_ != nullptr &&
         absl::ToUnixMicros(now) < moved_->crowded_until_micros;
}

bool CredentialContacts::roaming_reported() const {
  return moved_ != nullptr && moved_->roaming_reported;
}

CredentialContacts::Movement& CredentialContacts::Moved() {
  if (moved_ == nullptr) moved_ = std::make_unique<Movement>();
  return *moved_;
}

size_t CredentialContacts::Find(std::string_view ip) const {
  size_t count = size();
  for (size_t i = 0; i < count; ++i) {
    if (contact(i).IsAt(ip)) return i;
  }
  return count;
}

int64_t CredentialContacts::CrowdMicros(size_t index) const {
  return IsFarFromHome(index) || contact(index).is_v6() ? kCrowdedMicros
                                                        : kCrowdAtHomeMicros;
}

bool CredentialContacts::IsInUse(size_t index, int64_t now_micros) const {
  return Difference(now_micros, contact(index).last_micros_) <=
         CrowdMicros(index);
}

// An address of a VPN, which are many, makes room before one elsewhere does.
// Where none is out of use they are a crowd.
void CredentialContacts::Evict(absl::Time now) {
  const int64_t micros = absl::ToUnixMicros(now);
  size_t oldest = kMaxContacts;
  bool is_oldest_in_use = false;
  int64_t crowd_micros = kCrowdedMicros;
  for (size_t i = 0; i < kMaxContacts; ++i) {
    if (i == home() || i == moved_->current) continue;
    crowd_micros = std::min(crowd_micros, CrowdMicros(i));
    const bool is_in_use = IsInUse(i, micros);
    const bool is_older =
        oldest == kMaxContacts ||
        std::pair(is_in_use, contact(i).last_micros_) <
            std::pair(is_oldest_in_use, contact(oldest).last_micros_);
    if (!is_older) continue;
    oldest = i;
    is_oldest_in_use = is_in_use;
  }
  if (is_oldest_in_use) {
    const bool are_together =
        Difference(micros, contact(oldest).last_micros_) <= kTogetherMicros;
    moved_->crowded_until_micros =
        std::max(moved_->crowded_until_micros,
                 Sum(micros, are_together ? kCrowdedMicros : crowd_micros));
  }
  auto second = moved_->others.begin();
  if (oldest == 0) {
    first_ = std::move(*second);
    oldest = 1;
  }
  moved_->others.erase(second + static_cast<std::ptrdiff_t>(oldest - 1));
  if (moved_->current >= oldest) --moved_->current;
}

size_t CredentialContacts::Insert(const AuditEvent& event) {
  if (size() == 0) {
    first_ = Contact(event);
    return 0;
  }
  if (size() == kMaxContacts) Evict(event.stage_time);
  Moved().others.emplace_back(event);
  return size() - 1;
}

bool CredentialContacts::IsLate(int64_t received_micros) const {
  int64_t behind = Difference(latest_micros_, received_micros);
  return behind > 0 && behind <= kMaxLateMicros;
}

void CredentialContacts::Prefetch() const {
  PrefetchBytes(first_.texts_.data(), first_.texts_.size());
}

CredentialContacts::Use CredentialContacts::Add(const AuditEvent& event) {
  Use use;
  use.is_first = size() == 0;
  use.contact = Find(event.source_ip);
  use.is_new = use.contact == size();
  if (use.is_new) use.contact = Insert(event);
  use.previous = use.contact;
  Contact& contact = this->contact(use.contact);
  use.last_use = contact.last_use();
  use.is_repeat = !contact.Count(event);
  if (use.is_repeat) return use;
  contact.NoteAgent(event.user_agent);
  // The last line of a request from long ago is no return to its address.
  int64_t received = ReceivedMicros(event);
  if (!use.is_first && IsLate(received)) return use;
  latest_micros_ = received;
  if (moved_ == nullptr || moved_->current == use.contact) return use;
  use.previous = moved_->current;
  moved_->changes.Add(event.stage_time);
  moved_->current = static_cast<uint8_t>(use.contact);
  return use;
}

void CredentialContacts::Save(StateWriter& out) const {
  out.PutVersion(kStateVersion);
  out.PutMicros(latest_micros_);
  first_.Save(latest_micros_, out);
  out.PutU64(moved_ == nullptr ? 0 : 1);
  if (moved_ == nullptr) return;
  out.PutU64(moved_->others.size());
  for (const Contact& contact : moved_->others) {
    contact.Save(latest_micros_, out);
  }
  moved_->changes.Save(out);
  out.PutI64(moved_->crowded_until_micros);
  out.PutU64(moved_->current);
  out.PutU64(moved_->roaming_reported ? 1 : 0);
}

void CredentialContacts::Load(StateReader& in) {
  *this = CredentialContacts();
  CredentialContacts loaded;
  const uint64_t version = in.GetVersion(kStateVersion);
  if (version < Contact::kOldestState || version > kStateVersion) in.Fail();
  loaded.latest_micros_ = in.GetMicros();
  loaded.first_.Load(version, loaded.latest_micros_, in);
  if (in.GetU64() != 0) {
    Movement& moved = loaded.Moved();
    uint64_t others = in.GetCount(8);
    if (others >= kMaxContacts) in.Fail();
    for (; others > 0 && in.status().ok(); --others) {
      moved.others.emplace_back().Load(version, loaded.latest_micros_, in);
    }
    moved.changes.Load(in);
    moved.crowded_until_micros = in.GetI64();
    // It was the time when it became one.
    if (version < 3 && moved.crowded_until_micros != INT64_MIN) {
      moved.crowded_until_micros =
          Sum(moved.crowded_until_micros, kCrowdedMicros);
    }
    uint64_t current = in.GetU64();
    if (current > moved.others.size()) in.Fail();
    moved.current = static_cast<uint8_t>(current);
    moved.roaming_reported = in.GetU64() != 0;
  }
  if (in.status().ok()) *this = std::move(loaded);
}

}  // namespace oddverb
