#include "detectors/secrets_harvest.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "detectors/user_agent.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

constexpr uint64_t kStateVersion = 1;
constexpr absl::Duration kWindow = absl::Minutes(10);
// In the real logs no honest client but kubelets reads three secrets by name in
// ten minutes; a thief reads all that a list told it of.
constexpr uint32_t kMinSecrets = 10;
constexpr uint32_t kMinNamespaces = 3;
constexpr uint32_t kMaxSecrets = 1024;
constexpr uint32_t kMaxNamespaces = 64;
constexpr size_t kMaxFirstReads = 4;

// Tools to write a script with, as opposed to programs that read secrets for a
// living.
bool IsScripting(AgentFamily family) {
  return family == AgentFamily::kCurl || family == AgentFamily::kWget ||
         family == AgentFamily::kPython || family == AgentFamily::kScanner ||
         family == AgentFamily::kNone;
}

void Write(const AuditEvent& event, uint32_t secrets, uint32_t namespaces,
           ActorAct& act) {
  act.title = "Many secrets read one by one";
  act.summary = absl::StrCat(Named(event.user.name), " read ", secrets,
                             " secrets of ", namespaces, " namespaces within ",
                             absl::FormatDuration(kWindow), " from ",
                             Named(event.source_ip), ".");
  act.normal =
      "Software reads the few secrets that it is named for, or lists and "
      "watches them; kubelets read those of their own pods.";
  act.next = {
      absl::StrCat("kubectl auth can-i --list --as=",
                   ShellWord(event.user.name), "   # what it can read"),
      "Change every secret that was read, those that open other systems first.",
      absl::StrCat("Find out what ", ShellWord(event.source_ip), " is.")};
  act.benign_checks = {
      "Not a kubelet, not the control plane.",
      "Not a harvest of a size that this identity made before."};
  act.attack = {"T1552.007"};
}

}  // namespace

std::optional<ActorAct> SecretReads::Add(const KeyedHash& hash,
                                         const AuditEvent& event) {
  if (event.stage_time >= begin_ + kWindow) {
    begin_ = event.stage_time;
    secrets_.Clear();
    namespaces_.Clear();
    first_reads_.clear();
    told_in_window_ = 0;
  }
  uint64_t ns = hash.Hash(event.object.ns);
  namespaces_.Add(ns, kMaxNamespaces);
  bool is_new =
      secrets_.Add(hash.Combine(ns, hash.Hash(event.object.name)), kMaxSecrets);
  if (!is_new) return std::nullopt;
  if (first_reads_.size() < kMaxFirstReads) {
    Finding first;
    first.AddEvidence(event);
    first_reads_.push_back(std::move(first.evidence[0]));
  }
  uint32_t secrets = secrets_.size();
  uint32_t namespaces = namespaces_.size();
  if (secrets < kMinSecrets || namespaces < kMinNamespaces ||
      secrets < 2 * told_) {
    return std::nullopt;
  }
  ActorAct act;
  act.count = static_cast<int64_t>(secrets - told_in_window_);
  told_ = secrets;
  told_in_window_ = secrets;
  act.rule = kHarvestRule;
  act.threshold = 6;
  act.severity = Severity::kMedium;
  act.why.push_back({"many secrets by name",
                     Counted(secrets, "secret", "secrets"),
                     4.5 + std::log2(secrets / 10.0)});
  act.why.push_back({"of many namespaces",
                     Counted(namespaces, "namespace", "namespaces"),
                     std::min(3.0, 0.5 * namespaces)});
  AgentFamily family = AgentFamilyOf(event.user_agent);
  if (IsScripting(family)) {
    act.why.push_back(
        {"by a script", std::string(AgentFamilyName(family)), 1.5});
    act.severity = Severity::kHigh;
  }
  Write(event, secrets, namespaces, act);
  return act;
}

void SecretReads::Save(StateWriter& out) const {
  out.PutU64(kStateVersion);
  out.PutTime(begin_);
  secrets_.Save(out);
  namespaces_.Save(out);
  out.PutU64(told_);
  out.PutU64(told_in_window_);
  out.PutU64(first_reads_.size());
  for (const Evidence& evidence : first_reads_) SaveEvidence(evidence, out);
}

void SecretReads::Load(StateReader& in) {
  if (in.GetU64() != kStateVersion) in.Fail();
  begin_ = in.GetTime();
  secrets_.Load(in);
  namespaces_.Load(in);
  told_ = in.GetU64();
  told_in_window_ = in.GetU64();
  first_reads_.clear();
  uint64_t count = in.GetCount(4);
  if (count > kMaxFirstReads) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    first_reads_.push_back(LoadEvidence(in));
  }
}

}  // namespace oddverb
