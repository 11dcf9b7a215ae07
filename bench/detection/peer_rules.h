// The public rules of other products for refused requests and enumeration,
// re-stated from their own texts: condition, grouping, window and threshold.
// They run beside our detectors over the same events. Where a text leaves
// room, the choice is the one that is better for the rule.
//
// One thread. Views of an event die with See().
#ifndef ODDVERB_BENCH_DETECTION_PEER_RULES_H_
#define ODDVERB_BENCH_DETECTION_PEER_RULES_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/audit_event.h"

namespace oddverb {

struct PeerAlert {
  size_t rule = 0;  // index into PeerRuleRows()
  std::string user, address;
  int64_t micros = 0;  // of the event that completed it
};

enum class PeerMechanism : uint8_t {
  kEachEvent,  // every match is an alert
  kNewAgent,   // a user agent that did not match within seven days
  kThreshold,  // so many matches of a group within a window
  kEndpoints,  // Elastic's two aggregations, every five minutes over six
};

struct PeerRuleRow {
  std::string_view vendor;
  std::string_view name;  // "elastic.forbidden_creation"
  PeerMechanism mechanism = PeerMechanism::kEachEvent;
  bool (*matches)(const AuditEvent&) = nullptr;
  // Of kThreshold: appends what is counted together, and what is counted once
  // (null = every match counts).
  void (*group)(const AuditEvent&, std::string&) = nullptr;
  void (*unique)(const AuditEvent&, std::string&) = nullptr;
  int64_t window_seconds = 0;
  size_t threshold = 0;
};

std::span<const PeerRuleRow> PeerRuleRows();

class PeerRules {
 public:
  PeerRules();
  ~PeerRules();

  void See(const AuditEvent& event, std::vector<PeerAlert>& alerts);

  class Rule;  // of one row

 private:
  std::vector<std::unique_ptr<Rule>> rules_;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_PEER_RULES_H_
