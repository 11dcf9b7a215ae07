// The correlator's part of stolen_credential: credentials of nodes, in clusters
// whose nodes have addresses of both families.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/growing_finding.h"
#include "detectors/next_steps.h"
#include "detectors/stolen_credential.h"
#include "model/identity.h"

namespace oddverb {
namespace {

constexpr std::string_view kForeignNode =
    "a node's credential in a network that no node is in";

}  // namespace

void StolenCredentialCross::NoteKubelet(const Observation& observation,
                                        const ObservationIds& ids, Emit& out) {
  const std::string& ip = observation.source_ip;
  const uint64_t node = observation.subject;
  const bool is_first = !map_.KnowsNode(node);
  map_.NoteKubelet(ids.source_address, node, observation.time);
  if (is_first) NoteNode(ip, node, out);
  const NodeNetworks::Fit fit = networks_.FitOf(ip, node, observation.time);
  // In doubt, too: of a new site only the first node is, and only once.
  const bool is_new = networks_.Note(ip, node, observation.time);
  if (fit != NodeNetworks::Fit::kForeign || !is_new) return;
  map_.Distrust(ids.source_address);
  if (observation.draft.has_value()) TellForeignNode(observation, ids, out);
}

// Neither family excuses that: a stolen credential of the node, or one that
// somebody was issued in its name.
void StolenCredentialCross::TellForeignNode(const Observation& observation,
                                            const ObservationIds& ids,
                                            Emit& out) {
  const std::string& ip = observation.source_ip;
  Finding finding = *observation.draft;
  const std::string name = Bounded(finding.entity, kMaxNameInText);
  finding.rule = kCredentialRule;
  finding.id =
      FindingId(context_.id_hash, context_.cluster, finding.rule,
                absl::StrCat(finding.entity, "@", ip), observation.draft->id);
  AddReason(kForeignNode, ip, 5, finding);
  finding.threshold = 5;
  finding.severity = Severity::kHigh;
  finding.confidence = ConfidenceIn(finding);
  finding.title = "A node's credential used where no node is";
  finding.summary =
      absl::StrCat(name, ": its credential is used from ", ip,
                   ", where no node is; its neighbours are in other networks.");
  finding.normal = absl::StrCat(
      "The node is known by an IPv6 address; those beside it call from IPv4 "
      "addresses of networks that ",
      ip, " is in none of. Known of the cluster's network: ",
      SizesText(map_.sizes()), ".");
  std::string_view node = finding.entity;
  if (node.starts_with(kNodePrefix)) node.remove_prefix(kNodePrefix.size());
  finding.next = {
      absl::StrCat("Find what ", ShellWord(ip), " is."),
      absl::StrCat("kubectl drain ", ShellWord(node),
                   "   # then replace the node: its certificate cannot be "
                   "revoked")};
  finding.benign_checks = {
      "The first node of a new site, with IPv6 addresses of the old one."};
  finding.attack = {"T1078", "T1550"};
  finding.practice = {9};
  Open({std::move(finding), "", map_.IsShared(ids.source_address)},
       ids.credential, out);
}

// Its IPv4 address is where its neighbours have theirs, no other credential is
// seen there, and its client is the same: however its IPv6 address and another
// one of IPv4 look beside it, which may be a thief's that came first.
bool StolenCredentialCross::IsDualStackNode(const Observation& observation,
                                            const ObservationIds& ids) const {
  if (observation.kind != ObservationKind::kCredentialAlternates ||
      !observation.may_be_dual_stack ||
      observation.other_ip.find(':') == std::string::npos) {
    return false;
  }
  std::string_view name = observation.draft->entity;
  if (!name.starts_with(kNodePrefix)) return false;
  name.remove_prefix(kNodePrefix.size());
  const Others others = OthersAt(ids.source_address, observation.credential);
  return others.honest + others.suspected == 0 &&
         networks_.FitOf(observation.source_ip, context_.hash.Hash(name),
                         observation.time) == NodeNetworks::Fit::kUsual;
}

}  // namespace oddverb
