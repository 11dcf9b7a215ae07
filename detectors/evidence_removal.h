// audit.evidence_removed: somebody removes what tells of an attack.
//
//   events of the cluster, together or one by one
//   log agents: deleted, scaled to nothing, moved off the nodes, reconfigured
//   the audit policy or its webhook, where they lie in the cluster
//   a request that an admission webhook did not see, because it failed
//
// Pure functions but for what they note in EvidenceTrace; one thread.
#ifndef ODDVERB_DETECTORS_EVIDENCE_REMOVAL_H_
#define ODDVERB_DETECTORS_EVIDENCE_REMOVAL_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/act_scene.h"
#include "yaml/yaml_node.h"

namespace oddverb {

inline constexpr std::string_view kEvidenceRule = "audit.evidence_removed";

struct LogAgents {
  static constexpr size_t kMaxNames = 1024;  // of each list

  // Beside those that are known by name (docs/explain.md).
  std::set<std::string, std::less<>> agents;      // NAMESPACE/NAME
  std::set<std::string, std::less<>> namespaces;  // every workload in them

  // Keys log_agents, log_namespaces.
  static absl::StatusOr<LogAgents> FromYaml(const YamlNode& node);
  bool Has(std::string_view ns, std::string_view name) const;
};

// What one actor did lately.
struct EvidenceTrace {
  absl::Time begin = absl::InfinitePast();  // of the window
  uint32_t events_deleted = 0;              // one by one, in the window
  absl::Time webhook_written = absl::InfinitePast();

  void Save(StateWriter& out) const;
  void Load(StateReader& in);
};

// Cheap: whether JudgeEvidence() can find anything, or has to note it.
bool ConcernsEvidence(const AuditEvent& event, const LogAgents& agents);

// REQUIRES: the request is over.
std::optional<ActorAct> JudgeEvidence(const ActScene& scene,
                                      const LogAgents& agents,
                                      EvidenceTrace& trace);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_EVIDENCE_REMOVAL_H_
