#include "detectors/forbidden_cross_finding.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"

namespace oddverb {
namespace {

constexpr size_t kMaxNameBytes = 100;

Finding Start(const DetectorContext& context, const Finding& event,
              std::string_view rule, std::string entity) {
  Finding finding = event;
  finding.detector = "forbidden_burst";
  finding.rule = rule;
  finding.entity = std::move(entity);
  // The event's own id stands for the event here.
  finding.id = FindingId(context.id_hash, context.cluster, rule, finding.entity,
                         event.id);
  finding.practice = {9};
  return finding;
}

}  // namespace

Finding WriteFailThenSuccess(const DetectorContext& context, const Finding& who,
                             const Finding& failures, const std::string& ip,
                             uint32_t others) {
  Finding finding = Start(context, who, kFailThenSuccessRule, who.entity);
  // Machines join clusters by trying until their credential is valid.
  bool is_machine = who.entity_kind == "node" ||
                    who.entity_kind == "bootstrap" ||
                    who.entity_kind == "controlplane";
  finding.threshold = 4;
  AddReason(
      "failed authentications just before",
      Counted(static_cast<uint64_t>(failures.count), "failure", "failures"), 4,
      finding);
  if (is_machine) {
    finding.severity = Severity::kLow;
  } else if (others == 0) {
    finding.severity = Severity::kHigh;
    AddReason("nobody else was ever seen at this address", ip, 4, finding);
  } else if (others <= 2) {
    finding.severity = Severity::kMedium;
    AddReason("hardly anybody else is seen at this address", ip, 2, finding);
  } else {
    finding.severity = Severity::kLow;
  }
  finding.confidence = finding.severity == Severity::kLow ? 0.3 : 0.7;
  finding.title = "an identity appears where authentications failed";
  finding.summary =
      absl::StrCat(Bounded(who.entity, kMaxNameBytes), " succeeded from ", ip,
                   ", where it was never seen before, ",
                   SpanText(failures.last_seen, who.first_seen), " after ",
                   Counted(static_cast<uint64_t>(failures.count),
                           "failed authentication", "failed authentications"));
  finding.normal =
      "whoever has a valid credential does not guess; who mistypes is known at "
      "the address already";
  finding.benign_checks = {
      absl::StrCat("other identities at this address: ", others,
                   "; behind a gateway the one who failed and the one who "
                   "came may be two"),
      "a program whose expired token was renewed is known at its address, and "
      "gives no finding"};
  finding.next.push_back(absl::StrCat(
      "Ask whose address ", ip, " is, and revoke the credential of ",
      Bounded(who.entity, kMaxNameBytes), " if nobody knows it"));
  for (const Evidence& evidence : failures.evidence) {
    if (finding.evidence.size() >= Finding::kMaxEvidence) break;
    finding.evidence.push_back(evidence);
  }
  finding.first_seen = std::min(failures.first_seen, who.first_seen);
  finding.count = failures.count + 1;
  finding.attack = {"T1110", "T1078"};
  return finding;
}

Severity DistributedSeverity(size_t refused, uint32_t identities) {
  if (refused * 2 >= identities) return Severity::kHigh;
  return refused * 4 >= identities ? Severity::kMedium : Severity::kLow;
}

Finding WriteDistributed(const DetectorContext& context, const Finding& last,
                         const std::string& ip, uint32_t identities) {
  Finding finding = Start(context, last, kDistributedRule, ip);
  finding.entity_kind = "address";
  finding.who = {};
  finding.confidence = 0.7;
  finding.title = "several identities at one address probe what they may do";
  finding.summary = absl::StrCat(
      "From ", ip,
      " several identities are refused what they never did before: tokens of "
      "one thief, or programs that lack rights since a change; ",
      Counted(identities, "identity is", "identities are"), " known there");
  finding.normal = "identities at one address are refused independently";
  finding.benign_checks = {
      "rights that were lost and retries weigh 0",
      "a gateway or a node with many identities: its threshold is higher and "
      "its severity lower"};
  finding.next.push_back(absl::StrCat(
      "Find out what runs at ", ip,
      " and where the tokens of these identities are kept: kubectl get pods -A "
      "-o wide --field-selector ",
      ShellWord(absl::StrCat("status.podIP=", ip))));
  finding.attack = {"T1613", "T1528"};
  return finding;
}

}  // namespace oddverb
