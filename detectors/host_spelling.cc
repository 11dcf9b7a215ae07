#include "detectors/host_spelling.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr size_t kMaxParts = 4;
// getaddrinfo() takes no longer host (NI_MAXHOST of RFC 2553).
constexpr size_t kMaxHostBytes = 1025;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

IpAddress FromV4(uint32_t v4) {
  IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  for (size_t i = 0; i < 4; ++i) {
    address.bytes[12 + i] = static_cast<uint8_t>(v4 >> (24 - 8 * i));
  }
  return address;
}

// Some readers take a leading zero for octal (libc, browsers), others ignore
// it (Python before 3.9.5, Go before 1.17).
enum class LeadingZero { kOctal, kDecimal };

struct Number {
  uint64_t value = 0;
  bool has_leading_zero = false;
  bool is_byte = false;  // decimal, 0 to 255, as it should be
};

// Overflow wraps: several readers keep only the low bits, so that
// 425.510.425.510 is an address, too (RFC 3986 section 7.4 warns of it).
std::optional<Number> ReadNumber(std::string_view part, LeadingZero zero) {
  if (part.empty()) return std::nullopt;
  Number number;
  uint64_t base = 10;
  if (part.size() >= 2 && part[0] == '0' && (part[1] | 0x20) == 'x') {
    base = 16;
    part.remove_prefix(2);  // "0x" alone is 0 (WHATWG URL)
  } else if (part.size() >= 2 && part[0] == '0') {
    number.has_leading_zero = true;
    if (zero == LeadingZero::kOctal) base = 8;
  }
  for (char c : part) {
    int digit = HexValue(c);
    if (digit < 0 || static_cast<uint64_t>(digit) >= base) return std::nullopt;
    number.value = number.value * base + static_cast<uint64_t>(digit);
  }
  number.is_byte = base == 10 && !number.has_leading_zero && part.size() <= 3 &&
                   number.value <= 0xff;
  return number;
}

struct NumericHost {
  uint32_t v4 = 0;
  bool has_leading_zero = false;
  bool is_canonical = false;
};

std::optional<NumericHost> ReadParts(std::string_view host, LeadingZero zero) {
  NumericHost result{.is_canonical = true};
  if (host.ends_with('.')) {
    host.remove_suffix(1);
    result.is_canonical = false;
  }
  std::array<uint64_t, kMaxParts> values{};
  size_t count = 0;
  for (bool more = true; more;) {
    if (count == kMaxParts) return std::nullopt;
    size_t dot = host.find('.');
    std::optional<Number> number = ReadNumber(host.substr(0, dot), zero);
    if (!number) return std::nullopt;
    result.has_leading_zero |= number->has_leading_zero;
    result.is_canonical &= number->is_byte;
    values[count++] = number->value;
    more = dot != host.npos;
    if (more) host.remove_prefix(dot + 1);
  }
  result.is_canonical &= count == kMaxParts;
  // The last part fills all bytes that the others leave.
  uint64_t v4 = 0;
  for (size_t i = 0; i + 1 < count; ++i)
    v4 |= (values[i] & 0xff) << (24 - 8 * i);
  uint64_t last_mask = 0xffffffffu >> (8 * (count - 1));
  result.v4 = static_cast<uint32_t>(v4 | (values[count - 1] & last_mask));
  return result;
}

IpAddress V4At(const IpAddress& address, std::array<size_t, 4> at) {
  uint32_t v4 = 0;
  for (size_t i : at) v4 = v4 << 8 | address.bytes[i];
  return FromV4(v4);
}

bool StartsWithBytes(const IpAddress& address,
                     std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

// Every IPv4 address that a translator or tunnel takes out of `address`.
void ReadEmbedded(const IpAddress& address, HostReadings& out) {
  constexpr std::array<size_t, 4> kLast = {12, 13, 14, 15};
  auto add = [&](std::array<size_t, 4> at) {
    out.Add(V4At(address, at), HostSpelling::kEmbeddedV4);
  };
  bool has_zero_half =
      std::all_of(address.bytes.begin(), address.bytes.begin() + 8,
                  [](uint8_t b) { return b == 0; });
  if (has_zero_half) {
    // v4-mapped, v4-compatible (RFC 4291 2.5.5), v4-translated (RFC 2765).
    uint8_t mark = address.bytes[10];
    bool is_plain = address.bytes[8] == 0 && address.bytes[9] == 0 &&
                    (mark == 0 || mark == 0xff) && address.bytes[11] == mark;
    bool is_translated = address.bytes[8] == 0xff && address.bytes[9] == 0xff &&
                         address.bytes[10] == 0 && address.bytes[11] == 0;
    if (is_plain || is_translated) add(kLast);
  }
  if (StartsWithBytes(address, {0, 0x64, 0xff, 0x9b})) {
    // NAT64: RFC 6052 for the well-known /96, RFC 8215 for 64:ff9b:1::/48,
    // within which any of RFC 6052's prefix lengths can be used.
    add(kLast);
    add({6, 7, 9, 10});
    add({7, 9, 10, 11});
    add({9, 10, 11, 12});
  }
  if (StartsWithBytes(address, {0x20, 0x02})) add({2, 3, 4, 5});  // RFC 3056
  bool is_isatap = (address.bytes[8] & ~0x02) == 0 && address.bytes[9] == 0 &&
                   address.bytes[10] == 0x5e && address.bytes[11] == 0xfe;
  if (is_isatap) add(kLast);  // RFC 5214
}

void ReadIpv6(std::string_view host, HostReadings& out) {
  size_t zone = host.find('%');
  std::string_view digits = host.substr(0, zone);
  std::optional<IpAddress> address = IpAddress::Parse(digits);
  if (!address) return;
  ReadEmbedded(*address, out);
  if (address->is_v4()) return;
  // Whether it is written as usual is SpellingOf()'s matter: to write it out is
  // what costs most, and hardly any address is one that is looked for.
  out.Add(*address, HostSpelling::kIpv6Form);
}

// Names below these resolve to the address that their labels spell.
constexpr std::string_view kAliasDomains[] = {"nip.io", "sslip.io", "xip.io"};

// The part in front of the domain; empty if `host` is none of them.
std::string_view AliasLabels(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  for (std::string_view domain : kAliasDomains) {
    if (host.size() < domain.size() + 2) continue;
    std::string_view labels = host.substr(0, host.size() - domain.size());
    if (labels.back() != '.') continue;
    if (!absl::EqualsIgnoreCase(A(host.substr(labels.size())), A(domain))) {
      continue;
    }
    labels.remove_suffix(1);
    return labels;
  }
  return {};
}

// 8 hex digits, as nip.io reads them.
std::optional<uint32_t> HexLabel(std::string_view group) {
  if (group.size() != 8) return std::nullopt;
  uint32_t v4 = 0;
  for (char c : group) {
    int digit = HexValue(c);
    if (digit < 0) return std::nullopt;
    v4 = v4 << 4 | static_cast<uint32_t>(digit);
  }
  return v4;
}

// IPv6 with dashes for colons: fd00-ec2--254.
void ReadDashedIpv6(std::string_view label, HostReadings& out) {
  if (label.size() > 45 || label.find('-') == label.npos) return;
  std::string colons(label);
  std::replace(colons.begin(), colons.end(), '-', ':');
  HostReadings inner;
  ReadIpv6(colons, inner);
  for (const HostReading& reading : inner) {
    out.Add(reading.address, HostSpelling::kDnsAlias);
  }
}

// The address may stand behind any prefix ("www-169-254-169-254",
// "a.b.10.0.0.1"), so every four neighbouring numbers are tried.
void ReadAliasLabels(std::string_view labels, HostReadings& out) {
  std::array<uint32_t, 4> window{};
  size_t filled = 0;
  while (!labels.empty()) {
    size_t end = labels.find_first_of(".-");
    std::string_view group = labels.substr(0, end);
    labels.remove_prefix(end == labels.npos ? labels.size() : end + 1);
    if (std::optional<uint32_t> v4 = HexLabel(group)) {
      out.Add(FromV4(*v4), HostSpelling::kDnsAlias);
    }
    std::optional<Number> number = ReadNumber(group, LeadingZero::kDecimal);
    if (!number || number->value > 0xff) {
      filled = 0;
      continue;
    }
    std::rotate(window.begin(), window.begin() + 1, window.end());
    window[3] = static_cast<uint32_t>(number->value);
    if (++filled < 4) continue;
    out.Add(
        FromV4(window[0] << 24 | window[1] << 16 | window[2] << 8 | window[3]),
        HostSpelling::kDnsAlias);
  }
}

}  // namespace

std::string_view HostSpellingName(HostSpelling spelling) {
  switch (spelling) {
    case HostSpelling::kCanonical:
      return "the usual form";
    case HostSpelling::kNumeric:
      return "an unusual number format";
    case HostSpelling::kIpv6Form:
      return "an unusual IPv6 format";
    case HostSpelling::kEmbeddedV4:
      return "IPv4 inside of IPv6";
    case HostSpelling::kDnsAlias:
      return "a public DNS name for any address";
  }
  return "the usual form";
}

void ReadNumericHost(std::string_view host, HostReadings& out) {
  if (host.empty() || !IsDigit(host[0]) || host.size() > kMaxHostBytes) return;
  auto add = [&out](const NumericHost& read) {
    out.Add(FromV4(read.v4), read.is_canonical ? HostSpelling::kCanonical
                                               : HostSpelling::kNumeric);
  };
  std::optional<NumericHost> octal = ReadParts(host, LeadingZero::kOctal);
  if (octal) add(*octal);
  if (octal && !octal->has_leading_zero) return;
  if (auto decimal = ReadParts(host, LeadingZero::kDecimal)) add(*decimal);
}

bool HasFourNumericParts(std::string_view host) {
  if (host.empty() || !IsDigit(host[0]) || host.size() > kMaxHostBytes) {
    return false;
  }
  auto dots = static_cast<size_t>(std::count(host.begin(), host.end(), '.'));
  return dots == kMaxParts - (host.ends_with('.') ? 0 : 1) &&
         (ReadParts(host, LeadingZero::kOctal) ||
          ReadParts(host, LeadingZero::kDecimal));
}

HostReadings ReadAddresses(std::string_view host) {
  HostReadings readings;
  if (host.empty() || host.size() > kMaxHostBytes) return readings;
  if (host.front() == '[') {
    host.remove_prefix(1);
    if (host.ends_with(']')) host.remove_suffix(1);
  }
  if (host.find(':') != host.npos) {
    ReadIpv6(host, readings);
    return readings;
  }
  ReadNumericHost(host, readings);
  if (!readings.empty()) return readings;
  std::string_view labels = AliasLabels(host);
  if (labels.empty()) return readings;
  ReadAliasLabels(labels, readings);
  for (std::string_view rest = labels; !rest.empty();) {
    size_t dot = rest.find('.');
    ReadDashedIpv6(rest.substr(0, dot), readings);
    rest.remove_prefix(dot == rest.npos ? rest.size() : dot + 1);
  }
  return readings;
}

HostSpelling SpellingOf(const HostReading& reading, std::string_view host) {
  if (reading.spelling != HostSpelling::kIpv6Form) return reading.spelling;
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  bool is_usual = absl::EqualsIgnoreCase(A(host), reading.address.ToString());
  return is_usual ? HostSpelling::kCanonical : HostSpelling::kIpv6Form;
}

HostReadings ReadHost(std::string_view host) {
  HostReadings read = ReadAddresses(host);
  HostReadings spelled;
  for (const HostReading& reading : read) {
    spelled.Add(reading.address, SpellingOf(reading, host));
  }
  return spelled;
}

}  // namespace oddverb
