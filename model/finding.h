// A finding: something was seen, once, with a deterministic id. Owned strings
// only; every text from the log is bounded here and escaped by each exporter.
// Schema oddverb.finding/v1 (`oddverb schema finding`).
#ifndef ODDVERB_MODEL_FINDING_H_
#define ODDVERB_MODEL_FINDING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/keyed_hash.h"

namespace oddverb {

struct AuditEvent;
struct ObjectReference;

enum class Severity : uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
std::string_view SeverityName(Severity severity);
// False if `name` is none of the five.
bool ParseSeverity(std::string_view name, Severity& out);

enum class FindingState : uint8_t { kOpen, kUpdate, kFinal };
std::string_view FindingStateName(FindingState state);

struct FindingReason {  // the contributions sum up to the score
  std::string feature;
  std::string value;
  double contribution = 0;
};

struct Evidence {
  std::string audit_id;
  absl::Time time;
  std::string verb;
  std::string uri;
  int code = 0;
};

struct DecodedLayer {  // how a hidden command was read
  std::string layer;
  std::string text;
};

struct Finding {
  static constexpr size_t kMaxEvidence = 8;
  static constexpr size_t kMaxUriBytes = 512;
  static constexpr size_t kMaxTextBytes = 256;  // any other text of the log
  static constexpr size_t kMaxListed = 20;      // entries of what.*

  Hash128 id;
  std::string cluster;
  std::string rule;      // "forbidden.fanout"
  std::string detector;  // "forbidden_burst"
  std::string source = "builtin";
  int rule_version = 1;
  Severity severity = Severity::kInfo;
  double confidence = 0;  // 0..1
  double score = 0;
  double threshold = 0;
  FindingState state = FindingState::kOpen;
  bool warming = false;  // decided with little history

  std::string title;
  std::string summary;    // one sentence for a phone
  absl::Time time;        // event time when it was decided; never runs back
  absl::Time first_seen;  // of the evidence
  absl::Time last_seen;
  int64_t count = 0;  // events behind it

  std::string entity;
  std::string entity_kind;  // serviceaccount, user, node, anonymous, address...
  struct Who {
    std::string user, credential_id, impersonated, pod, node;
    std::vector<std::string> groups;
  } who;
  struct Where {
    std::string source_ip, user_agent;
    std::vector<std::string> claimed_ips;
  } where;
  struct What {
    std::vector<std::string> verbs, resources, namespaces, names;
  } what;

  std::vector<FindingReason> why;
  std::string normal;
  std::vector<std::string> next;
  std::vector<std::string> benign_checks;
  std::vector<DecodedLayer> decoded;
  std::vector<Evidence> evidence;
  std::vector<std::string> attack;  // ATT&CK technique ids
  std::vector<int> practice;        // 1..9

  // Adds `event` to evidence (up to the cap) and to what.*.
  void AddEvidence(const AuditEvent& event);
  // Fills cluster-independent who/where from `event`.
  void SetSubject(const AuditEvent& event);
  // Adds a reason of no weight if the client claims a private address
  // (X-Forwarded-For) but comes from a public one; once. An honest proxy in
  // front does so, too: it is evidence, and no finding.
  void NoteClaimedAddress();
};

// Cuts to `max_bytes` at a UTF-8 boundary and marks the cut with "...".
std::string Bounded(std::string_view text, size_t max_bytes);

// As what.resources has it: "apps/deployments/scale", "pods".
std::string GroupedResource(const ObjectReference& object);

// hash(cluster, rule, entity, key of the event that opened it): architecture 2.
Hash128 FindingId(const KeyedHash& hash, std::string_view cluster,
                  std::string_view rule, std::string_view entity,
                  const Hash128& opening_event);

}  // namespace oddverb

#endif  // ODDVERB_MODEL_FINDING_H_
