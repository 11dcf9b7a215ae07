// What counts as a cloud's instance metadata service: its exact addresses and
// host names, and, as weaker evidence, its paths and request headers. Never a
// whole range: 169.254.0.0/16 also holds node-local DNS, NTP and CNI gateways.
//
// Immutable, so thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_TARGET_H_
#define ODDVERB_DETECTORS_METADATA_TARGET_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "detectors/host_spelling.h"

namespace oddverb {

// How much has to surround a target before it counts.
enum class TargetProof : uint8_t {
  kWord,      // any word of a command
  kHost,      // only where a host is expected: an ordinary word otherwise
  kHostPath,  // such a host together with a metadata path
};

struct MetadataTarget {
  std::string host;   // its canonical spelling
  std::string cloud;  // for people
  TargetProof proof = TargetProof::kWord;
  // Ports of the service; empty = any. Others of the host serve something else.
  std::vector<uint16_t> ports;
};

struct TargetMatch {
  const MetadataTarget* target = nullptr;  // lives as long as MetadataTargets
  HostSpelling spelling = HostSpelling::kCanonical;
};

class MetadataTargets {
 public:
  // `extra_hosts`: further addresses and names, as a user configures them.
  explicit MetadataTargets(std::span<const std::string> extra_hosts = {});
  MetadataTargets(const MetadataTargets&) = delete;
  MetadataTargets& operator=(const MetadataTargets&) = delete;

  // The target that `host` is, in any spelling; without a port.
  std::optional<TargetMatch> Find(std::string_view host) const;
  // Bytes of the shortest `host` for which Find() may return something.
  size_t shortest_host() const { return shortest_host_; }
  // The addresses in `network` as a set of bits. The built-in ones have a bit
  // each; extra hosts share what is left.
  uint64_t BitsIn(const IpNetwork& network) const;
  // In the order of the table; those that share a bit stand all there.
  std::vector<std::string_view> HostsOf(uint64_t bits) const;
  // "" = no port.
  static bool ServesOn(const MetadataTarget& target, std::string_view port);

 private:
  using Halves = std::array<uint64_t, 2>;
  struct Address {
    Halves halves{};
    size_t target = 0;
    uint64_t bit = 0;
  };
  static Halves HalvesOf(const IpAddress& address);
  void AddTarget(MetadataTarget target);
  const MetadataTarget* FindAddress(const IpAddress& address) const;

  std::vector<MetadataTarget> targets_;
  std::vector<Address> addresses_;
  std::vector<size_t> names_;
  // Bytes of the shortest IPv6 address, and of the shortest other host, that
  // read as one of them. A name such as a.nip.io has eight.
  size_t shortest_ipv6_ = SIZE_MAX;
  size_t shortest_numeric_ = 8;
  size_t shortest_host_ = shortest_numeric_;  // names, too
};

// Whether `host` can be one of MetadataTargets' extra hosts: an address or a
// DNS name.
bool IsHostText(std::string_view host);

// Signs of a metadata request in text other than its host. Each view is a
// constant; empty = not there.
struct MetadataClues {
  std::string_view path;        // "latest/meta-data"
  std::string_view path_cloud;  // whose path it is
  std::string_view header;      // "metadata-flavor"
  // What gives out credentials (or secrets in user data). Ordinary web
  // services have such paths too: it means nothing alone.
  std::string_view credential;
  // The same, so ordinary that only a metadata host gives it meaning.
  std::string_view host_credential;
};
MetadataClues FindMetadataClues(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_TARGET_H_
