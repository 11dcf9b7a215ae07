#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

namespace oddverb {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                   0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;
constexpr size_t kGroups = 8;

struct V4Block {
  uint32_t base;
  int prefix_bits;
};
constexpr V4Block kPrivateV4[] = {
    {0x0a000000, 8},   // RFC 1918: 10.0.0.0/8
    {0xac100000, 12},  // RFC 1918: 172.16.0.0/12
    {0xc0a80000, 16},  // RFC 1918: 192.168.0.0/16
    {0x7f000000, 8},   // RFC 1122: loopback
    {0xa9fe0000, 16},  // RFC 3927: link-local
    {0x64400000, 10},  // RFC 6598: 100.64.0.0/10
};

std::array<uint16_t, kGroups> GroupsOf(const IpAddress& address) {
  std::array<uint16_t, kGroups> groups;
  for (size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<uint16_t>((address.bytes[2 * i] << 8) |
                                      address.bytes[2 * i + 1]);
  }
  return groups;
}

struct ZeroRun {
  size_t first = kGroups;
  size_t count = 0;
};

// The run that RFC 5952 section 4.2 writes as "::": the first of the longest,
// and never a single group.
ZeroRun LongestZeroRun(const std::array<uint16_t, kGroups>& groups) {
  ZeroRun best;
  for (size_t i = 0; i < kGroups;) {
    size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > std::max<size_t>(best.count, 1)) best = {i, end - i};
    i = end + 1;
  }
  return best;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  bool has_colon = text.find(':') != text.npos;
  if (has_colon) {
    size_t percent = text.find('%');
    if (percent + 1 == text.size()) return std::nullopt;  // an empty zone
    text = text.substr(0, percent);
  }
  // inet_pton wants a terminator, and would stop at one inside of the text.
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(terminated)) return std::nullopt;
  if (text.find('\0') != text.npos) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated);
  terminated[text.size()] = '\0';

  IpAddress result;
  if (has_colon) {
    if (inet_pton(AF_INET6, terminated, result.bytes.data()) != 1) {
      return std::nullopt;
    }
    return result;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), result.bytes.begin());
  uint8_t* v4_bytes = result.bytes.data() + kMappedPrefix.size();
  if (inet_pton(AF_INET, terminated, v4_bytes) != 1) return std::nullopt;
  return result;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

uint32_t IpAddress::v4() const {
  return uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 |
         uint32_t{bytes[14]} << 8 | uint32_t{bytes[15]};
}

bool IpAddress::is_private() const {
  if (is_v4()) {
    for (const V4Block& block : kPrivateV4) {
      if ((v4() ^ block.base) >> (32 - block.prefix_bits) == 0) return true;
    }
    return false;
  }
  if ((bytes[0] & 0xfe) == 0xfc) return true;                      // fc00::/7
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return true;  // fe80::/10
  return std::all_of(bytes.begin(), bytes.end() - 1,
                     [](uint8_t b) { return b == 0; }) &&
         bytes[15] == 1;  // ::1
}

bool IsPublicAddress(std::string_view text) {
  std::optional<IpAddress> address = IpAddress::Parse(text);
  return address.has_value() && !address->is_private();
}

bool IsPrivateAddress(std::string_view text) {
  std::optional<IpAddress> address = IpAddress::Parse(text);
  return address.has_value() && address->is_private();
}

bool MayBeDualStack(std::string_view text, std::string_view other) {
  std::optional<IpAddress> v4 = IpAddress::Parse(text);
  std::optional<IpAddress> v6 = IpAddress::Parse(other);
  if (!v4.has_value() || !v6.has_value()) return false;
  if (v4->is_v4() == v6->is_v4()) return false;
  if (v6->is_v4()) std::swap(v4, v6);
  return v4->is_private() || !v6->is_private();
}

std::string IpAddress::ToString() const {
  char part[16];
  if (is_v4()) {
    std::snprintf(part, sizeof(part), "%d.%d.%d.%d", bytes[12], bytes[13],
                  bytes[14], bytes[15]);
    return part;
  }
  // Not inet_ntop: it writes ::102:304 as ::1.2.3.4, which Go does not.
  std::array<uint16_t, kGroups> groups = GroupsOf(*this);
  ZeroRun zeros = LongestZeroRun(groups);
  std::string text;
  for (size_t i = 0; i < kGroups; ++i) {
    if (i == zeros.first) {
      text += "::";
      i += zeros.count - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::snprintf(part, sizeof(part), "%x", groups[i]);
    text += part;
  }
  return text;
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  size_t slash = text.rfind('/');
  std::string_view address_text = text.substr(0, slash);
  std::optional<IpAddress> address = IpAddress::Parse(address_text);
  if (!address.has_value()) return std::nullopt;

  IpNetwork result{.base = *address};
  if (slash != text.npos) {
    std::string_view digits = text.substr(slash + 1);
    bool is_canonical = !digits.empty() && digits.size() <= 3 &&
                        digits.find_first_not_of("0123456789") == digits.npos &&
                        (digits.size() == 1 || digits[0] != '0');
    if (!is_canonical) return std::nullopt;
    std::from_chars(digits.data(), digits.data() + digits.size(),
                    result.prefix_bits);
    if (address_text.find(':') == address_text.npos) {
      result.prefix_bits += kMappedBits;
    }
    if (result.prefix_bits > 128) return std::nullopt;
  }
  for (size_t i = 0; i < result.base.bytes.size(); ++i) {
    int kept_bits =
        std::clamp(result.prefix_bits - static_cast<int>(8 * i), 0, 8);
    result.base.bytes[i] &= static_cast<uint8_t>(0xff00 >> kept_bits);
  }
  return result;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  size_t whole_bytes = static_cast<size_t>(prefix_bits) / 8;
  if (std::memcmp(base.bytes.data(), address.bytes.data(), whole_bytes) != 0) {
    return false;
  }
  int rest_bits = prefix_bits % 8;
  if (rest_bits == 0) return true;
  int difference = base.bytes[whole_bytes] ^ address.bytes[whole_bytes];
  return difference >> (8 - rest_bits) == 0;
}

}  // namespace oddverb
