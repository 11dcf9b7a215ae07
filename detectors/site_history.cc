#include "detectors/site_history.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/ip_address.h"

namespace oddverb {
namespace {

constexpr uint32_t kMinForNovelty = 5;

uint32_t SecondOf(absl::Time time) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, UINT32_MAX));
}

uint32_t Seconds(absl::Duration span) {
  return static_cast<uint32_t>(absl::ToInt64Seconds(span));
}

// How long `now` is behind `then`.
uint32_t Since(uint32_t then, absl::Time now) {
  const uint32_t second = SecondOf(now);
  return second < then ? 0 : second - then;
}

}  // namespace

uint32_t SiteOf(const KeyedHash& hash, std::string_view ip) {
  std::optional<IpAddress> address = IpAddress::Parse(ip);
  if (!address.has_value()) return 0;
  // ::ffff:a.b.c of IPv4.
  const size_t bytes = address->is_v4() ? 15 : 6;
  const std::string_view prefix(
      reinterpret_cast<const char*>(address->bytes.data()), bytes);
  const auto key = static_cast<uint32_t>(hash.Hash(prefix));
  return key == 0 ? 1 : key;
}

const SiteHistory::Site* SiteHistory::Find(uint32_t site) const {
  auto found = std::find_if(sites_.begin(), sites_.end(),
                            [site](const Site& s) { return s.key == site; });
  return found == sites_.end() ? nullptr : &*found;
}

void SiteHistory::Note(uint32_t key, absl::Time now) {
  if (key == 0) return;
  const uint32_t second = SecondOf(now);
  if (sessions_ == 0) first_second_ = second;
  const bool begins = sessions_ == 0 ||
                      Since(last_second_, now) > Seconds(kPause) ||
                      Since(session_second_, now) > Seconds(kLongest);
  if (begins) {
    ++sessions_;
    session_second_ = second;
  }
  last_second_ = std::max(last_second_, second);
  auto site = std::find_if(sites_.begin(), sites_.end(),
                           [key](const Site& s) { return s.key == key; });
  if (site == sites_.end()) {
    Insert({key, second, second, sessions_, false});
    return;
  }
  site->last_second = std::max(site->last_second, second);
  site->is_seen_again |= site->last_session != sessions_;
  site->last_session = sessions_;
}

void SiteHistory::Insert(const Site& site) {
  if (sites_.size() >= kMaxSites) {
    auto oldest = std::min_element(sites_.begin(), sites_.end(),
                                   [](const Site& a, const Site& b) {
                                     return a.last_second < b.last_second;
                                   });
    if (!oldest->is_seen_again) ++once_gone_;
    sites_.erase(oldest);
  }
  // Most have one.
  if (sites_.empty()) sites_.reserve(1);
  sites_.push_back(site);
}

bool SiteHistory::IsLong(absl::Time now) const {
  return sessions_ >= kMinSessions ||
         (sessions_ > 0 && Since(first_second_, now) >= Seconds(kMinAge));
}

bool SiteHistory::IsNew(uint32_t site, absl::Time now) const {
  const Site* known = Find(site);
  return known != nullptr && Since(known->first_second, now) < Seconds(kNew);
}

bool SiteHistory::IsEstablished(uint32_t site, absl::Time now) const {
  const Site* known = Find(site);
  return known != nullptr && Since(known->first_second, now) >= Seconds(kNew);
}

bool SiteHistory::IsSettled(uint32_t site) const {
  const Site* known = Find(site);
  return known != nullptr &&
         known->last_second - known->first_second >= Seconds(kSettles);
}

bool SiteHistory::CameTogether(uint32_t site, uint32_t other) const {
  const Site* a = Find(site);
  const Site* b = Find(other);
  if (a == nullptr || b == nullptr) return false;
  const auto [earlier, later] = std::minmax(a->first_second, b->first_second);
  return later - earlier < Seconds(kTogether);
}

double SiteHistory::Novelty(uint32_t site) const {
  if (sessions_ < kMinForNovelty) return 0;
  double once = once_gone_;
  for (const Site& known : sites_) {
    if (known.key != site && !known.is_seen_again) ++once;
  }
  const double chance = (once + 0.5) / (sessions_ + 1.0);
  return std::clamp(-std::log(chance), 0.0, kMaxNovelty);
}

void SiteHistory::Save(StateWriter& out) const {
  out.PutU64(sites_.size());
  for (const Site& site : sites_) {
    out.PutU64(site.key);
    out.PutU64(site.first_second);
    out.PutU64(site.last_second);
    out.PutU64(site.last_session);
    out.PutU64(site.is_seen_again ? 1 : 0);
  }
  for (uint32_t number :
       {sessions_, first_second_, session_second_, last_second_, once_gone_}) {
    out.PutU64(number);
  }
}

void SiteHistory::Load(StateReader& in) {
  auto number = [&in] {
    const uint64_t read = in.GetU64();
    if (read > UINT32_MAX) in.Fail();
    return static_cast<uint32_t>(read);
  };
  *this = SiteHistory();
  SiteHistory loaded;
  uint64_t count = in.GetCount(5);
  if (count > kMaxSites) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Site site;
    site.key = number();
    site.first_second = number();
    site.last_second = number();
    site.last_session = number();
    site.is_seen_again = in.GetU64() != 0;
    loaded.sites_.push_back(site);
  }
  loaded.sessions_ = number();
  loaded.first_second_ = number();
  loaded.session_second_ = number();
  loaded.last_second_ = number();
  loaded.once_gone_ = number();
  if (in.status().ok()) *this = std::move(loaded);
}

}  // namespace oddverb
