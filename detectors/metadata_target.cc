#include "detectors/metadata_target.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace oddverb {
namespace {

struct TargetRow {
  std::string_view host;
  std::string_view cloud = "";
  TargetProof proof = TargetProof::kWord;
};

// From the providers' documentation of their metadata services. Neighbours that
// are no targets: 169.254.169.253 (AWS DNS), 169.254.169.123 (AWS NTP),
// 169.254.20.10 (NodeLocal DNSCache), 169.254.1.1 (Calico's gateway).
constexpr TargetRow kTargets[] = {
    {"169.254.169.254", "AWS, Google Cloud, Azure and others"},
    {"fd00:ec2::254", "AWS"},
    {"169.254.170.2", "AWS ECS"},
    {"169.254.170.23", "AWS EKS Pod Identity"},
    {"fd00:ec2::23", "AWS EKS Pod Identity"},
    {"168.63.129.16", "Azure WireServer"},
    {"100.100.100.200", "Alibaba Cloud"},
    {"192.0.0.192", "Oracle Cloud Classic"},
    {"169.254.0.23", "Tencent Cloud"},
    {"169.254.169.250", "Rancher"},
    {"169.254.169.252", "Google Kubernetes Engine"},
    {"169.254.42.42", "Scaleway"},
    {"fd00:42::42", "Scaleway"},
    {"fd20:ce::254", "Google Cloud"},
    {"metadata.google.internal", "Google Cloud"},
    {"metadata.goog", "Google Cloud"},
    {"metadata", "Google Cloud", TargetProof::kHostPath},
    {"metadata.tencentyun.com", "Tencent Cloud"},
    {"instance-data", "AWS", TargetProof::kHost},
    {"instance-data.ec2.internal", "AWS"},
    {"rancher-metadata", "Rancher", TargetProof::kHost},
    {"metadata.packet.net", "Equinix Metal"},
    {"metadata.platformequinix.com", "Equinix Metal"},
};

// Azure's virtual address also is the resolver and health probe of every VM:
// only the WireServer's own ports are of interest.
constexpr std::string_view kWireServer = "168.63.129.16";
constexpr uint16_t kWireServerPorts[] = {80, 32526};

constexpr size_t kMaxNameBytes = 253;  // RFC 1035

// Bits of built-in addresses, in the order of kTargets; state is kept by them.
constexpr size_t kBuiltinBits = 32;

// The same for an address whatever else is configured.
uint64_t BitOfExtra(const std::array<uint64_t, 2>& halves) {
  uint64_t mixed = (halves[0] * 31 + halves[1]) * 0x9e3779b97f4a7c15u;
  return uint64_t{1} << (kBuiltinBits + (mixed >> 59));
}

enum class ClueKind : uint8_t { kPath, kHeader, kCredential, kHostCredential };
struct ClueRow {
  std::string_view text;  // lower case
  ClueKind kind = ClueKind::kPath;
  std::string_view cloud = "";
};

// Sorted by first byte.
constexpr ClueRow kClues[] = {
    {"bearer oracle", ClueKind::kHeader},
    {"computemetadata/v1", ClueKind::kPath, "Google Cloud"},
    {"hetzner/v1/metadata", ClueKind::kPath, "Hetzner"},
    {"instance_identity/v1/token", ClueKind::kPath, "IBM Cloud"},
    {"kube-env", ClueKind::kCredential},
    {"latest/api/token", ClueKind::kPath, "AWS"},
    {"latest/dynamic/instance-identity", ClueKind::kPath, "AWS"},
    {"latest/meta-data", ClueKind::kPath, "AWS and others"},
    {"latest/user-data", ClueKind::kPath, "AWS and others"},
    {"machine?comp=goalstate", ClueKind::kPath, "Azure"},
    {"machine/?comp=goalstate", ClueKind::kPath, "Azure"},
    {"metadata-flavor", ClueKind::kHeader},
    {"metadata/identity/oauth2/token", ClueKind::kPath, "Azure"},
    {"metadata/instance?api-version", ClueKind::kPath, "Azure"},
    {"metadata:true", ClueKind::kHeader},
    {"metadata: true", ClueKind::kHeader},
    {"oauth2/token", ClueKind::kCredential},
    {"opc/v1/identity", ClueKind::kHostCredential},
    {"opc/v2/identity", ClueKind::kHostCredential},
    {"opc/v1/instance", ClueKind::kPath, "Oracle Cloud"},
    {"opc/v2/instance", ClueKind::kPath, "Oracle Cloud"},
    {"openstack/latest/meta_data", ClueKind::kPath, "OpenStack"},
    {"openstack/latest/securitykey", ClueKind::kPath, "OpenStack"},
    {"openstack/latest/user_data", ClueKind::kPath, "OpenStack"},
    {"security-credentials", ClueKind::kCredential},
    {"service-accounts/", ClueKind::kCredential},
    {"user-data", ClueKind::kCredential},
    {"user_data", ClueKind::kCredential},
    {"v1/credentials", ClueKind::kHostCredential},
    {"v2/credentials", ClueKind::kPath, "AWS ECS"},
    {"v2/credentials", ClueKind::kHostCredential},
    {"x-aws-ec2-metadata-token", ClueKind::kHeader},
    {"x-google-metadata-request", ClueKind::kHeader},
};

// Where the rows of each first byte begin; [256] = the end.
constexpr std::array<uint8_t, 257> ClueStarts() {
  std::array<uint8_t, 257> starts{};
  uint8_t row = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    starts[byte] = row;
    while (row < std::size(kClues) &&
           static_cast<unsigned char>(kClues[row].text[0]) == byte) {
      ++row;
    }
  }
  starts[256] = row;
  return starts;
}
constexpr std::array<uint8_t, 257> kClueStarts = ClueStarts();
static_assert(kClueStarts[256] == std::size(kClues), "not sorted");

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool IsNameByte(char c) {
  const char lower = Lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Whether a clue begins with the byte in either case; and IsNameByte().
constexpr uint8_t kBeginsClue = 1, kInName = 2;
constexpr std::array<uint8_t, 256> kByteKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (size_t byte = 0; byte < kinds.size(); ++byte) {
    const auto c = static_cast<char>(byte);
    const auto lower = static_cast<unsigned char>(Lower(c));
    if (kClueStarts[lower] < kClueStarts[lower + 1u]) kinds[byte] = kBeginsClue;
    if (IsNameByte(c)) kinds[byte] |= kInName;
  }
  return kinds;
}();

// "service-accounts/ANY/token" or ".../identity"; `rest` begins behind the
// first slash.
bool GivesToken(std::string_view rest) {
  size_t slash = rest.substr(0, kMaxNameBytes).find('/');
  if (slash == rest.npos) return false;
  rest.remove_prefix(slash + 1);
  return absl::StartsWithIgnoreCase(A(rest), "token") ||
         absl::StartsWithIgnoreCase(A(rest), "identity");
}

// The bytes of the shortest way to write `address` as IPv6. For IPv4 that is
// the v4-compatible form: all others that hold it have further groups.
size_t ShortestIpv6(const IpAddress& address) {
  if (!address.is_v4()) return address.ToString().size();
  uint32_t high = address.v4() >> 16, low = address.v4() & 0xffff;
  return high == 0
             ? absl::StrCat("::", absl::Hex(low)).size()
             : absl::StrCat("::", absl::Hex(high), ":", absl::Hex(low)).size();
}

// The bytes of the shortest number that reads as `value`.
size_t ShortestNumber(uint32_t value) {
  return std::min(absl::StrCat(value).size(),
                  absl::StrCat("0x", absl::Hex(value)).size());
}

// The bytes of the shortest way to write `v4` in numbers: of four parts and
// less, the last of which fills what the others leave.
size_t ShortestNumericHost(uint32_t v4) {
  size_t shortest = SIZE_MAX, begin = 0;
  for (unsigned parts = 1; parts <= 4; ++parts) {
    uint32_t rest = v4 & (0xffffffffu >> (8 * (parts - 1)));
    shortest = std::min(shortest, begin + ShortestNumber(rest));
    if (parts < 4) begin += ShortestNumber(v4 >> (32 - 8 * parts) & 0xff) + 1;
  }
  return shortest;
}

void NoteClue(const ClueRow& row, std::string_view rest, MetadataClues& out) {
  std::string_view text = row.text;
  switch (row.kind) {
    case ClueKind::kPath:
      if (out.path.empty()) out.path_cloud = row.cloud;
      if (out.path.empty()) out.path = text;
      return;
    case ClueKind::kHeader:
      if (out.header.empty()) out.header = text;
      return;
    case ClueKind::kCredential:
      if (text == "service-accounts/" && !GivesToken(rest)) return;
      if (out.credential.empty()) out.credential = text;
      return;
    case ClueKind::kHostCredential:
      if (out.host_credential.empty()) out.host_credential = text;
      return;
  }
}

}  // namespace

MetadataTargets::Halves MetadataTargets::HalvesOf(const IpAddress& address) {
  Halves halves{};
  std::memcpy(halves.data(), address.bytes.data(), sizeof(halves));
  return halves;
}

MetadataTargets::MetadataTargets(std::span<const std::string> extra_hosts) {
  for (const TargetRow& row : kTargets) {
    MetadataTarget target{.host = std::string(row.host),
                          .cloud = std::string(row.cloud),
                          .proof = row.proof,
                          .ports = {}};
    if (row.host == kWireServer) {
      target.ports.assign(std::begin(kWireServerPorts),
                          std::end(kWireServerPorts));
    }
    AddTarget(std::move(target));
  }
  for (const std::string& host : extra_hosts) {
    // A name without a dot is a word like any other.
    bool is_word = host.find_first_of(".:") == host.npos;
    AddTarget({.host = absl::AsciiStrToLower(host),
               .cloud = "as configured",
               .proof = is_word ? TargetProof::kHost : TargetProof::kWord,
               .ports = {}});
  }
}

void MetadataTargets::AddTarget(MetadataTarget target) {
  if (auto address = IpAddress::Parse(target.host)) {
    const Halves halves = HalvesOf(*address);
    const bool is_builtin = targets_.size() < std::size(kTargets);
    const uint64_t bit =
        is_builtin ? uint64_t{1} << addresses_.size() : BitOfExtra(halves);
    addresses_.push_back({halves, targets_.size(), bit});
    shortest_ipv6_ = std::min(shortest_ipv6_, ShortestIpv6(*address));
    if (address->is_v4()) {
      shortest_numeric_ =
          std::min(shortest_numeric_, ShortestNumericHost(address->v4()));
    }
    shortest_host_ =
        std::min({shortest_host_, shortest_ipv6_, shortest_numeric_});
  } else {
    shortest_host_ = std::min(shortest_host_, target.host.size());
    names_.push_back(targets_.size());
  }
  targets_.push_back(std::move(target));
}

const MetadataTarget* MetadataTargets::FindAddress(
    const IpAddress& address) const {
  // By words: a comparison of bytes is a call each.
  const Halves wanted = HalvesOf(address);
  for (const Address& known : addresses_) {
    if (known.halves == wanted) return &targets_[known.target];
  }
  return nullptr;
}

std::optional<TargetMatch> MetadataTargets::Find(std::string_view host) const {
  bool has_colon = host.find(':') != host.npos;
  // Too short for any way to write a target.
  if (has_colon && host.size() < shortest_ipv6_) return std::nullopt;
  if (has_colon || host.size() >= shortest_numeric_) {
    for (const HostReading& reading : ReadAddresses(host)) {
      const MetadataTarget* target = FindAddress(reading.address);
      if (target != nullptr) {
        return TargetMatch{target, SpellingOf(reading, host)};
      }
    }
  }
  if (has_colon) return std::nullopt;  // no name has one
  // A trailing dot makes a name absolute; nothing is hidden by it.
  if (host.ends_with('.')) host.remove_suffix(1);
  for (size_t index : names_) {
    if (absl::EqualsIgnoreCase(A(targets_[index].host), A(host))) {
      return TargetMatch{&targets_[index], HostSpelling::kCanonical};
    }
  }
  return std::nullopt;
}

uint64_t MetadataTargets::BitsIn(const IpNetwork& network) const {
  uint64_t bits = 0;
  for (const Address& known : addresses_) {
    IpAddress address;
    std::memcpy(address.bytes.data(), known.halves.data(),
                sizeof(known.halves));
    // "::/0" holds no IPv4, although that is kept as a part of IPv6.
    const bool is_same_family = !address.is_v4() || network.prefix_bits >= 96;
    if (is_same_family && network.Contains(address)) bits |= known.bit;
  }
  return bits;
}

std::vector<std::string_view> MetadataTargets::HostsOf(uint64_t bits) const {
  std::vector<std::string_view> hosts;
  for (const Address& known : addresses_) {
    if ((known.bit & bits) != 0) hosts.push_back(targets_[known.target].host);
  }
  return hosts;
}

bool MetadataTargets::ServesOn(const MetadataTarget& target,
                               std::string_view port) {
  if (target.ports.empty() || port.empty()) return true;
  uint16_t number = 0;
  auto [end, error] =
      std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) return true;
  return std::find(target.ports.begin(), target.ports.end(), number) !=
         target.ports.end();
}

bool IsHostText(std::string_view host) {
  if (IpAddress::Parse(host)) return true;
  return !host.empty() && host.size() <= kMaxNameBytes &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return IsNameByte(c) || c == '.'; });
}

MetadataClues FindMetadataClues(std::string_view text) {
  MetadataClues clues;
  auto lower_at = [&](size_t i) {
    return static_cast<unsigned char>(
        absl::ascii_tolower(static_cast<unsigned char>(text[i])));
  };
  uint8_t before = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const uint8_t kind = kByteKinds[static_cast<unsigned char>(text[i])];
    const bool may_begin = (kind & ~before & kBeginsClue) != 0;
    // As the next byte's mask: a clue begins where no name goes on.
    before = (kind & kInName) != 0 ? kBeginsClue : 0;
    if (!may_begin) continue;
    const unsigned char byte = lower_at(i);
    size_t row = kClueStarts[byte];
    const size_t end = kClueStarts[byte + 1u];
    const auto second = static_cast<char>(lower_at(i + 1));
    for (; row < end; ++row) {
      std::string_view wanted = kClues[row].text;
      if (wanted[1] != second) continue;
      std::string_view here = text.substr(i, wanted.size());
      if (!absl::EqualsIgnoreCase(A(here), A(wanted))) continue;
      NoteClue(kClues[row], text.substr(i + wanted.size()), clues);
    }
  }
  return clues;
}

}  // namespace oddverb
