// The correlator's part of stolen_credential: knows which addresses belong to
// which credentials, decides on drafts, and owns the open findings.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/prefetch.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/growing_finding.h"
#include "detectors/next_steps.h"
#include "detectors/stolen_credential.h"

namespace oddverb {
namespace {

// A finding is closed after this long without news.
constexpr absl::Duration kQuiet = absl::Minutes(30);

}  // namespace

StolenCredentialCross::AddressUse& StolenCredentialCross::UseOf(
    EntityId address) {
  if (addresses_.size() <= address) addresses_.resize(address + size_t{1});
  return addresses_[address];
}

StolenCredentialCross::Others StolenCredentialCross::OthersAt(
    EntityId address, uint64_t credential) const {
  Others others;
  if (address >= addresses_.size()) return others;
  const AddressUse& use = addresses_[address];
  auto beside = [&](const FingerprintSet& set) {
    return set.size() - (set.Contains(credential) ? 1 : 0);
  };
  uint32_t all = beside(use.credentials);
  // Where so many came that some were forgotten, suspects say nothing of the
  // rest.
  if (!use.credentials.saturated()) {
    others.suspected = std::min(all, beside(use.suspected));
  }
  others.honest = all - others.suspected;
  return others;
}

void StolenCredentialCross::Prefetch(PrefetchStep step,
                                     const ObservationIds& ids) const {
  for (EntityId address : {ids.source_address, ids.other_address}) {
    map_.Prefetch(step, address);
    if (address >= addresses_.size()) continue;
    const AddressUse& use = addresses_[address];
    if (step == PrefetchStep::kElement) PrefetchLine(&use);
    if (step == PrefetchStep::kObject) use.credentials.Prefetch();
  }
  pods_.Prefetch(step, ids.credential);
  provenance_.Prefetch(step, ids.credential);
}

void StolenCredentialCross::Observe(const Observation& observation,
                                    const ObservationIds& ids, Emit& out) {
  const bool is_gap = observation.kind == ObservationKind::kTimeJumped ||
                      observation.kind == ObservationKind::kRecordsRejected;
  if (is_gap) provenance_.NoteGap(observation.time);
  if (observation.kind == ObservationKind::kAuthenticationFails) {
    NoteFailures(observation, out);
  }
  // These may name the pod alone, and have no address.
  if (observation.kind == ObservationKind::kPodDeleteAsked ||
      observation.kind == ObservationKind::kPodGone) {
    pods_.NoteEnd(observation.kind, ids.credential, observation.pod_name,
                  observation.time, out);
  }
  if (ids.credential == kNoEntity) return;
  // The control plane may mint from the API server's own host.
  if (observation.kind == ObservationKind::kTokenMinted) {
    provenance_.NoteMinted(observation, ids.credential);
  }
  if (ids.source_address == kNoEntity) return;
  switch (observation.kind) {
    case ObservationKind::kCredentialAtAddress:
      if (IsFirstOnAnotherNode(observation, ids)) {
        TellFirstOnAnotherNode(observation, ids, out);
      }
      if (observation.pod_bound) NotePod(observation, ids);
      NoteContact(observation, ids, out);
      break;
    case ObservationKind::kPodTokenMoved:
    case ObservationKind::kCredentialAlternates:
      if (observation.draft.has_value()) Judge(observation, ids, out);
      newcomer_ = {};
      break;
    case ObservationKind::kSuspectContinues:
      if (observation.draft.has_value()) {
        Extend(observation, ids.credential, out);
      }
      break;
    case ObservationKind::kPodTokenUsed:
      if (observation.draft.has_value()) NotePodUse(observation, ids, out);
      break;
    case ObservationKind::kPodAddress:
      NotePodAddress(observation, ids.credential, out);
      break;
    case ObservationKind::kTokenMinted:
    case ObservationKind::kPodDeleteAsked:
    case ObservationKind::kPodGone:
      break;  // above
    case ObservationKind::kTokenFirstUsed:
      provenance_.NoteUsed(context_, observation, ids.credential, out);
      break;
    // Of others, or without a credential.
    case ObservationKind::kAccountDebuts:
    case ObservationKind::kAuthenticationFails:
    case ObservationKind::kRefusedFirst:
    case ObservationKind::kRecordsRejected:
    case ObservationKind::kTimeJumped:
    case ObservationKind::kStreamGoesOn:
    case ObservationKind::kRuleMatches:
    case ObservationKind::kPolicyChanged:
    case ObservationKind::kFirstSuccess:
    case ObservationKind::kMintedFirst:
    case ObservationKind::kCertificateIssued:
    case ObservationKind::kCount:
      break;
  }
}

void StolenCredentialCross::NoteContact(const Observation& observation,
                                        const ObservationIds& ids, Emit& out) {
  const EntityId address = ids.source_address;
  UseOf(address).credentials.Add(observation.credential,
                                 AddressUse::kMaxRemembered);
  const uint64_t node = observation.subject;
  newcomer_ = {};
  if (observation.pod_bound) {
    if (!map_.HasPodsOf(address, node)) {
      newcomer_ = {address, ids.credential, node};
    }
    if (map_.NotePod(address, observation.credential, node, observation.time)) {
      NoteGateway(observation.source_ip, address, out);
    }
  } else if (node != 0) {
    NoteKubelet(observation, ids, out);
  }
}

bool StolenCredentialCross::IsOwnNode(const Finding& finding, EntityId address,
                                      absl::Time now) const {
  return !finding.who.node.empty() &&
         map_.IsOfNode(address, context_.hash.Hash(finding.who.node), now);
}

// The node and that of the token. A thief there may have a second one. Honest
// pods that leave through another node have their own program.
uint32_t StolenCredentialCross::MostNodesAt(const Finding& finding) {
  return IsStrange(finding) ? 3 : 2;
}

bool StolenCredentialCross::LeavesItsNode(const Observation& observation,
                                          const ObservationIds& ids,
                                          const Finding& finding) const {
  return IsOwnNode(finding, ids.other_address, observation.time) &&
         map_.PlaceOf(ids.source_address) == ClusterMap::Place::kPod &&
         HasDirectPods();
}

// What the map knows of the address that a pod's token came from.
void StolenCredentialCross::WeighToken(const Observation& observation,
                                       const ObservationIds& ids, Others others,
                                       Finding& finding) const {
  const EntityId address = ids.source_address;
  const std::string& ip = observation.source_ip;
  const ClusterMapSizes& sizes = map_.sizes();
  finding.benign_checks.push_back(
      absl::StrCat("Known of the cluster's network: ", SizesText(sizes),
                   sizes.IsReady() ? "."
                                   : "; too few, or in too many ways, to tell "
                                     "how pods call here."));
  const bool is_own_node = IsOwnNode(finding, address, observation.time);
  if (is_own_node && !IsStrange(finding)) {
    // Its node translates addresses for some of the API servers.
    AddReason("the address of the pod's own node, and its own client", ip, -2,
              finding);
    finding.severity = Severity::kLow;
  } else if (LeavesItsNode(observation, ids, finding) && others.honest == 0 &&
             !IsStrange(finding)) {
    AddReason("its node's address before, and pods are seen at their own, too",
              observation.other_ip, -2, finding);
    finding.severity = Severity::kLow;
  } else if (!is_own_node &&
             map_.PlaceOf(address) == ClusterMap::Place::kNode) {
    AddReason("the address of another node", ip, 2, finding);
    // The token names its node, and a pod that is started again elsewhere has
    // another one.
    if (IsOnAnotherNode(observation, ids)) {
      finding.severity = std::max(finding.severity, Severity::kHigh);
    } else if (LeavesForAnotherNode(observation, ids)) {
      finding.severity = std::max(finding.severity, Severity::kMedium);
    }
  } else if (IsAmongPodsOfAnotherNode(observation)) {
    AddReason("among the pods of another node", ip, 2, finding);
    const bool is_alone = others.honest == 0 && IsStrange(finding);
    finding.severity = std::max(
        finding.severity, is_alone ? Severity::kCritical : Severity::kMedium);
  } else if (MayBeOwnNode(finding, observation.time)) {
    AddReason(kUnseenNode, finding.who.node, -2, finding);
    finding.severity = Severity::kLow;
  } else if (others.honest == 0 && IsStrange(finding) &&
             finding.severity > Severity::kLow) {
    finding.severity = Severity::kCritical;
  }
}

// What was read in an exec and is used elsewhere is stolen.
void StolenCredentialCross::LinkToRead(Finding& finding) const {
  const ReadTokens::Read* read = reads_.Of(finding);
  // An honest look into a pod that is started again elsewhere within the day.
  const bool is_restart =
      finding.severity <= Severity::kLow && !IsStrange(finding);
  if (read == nullptr || is_restart) return;
  AddReason("a command in the pod read its token before", read->who, 4,
            finding);
  finding.severity = Severity::kCritical;
  finding.evidence.insert(finding.evidence.begin(), read->evidence);
  if (finding.evidence.size() > Finding::kMaxEvidence) {
    finding.evidence.pop_back();
  }
  finding.first_seen = std::min(finding.first_seen, read->evidence.time);
  finding.next.insert(
      finding.next.begin(),
      absl::StrCat("Find out about ", ShellWord(read->who),
                   ", who read the token: credential.read_in_exec."));
}

// The draft with what is known of its addresses.
Finding StolenCredentialCross::Weigh(const Observation& observation,
                                     const ObservationIds& ids) {
  const EntityId address = ids.source_address;
  Finding finding = *observation.draft;
  const std::string& ip = observation.source_ip;
  Others others = OthersAt(address, observation.credential);
  if (others.honest > 0) {
    finding.benign_checks.push_back(
        absl::StrCat("Other credentials use ", ip,
                     " too: a shared network, or a thief who has several."));
  } else if (others.suspected > 0) {
    AddReason("an address that only suspected credentials use", ip, 2, finding);
  } else {
    AddReason("an address that no other credential uses", ip, 2, finding);
  }
  if (finding.severity > Severity::kLow) {
    UseOf(address).suspected.Add(observation.credential,
                                 AddressUse::kMaxRemembered);
  }
  if (observation.kind == ObservationKind::kPodTokenMoved) {
    WeighToken(observation, ids, others, finding);
    WeighPod(observation, ids, finding);
    LinkToRead(finding);
    TakeBackNewcomer(finding, ids);
  } else if (others.honest > 0) {
    // No kubelet runs in a pod.
    const bool is_node_in_pod =
        finding.entity_kind == kNodeKind &&
        map_.PlaceOf(address) == ClusterMap::Place::kPod;
    if (is_node_in_pod) {
      AddReason("a node's credential at the address of a pod", ip, 3, finding);
    } else {
      finding.severity = std::min(finding.severity, Severity::kLow);
    }
  }
  if (finding.severity > Severity::kLow && finding.entity_kind == kNodeKind) {
    map_.Distrust(address);
  }
  finding.confidence = ConfidenceIn(finding);
  return finding;
}

void StolenCredentialCross::Judge(const Observation& observation,
                                  const ObservationIds& ids, Emit& out) {
  bool source_is_gateway = map_.IsShared(ids.source_address);
  bool other_is_gateway = map_.IsShared(ids.other_address);
  bool pod_bound = observation.kind == ObservationKind::kPodTokenMoved;
  // Every pod is seen through the same few addresses here; but where these are
  // the nodes', each pod has its own.
  if (pod_bound && source_is_gateway && other_is_gateway &&
      !IsOnAnotherNode(observation, ids)) {
    return;
  }
  if (IsDualStackPod(observation, ids) || IsDualStackNode(observation, ids)) {
    return;
  }
  if (OpenCase* open = OpenBeforeItsPod(observation, ids); open != nullptr) {
    return RaiseAsPodShows(observation, ids, *open, out);
  }
  if (pod_bound && IsReported(observation, ids)) return;
  Finding finding = Weigh(observation, ids);
  const bool awaits_report =
      pod_bound && AwaitsReport(observation, ids, finding);
  const bool awaits_node =
      finding.severity <= Severity::kLow && HasReason(kUnseenNode, finding);

  std::vector<OpenCase>& open = open_[ids.credential];
  auto same = std::find_if(open.begin(), open.end(), [&](const OpenCase& c) {
    return IsSameCase(c.finding, finding);
  });
  OpenCase judged = {std::move(finding),
                     observation.other_ip,
                     source_is_gateway,
                     other_is_gateway,
                     awaits_report,
                     awaits_node,
                     pod_bound && IsOnAnotherNode(observation, ids)};
  if (same == open.end()) {
    Open(std::move(judged), ids.credential, out);
    return;
  }
  JudgeAnew(std::move(judged), *same, ids.credential, out);
}

void StolenCredentialCross::JudgeAnew(OpenCase judged, OpenCase& open,
                                      EntityId credential, Emit& out) {
  judged.finding.id = open.finding.id;
  if (judged.finding.severity > open.finding.severity) {
    judged.awaits_report = judged.awaits_node = false;
    RaiseFinding(std::move(judged.finding), open.finding, out);
  } else if (judged.awaits_node && open.finding.severity <= Severity::kLow) {
    judged.awaits_report = open.awaits_report;
    ReplaceFinding(std::move(judged.finding), open.finding);
    out.MarkChanged(EntityKind::kCredential, credential);
  } else {
    return;
  }
  judged.finding = std::move(open.finding);
  open = std::move(judged);
}

void StolenCredentialCross::Open(OpenCase opened, EntityId credential,
                                 Emit& out) {
  std::vector<OpenCase>& open = open_[credential];
  Finding& finding = opened.finding;
  if (open.size() >= kMaxOpen) {
    Finding& newest = open.back().finding;
    if (newest.why.size() < Finding::kMaxListed) {
      AddReason("from a further address too", finding.where.source_ip, 0,
                newest);
    }
    MergeFinding(finding, newest);
    CountTo(newest.count + finding.count, newest, out);
    return;
  }
  out.Report(finding);
  open.push_back(std::move(opened));
}

void StolenCredentialCross::Extend(const Observation& observation,
                                   EntityId credential, Emit& out) {
  auto cases = open_.find(credential);
  if (cases == open_.end()) return;
  for (OpenCase& open : cases->second) {
    if (open.finding.where.source_ip != observation.source_ip) continue;
    MergeFinding(*observation.draft, open.finding);
    CountTo(observation.draft->count, open.finding, out);
    return;
  }
}

void StolenCredentialCross::AdvanceTo(absl::Time watermark, Emit& out) {
  provenance_.AdvanceTo(watermark, out);
  pods_.AdvanceTo(watermark, out);
  for (auto it = open_.begin(); it != open_.end();) {
    std::vector<OpenCase>& open = it->second;
    JudgeUnreported(it->first, out);
    JudgeUnseenNode(it->first, watermark, out);
    const size_t before = open.size();
    for (size_t i = 0; i < open.size();) {
      if (open[i].finding.last_seen + kQuiet > watermark) {
        ++i;
        continue;
      }
      open[i].finding.state = FindingState::kFinal;
      out.Report(std::move(open[i].finding));
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (open.size() != before) {
      out.MarkChanged(EntityKind::kCredential, it->first);
    }
    it = open.empty() ? open_.erase(it) : std::next(it);
  }
}

// Its options are those of the shards' part, which is where they are checked.
absl::StatusOr<std::unique_ptr<CrossDetector>> MakeStolenCredentialCross(
    const DetectorContext& context, const YamlNode&) {
  return std::make_unique<StolenCredentialCross>(context);
}

}  // namespace oddverb
