// The correlator's part of stolen_credential: knows which addresses belong to
// which credentials, decides on drafts, and owns the open findings.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/stolen_credential.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// An address at which this many pods' tokens were seen is a gateway or a node
// that hides its pods: a token that moves between two of those proves nothing.
constexpr uint32_t kGatewayPods = 3;
// A finding is closed after this long without news.
constexpr absl::Duration kQuiet = absl::Minutes(30);
// Findings of one credential that are open at once; the oldest is closed.
constexpr size_t kMaxOpen = 8;

void MergeEvidence(const Finding& more, Finding& finding) {
  for (const Evidence& evidence : more.evidence) {
    if (finding.evidence.size() >= Finding::kMaxEvidence) break;
    finding.evidence.push_back(evidence);
  }
  auto merge = [](const std::vector<std::string>& from,
                  std::vector<std::string>& to) {
    for (const std::string& text : from) {
      if (to.size() < Finding::kMaxListed &&
          std::find(to.begin(), to.end(), text) == to.end()) {
        to.push_back(text);
      }
    }
  };
  merge(more.what.verbs, finding.what.verbs);
  merge(more.what.resources, finding.what.resources);
  merge(more.what.namespaces, finding.what.namespaces);
  merge(more.what.names, finding.what.names);
}

void AddReason(const char* feature, std::string value, double contribution,
               Finding& finding) {
  finding.why.push_back({feature, std::move(value), contribution});
  finding.score += contribution;
}

}  // namespace

StolenCredentialCross::AddressUse& StolenCredentialCross::UseOf(
    EntityId address) {
  if (addresses_.size() <= address) addresses_.resize(address + 1);
  return addresses_[address];
}

uint32_t StolenCredentialCross::OthersAt(EntityId address,
                                         uint64_t credential) const {
  if (address >= addresses_.size()) return 0;
  const FingerprintSet& seen = addresses_[address].credentials;
  return seen.size() - (seen.Contains(credential) ? 1 : 0);
}

bool StolenCredentialCross::IsGateway(EntityId address) const {
  return address < addresses_.size() &&
         addresses_[address].pods.size() >= kGatewayPods;
}

void StolenCredentialCross::Observe(const Observation& observation,
                                    const ObservationIds& ids, Emit& out) {
  switch (observation.kind) {
    case ObservationKind::kCredentialAtAddress: {
      AddressUse& use = UseOf(ids.source_address);
      use.credentials.Add(observation.credential, AddressUse::kMaxRemembered);
      if (observation.pod_bound) {
        use.pods.Add(observation.credential, AddressUse::kMaxRemembered);
      }
      break;
    }
    case ObservationKind::kPodTokenMoved:
      // Every pod is seen through the same few addresses here: nothing can be
      // told from them.
      if (IsGateway(ids.source_address) && IsGateway(ids.other_address)) break;
      Judge(observation, ids, out);
      break;
    case ObservationKind::kCredentialAlternates:
      Judge(observation, ids, out);
      break;
    case ObservationKind::kSuspectContinues:
      Extend(observation, ids.credential, out);
      break;
    case ObservationKind::kCount:
      break;
  }
}

void StolenCredentialCross::Judge(const Observation& observation,
                                  const ObservationIds& ids, Emit& out) {
  Finding finding = *observation.draft;
  uint32_t others = OthersAt(ids.source_address, observation.credential);
  if (others == 0) {
    AddReason("an address that no other credential uses",
              observation.source_ip, 2, finding);
  } else {
    finding.benign_checks.push_back(
        absl::StrCat("Other credentials use ", observation.source_ip,
                     " too: a shared network, or a thief who has several."));
  }
  bool strange = others == 0 && finding.why.size() > 2;
  if (observation.kind == ObservationKind::kPodTokenMoved) {
    if (strange) finding.severity = Severity::kCritical;
  } else if (others > 0) {
    finding.severity = Severity::kLow;
  }
  finding.confidence = std::min(0.99, 0.5 + finding.score / 20);

  if (open_.size() <= ids.credential) open_.resize(ids.credential + 1);
  std::vector<Finding>& open = open_[ids.credential];
  auto same = std::find_if(open.begin(), open.end(), [&](const Finding& f) {
    return f.id == finding.id;
  });
  if (same != open.end()) {
    // A graver look at an address that was reported already.
    if (finding.severity <= same->severity) return;
    std::vector<Evidence> evidence = std::move(same->evidence);
    finding.first_seen = same->first_seen;
    *same = std::move(finding);
    same->evidence = std::move(evidence);
    same->state = FindingState::kUpdate;
    out.Report(*same);
    return;
  }
  if (open.size() >= kMaxOpen) Close(ids.credential, 0, out);
  with_open_.insert(ids.credential);
  open.push_back(finding);
  out.Report(std::move(finding));
}

void StolenCredentialCross::Extend(const Observation& observation,
                                   EntityId credential, Emit& out) {
  if (credential >= open_.size()) return;
  for (Finding& finding : open_[credential]) {
    if (finding.where.source_ip != observation.source_ip) continue;
    const Finding& more = *observation.draft;
    int64_t before = finding.count;
    finding.count = std::max(finding.count, more.count);
    finding.last_seen = std::max(finding.last_seen, more.last_seen);
    MergeEvidence(more, finding);
    // Told again at 8, 16, 32, ... requests.
    constexpr int64_t kFirstUpdate = 8;
    int64_t step = kFirstUpdate;
    while (step <= before) step *= 2;
    if (finding.count < step) return;
    finding.state = FindingState::kUpdate;
    out.Report(finding);
    return;
  }
}

void StolenCredentialCross::Close(EntityId credential, size_t index,
                                  Emit& out) {
  std::vector<Finding>& open = open_[credential];
  Finding finding = std::move(open[index]);
  open.erase(open.begin() + static_cast<std::ptrdiff_t>(index));
  finding.state = FindingState::kFinal;
  out.Report(std::move(finding));
}

void StolenCredentialCross::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto it = with_open_.begin(); it != with_open_.end();) {
    EntityId credential = *it;
    size_t before = open_[credential].size();
    for (size_t i = 0; i < open_[credential].size();) {
      if (open_[credential][i].last_seen + kQuiet <= watermark) {
        Close(credential, i, out);
      } else {
        ++i;
      }
    }
    if (open_[credential].size() != before) {
      out.MarkChanged(EntityKind::kCredential, credential);
    }
    it = open_[credential].empty() ? with_open_.erase(it) : std::next(it);
  }
}

void StolenCredentialCross::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kAddress && id < addresses_.size()) {
    addresses_[id] = {};
  }
  if (kind == EntityKind::kCredential && id < open_.size()) {
    open_[id].clear();
    with_open_.erase(id);
  }
}

void StolenCredentialCross::Save(EntityKind kind, EntityId id,
                                 StateWriter& out) const {
  if (kind == EntityKind::kAddress && id < addresses_.size()) {
    addresses_[id].credentials.Save(out);
    addresses_[id].pods.Save(out);
  }
  if (kind == EntityKind::kCredential && id < open_.size() &&
      !open_[id].empty()) {
    out.PutU64(open_[id].size());
    for (const Finding& finding : open_[id]) SaveFinding(finding, out);
  }
}

absl::Status StolenCredentialCross::Load(EntityKind kind, EntityId id,
                                         StateReader& in) {
  if (kind == EntityKind::kAddress) {
    AddressUse& use = UseOf(id);
    use.credentials.Load(in);
    use.pods.Load(in);
  }
  if (kind == EntityKind::kCredential) {
    if (open_.size() <= id) open_.resize(id + 1);
    open_[id].clear();
    for (uint64_t n = in.GetCount(8); n > 0; --n) {
      open_[id].push_back(LoadFinding(in));
    }
    if (!open_[id].empty()) with_open_.insert(id);
  }
  return in.status();
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeStolenCredentialCross(
    const DetectorContext&, const YamlNode&) {
  return std::make_unique<StolenCredentialCross>();
}

}  // namespace oddverb
