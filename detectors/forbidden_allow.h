// Refusals that the operator knows of and has said so: exact pairs of an actor
// and a kind of request, each with a reason and an end. No patterns: what hides
// a broken program must not hide the thief of its token as well, who asks for
// other things. Immutable, so thread-safe.
#ifndef ODDVERB_DETECTORS_FORBIDDEN_ALLOW_H_
#define ODDVERB_DETECTORS_FORBIDDEN_ALLOW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// One entry, as configuration has it.
struct AllowedRefusal {
  std::string actor;  // the user name
  std::string verb, group, resource, subresource;
  std::string ns;    // empty = for the whole cluster
  std::string path;  // of a non-resource request; then resource is empty
  absl::Time expires = absl::InfinitePast();

  static constexpr size_t kMaxEntries = 1000;
  // A sequence of mappings with the keys actor, verb, resource ("pods/exec") or
  // path, group, namespace, reason and expires. Errors have their place.
  static absl::StatusOr<std::vector<AllowedRefusal>> FromYaml(
      const YamlNode& node);
};

class AllowedRefusals {
 public:
  AllowedRefusals(const KeyedHash& hash,
                  const std::vector<AllowedRefusal>& entries);

  bool empty() const { return entries_.empty(); }
  // The number of the entry by which `tuple` (HashTuple()) may be refused to
  // `actor` at this event time.
  std::optional<uint32_t> Find(std::string_view actor, uint64_t tuple,
                               absl::Time time) const;
  // So that entries which are never needed are counted, too.
  void AddEntries(std::map<uint32_t, uint64_t>& counts) const;

 private:
  struct Entry {
    uint32_t number = 0;  // of several alike, the one that ends last
    absl::Time end = absl::InfinitePast();
  };

  KeyedHash hash_;
  std::map<uint64_t, Entry> entries_;
  uint32_t count_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_FORBIDDEN_ALLOW_H_
