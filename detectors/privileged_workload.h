// workload.privileged_first: an identity makes, for the first time, a workload
// that reaches the node: privileged, in the node's namespaces, with its files,
// or with capabilities that amount to it. Looks at what the client sent, so
// from the audit level Request on; all forms of patch too.
//
// Bounded: values and depth. Pure functions but for the habits; one thread.
#ifndef ODDVERB_DETECTORS_PRIVILEGED_WORKLOAD_H_
#define ODDVERB_DETECTORS_PRIVILEGED_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "detectors/act_scene.h"
#include "model/raw_json.h"

namespace oddverb {

inline constexpr std::string_view kWorkloadRule = "workload.privileged_first";

// What a pod, or a template of one, has of the node.
struct NodeAccess {
  static constexpr size_t kMaxValues = 20'000;
  static constexpr size_t kMaxDepth = 24;

  bool privileged = false;
  bool host_pid = false;
  bool host_ipc = false;
  bool host_network = false;
  std::string host_path;  // the gravest; empty = none
  double host_path_weight = 0;
  std::string capability;  // the gravest; empty = none

  double Weight() const;     // at most 4
  std::string Text() const;  // "privileged, hostPID, hostPath /"
  // The same for paths that weigh the same.
  std::string Kind() const;
};
NodeAccess NodeAccessOf(RawJson body);

// Cheap: whether JudgeWorkload() can find anything.
bool ConcernsWorkload(const AuditEvent& event);

// REQUIRES: the request is over.
std::optional<ActorAct> JudgeWorkload(const ActScene& scene);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_PRIVILEGED_WORKLOAD_H_
