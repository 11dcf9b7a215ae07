#include "detectors/service_account_debut.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "detectors/finding_text.h"
#include "detectors/growing_finding.h"
#include "detectors/service_account_use.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr uint64_t kCaseKey = 1;

bool IsOutside(const Finding& finding) {
  return std::any_of(finding.why.begin(), finding.why.end(),
                     [](const FindingReason& reason) {
                       return reason.feature == ServiceAccountUse::kFromOutside;
                     });
}

}  // namespace

ServiceAccountDebut::Account& ServiceAccountDebut::AccountOf(EntityId id) {
  if (accounts_.size() <= id) accounts_.resize(id + size_t{1});
  return accounts_[id];
}

KeyedCases::Limits ServiceAccountDebut::Limits() {
  KeyedCases::Limits limits;
  limits.quiet = absl::Minutes(30);
  limits.per_actor = 1;
  limits.all = kMaxCases;
  return limits;
}

void ServiceAccountDebut::Observe(const Observation& observation,
                                  const ObservationIds& ids, Emit& out) {
  // What is no event hides none.
  const bool is_gap =
      observation.kind == ObservationKind::kTimeJumped ||
      (observation.kind == ObservationKind::kRecordsRejected &&
       observation.stream.has_value() && observation.stream->is_event);
  if (is_gap) gap_ = std::max(gap_, observation.time);
  if (observation.kind == ObservationKind::kCredentialAtAddress &&
      observation.pod_bound && ids.source_address != kNoEntity) {
    if (pods_at_.size() <= ids.source_address) {
      pods_at_.resize(ids.source_address + size_t{1});
    }
    uint8_t& pods = pods_at_[ids.source_address];
    if (pods < kGatewayPods) ++pods;
  }
  if (ids.account == kNoEntity) return;
  Account& account = AccountOf(ids.account);
  if (observation.kind == ObservationKind::kTokenMinted) {
    // What people and others mint is not for a pod, and may wait.
    if (observation.draft.has_value()) return;
    account.minted_micros =
        std::min(account.minted_micros, absl::ToUnixMicros(observation.time));
  } else if (observation.kind == ObservationKind::kTokenFirstUsed) {
    NoteUse(observation.time, account);
    out.MarkChanged(EntityKind::kActor, ids.account);
  } else if (observation.kind == ObservationKind::kAccountDebuts) {
    NoteUse(observation.time, account);
    out.MarkChanged(EntityKind::kActor, ids.account);
    if (observation.draft.has_value()) Judge(observation, ids, out);
  }
}

void ServiceAccountDebut::NoteUse(absl::Time now, Account& account) const {
  if (account.used_micros != kNever) return;
  account.used_micros = absl::ToUnixMicros(now);
  if (account.minted_micros == kNever) return;
  const absl::Time since =
      std::max(gap_, absl::FromUnixMicros(account.minted_micros));
  if (now - since >= kDormant)
    account.dormant_micros = absl::ToUnixMicros(since);
}

void ServiceAccountDebut::Judge(const Observation& debut,
                                const ObservationIds& ids, Emit& out) {
  const Account& account = accounts_[ids.account];
  const absl::Time first_use = absl::FromUnixMicros(account.used_micros);
  // Later it is the shard that begins anew, not the account.
  if (account.dormant_micros == kNever ||
      debut.time - first_use > ServiceAccountUse::kWindow) {
    return;
  }
  Finding finding = *debut.draft;
  const std::string span =
      SpanText(absl::FromUnixMicros(account.dormant_micros), first_use);
  AddReason("never used before, although its pods have tokens",
            absl::StrCat("for ", span), kDormantWeight, finding);
  if (IsOutside(finding) && IsGateway(ids.source_address)) {
    AddReason("pods of the cluster come from there", debut.source_ip, -4,
              finding);
  }
  if (finding.score < ServiceAccountUse::kThreshold) return;
  finding.severity = finding.score >= ServiceAccountUse::kHigh
                         ? Severity::kHigh
                         : Severity::kMedium;
  finding.confidence = std::min(0.95, 0.4 + finding.score / 20);
  finding.normal = absl::StrCat("For ", span,
                                " kubelets have minted tokens of it for pods, "
                                "and no request came with one.");
  KeyedCases::Case* open = cases_.Find(ids.account, kCaseKey);
  if (open == nullptr) {
    cases_.Open(ids.account, kCaseKey, std::move(finding), out);
    return;
  }
  MergeFinding(finding, open->finding);
  ++open->finding.count;
  const bool is_severer = KeyedCases::Raise(std::move(finding), *open);
  KeyedCases::ReportGrowth(*open, is_severer, out);
}

void ServiceAccountDebut::AdvanceTo(absl::Time watermark, Emit& out) {
  cases_.AdvanceTo(watermark, out);
}

void ServiceAccountDebut::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kAddress && id < pods_at_.size()) pods_at_[id] = 0;
  if (kind != EntityKind::kActor) return;
  if (id < accounts_.size()) accounts_[id] = {};
  cases_.Forget(id);
}

bool ServiceAccountDebut::CanRest(EntityKind kind, EntityId id) const {
  return kind == EntityKind::kAddress || CrossDetector::CanRest(kind, id);
}

void ServiceAccountDebut::Save(EntityKind kind, EntityId id,
                               StateWriter& out) const {
  if (kind == EntityKind::kAddress && id < pods_at_.size() &&
      pods_at_[id] > 0) {
    out.PutU64(pods_at_[id]);
  }
  if (kind != EntityKind::kActor || id >= accounts_.size()) return;
  const Account& account = accounts_[id];
  if (account.minted_micros == kNever && account.used_micros == kNever) return;
  out.PutVersion(kStateVersion);
  out.PutI64(account.minted_micros);
  out.PutI64(account.used_micros);
  out.PutI64(account.dormant_micros);
  cases_.Save(id, out);
}

absl::Status ServiceAccountDebut::Load(EntityKind kind, EntityId id,
                                       StateReader& in) {
  if (in.AtEnd()) return absl::OkStatus();
  if (kind == EntityKind::kAddress) {
    const uint64_t pods = in.GetU64();
    if (pods > kGatewayPods) in.Fail();
    ODDVERB_RETURN_IF_ERROR(in.status());
    if (pods_at_.size() <= id) pods_at_.resize(id + size_t{1});
    pods_at_[id] = static_cast<uint8_t>(pods);
  }
  if (kind != EntityKind::kActor) return absl::OkStatus();
  if (in.GetVersion(kStateVersion) != kStateVersion) in.Fail();
  Account account;
  account.minted_micros = in.GetI64();
  account.used_micros = in.GetI64();
  account.dormant_micros = in.GetI64();
  ODDVERB_RETURN_IF_ERROR(in.status());
  Forget(kind, id);
  ODDVERB_RETURN_IF_ERROR(cases_.Load(id, in));
  AccountOf(id) = account;
  return absl::OkStatus();
}

// Its options are those of the shards' part, which is where they are checked.
absl::StatusOr<std::unique_ptr<CrossDetector>> MakeServiceAccountDebut(
    const DetectorContext&, const YamlNode&) {
  return std::make_unique<ServiceAccountDebut>();
}

}  // namespace oddverb
