// IP addresses and networks as the API server writes them into sourceIPs.
// Plain values; thread-safe.
#ifndef ODDVERB_BASE_IP_ADDRESS_H_
#define ODDVERB_BASE_IP_ADDRESS_H_

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace oddverb {

// IPv4 is held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that both spellings of
// one address are equal.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  // Strict textual form: four decimal parts without leading zeros, or RFC 4291
  // (an IPv6 zone "%eth0" is dropped). nullopt for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);

  bool is_v4() const;
  // Host order. REQUIRES: is_v4().
  uint32_t v4() const;
  // RFC 1918, RFC 4193, loopback, link-local, RFC 6598 (carrier NAT).
  bool is_private() const;
  // RFC 5952 (IPv4 as dotted decimal).
  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  // As the bytes are, eight at a time.
  friend std::strong_ordering operator<=>(const IpAddress& a,
                                          const IpAddress& b) {
    const auto by_high = a.EightFrom(0) <=> b.EightFrom(0);
    return by_high != 0 ? by_high : a.EightFrom(8) <=> b.EightFrom(8);
  }

 private:
  // In network order.
  uint64_t EightFrom(size_t begin) const {
    uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + begin, sizeof(eight));
    return std::endian::native == std::endian::big ? eight
                                                   : __builtin_bswap64(eight);
  }
};

// Of the text of an address as above; anything else is neither.
bool IsPublicAddress(std::string_view text);
bool IsPrivateAddress(std::string_view text);
// Whether they are of two families and may be one machine's. An inside address
// of IPv6 and an outside one of IPv4 are not; the other way round they are, in
// clouds whose IPv6 is public. False for anything that is no address.
bool MayBeDualStack(std::string_view text, std::string_view other);

// A network in CIDR form; an address without "/n" is a network of one.
struct IpNetwork {
  IpAddress base;
  int prefix_bits = 128;  // of the 128-bit form: 96 + n for IPv4

  // nullopt for bad text. Host bits below the prefix are ignored.
  static std::optional<IpNetwork> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_IP_ADDRESS_H_
