#include "detectors/metadata_policy.h"

#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "base/uri.h"
#include "model/identity.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr uint64_t kAll = ~uint64_t{0};
// Far more than any policy that people wrote; one that has more counts as if it
// let all through, so that nothing hides behind them.
constexpr int kMaxParts = 4096;
// TCP ports of metadata services: HTTP, GKE's metadata server, WireServer.
constexpr int64_t kMetadataPorts[] = {80, 988, 32526};

// See PolicyChange.
struct Effect {
  uint64_t blocked = kAll;
  uint64_t excepted = 0;
};

// `first`, then `second`.
Effect Then(const Effect& first, const Effect& second) {
  return {first.blocked & second.blocked,
          (first.excepted & second.blocked) | second.excepted};
}

// All that the policy had is lost.
constexpr Effect kLost = {.blocked = 0, .excepted = 0};

std::string TextOf(RawJson value) {
  std::string scratch;
  return std::string(StringOf(value, scratch).value_or(string_view()));
}

bool IsAbsent(RawJson value) {
  JsonType type = TypeOf(value);
  return type == JsonType::kAbsent || type == JsonType::kNull;
}

class PolicyReader {
 public:
  explicit PolicyReader(const MetadataTargets& targets) : targets_(targets) {}

  // Of the whole policy, however it was before.
  Effect OfObject(RawJson policy) {
    return Checked(OfSpec(FindMember(policy, "spec")));
  }

  // A merge patch, or the whole policy of a server-side apply.
  Effect OfMerge(RawJson patch) { return Checked(OfMembers(patch)); }

  Effect OfJsonPatch(RawJson operations) {
    Effect effect;
    JsonElements all(operations);
    for (RawJson operation; all.Next(operation) && TakePart();) {
      effect = Then(effect, OfOperation(operation));
    }
    return Checked(effect);
  }

 private:
  bool TakePart() { return ++parts_ <= kMaxParts; }
  Effect Checked(const Effect& effect) const {
    return parts_ <= kMaxParts ? effect : kLost;
  }

  Effect OfMembers(RawJson patch) {
    RawJson spec = FindMember(patch, "spec");
    if (TypeOf(spec) == JsonType::kAbsent) return {};
    const bool is_whole = !IsAbsent(FindMember(patch, "apiVersion")) &&
                          !IsAbsent(FindMember(patch, "kind"));
    const bool is_directive = !IsAbsent(FindMember(spec, "$patch")) ||
                              !IsAbsent(FindMember(patch, "$patch"));
    if (is_whole || is_directive || IsAbsent(spec)) return OfSpec(spec);
    RawJson types = FindMember(spec, "policyTypes");
    if (!IsAbsent(types) && !NamesEgress(types)) return kLost;
    // A list of the policy's is replaced as a whole.
    return OfEgress(FindMember(spec, "egress"));
  }

  static bool NamesEgress(RawJson types) {
    JsonElements elements(types);
    for (RawJson type; elements.Next(type);) {
      if (TextOf(type) == "Egress") return true;
    }
    return false;
  }

  Effect OfSpec(RawJson spec) {
    RawJson types = FindMember(spec, "policyTypes");
    RawJson egress = FindMember(spec, "egress");
    // As the API server fills them in.
    RawJson first;
    const bool is_egress =
        IsAbsent(types) ? JsonElements(egress).Next(first) : NamesEgress(types);
    return is_egress ? OfEgress(egress) : kLost;
  }

  // Of a policy about egress with these rules.
  Effect OfEgress(RawJson rules) {
    uint64_t allowed = 0;
    uint64_t excepted = 0;
    JsonElements elements(rules);
    for (RawJson rule; elements.Next(rule) && TakePart();) {
      NoteRule(rule, allowed, excepted);
    }
    return {~allowed, excepted & ~allowed};
  }

  void NoteRule(RawJson rule, uint64_t& allowed, uint64_t& excepted) {
    uint64_t let_through = 0;
    NotePeers(FindMember(rule, "to"), let_through, excepted);
    if (ReachesMetadataPort(FindMember(rule, "ports"))) allowed |= let_through;
  }

  // No peer is every peer.
  void NotePeers(RawJson peers, uint64_t& allowed, uint64_t& excepted) {
    size_t count = 0;
    JsonElements elements(peers);
    for (RawJson peer; elements.Next(peer) && TakePart(); ++count) {
      NoteBlock(FindMember(peer, "ipBlock"), allowed, excepted);
    }
    if (count == 0) allowed = kAll;
  }

  void NoteBlock(RawJson block, uint64_t& allowed, uint64_t& excepted) {
    const uint64_t in_block = BitsOf(FindMember(block, "cidr"));
    if (in_block == 0) return;
    const uint64_t held = in_block & BitsOfList(FindMember(block, "except"));
    excepted |= held;
    allowed |= in_block & ~held;
  }

  uint64_t BitsOf(RawJson cidr) const {
    auto network = IpNetwork::Parse(TextOf(cidr));
    return network ? targets_.BitsIn(*network) : 0;
  }

  uint64_t BitsOfList(RawJson cidrs) {
    uint64_t bits = 0;
    JsonElements elements(cidrs);
    for (RawJson cidr; elements.Next(cidr) && TakePart();) {
      bits |= BitsOf(cidr);
    }
    return bits;
  }

  // Rules for DNS let everything through on another port.
  static bool ReachesMetadataPort(RawJson ports) {
    size_t count = 0;
    JsonElements elements(ports);
    for (RawJson port; elements.Next(port); ++count) {
      std::string protocol = TextOf(FindMember(port, "protocol"));
      if (!protocol.empty() && protocol != "TCP") continue;
      RawJson number = FindMember(port, "port");
      if (IsAbsent(number)) return true;
      // A name is one of pods' ports, which an address outside has none of.
      std::optional<int64_t> first = IntOf(number);
      if (!first) continue;
      int64_t last = IntOf(FindMember(port, "endPort")).value_or(*first);
      for (int64_t wanted : kMetadataPorts) {
        if (*first <= wanted && wanted <= last) return true;
      }
    }
    return count == 0;
  }

  Effect OfOperation(RawJson operation) {
    const std::string op = TextOf(FindMember(operation, "op"));
    if (op == "test") return {};
    const std::string path = TextOf(FindMember(operation, "path"));
    RawJson value = FindMember(operation, "value");
    if (op == "move") {
      const std::string from = TextOf(FindMember(operation, "from"));
      return Then(OfRemoval(SegmentsOf(from)), OfCopy(SegmentsOf(path)));
    }
    if (op == "copy") return OfCopy(SegmentsOf(path));
    if (op == "remove") return OfRemoval(SegmentsOf(path));
    return OfValue(SegmentsOf(path), value, op == "replace");
  }

  using Segments = std::vector<std::string>;

  // "/spec/egress/0/to" -> spec egress 0 to
  static Segments SegmentsOf(const std::string& path) {
    constexpr size_t kDeepest = 12;  // a policy's is 9
    Segments segments = absl::StrSplit(path, absl::MaxSplits('/', kDeepest));
    segments.erase(segments.begin());  // before the first slash
    return segments;
  }
  static bool IsAt(const Segments& path, size_t index, string_view name) {
    return index < path.size() && path[index] == name;
  }

  // What is copied is not shown.
  static Effect OfCopy(const Segments& to) {
    const bool is_about_egress =
        to.empty() ||
        (IsAt(to, 0, "spec") && (to.size() == 1 || IsAt(to, 1, "egress") ||
                                 IsAt(to, 1, "policyTypes")));
    return is_about_egress ? kLost : Effect{};
  }

  // A rule less lets less through, a peer or an exception less lets more.
  static Effect OfRemoval(const Segments& path) {
    if (path.empty()) return kLost;
    if (!IsAt(path, 0, "spec")) return {};
    if (path.size() == 1) return kLost;
    // One of the list: which one is not shown.
    if (IsAt(path, 1, "policyTypes")) {
      return path.size() > 2 ? kLost : Effect{};
    }
    if (!IsAt(path, 1, "egress") || !IsAt(path, 3, "to")) return {};
    const bool is_peers = path.size() == 4;
    // Behind the first one there are others as a rule.
    const bool is_first_peer = path.size() == 5 && path[4] == "0";
    const bool is_exception = IsAt(path, 6, "except");
    return is_peers || is_first_peer || is_exception ? kLost : Effect{};
  }

  Effect OfValue(const Segments& path, RawJson value, bool is_replaced) {
    if (path.empty()) return OfObject(value);
    if (!IsAt(path, 0, "spec")) return {};
    if (path.size() == 1) return OfSpec(value);
    if (IsAt(path, 1, "policyTypes")) {
      if (path.size() == 2) return NamesEgress(value) ? Effect{} : kLost;
      return is_replaced && TextOf(value) != "Egress" ? kLost : Effect{};
    }
    if (!IsAt(path, 1, "egress")) return {};
    if (path.size() == 2) return OfEgress(value);
    uint64_t allowed = 0;
    uint64_t excepted = 0;
    if (path.size() == 3) {
      NoteRule(value, allowed, excepted);
    } else if (!IsAt(path, 3, "to")) {
      return {};
    } else if (path.size() == 4) {
      NotePeers(value, allowed, excepted);
    } else if (path.size() == 5) {
      NoteBlock(FindMember(value, "ipBlock"), allowed, excepted);
    } else if (path.size() == 6 && path[5] == "ipBlock") {
      NoteBlock(value, allowed, excepted);
    } else if (IsAt(path, 6, "except")) {
      excepted = path.size() == 7 ? BitsOfList(value) : BitsOf(value);
      const bool is_added = path.size() > 7 && !is_replaced;
      if (!is_added) allowed = ~excepted;
    }
    return {~allowed, excepted & ~allowed};
  }

  const MetadataTargets& targets_;
  int parts_ = 0;
};

bool IsDryRun(const AuditEvent& event) {
  size_t question = event.request_uri.find('?');
  if (question != string_view::npos) {
    QueryPairs pairs(event.request_uri.substr(question + 1));
    for (QueryPair pair; pairs.Next(pair);) {
      if (PercentDecode(pair.name, PlusIs::kBlank) == "dryRun" &&
          !pair.value.empty()) {
        return true;
      }
    }
  }
  // DeleteOptions may say it in the body.
  RawJson first;
  return event.verb.starts_with("delete") &&
         JsonElements(FindMember(event.request_object, "dryRun")).Next(first);
}

bool IsPolicy(RawJson object) {
  return TextOf(FindMember(object, "kind")) == "NetworkPolicy";
}

uint64_t KeyOf(const KeyedHash& hash, string_view ns, string_view name) {
  HashInput input;
  input.Add("networkpolicy").Add(ns).Add(name);
  return hash.Hash(input.bytes());
}

// A create has it in the body, or leaves it to the API server.
std::string NameOf(const AuditEvent& event) {
  std::string name(event.object.name);
  for (RawJson object : {event.request_object, event.response_object}) {
    if (!name.empty()) break;
    name = TextOf(FindMember(FindMember(object, "metadata"), "name"));
  }
  return name;
}

std::vector<PolicyChange> Deletions(const AuditEvent& event,
                                    const MetadataTargets& targets,
                                    const KeyedHash& hash,
                                    const PolicyChange& change) {
  std::vector<PolicyChange> changes;
  if (event.verb == "delete") {
    changes.push_back(change);
    if (IsPolicy(event.response_object)) {
      changes[0].before =
          PolicyReader(targets).OfObject(event.response_object).excepted;
    }
    return changes;
  }
  JsonElements items(FindMember(event.response_object, "items"));
  for (RawJson item; changes.size() < kMaxPolicyChanges && items.Next(item);) {
    const std::string name =
        TextOf(FindMember(FindMember(item, "metadata"), "name"));
    PolicyChange& one = changes.emplace_back(change);
    one.policy = KeyOf(hash, event.object.ns, name);
    one.before = PolicyReader(targets).OfObject(item).excepted;
  }
  if (changes.empty()) changes.push_back(change);
  return changes;
}

}  // namespace

std::vector<PolicyChange> PolicyChangesOf(const AuditEvent& event,
                                          const MetadataTargets& targets,
                                          const KeyedHash& hash) {
  const bool is_done = event.stage == Stage::kResponseComplete &&
                       event.response_code >= 200 && event.response_code < 300;
  if (!is_done || IsDryRun(event)) return {};
  RawJson body = event.request_object;
  const bool is_of_all = event.verb == "deletecollection";
  const std::string name = NameOf(event);
  if (name.empty() && !is_of_all) return {};
  PolicyChange change{.ns = hash.Hash(event.object.ns)};
  change.policy = KeyOf(hash, event.object.ns, name);
  if (event.verb == "delete" || is_of_all) {
    change.is_deleted = true;
    if (is_of_all) change.policy = 0;
    return Deletions(event, targets, hash, change);
  }
  PolicyReader reader(targets);
  Effect effect;
  if (event.verb == "patch" && IsPolicy(event.response_object)) {
    effect = reader.OfObject(event.response_object);
  } else if (!body.present()) {
    return {};
  } else if (event.verb == "patch" && TypeOf(body) == JsonType::kArray) {
    effect = reader.OfJsonPatch(body);
  } else if (event.verb == "patch") {
    effect = reader.OfMerge(body);
  } else if (event.verb == "create" || event.verb == "update") {
    effect = reader.OfObject(body);
  } else {
    return {};
  }
  change.is_created = event.verb == "create";
  change.blocked = effect.blocked;
  change.excepted = effect.excepted;
  return {change};
}

bool IsCleanup(const AuditEvent& event) {
  constexpr string_view kPrefix = "system:serviceaccount:kube-system:";
  string_view name = event.user.name;
  if (name.starts_with(kPrefix)) {
    name.remove_prefix(kPrefix.size());
    return name == "namespace-controller" ||
           name == "generic-garbage-collector";
  }
  return ClassifyIdentity(event) == IdentityClass::kControlPlane;
}

}  // namespace oddverb
