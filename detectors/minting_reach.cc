#include "detectors/minting_reach.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr double kReachWeight = 4;
constexpr double kThreshold = 6;
constexpr double kUsedWeight = 3;
constexpr absl::Duration kLinkSpan = absl::Hours(24);

uint32_t FingerprintOf(uint64_t hash) {
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

void Write(const std::string& account, size_t kinds, Finding& finding) {
  finding.rule = kReachRule;
  finding.threshold = kThreshold;
  finding.severity = Severity::kHigh;
  finding.confidence = std::min(0.95, 0.5 + finding.score / 20);
  finding.title = "Mints a token of an account that may do more";
  finding.summary =
      absl::StrCat(Named(finding.who.user), " from ", finding.where.source_ip,
                   " minted, for the first time, a token of ", account,
                   ", which does ", Counted(kinds, "grave kind", "grave kinds"),
                   " of request that the minter never did.");
  finding.normal =
      "Whoever mints tokens mints the same ones again and again, and mostly "
      "for less than they may do themselves.";
  finding.next = {
      finding.who.credential_id.empty()
          ? "Look for requests of the account that name no pod in user.extra."
          : "Look for the token in use: issued-credential-id of the first "
            "piece of evidence.",
      absl::StrCat("kubectl auth can-i --list --as=", ShellWord(account),
                   "   # what it is good for"),
      "Delete the service account, which ends its tokens; make it again.",
      absl::StrCat("Ask the owner of ", ShellWord(finding.who.user),
                   " what the token is for.")};
  finding.benign_checks = {"Not a kubelet, not kube-controller-manager.",
                           "A CI or a broker of tokens that was just set up."};
  finding.attack = {"T1098", "T1550.001"};
  finding.practice = {9};
}

}  // namespace

MintingReach::Reach& MintingReach::ReachOf(uint64_t actor) {
  auto [it, is_new] = numbers_.emplace(actor, 0);
  if (!is_new) return rows_[it->second];
  if (rows_.size() < kMaxActors) {
    it->second = static_cast<uint32_t>(rows_.size());
    rows_.emplace_back();
  } else {
    it->second = next_;
    numbers_.erase(rows_[next_].actor);
    rows_[next_] = {};
    next_ = (next_ + 1) % kMaxActors;
  }
  rows_[it->second].actor = actor;
  return rows_[it->second];
}

void MintingReach::NoteReach(const Observation& observation) {
  Reach& reach = ReachOf(observation.actor);
  const uint32_t kind = FingerprintOf(observation.subject);
  if (reach.kinds.size() >= kMaxKinds ||
      std::find(reach.kinds.begin(), reach.kinds.end(), kind) !=
          reach.kinds.end()) {
    return;
  }
  reach.kinds.push_back(kind);
  changed_.insert(numbers_.at(observation.actor));
}

size_t MintingReach::MoreThan(uint64_t account, uint64_t minter) const {
  auto found = numbers_.find(account);
  if (found == numbers_.end()) return 0;
  const std::vector<uint32_t>& kinds = rows_[found->second].kinds;
  auto own = numbers_.find(minter);
  if (own == numbers_.end()) return kinds.size();
  const std::vector<uint32_t>& known = rows_[own->second].kinds;
  // Who does so many grave things lacks none that matters.
  if (known.size() >= kMaxKinds) return 0;
  return static_cast<size_t>(
      std::count_if(kinds.begin(), kinds.end(), [&](uint32_t kind) {
        return std::find(known.begin(), known.end(), kind) == known.end();
      }));
}

void MintingReach::NoteMinted(const DetectorContext& context,
                              const Observation& minted, Emit& out) {
  if (!minted.draft.has_value()) return;
  const size_t kinds = MoreThan(minted.subject, minted.actor);
  if (kinds == 0) return;
  Finding finding = *minted.draft;
  // What the shard knew of the minter stands in it.
  std::vector<FindingReason> circumstances = std::move(finding.why);
  finding.why.clear();
  AddReason("the account does grave things that the minter never did",
            Counted(kinds, "kind of request", "kinds of request"), kReachWeight,
            finding);
  for (FindingReason& reason : circumstances) {
    AddReason(reason.feature, std::move(reason.value), reason.contribution,
              finding);
  }
  if (finding.score < kThreshold) return;
  const std::string account = absl::StrCat(
      "system:serviceaccount:",
      finding.what.namespaces.empty() ? "" : finding.what.namespaces.front(),
      ":", finding.what.names.empty() ? "" : finding.what.names.front());
  Write(Named(account), kinds, finding);
  finding.id = FindingId(context.id_hash, context.cluster, finding.rule,
                         finding.entity, finding.id);
  const uint64_t key = minted.minted != 0
                           ? minted.minted
                           : context.hash.Combine(minted.actor, minted.subject);
  open_.Open(key, std::move(finding), out);
}

void MintingReach::NoteUsed(const Observation& used, Emit& out) {
  Finding* open = open_.Find(used.credential);
  if (open == nullptr || !used.draft.has_value()) return;
  const Finding& use = *used.draft;
  if (use.last_seen - open->first_seen > kLinkSpan) return;
  AddReason("the token is used",
            absl::StrCat("from ", used.source_ip, ", ",
                         SpanText(open->first_seen, use.last_seen), " later"),
            kUsedWeight, *open);
  open->severity = Severity::kCritical;
  open->confidence = std::min(0.99, open->confidence + 0.2);
  open->last_seen = std::max(open->last_seen, use.last_seen);
  ++open->count;
  if (!use.evidence.empty() && open->evidence.size() < Finding::kMaxEvidence) {
    open->evidence.push_back(use.evidence.front());
  }
  open->state = FindingState::kUpdate;
  out.Report(*open);
}

void MintingReach::AdvanceTo(absl::Time watermark, Emit& out) {
  open_.AdvanceTo(watermark, out);
}

void MintingReach::TakeRows(uint8_t kind, std::vector<DetectorRow>& out) {
  for (uint32_t number : changed_) {
    StateWriter row;
    row.PutFixed64(rows_[number].actor);
    row.PutU64(rows_[number].kinds.size());
    for (uint32_t fingerprint : rows_[number].kinds) row.PutU64(fingerprint);
    out.push_back({kind, number, row.Release()});
  }
  changed_.clear();
}

absl::Status MintingReach::LoadRow(uint32_t number, std::string_view bytes) {
  StateReader in(bytes);
  Reach reach;
  reach.actor = in.GetFixed64();
  uint64_t count = in.GetCount(1);
  // Rows come in the order of their numbers.
  const bool is_known = numbers_.contains(reach.actor);
  if (count > kMaxKinds || number != rows_.size() || number >= kMaxActors ||
      is_known) {
    in.Fail();
  }
  for (; count > 0 && in.status().ok(); --count) {
    const uint64_t fingerprint = in.GetU64();
    if (fingerprint > UINT32_MAX) in.Fail();
    reach.kinds.push_back(static_cast<uint32_t>(fingerprint));
  }
  if (!in.AtEnd()) in.Fail();
  if (!in.status().ok()) return in.status();
  numbers_[reach.actor] = number;
  rows_.push_back(std::move(reach));
  return absl::OkStatus();
}

void MintingReach::SaveShared(StateWriter& out) const {
  out.PutU64(next_);
  open_.Save(out);
}

void MintingReach::LoadShared(StateReader& in) {
  const uint64_t next = in.GetU64();
  if (next >= kMaxActors) in.Fail();
  next_ = static_cast<uint32_t>(next);
  open_.Load(in);
}

}  // namespace oddverb
