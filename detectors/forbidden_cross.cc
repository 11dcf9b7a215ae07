#include "detectors/forbidden_cross.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/packed_texts.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/forbidden_burst.h"
#include "detectors/forbidden_cross_finding.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
// A guess that hits comes soon after those that missed.
constexpr absl::Duration kGuessWindow = absl::Minutes(10);
constexpr absl::Duration kQuiet = absl::Minutes(30);
constexpr size_t kMaxOpen = 4;
// Of an actor's weight: the refusals of one address are less than those of one
// actor (measured on synthetic traffic: 0.7).
constexpr double kShare = 0.7;
// No actor alone makes its address suspicious: for that there is
// forbidden.fanout.
constexpr double kMostOfThreshold = 0.4;
constexpr size_t kMinActors = 3;
// Below, an actor's refusals are forgotten.
constexpr double kLeast = 0.3;
// As for one actor: new deployments meet their missing rights at once.
constexpr absl::Duration kWarmingAge = absl::Minutes(15);
constexpr double kWarming = 4;
constexpr size_t kMaxNameBytes = 100;

double Rounded(double value) { return std::round(value * 100) / 100; }

}  // namespace

ForbiddenCross::Address& ForbiddenCross::AddressOf(EntityId id) {
  if (addresses_.size() <= id) addresses_.resize(id + size_t{1});
  return addresses_[id];
}

ForbiddenCross::Trouble& ForbiddenCross::TroubleOf(EntityId id) {
  Address& address = AddressOf(id);
  if (address.trouble == nullptr) address.trouble = std::make_unique<Trouble>();
  return *address.trouble;
}

void ForbiddenCross::Observe(const Observation& observation,
                             const ObservationIds& ids, Emit& out) {
  EntityId id = ids.source_address;
  if (id == kNoEntity || !observation.draft.has_value()) return;
  switch (observation.kind) {
    case ObservationKind::kAuthenticationFails:
      NoteFailures(observation, id);
      break;
    case ObservationKind::kCredentialAtAddress:
      NoteIdentity(observation, id, out);
      break;
    case ObservationKind::kRefusedFirst:
      NoteRefusal(observation, id, out);
      break;
    default:
      break;
  }
}

void ForbiddenCross::NoteFailures(const Observation& observation, EntityId id) {
  Finding& failures = TroubleOf(id).failures.emplace();
  failures = *observation.draft;
  // Room for what succeeds.
  constexpr size_t kMaxFailures = Finding::kMaxEvidence / 2;
  if (failures.evidence.size() > kMaxFailures) {
    failures.evidence.resize(kMaxFailures);
  }
}

void ForbiddenCross::NoteIdentity(const Observation& observation, EntityId id,
                                  Emit& out) {
  Address& address = AddressOf(id);
  uint32_t others = address.identities.size();
  if (!address.identities.Add(observation.actor, Address::kMaxIdentities)) {
    return;
  }
  if (address.trouble == nullptr) return;
  if (!address.trouble->failures.has_value()) return;
  const Finding& failures = *address.trouble->failures;
  absl::Duration since = observation.time - failures.last_seen;
  if (since < absl::ZeroDuration() || since > kGuessWindow) return;
  Finding finding = WriteFailThenSuccess(context_, *observation.draft, failures,
                                         observation.source_ip, others);
  Open(std::move(finding), id, out);
}

void ForbiddenCross::NoteRefusal(const Observation& observation, EntityId id,
                                 Emit& out) {
  Trouble& trouble = TroubleOf(id);
  const Finding& draft = *observation.draft;
  absl::Time now = observation.time;
  std::erase_if(trouble.actors, [&](const RefusedActor& actor) {
    return actor.score.ValueAt(now, kFastHalfLife) < kLeast;
  });
  if (trouble.actors.empty()) {
    trouble.first_refused = now;
    trouble.evidence.clear();
  }
  auto same = std::find_if(
      trouble.actors.begin(), trouble.actors.end(),
      [&](const RefusedActor& a) { return a.key == observation.actor; });
  if (same == trouble.actors.end()) {
    // Of more than enough, the oldest is forgotten.
    if (trouble.actors.size() >= RefusedActor::kMaxActors) {
      trouble.actors.erase(trouble.actors.begin());
    }
    RefusedActor& added = trouble.actors.emplace_back();
    added.key = observation.actor;
    added.packed =
        PackTexts({Bounded(draft.entity, kMaxNameBytes), draft.summary});
    same = std::prev(trouble.actors.end());
  }
  same->score.Add(now, kFastHalfLife, kShare * observation.weight);
  ++same->refusals;
  for (const Evidence& evidence : draft.evidence) {
    if (trouble.evidence.size() >= Finding::kMaxEvidence) {
      trouble.evidence.erase(trouble.evidence.begin());
    }
    trouble.evidence.emplace_back(evidence);
  }
  JudgeRefusals(observation, id, out);
}

std::vector<ForbiddenCross::Share> ForbiddenCross::SharesOf(
    const Trouble& trouble, absl::Time now) const {
  std::vector<Share> shares;
  for (const RefusedActor& actor : trouble.actors) {
    double weight = std::min(actor.score.ValueAt(now, kFastHalfLife),
                             kMostOfThreshold * threshold_);
    shares.push_back({&actor, Rounded(weight)});
  }
  return shares;
}

void ForbiddenCross::JudgeRefusals(const Observation& observation, EntityId id,
                                   Emit& out) {
  Trouble& trouble = TroubleOf(id);
  std::vector<Share> shares = SharesOf(trouble, observation.time);
  if (shares.size() < kMinActors) return;
  uint32_t identities = std::max(AddressOf(id).identities.size(),
                                 static_cast<uint32_t>(shares.size()));
  bool warming = observation.time - trouble.first_refused < kWarmingAge;
  double threshold = threshold_ + std::log(1.0 + identities);
  if (warming) threshold += kWarming;
  double score = 0;
  for (const Share& share : shares) score += share.weight;
  score = Rounded(score);
  if (score < threshold) return;

  auto open =
      std::find_if(trouble.open.begin(), trouble.open.end(),
                   [](const Finding& f) { return f.rule == kDistributedRule; });
  bool is_open = open != trouble.open.end();
  if (is_open) {
    open->last_seen = std::max(open->last_seen, observation.time);
    ++open->count;
    if (score < 2 * trouble.reported_score) return;
  }
  Finding finding = WriteDistributed(context_, *observation.draft,
                                     observation.source_ip, identities);
  finding.threshold = Rounded(threshold);
  finding.score = score;
  finding.warming = warming;
  finding.severity = DistributedSeverity(shares.size(), identities);
  finding.first_seen = trouble.first_refused;
  finding.evidence = AllOf(trouble.evidence);
  finding.count = 0;
  for (const Share& share : shares) {
    finding.count += share.actor->refusals;
    if (finding.why.size() >= Finding::kMaxListed) continue;
    const RefusedActor::Texts texts = share.actor->texts();
    finding.why.push_back(
        {absl::StrCat("refused for ", texts.name),
         absl::StrCat(texts.what, ", ",
                      Counted(share.actor->refusals, "refusal", "refusals")),
         share.weight});
  }
  trouble.reported_score = score;
  if (!is_open) {
    Open(std::move(finding), id, out);
    return;
  }
  finding.id = open->id;
  finding.first_seen = std::min(finding.first_seen, open->first_seen);
  finding.count = std::max(finding.count, open->count);
  finding.severity = std::max(finding.severity, open->severity);
  finding.state = FindingState::kUpdate;
  *open = finding;
  out.Report(std::move(finding));
}

void ForbiddenCross::Open(Finding finding, EntityId id, Emit& out) {
  Trouble& trouble = TroubleOf(id);
  if (trouble.open.size() >= kMaxOpen) {
    Finding oldest = std::move(trouble.open.front());
    trouble.open.erase(trouble.open.begin());
    oldest.state = FindingState::kFinal;
    out.Report(std::move(oldest));
  }
  with_open_.insert(id);
  trouble.open.push_back(finding);
  out.Report(std::move(finding));
}

void ForbiddenCross::AdvanceTo(absl::Time watermark, Emit& out) {
  for (auto it = with_open_.begin(); it != with_open_.end();) {
    EntityId id = *it;
    std::vector<Finding>& open = addresses_[id].trouble->open;
    size_t before = open.size();
    for (Finding& finding : open) {
      if (finding.last_seen + kQuiet > watermark) continue;
      finding.state = FindingState::kFinal;
      out.Report(finding);
    }
    std::erase_if(open, [](const Finding& finding) {
      return finding.state == FindingState::kFinal;
    });
    if (open.size() != before) out.MarkChanged(EntityKind::kAddress, id);
    it = open.empty() ? with_open_.erase(it) : std::next(it);
  }
}

void ForbiddenCross::Forget(EntityKind kind, EntityId id) {
  if (kind != EntityKind::kAddress || id >= addresses_.size()) return;
  addresses_[id] = {};
  with_open_.erase(id);
}

bool ForbiddenCross::CanRest(EntityKind kind, EntityId id) const {
  return kind != EntityKind::kAddress || !with_open_.contains(id);
}

ForbiddenCross::RefusedActor::Texts ForbiddenCross::RefusedActor::texts()
    const {
  auto [name, what] = UnpackTexts<2>(packed);
  return {.name = std::move(name), .what = std::move(what)};
}

void ForbiddenCross::SaveTrouble(const Trouble& trouble,
                                 StateWriter& out) const {
  // Of none one that counts nothing.
  SaveFinding(trouble.failures.has_value() ? *trouble.failures : Finding(),
              out);
  out.PutTime(trouble.first_refused);
  out.PutU64(trouble.actors.size());
  for (const RefusedActor& actor : trouble.actors) {
    out.PutFixed64(actor.key);
    const RefusedActor::Texts texts = actor.texts();
    out.PutString(texts.name);
    out.PutString(texts.what);
    out.PutDouble(actor.score.raw_value());
    out.PutTime(actor.score.updated());
    out.PutU64(actor.refusals);
  }
  // As a finding: evidence has no form of its own.
  Finding evidence;
  evidence.evidence = AllOf(trouble.evidence);
  SaveFinding(evidence, out);
  out.PutDouble(trouble.reported_score);
  out.PutU64(trouble.open.size());
  for (const Finding& finding : trouble.open) SaveFinding(finding, out);
}

void ForbiddenCross::LoadTrouble(Trouble& trouble, StateReader& in) const {
  Finding failures = LoadFinding(in);
  if (failures.count != 0) trouble.failures = std::move(failures);
  trouble.first_refused = in.GetTime();
  uint64_t actors = in.GetCount(8);
  if (actors > RefusedActor::kMaxActors) in.Fail();
  for (; actors > 0 && in.status().ok(); --actors) {
    RefusedActor& actor = trouble.actors.emplace_back();
    actor.key = in.GetFixed64();
    const std::string_view name = in.GetString();
    actor.packed = PackTexts({name, in.GetString()});
    double value = in.GetDouble();
    actor.score.Restore(value, in.GetTime());
    actor.refusals = static_cast<uint32_t>(in.GetU64());
  }
  const Finding evidence = LoadFinding(in);
  for (const Evidence& item : evidence.evidence) {
    trouble.evidence.emplace_back(item);
  }
  trouble.reported_score = in.GetDouble();
  uint64_t open = in.GetCount(8);
  if (open > kMaxOpen) in.Fail();
  for (; open > 0 && in.status().ok(); --open) {
    trouble.open.push_back(LoadFinding(in));
  }
}

void ForbiddenCross::Save(EntityKind kind, EntityId id,
                          StateWriter& out) const {
  if (kind != EntityKind::kAddress || id >= addresses_.size()) return;
  const Address& address = addresses_[id];
  if (address.identities.size() == 0 && address.trouble == nullptr) return;
  out.PutVersion(kStateVersion);
  address.identities.Save(out);
  out.PutU64(address.trouble != nullptr ? 1 : 0);
  if (address.trouble != nullptr) SaveTrouble(*address.trouble, out);
}

absl::Status ForbiddenCross::Load(EntityKind kind, EntityId id,
                                  StateReader& in) {
  if (kind != EntityKind::kAddress || in.AtEnd()) return absl::OkStatus();
  if (in.GetVersion(kStateVersion) != kStateVersion) in.Fail();
  Address loaded;
  loaded.identities.Load(in);
  if (in.GetU64() != 0) {
    loaded.trouble = std::make_unique<Trouble>();
    LoadTrouble(*loaded.trouble, in);
  }
  ODDVERB_RETURN_IF_ERROR(in.status());
  with_open_.erase(id);
  if (loaded.trouble != nullptr && !loaded.trouble->open.empty()) {
    with_open_.insert(id);
  }
  AddressOf(id) = std::move(loaded);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeForbiddenCross(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_ASSIGN_OR_RETURN(ForbiddenBurst::Options parsed,
                           ForbiddenBurst::Options::FromYaml(options));
  return std::make_unique<ForbiddenCross>(context, parsed.threshold_fast);
}

}  // namespace oddverb
