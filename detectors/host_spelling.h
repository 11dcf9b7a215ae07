// The many ways to write one IP address as a URL's host. Libraries disagree on
// what they accept (libc's inet_aton, browsers, Go, Python), so a host has a
// set of readings: every address that some common client would connect to.
//
// Pure text; fed by attackers: no allocation, time linear in the length.
// Thread-safe.
#ifndef ODDVERB_DETECTORS_HOST_SPELLING_H_
#define ODDVERB_DETECTORS_HOST_SPELLING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ip_address.h"

namespace oddverb {

enum class HostSpelling : uint8_t {
  kCanonical,   // 169.254.169.254, fd00:ec2::254
  kNumeric,     // 2852039166, 0xa9fea9fe, 0251.0376.43518, a trailing dot
  kIpv6Form,    // an IPv6 address written unusually or with a zone
  kEmbeddedV4,  // IPv4 inside of IPv6: mapped, NAT64, 6to4, ISATAP
  kDnsAlias,    // a public name that resolves to the address: nip.io
};
// For people: "an unusual number format".
std::string_view HostSpellingName(HostSpelling spelling);

struct HostReading {
  IpAddress address;
  HostSpelling spelling = HostSpelling::kCanonical;
};

class HostReadings {
 public:
  static constexpr size_t kMaxReadings = 8;

  // Beyond kMaxReadings the oldest one gives way: the services behind
  // kDnsAlias read the last address of a name.
  void Add(const IpAddress& address, HostSpelling spelling) {
    readings_[added_++ % kMaxReadings] = {address, spelling};
  }
  const HostReading* begin() const { return readings_.data(); }
  const HostReading* end() const {
    return readings_.data() + std::min(added_, kMaxReadings);
  }
  bool empty() const { return added_ == 0; }

 private:
  std::array<HostReading, kMaxReadings> readings_{};
  size_t added_ = 0;
};

// `host` as between "://" and the port; IPv6 with or without brackets. Empty
// for a name that stands for no address by itself.
HostReadings ReadHost(std::string_view host);
// The same in two steps, for who tests many hosts and finds few: an address
// that may be written as usual is kIpv6Form until SpellingOf() has looked.
HostReadings ReadAddresses(std::string_view host);
HostSpelling SpellingOf(const HostReading& reading, std::string_view host);

// The readings of `host` as inet_aton() and its relatives see it: one to four
// parts, each decimal, 0octal or 0xhex.
void ReadNumericHost(std::string_view host, HostReadings& out);

// Whether `host` is four parts divided by dots, each a number: a shape that
// hardly occurs but for addresses.
bool HasFourNumericParts(std::string_view host);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_HOST_SPELLING_H_
