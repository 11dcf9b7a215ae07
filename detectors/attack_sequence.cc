#include "detectors/attack_sequence.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/actor_act.h"

namespace oddverb {
namespace {

constexpr uint8_t kCaseRow = 1;
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

// Of those that are themselves: an anonymous caller is an address, a source of
// logs is nobody.
bool IsIdentity(std::string_view kind) {
  return kind == "user" || kind == "serviceaccount" || kind == "node" ||
         kind == "controlplane" || kind == "bootstrap";
}

// The namespace in "system:serviceaccount:NAMESPACE:NAME".
std::string_view NamespaceOf(std::string_view user) {
  if (!user.starts_with(kAccountPrefix)) return {};
  user.remove_prefix(kAccountPrefix.size());
  return user.substr(0, user.find(':'));
}

}  // namespace

std::vector<uint64_t> AttackSequence::KeysOf(const Finding& finding,
                                             EntityId address) const {
  std::vector<uint64_t> keys;
  auto add = [&](std::string_view kind, std::string_view a,
                 std::string_view b = {}) {
    HashInput input;
    input.Add(kind).Add(a).Add(b);
    keys.push_back(context_.hash.Hash(input.bytes()));
  };
  if (IsIdentity(finding.entity_kind)) add("actor", finding.entity);
  if (!finding.who.credential_id.empty()) {
    add("credential", finding.who.credential_id);
  }
  if (!finding.who.pod.empty()) {
    add("pod", NamespaceOf(finding.who.user), finding.who.pod);
  }
  // The pod that was looked into: its token may be the next one used.
  if (finding.rule == kCredentialReadRule && !finding.what.names.empty() &&
      !finding.what.namespaces.empty()) {
    add("pod", finding.what.namespaces.back(), finding.what.names.back());
  }
  const std::string& ip = finding.where.source_ip;
  const bool is_shared = address < identities_.size() &&
                         identities_[address].size() > kMaxIdentities;
  if (!ip.empty() && !is_shared) add("address", ip);
  return keys;
}

void AttackSequence::Observe(const Observation& observation,
                             const ObservationIds& ids, Emit&) {
  if (observation.kind != ObservationKind::kCredentialAtAddress ||
      ids.source_address == kNoEntity || observation.actor == 0) {
    return;
  }
  if (identities_.size() <= ids.source_address) {
    identities_.resize(ids.source_address + size_t{1});
  }
  identities_[ids.source_address].Add(observation.actor, kMaxIdentities + 1);
}

uint32_t AttackSequence::CaseWith(const std::vector<uint64_t>& keys,
                                  absl::Time now, Emit& out) {
  // The one that is told already keeps its name, else the first.
  std::vector<uint32_t> sharing;
  for (uint32_t number = 0; number < cases_.size(); ++number) {
    if (cases_[number] != nullptr && cases_[number]->Shares(keys)) {
      sharing.push_back(number);
    }
  }
  if (sharing.empty()) {
    if (count_ >= kMaxCases) EndLeastGrave(now, out);
    const uint32_t number = numbers_.Take();
    if (cases_.size() <= number) cases_.resize(number + size_t{1});
    cases_[number] = std::make_unique<AttackCase>();
    ++count_;
    return number;
  }
  auto told = std::find_if(sharing.begin(), sharing.end(), [this](uint32_t n) {
    return cases_[n]->is_reported();
  });
  const uint32_t kept = told == sharing.end() ? sharing.front() : *told;
  for (uint32_t number : sharing) {
    if (number == kept) continue;
    AttackCase other = *cases_[number];
    End(number, out);
    cases_[kept]->Join(std::move(other));
  }
  return kept;
}

void AttackSequence::ObserveFinding(const Finding& finding,
                                    const ObservationIds& ids, Emit& out) {
  if (finding.severity < Severity::kLow ||
      finding.state == FindingState::kFinal ||
      finding.detector == kSequenceDetector) {
    return;
  }
  const std::vector<uint64_t> keys = KeysOf(finding, ids.source_address);
  if (keys.empty()) return;
  const uint32_t number = CaseWith(keys, finding.last_seen, out);
  AttackCase& joined = *cases_[number];
  joined.AddKeys(keys);
  joined.Add(finding);
  numbers_.MarkChanged(number);
  if (std::optional<Finding> news = joined.Judge(context_)) {
    out.Report(*std::move(news));
  }
}

void AttackSequence::End(uint32_t number, Emit& out) {
  if (cases_[number]->is_reported()) out.Report(cases_[number]->Final());
  cases_[number] = nullptr;
  numbers_.Free(number);
  --count_;
}

void AttackSequence::EndLeastGrave(absl::Time now, Emit& out) {
  uint32_t least = 0;
  double least_risk = -1;
  for (uint32_t number = 0; number < cases_.size(); ++number) {
    if (cases_[number] == nullptr) continue;
    const double risk = cases_[number]->RiskAt(now);
    if (least_risk < 0 || risk < least_risk) {
      least = number;
      least_risk = risk;
    }
  }
  End(least, out);
}

void AttackSequence::AdvanceTo(absl::Time watermark, Emit& out) {
  if (count_ == 0) return;
  for (uint32_t number = 0; number < cases_.size(); ++number) {
    const bool is_quiet = cases_[number] != nullptr &&
                          cases_[number]->last_seen() + kQuiet <= watermark;
    if (is_quiet) End(number, out);
  }
}

void AttackSequence::Forget(EntityKind kind, EntityId id) {
  if (kind == EntityKind::kAddress && id < identities_.size()) {
    identities_[id].Clear();
  }
}

// Its cases know addresses by name.
bool AttackSequence::CanRest(EntityKind, EntityId) const { return true; }

void AttackSequence::Save(EntityKind kind, EntityId id,
                          StateWriter& out) const {
  if (kind == EntityKind::kAddress && id < identities_.size() &&
      identities_[id].size() > 0) {
    identities_[id].Save(out);
  }
}

absl::Status AttackSequence::Load(EntityKind kind, EntityId id,
                                  StateReader& in) {
  if (kind != EntityKind::kAddress || in.AtEnd()) return absl::OkStatus();
  if (identities_.size() <= id) identities_.resize(id + size_t{1});
  identities_[id].Load(in);
  return in.status();
}

void AttackSequence::TakeRows(std::vector<DetectorRow>& out) {
  for (uint32_t number : numbers_.TakeChanged()) {
    StateWriter state;
    if (number < cases_.size() && cases_[number] != nullptr) {
      cases_[number]->Save(state);
    }
    out.push_back({kCaseRow, number, state.Release()});
  }
}

absl::Status AttackSequence::LoadRow(uint8_t kind, uint32_t number,
                                     std::string_view bytes) {
  if (kind != kCaseRow || !numbers_.Append(number)) {
    return absl::DataLossError("attack_sequence: a case is missing");
  }
  cases_.push_back(nullptr);
  if (bytes.empty()) return absl::OkStatus();
  if (count_ >= kMaxCases) {
    return absl::DataLossError("attack_sequence: too many cases");
  }
  StateReader in(bytes);
  auto loaded = std::make_unique<AttackCase>();
  loaded->Load(in);
  ODDVERB_RETURN_IF_ERROR(in.status());
  numbers_.TakeBack(number);
  cases_[number] = std::move(loaded);
  ++count_;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CrossDetector>> MakeAttackSequence(
    const DetectorContext& context, const YamlNode& options) {
  ODDVERB_RETURN_IF_ERROR(options.CheckAllKeysUsed());
  return std::make_unique<AttackSequence>(context);
}

}  // namespace oddverb
