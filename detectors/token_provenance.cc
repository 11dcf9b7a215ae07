#include "detectors/token_provenance.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// Kubelets renew their pods' tokens every hour, at the latest every day.
constexpr absl::Duration kCoverage = absl::Hours(25);
// After this long without a gap even a token that was minted by hand and is
// used without a pod was minted within what is known, most likely.
constexpr absl::Duration kLongCoverage = absl::Hours(24 * 7);
constexpr uint64_t kMinTokens = 50;
constexpr double kMinResolved = 0.95;
// Halved beyond, so that they follow the present.
constexpr uint64_t kMaxCounted = 400;
// A policy that has changed, so that no minting is logged any more, looks as if
// every token were forged: others must have been found since.
constexpr uint64_t kResolvedSince = 5;
// Of several API servers, each log may lag.
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kQuiet = absl::Minutes(30);
constexpr absl::Duration kLinkSpan = absl::Hours(24);
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";

constexpr double kLow = 5;
constexpr double kMedium = 7;
constexpr double kHigh = 9;

// Of a service account's user name; else empty.
std::string_view NamespaceOf(std::string_view user) {
  if (!user.starts_with(kAccountPrefix)) return {};
  user.remove_prefix(kAccountPrefix.size());
  return user.substr(0, user.find(':'));
}

void WriteNeverIssued(bool is_bound, bool is_long, Finding& finding) {
  finding.threshold = 3;
  AddReason("minted by no request of the log", finding.who.credential_id, 4,
            finding);
  if (is_bound) {
    AddReason("bound to a pod, so a kubelet mints it anew every hour",
              finding.who.pod, 4, finding);
    finding.severity = Severity::kCritical;
    finding.confidence = 0.85;
  } else {
    finding.severity = is_long ? Severity::kMedium : Severity::kLow;
    finding.confidence = is_long ? 0.5 : 0.3;
  }
  finding.title = "A token is used that was never minted";
  finding.summary = absl::StrCat(
      finding.entity, " from ", finding.where.source_ip, " uses the token ",
      finding.who.credential_id,
      ", which no request of the log minted: made with a stolen signing key?");
  finding.normal =
      "Each token that is used was minted before by a TokenRequest: nearly all "
      "of the others were found in the log.";
  finding.next = {
      "Find out who can read the key of --service-account-signing-key-file.",
      "Renew that key and restart the API servers: every token ends with it.",
      absl::StrCat("Look for everything else that ",
                   ShellWord(finding.who.credential_id), " did.")};
  finding.benign_checks = {
      "No gap of the log, and nothing of it forgotten, for 25 hours.",
      "An audit policy that leaves out some TokenRequests."};
  finding.attack = {"T1606", "T1552.004"};
  finding.practice = {9};
}

}  // namespace

bool TokenProvenance::IsCovered(absl::Time now) const {
  return since_ != absl::InfiniteFuture() && now - since_ >= kCoverage;
}

void TokenProvenance::NoteGap(absl::Time now) {
  if (since_ != absl::InfiniteFuture()) since_ = std::max(since_, now);
  resolved_ = unresolved_ = 0;
  waiting_.clear();
}

void TokenProvenance::CountUse(bool is_resolved) {
  ++(is_resolved ? resolved_ : unresolved_);
  if (is_resolved) ++resolved_total_;
  if (resolved_ + unresolved_ < kMaxCounted) return;
  resolved_ /= 2;
  unresolved_ /= 2;
}

void TokenProvenance::Know(EntityId credential, Known what, absl::Time time) {
  Token& token = tokens_.Insert(credential);
  constexpr int64_t kMost = (int64_t{1} << 61) - 1;  // some 70,000 years
  if (token.known() == 0) {
    token.word = std::clamp(absl::ToUnixMicros(time), -kMost, kMost) * 4;
  }
  token.word |= what;
}

void TokenProvenance::NoteMinted(const Observation& observation,
                                 EntityId credential) {
  Know(credential, kMinted, observation.time);
  since_ = std::min(since_, observation.time);
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    return waiting.credential == observation.credential;
  });
  if (!observation.draft.has_value() || IsKnown(credential, kUsed)) return;
  const Finding& minting = *observation.draft;
  if (minting.what.names.empty() || minting.what.namespaces.empty() ||
      minting.evidence.empty()) {
    return;
  }
  mints_[credential] = {
      .who = minting.who.user,
      .who_kind = minting.entity_kind,
      .account = absl::StrCat(minting.what.namespaces.front(), "/",
                              minting.what.names.front()),
      .ip = observation.source_ip,
      .evidence = minting.evidence.front()};
}

void TokenProvenance::NoteUsed(const DetectorContext& context,
                               const Observation& observation,
                               EntityId credential, Emit& out) {
  if (!observation.draft.has_value()) return;
  const auto mint = mints_.find(credential);
  if (IsKnown(credential, kUsed)) {
    // Of a pod's token it says nothing: it was not remembered in its shard.
    if (mint != mints_.end() && !observation.pod_bound) {
      JudgeLife(context, mint->second, observation, out);
    }
    return;
  }
  Know(credential, kUsed, observation.time);
  const bool is_minted = IsKnown(credential, kMinted);
  if (mint != mints_.end()) {
    JudgeMint(context, mint->second, observation, out);
  }
  if (!IsCovered(observation.time)) return;
  const auto total = static_cast<double>(resolved_ + unresolved_);
  const bool is_sure = resolved_ + unresolved_ >= kMinTokens &&
                       static_cast<double>(resolved_) >= kMinResolved * total;
  CountUse(is_minted);
  if (is_minted || !is_sure || waiting_.size() >= kMaxWaiting) return;
  Finding finding = *observation.draft;
  WriteNeverIssued(observation.pod_bound,
                   observation.time - since_ >= kLongCoverage, finding);
  waiting_.push_back(
      {observation.credential, resolved_total_, std::move(finding)});
}

void TokenProvenance::JudgeMint(const DetectorContext& context,
                                const Mint& mint, const Observation& use,
                                Emit& out) {
  if (mint.ip == use.source_ip || use.time - mint.evidence.time > kLinkSpan) {
    return;
  }
  Finding finding = *use.draft;
  finding.rule = kMintedElsewhereRule;
  finding.id = FindingId(context.id_hash, context.cluster, finding.rule,
                         finding.entity, use.draft->id);
  const std::string_view ns = NamespaceOf(finding.who.user);
  const std::string_view minter_ns = NamespaceOf(mint.who);
  if (ns == "kube-system") {
    AddReason("a service account of kube-system", mint.account, 3, finding);
  }
  if (!minter_ns.empty() && minter_ns != ns) {
    AddReason("minted by a service account of another namespace", mint.who, 3,
              finding);
  }
  AddReason("used from another address than it was minted at",
            absl::StrCat(mint.ip, " and ", use.source_ip), 2, finding);
  if (IsPrivateAddress(mint.ip) && !IsPrivateAddress(use.source_ip)) {
    AddReason("from outside of private networks", use.source_ip, 2, finding);
  }
  if (finding.score < kLow) return;
  finding.threshold = kLow;
  finding.severity = finding.score >= kHigh     ? Severity::kHigh
                     : finding.score >= kMedium ? Severity::kMedium
                                                : Severity::kLow;
  finding.confidence =
      finding.severity == Severity::kLow ? 0.3 : 0.4 + finding.score / 20;
  finding.evidence.insert(finding.evidence.begin(), mint.evidence);
  finding.first_seen = std::min(finding.first_seen, mint.evidence.time);
  finding.title = "A minted token is used elsewhere";
  finding.summary =
      absl::StrCat(mint.who, " minted a token of ", mint.account, " at ",
                   mint.ip, "; ", use.source_ip, " uses it, ",
                   SpanText(mint.evidence.time, use.time), " later.");
  finding.normal =
      "Who asks for a token uses it, at the same address; kubelets mint those "
      "of pods.";
  finding.next = {
      absl::StrCat("Ask the owner of ", ShellWord(mint.who),
                   " what the token is for, and who is at ",
                   ShellWord(use.source_ip), "."),
      absl::StrCat("Look for everything that ",
                   ShellWord(finding.who.credential_id), " did."),
      "Delete the service account, which ends its tokens; make it again."};
  finding.benign_checks = {
      "A broker of tokens (Vault and its kin) that mints them for others.",
      "A token that was made for a dashboard or for a CI elsewhere."};
  finding.attack = {"T1528", "T1098"};
  finding.practice = {9};
  Open(std::move(finding), use.time, out);
}

// Kubelets' tokens live for a day at most, and those that kubectl makes for an
// hour. What was asked for is in the body, which few logs hold; use shows it.
void TokenProvenance::JudgeLife(const DetectorContext& context,
                                const Mint& mint, const Observation& use,
                                Emit& out) {
  const absl::Duration age = use.time - mint.evidence.time;
  if (age < kLongUse) return;
  Finding finding = *use.draft;
  finding.rule = kLongLivedRule;
  finding.id = FindingId(context.id_hash, context.cluster, finding.rule,
                         finding.entity, use.draft->id);
  AddReason(
      "used long after it was minted, by neither a kubelet nor the "
      "control plane",
      SpanText(mint.evidence.time, use.time), 3, finding);
  finding.threshold = 3;
  finding.severity = Severity::kMedium;
  finding.confidence = 0.4;
  finding.evidence.insert(finding.evidence.begin(), mint.evidence);
  finding.first_seen = std::min(finding.first_seen, mint.evidence.time);
  finding.title = "A minted token lives for long";
  finding.summary = absl::StrCat(
      mint.who, " minted a token of ", mint.account, "; ", use.source_ip,
      " still uses it, ", SpanText(mint.evidence.time, use.time), " later.");
  finding.normal = "A token that kubectl makes lives for an hour.";
  finding.next = {
      absl::StrCat("Ask the owner of ", ShellWord(mint.who),
                   " what the token is for, and why it lives for so long."),
      "Delete the service account, which ends its tokens; make it again."};
  finding.benign_checks = {
      "A token that was made for a CI elsewhere: let it fetch short ones."};
  finding.attack = {"T1528", "T1098"};
  finding.practice = {9};
  Open(std::move(finding), use.time, out);
}

void TokenProvenance::Open(Finding finding, absl::Time now, Emit& out) {
  // One for an account, however many tokens.
  auto same = std::find_if(open_.begin(), open_.end(), [&](const OpenCase& o) {
    return o.finding.rule == finding.rule &&
           o.finding.entity == finding.entity &&
           o.finding.severity >= finding.severity;
  });
  if (same != open_.end()) {
    Finding& known = same->finding;
    ++known.count;
    known.last_seen = std::max(known.last_seen, finding.last_seen);
    if (known.evidence.size() < Finding::kMaxEvidence) {
      known.evidence.push_back(finding.evidence.back());
    }
    same->since = std::max(same->since, now);
    return;
  }
  if (open_.size() >= kMaxOpen) {
    open_.front().finding.state = FindingState::kFinal;
    out.Report(std::move(open_.front().finding));
    open_.erase(open_.begin());
  }
  out.Report(finding);
  open_.push_back({std::move(finding), now});
}

void TokenProvenance::AdvanceTo(absl::Time watermark, Emit& out) {
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    const absl::Time used = first.finding.last_seen;
    const bool is_sure =
        resolved_total_ - first.resolved_before >= kResolvedSince;
    if (used + kPatience > watermark) break;
    if (!is_sure && used + kLinkSpan > watermark) break;
    Finding finding = std::move(first.finding);
    waiting_.erase(waiting_.begin());
    // At the end of the log, what is not told yet is told and closed.
    if (is_sure) {
      Open(std::move(finding), std::min(watermark, used + kLinkSpan), out);
    }
  }
  for (size_t i = 0; i < open_.size();) {
    if (open_[i].since + kQuiet > watermark) {
      ++i;
      continue;
    }
    open_[i].finding.state = FindingState::kFinal;
    out.Report(std::move(open_[i].finding));
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void TokenProvenance::Forget(EntityId credential) {
  const Token* token = tokens_.Find(credential);
  if (token == nullptr) return;
  // From before that, others may be forgotten, too.
  if (since_ != absl::InfiniteFuture()) {
    since_ = std::max(since_, absl::FromUnixMicros(token->first_micros()));
  }
  tokens_.Erase(credential);
  mints_.erase(credential);
}

bool TokenProvenance::Knows(EntityId credential) const {
  return tokens_.Has(credential);
}

void TokenProvenance::Save(EntityId credential, StateWriter& out) const {
  const auto mint = mints_.find(credential);
  const bool has_mint = mint != mints_.end();
  out.PutI64(tokens_.Find(credential)->first_micros());
  out.PutU64((IsKnown(credential, kUsed) ? 1U : 0U) | (has_mint ? 2U : 0U) |
             (IsKnown(credential, kMinted) ? 4U : 0U));
  if (!has_mint) return;
  out.PutString(mint->second.who);
  out.PutString(mint->second.who_kind);
  out.PutString(mint->second.account);
  out.PutString(mint->second.ip);
  SaveEvidence(mint->second.evidence, out);
}

void TokenProvenance::Load(EntityId credential, StateReader& in) {
  const absl::Time first = absl::FromUnixMicros(in.GetI64());
  const uint64_t flags = in.GetU64();
  if (flags > 7) in.Fail();
  std::optional<Mint> mint;
  if ((flags & 2) != 0 && in.status().ok()) {
    mint.emplace();
    mint->who = std::string(in.GetString());
    mint->who_kind = std::string(in.GetString());
    mint->account = std::string(in.GetString());
    mint->ip = std::string(in.GetString());
    mint->evidence = LoadEvidence(in);
  }
  if (!in.status().ok()) return;
  tokens_.Erase(credential);
  if ((flags & 4) != 0) Know(credential, kMinted, first);
  if ((flags & 1) != 0) Know(credential, kUsed, first);
  mints_.erase(credential);
  if (mint.has_value()) mints_[credential] = *std::move(mint);
}

void TokenProvenance::SaveShared(StateWriter& out) const {
  out.PutTime(since_);
  out.PutU64(resolved_);
  out.PutU64(unresolved_);
  out.PutU64(resolved_total_);
  out.PutU64(waiting_.size());
  for (const Waiting& waiting : waiting_) {
    out.PutFixed64(waiting.credential);
    out.PutU64(waiting.resolved_before);
    SaveFinding(waiting.finding, out);
  }
  out.PutU64(open_.size());
  for (const OpenCase& open : open_) {
    SaveFinding(open.finding, out);
    out.PutTime(open.since);
  }
}

void TokenProvenance::LoadShared(StateReader& in) {
  since_ = in.GetTime();
  resolved_ = in.GetU64();
  unresolved_ = in.GetU64();
  resolved_total_ = in.GetU64();
  waiting_.clear();
  open_.clear();
  uint64_t count = in.GetCount(16);
  if (count > kMaxWaiting) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Waiting& waiting = waiting_.emplace_back();
    waiting.credential = in.GetFixed64();
    waiting.resolved_before = in.GetU64();
    waiting.finding = LoadFinding(in);
  }
  count = in.GetCount(8);
  if (count > kMaxOpen) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    OpenCase& open = open_.emplace_back();
    open.finding = LoadFinding(in);
    open.since = in.GetTime();
  }
}

}  // namespace oddverb
