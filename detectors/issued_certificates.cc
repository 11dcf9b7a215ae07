#include "detectors/issued_certificates.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/actor_act.h"
#include "detectors/finding_text.h"
#include "detectors/next_steps.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

// kube-controller-manager's --cluster-signing-duration.
constexpr absl::Duration kLife = absl::Hours(24 * 365);
constexpr double kThreshold = 4;

void Write(const std::string& requester, const std::string& subject,
           Finding& finding) {
  finding.rule = kUsedCertificateRule;
  finding.detector = "sensitive_acts";
  finding.threshold = kThreshold;
  finding.confidence = std::min(0.99, 0.5 + finding.score / 20);
  finding.title = "A certificate that was minted is used";
  finding.summary =
      absl::StrCat(Named(finding.who.user), " from ", finding.where.source_ip,
                   " uses the certificate (", subject, ") that ",
                   Named(requester), " asked for.");
  finding.normal =
      "People get their certificates by a request that somebody else approves, "
      "and none of them is named as a part of the cluster.";
  finding.next = {
      absl::StrCat("Look for everything that ",
                   ShellWord(finding.who.credential_id), " did."),
      "A client certificate cannot be revoked: take away every binding of its "
      "name and groups, or change the cluster's certificate authority.",
      absl::StrCat("Ask the owner of ", ShellWord(requester),
                   " whether it was their work.")};
  finding.benign_checks = {
      "An administrator who makes certificates for colleagues, and approves "
      "them himself."};
  finding.attack = {"T1550", "T1098", "T1649"};
  finding.practice = {9};
}

}  // namespace

void IssuedCertificates::NoteFinding(const Finding& finding) {
  if (finding.rule != kCertificateRule ||
      finding.severity < Severity::kMedium) {
    return;
  }
  for (const std::string& name : finding.what.names) {
    auto same = std::find_if(
        accusations_.begin(), accusations_.end(),
        [&](const Accusation& known) { return known.request == name; });
    if (same != accusations_.end()) accusations_.erase(same);
    if (accusations_.size() >= kMaxKept) {
      accusations_.erase(accusations_.begin());
    }
    accusations_.push_back(
        {name, Named(finding.who.user), finding.severity, finding.last_seen});
  }
}

void IssuedCertificates::NoteIssued(const Observation& issued) {
  if (!issued.draft.has_value() || issued.draft->what.names.empty() ||
      issued.draft->evidence.empty()) {
    return;
  }
  const Finding& signing = *issued.draft;
  Certificate certificate{.credential = issued.credential,
                          .request = signing.what.names.front(),
                          .requester = signing.who.user,
                          .subject = signing.summary,
                          .is_powerful = issued.weight > 0,
                          .evidence = signing.evidence.front()};
  if (!certificate.is_powerful && AccusationOf(certificate) == nullptr) return;
  std::erase_if(certificates_, [&](const Certificate& known) {
    return known.credential == certificate.credential ||
           issued.time - known.evidence.time > kLife;
  });
  if (certificates_.size() >= kMaxKept) {
    certificates_.erase(certificates_.begin());
  }
  certificates_.push_back(std::move(certificate));
}

const IssuedCertificates::Accusation* IssuedCertificates::AccusationOf(
    const Certificate& certificate) const {
  auto it = std::find_if(accusations_.begin(), accusations_.end(),
                         [&](const Accusation& accusation) {
                           return accusation.request == certificate.request;
                         });
  const bool is_known = it != accusations_.end() &&
                        certificate.evidence.time - it->time <= absl::Hours(24);
  return is_known ? &*it : nullptr;
}

void IssuedCertificates::NoteUsed(const DetectorContext& context,
                                  const Observation& used, Emit& out) {
  if (certificates_.empty() || !used.draft.has_value()) return;
  auto it = std::find_if(certificates_.begin(), certificates_.end(),
                         [&](const Certificate& certificate) {
                           return certificate.credential == used.credential;
                         });
  if (it == certificates_.end()) return;
  const Certificate certificate = std::move(*it);
  certificates_.erase(it);  // its first use is told
  const Accusation* accusation = AccusationOf(certificate);
  Finding finding = *used.draft;
  finding.why.clear();
  finding.score = 0;
  finding.severity = Severity::kMedium;
  if (accusation != nullptr) {
    AddReason(
        "asked for or approved as it should not be",
        absl::StrCat("request ", certificate.request, " by ", accusation->who),
        4, finding);
    finding.severity = accusation->severity;
  }
  if (certificate.is_powerful) {
    AddReason("a privileged subject", certificate.subject, 4, finding);
    finding.severity = Severity::kCritical;
  }
  AddReason("used for the first time",
            absl::StrCat("from ", used.source_ip, ", ",
                         SpanText(certificate.evidence.time, used.time),
                         " after it was signed"),
            1, finding);
  Write(certificate.requester, certificate.subject, finding);
  finding.id = FindingId(context.id_hash, context.cluster, finding.rule,
                         finding.entity, finding.id);
  finding.evidence.insert(finding.evidence.begin(), certificate.evidence);
  finding.first_seen = std::min(finding.first_seen, certificate.evidence.time);
  open_.Open(used.credential, std::move(finding), out);
}

void IssuedCertificates::AdvanceTo(absl::Time watermark, Emit& out) {
  open_.AdvanceTo(watermark, out);
}

void IssuedCertificates::Save(StateWriter& out) const {
  out.PutU64(accusations_.size());
  for (const Accusation& accusation : accusations_) {
    out.PutString(accusation.request);
    out.PutString(accusation.who);
    out.PutU64(static_cast<uint64_t>(accusation.severity));
    out.PutTime(accusation.time);
  }
  out.PutU64(certificates_.size());
  for (const Certificate& certificate : certificates_) {
    out.PutFixed64(certificate.credential);
    out.PutString(certificate.request);
    out.PutString(certificate.requester);
    out.PutString(certificate.subject);
    out.PutU64(certificate.is_powerful ? 1 : 0);
    SaveEvidence(certificate.evidence, out);
  }
  open_.Save(out);
}

void IssuedCertificates::Load(StateReader& in) {
  accusations_.clear();
  certificates_.clear();
  uint64_t count = in.GetCount(4);
  if (count > kMaxKept) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Accusation& accusation = accusations_.emplace_back();
    accusation.request = std::string(in.GetString());
    accusation.who = std::string(in.GetString());
    const uint64_t severity = in.GetU64();
    if (severity > static_cast<uint64_t>(Severity::kCritical)) in.Fail();
    accusation.severity = static_cast<Severity>(severity);
    accusation.time = in.GetTime();
  }
  count = in.GetCount(12);
  if (count > kMaxKept) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    Certificate& certificate = certificates_.emplace_back();
    certificate.credential = in.GetFixed64();
    certificate.request = std::string(in.GetString());
    certificate.requester = std::string(in.GetString());
    certificate.subject = std::string(in.GetString());
    certificate.is_powerful = in.GetU64() != 0;
    certificate.evidence = LoadEvidence(in);
  }
  open_.Load(in);
}

}  // namespace oddverb
