// The correlator's part of stolen_credential: what is known of a pod beside its
// token, which says where, and until when, the token can be used.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/deleted_pod.h"
#include "detectors/finding_text.h"
#include "detectors/growing_finding.h"
#include "detectors/stolen_credential.h"

namespace oddverb {
namespace {

// A pod that was restarted may call before its kubelet has told where it is;
// kubelets do at once, or at the latest when they sync
// (kubernetes: pkg/kubelet/status/status_manager.go, syncPeriod 10 s).
constexpr absl::Duration kReportDelay = absl::Seconds(60);
constexpr std::string_view kUnreported =
    "an address that its kubelet does not report";
constexpr std::string_view kFailures = "failed authentications there as well";

// A kubelet renews its node's lease every 10 s (a quarter of
// nodeLeaseDurationSeconds).
constexpr absl::Duration kNodeDelay = absl::Seconds(60);

void Raise(std::string_view reason, Finding& finding, Emit& out) {
  AddReason(reason, finding.where.source_ip, 4, finding);
  finding.severity = Severity::kHigh;
  finding.confidence = ConfidenceIn(finding);
  finding.state = FindingState::kUpdate;
  out.Report(finding);
}

}  // namespace

// The pod itself is at the address. Its other address may still be a thief's:
// then the two are the finding.
bool StolenCredentialCross::IsReported(const Observation& observation,
                                       const ObservationIds& ids) const {
  const EntityId pod = ids.credential;
  if (!pods_.IsAddress(pod, context_.hash.Hash(observation.source_ip))) {
    return false;
  }
  const bool is_other_reported =
      pods_.IsAddress(pod, context_.hash.Hash(observation.other_ip));
  // Its node translates addresses for some of the API servers.
  const bool is_behind_node =
      IsOwnNode(*observation.draft, ids.other_address, observation.time) &&
      !IsStrange(*observation.draft);
  return is_other_reported || is_behind_node ||
         observation.draft->severity <= Severity::kLow;
}

// Its kubelet tells of a new address within kReportDelay, or was silent then;
// what it says of the pod later is no word about that address.
bool StolenCredentialCross::AwaitsReport(const Observation& observation,
                                         const ObservationIds& ids,
                                         const Finding& finding) const {
  const uint64_t address = context_.hash.Hash(observation.source_ip);
  return finding.severity <= Severity::kLow &&
         observation.time <= finding.first_seen + kReportDelay &&
         pods_.HasAddresses(ids.credential) &&
         !pods_.IsAddress(ids.credential, address) &&
         !IsOwnNode(finding, ids.source_address, observation.time);
}

void StolenCredentialCross::WeighPod(const Observation& observation,
                                     const ObservationIds& ids,
                                     Finding& finding) const {
  const std::string& ip = observation.source_ip;
  const bool is_own_node =
      finding.severity <= Severity::kLow &&
      IsOwnNode(finding, ids.source_address, observation.time);
  const std::optional<absl::Time> asked = pods_.AskedToEnd(ids.credential);
  // Until its grace period ends it may call in either way, or from where it was
  // started again just before, which nobody else uses yet.
  const bool may_be_itself =
      is_own_node ||
      (finding.severity <= Severity::kLow && asked.has_value() &&
       observation.time <= *asked + KnownPods::kLag &&
       (LeavesItsNode(observation, ids, finding) ||
        !map_.HasOthers(ids.source_address, observation.credential)));
  if (asked.has_value() && observation.time > *asked && !may_be_itself) {
    AddReason("its pod was to end before, and is not started again",
              absl::StrCat(SpanText(*asked, observation.time), " before"), 2,
              finding);
    finding.severity = std::max(finding.severity, Severity::kHigh);
  }
  if (!pods_.HasAddresses(ids.credential)) return;
  if (pods_.IsAddress(ids.credential, context_.hash.Hash(ip))) {
    finding.benign_checks.push_back(absl::StrCat(
        "The pod's kubelet reports ", ip, ": then the thief is at the other."));
    return;
  }
  if (finding.severity <= Severity::kLow) return;
  AddReason(kUnreported, ip, 2, finding);
  if (!map_.HasOthers(ids.source_address, observation.credential)) {
    finding.severity = Severity::kCritical;
  }
}

void StolenCredentialCross::NotePodUse(const Observation& observation,
                                       const ObservationIds& ids, Emit& out) {
  const std::optional<absl::Time> gone = pods_.Gone(ids.credential);
  if (!gone.has_value() || observation.time <= *gone + kAfterEnd) return;
  Finding finding = *observation.draft;
  WriteDeletedPod(*gone, observation.time, finding);
  if (auto cases = open_.find(ids.credential); cases != open_.end()) {
    for (OpenCase& open : cases->second) {
      Finding& known = open.finding;
      if (known.where.source_ip != observation.source_ip) continue;
      if (known.rule == kDeletedPodRule) {
        MergeFinding(finding, known);
        CountTo(known.count + 1, known, out);
        return;
      }
      // Told already that it is used where it should not be.
      if (TellsOfDeletedPod(known)) return;
      AddReasonDeletedPod(*gone, observation.time, known);
      known.severity = Severity::kCritical;
      known.confidence = ConfidenceIn(known);
      known.last_seen = std::max(known.last_seen, finding.last_seen);
      known.state = FindingState::kUpdate;
      open.awaits_report = open.awaits_node = false;
      out.Report(known);
      return;
    }
  }
  Open({std::move(finding), "", map_.IsShared(ids.source_address), false,
        /*awaits_report=*/false},
       ids.credential, out);
}

// The first pods that are seen behind two gateways look as if their tokens were
// stolen, until enough of them have been seen there.
void StolenCredentialCross::NoteGateway(const std::string& ip, EntityId address,
                                        Emit& out) {
  for (auto& [credential, cases] : open_) {
    for (OpenCase& open : cases) {
      Finding& finding = open.finding;
      bool is_source = finding.where.source_ip == ip;
      bool is_other = open.other_ip == ip;
      if (finding.rule != kTokenRule || (!is_source && !is_other)) continue;
      open.source_is_gateway |= is_source;
      open.other_is_gateway |= is_other;
      // Nodes that hide their pods are gateways, too.
      open.is_on_another_node &=
          !is_source || map_.HasPodsOfNodes(address, MostNodesAt(finding));
      out.MarkChanged(EntityKind::kCredential, credential);
      bool both = open.source_is_gateway && open.other_is_gateway &&
                  !open.is_on_another_node;
      open.awaits_node &= !both;
      if (!both || finding.severity <= Severity::kLow) continue;
      if (open.other_ip.empty()) {
        AddReason("many pods are seen there", finding.where.source_ip, -4,
                  finding);
      } else {
        AddReason("many pods are seen at both addresses",
                  absl::StrCat(open.other_ip, " and ", finding.where.source_ip),
                  -4, finding);
      }
      finding.severity = Severity::kLow;
      finding.confidence = ConfidenceIn(finding);
      finding.state = FindingState::kUpdate;
      out.Report(finding);
    }
  }
}

// A pod that was started again elsewhere is explained by its kubelet.
void StolenCredentialCross::NotePodAddress(const Observation& observation,
                                           EntityId pod, Emit& out) {
  pods_.NoteAddress(pod, context_.hash.Hash(observation.source_ip),
                    observation.time);
  auto cases = open_.find(pod);
  if (cases == open_.end()) return;
  for (OpenCase& open : cases->second) {
    Finding& finding = open.finding;
    const bool is_in_time =
        observation.time - finding.first_seen <= kReportDelay;
    if (finding.rule != kTokenRule || !is_in_time ||
        finding.where.source_ip != observation.source_ip) {
      continue;
    }
    open.awaits_report = open.awaits_node = false;
    AddReason("its kubelet reports this address", observation.source_ip, -4,
              finding);
    finding.severity = Severity::kInfo;
    finding.confidence = ConfidenceIn(finding);
    finding.state = FindingState::kUpdate;
    out.Report(finding);
  }
}

// Not explained in time, although kubelets still report.
void StolenCredentialCross::JudgeUnreported(EntityId pod, Emit& out) {
  for (OpenCase& open : open_[pod]) {
    Finding& finding = open.finding;
    if (!open.awaits_report ||
        finding.first_seen + kReportDelay >= pods_.last_report()) {
      continue;
    }
    open.awaits_report = false;
    Raise(kUnreported, finding, out);
    out.MarkChanged(EntityKind::kCredential, pod);
  }
}

// The address of a pod that was not seen before; a later one may be a thief's.
void StolenCredentialCross::NotePod(const Observation& observation,
                                    const ObservationIds& ids) {
  const uint64_t node = observation.subject;
  if (node != 0 && observation.pod_name != 0 &&
      !pods_.WasUsed(ids.credential)) {
    ranges_.Note(observation.source_ip, node);
  }
  pods_.NoteUse(ids.credential, observation.pod_name, observation.time);
}

// A pod stays on its node, which has other addresses for its pods.
bool StolenCredentialCross::IsAmongPodsOfAnotherNode(
    const Observation& observation) const {
  const std::string& name = observation.draft->who.node;
  if (name.empty()) return false;
  const uint64_t node = context_.hash.Hash(name);
  const uint64_t there = ranges_.NodeOf(observation.source_ip);
  return there != 0 && there != node &&
         ranges_.NodeOf(observation.other_ip) == node;
}

bool StolenCredentialCross::IsOnAnotherNode(const Observation& observation,
                                            const ObservationIds& ids) const {
  const std::string& node = observation.draft->who.node;
  return !node.empty() &&
         map_.IsOnAnotherNode(ids.other_address, ids.source_address,
                              context_.hash.Hash(node),
                              MostNodesAt(*observation.draft));
}

bool StolenCredentialCross::LeavesForAnotherNode(
    const Observation& observation, const ObservationIds& ids) const {
  const std::string& node = observation.draft->who.node;
  return !node.empty() && HasDirectPods() &&
         map_.LeavesForAnotherNode(ids.other_address, ids.source_address,
                                   context_.hash.Hash(node));
}

// The other family is no excuse at another node's address.
bool StolenCredentialCross::IsDualStackPod(const Observation& observation,
                                           const ObservationIds& ids) const {
  return observation.kind == ObservationKind::kPodTokenMoved &&
         observation.may_be_dual_stack && !IsOnAnotherNode(observation, ids) &&
         !LeavesForAnotherNode(observation, ids);
}

// Pods of many nodes explain each other, but not with a thief's program.
void StolenCredentialCross::TakeBackNewcomer(const Finding& finding,
                                             const ObservationIds& ids) {
  const bool is_thief = newcomer_.address == ids.source_address &&
                        newcomer_.pod == ids.credential &&
                        finding.severity >= Severity::kHigh &&
                        IsStrange(finding);
  if (is_thief) map_.TakeBackPodsOf(newcomer_.address, newcomer_.node);
}

bool StolenCredentialCross::MayBeOwnNode(const Finding& finding,
                                         absl::Time now) const {
  return finding.severity > Severity::kLow && !IsStrange(finding) &&
         !finding.who.node.empty() &&
         !map_.KnowsNode(context_.hash.Hash(finding.who.node)) &&
         now <= finding.first_seen + kNodeDelay;
}

// A node that was not known shows where it is. If that is elsewhere, the time
// goes on: the two may be gateways, which take several pods to be known.
void StolenCredentialCross::NoteNode(const std::string& ip, uint64_t node,
                                     Emit& out) {
  for (auto& [credential, cases] : open_) {
    for (OpenCase& open : cases) {
      const Finding& finding = open.finding;
      if (!open.awaits_node || context_.hash.Hash(finding.who.node) != node) {
        continue;
      }
      const bool is_there = finding.where.source_ip == ip;
      const bool was_there = open.other_ip == ip && HasDirectPods();
      if (!is_there && !was_there) continue;
      open.awaits_node = false;
      out.MarkChanged(EntityKind::kCredential, credential);
    }
  }
}

void StolenCredentialCross::JudgeUnseenNode(EntityId pod, absl::Time watermark,
                                            Emit& out) {
  for (OpenCase& open : open_[pod]) {
    Finding& finding = open.finding;
    if (!open.awaits_node || finding.first_seen + kNodeDelay >= watermark) {
      continue;
    }
    open.awaits_node = false;
    Raise("its node was not seen at either", finding, out);
    out.MarkChanged(EntityKind::kCredential, pod);
  }
}

// Who holds a token that has ended is refused with it sooner or later.
void StolenCredentialCross::NoteFailures(const Observation& observation,
                                         Emit& out) {
  for (auto& [credential, cases] : open_) {
    for (OpenCase& open : cases) {
      Finding& finding = open.finding;
      if (finding.rule != kDeletedPodRule || HasReason(kFailures, finding) ||
          finding.where.source_ip != observation.source_ip) {
        continue;
      }
      AddReason(kFailures, observation.source_ip, 1, finding);
      finding.state = FindingState::kUpdate;
      out.Report(finding);
      out.MarkChanged(EntityKind::kCredential, credential);
    }
  }
}

}  // namespace oddverb
