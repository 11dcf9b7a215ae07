// The correlator's part of stolen_credential: tokens of pods that were never
// seen before, so that there is no address to compare with but what the token
// says itself.
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/growing_finding.h"
#include "detectors/next_steps.h"
#include "detectors/pod_events.h"
#include "detectors/stolen_credential.h"

namespace oddverb {
namespace {

constexpr std::string_view kFirstOnAnotherNode =
    "first seen at the address of another node than its token names";
constexpr size_t kMaxNameInText = 100;

}  // namespace

bool StolenCredentialCross::IsFirstOnAnotherNode(
    const Observation& observation, const ObservationIds& ids) const {
  return observation.pod_bound && observation.draft.has_value() &&
         observation.pod_name != 0 && observation.subject != 0 &&
         !pods_.WasUsed(ids.credential) && map_.sizes().IsReady() &&
         map_.IsOnlyAnotherNodes(ids.source_address, observation.subject);
}

// A token cannot move to another node, and pods of none leave through that one.
void StolenCredentialCross::TellFirstOnAnotherNode(
    const Observation& observation, const ObservationIds& ids, Emit& out) {
  const std::string& ip = observation.source_ip;
  Finding finding = *observation.draft;
  finding.rule = kTokenRule;
  finding.id =
      FindingId(context_.id_hash, context_.cluster, finding.rule,
                absl::StrCat(finding.entity, "@", ip), observation.draft->id);
  AddReason(kFirstOnAnotherNode,
            absl::StrCat(ip, ", and not ", finding.who.node), 4, finding);
  finding.threshold = 4;
  finding.severity = Severity::kMedium;
  finding.confidence = ConfidenceIn(finding);
  const std::string pod = Bounded(finding.who.pod, kMaxNameInText);
  const std::string node = Bounded(finding.who.node, kMaxNameInText);
  finding.title = "Token of a pod used outside of its pod";
  finding.summary = absl::StrCat(Bounded(finding.entity, kMaxNameInText),
                                 ": the token of pod ", pod, " on node ", node,
                                 " is first used from ", ip,
                                 ", which is the address of another node.");
  finding.normal = absl::StrCat(
      "A bound token is used by its own pod only, on the node that it names. "
      "No pod of another node was seen at ",
      ip, " before. Known of the cluster's network: ", SizesText(map_.sizes()),
      ".");
  const std::string ns =
      NameWord(NamespaceOfAccount(finding.who.user), "NAMESPACE");
  finding.next = {
      absl::StrCat("Find what on the node at ", ShellWord(ip), " calls with ",
                   ShellWord(finding.who.credential_id), "."),
      absl::StrCat("kubectl -n ", ns, " delete pod ", ShellWord(pod),
                   "   # ends its tokens"),
      absl::StrCat("Look for everything that ",
                   ShellWord(finding.who.credential_id), " did.")};
  finding.benign_checks = {
      "A gateway that is new on that node: then pods of further nodes come "
      "from there, too, and this becomes low."};
  finding.attack = {"T1528", "T1552.007"};
  finding.practice = {9};
  // Where the pod is is not known: there is no other address to be a gateway.
  Open({.finding = std::move(finding),
        .other_ip = "",
        .source_is_gateway = map_.IsShared(ids.source_address),
        .other_is_gateway = true},
       ids.credential, out);
}

StolenCredentialCross::OpenCase* StolenCredentialCross::OpenBeforeItsPod(
    const Observation& observation, const ObservationIds& ids) {
  auto cases = open_.find(ids.credential);
  if (cases == open_.end()) return nullptr;
  // No pod is there: the thief elsewhere, or a second one.
  if (IsPublicAddress(observation.source_ip)) return nullptr;
  for (OpenCase& open : cases->second) {
    const Finding& finding = open.finding;
    const bool is_thief =
        finding.where.source_ip == observation.other_ip &&
        HasReason(kFirstOnAnotherNode, finding) &&
        finding.severity > Severity::kLow &&
        (open.other_ip.empty() || open.other_ip == observation.source_ip);
    if (!is_thief) continue;
    const uint64_t node = context_.hash.Hash(finding.who.node);
    return map_.IsOnlyAnotherNodes(ids.source_address, node) ? nullptr : &open;
  }
  return nullptr;
}

void StolenCredentialCross::RaiseAsPodShows(const Observation& observation,
                                            const ObservationIds& ids,
                                            OpenCase& open, Emit& out) {
  if (!open.other_ip.empty()) return;  // it did before
  Finding& finding = open.finding;
  open.other_ip = observation.source_ip;
  open.other_is_gateway = map_.IsShared(ids.source_address);
  AddReason("one pod's token at two addresses",
            absl::StrCat(open.other_ip, " and ", finding.where.source_ip), 4,
            finding);
  finding.severity = Severity::kHigh;
  finding.confidence = ConfidenceIn(finding);
  finding.state = FindingState::kUpdate;
  out.Report(finding);
  out.MarkChanged(EntityKind::kCredential, ids.credential);
}

}  // namespace oddverb
