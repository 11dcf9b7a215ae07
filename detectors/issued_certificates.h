// client_certificate.used: a client certificate is used for the first time that
// was asked for or approved as it should not have been
// (client_certificate.minted), or that names an administrator or a part of the
// cluster. The API server names a certificate by the SHA-256 of its DER
// (credential-id), and the signer's own write holds the certificate, so the two
// can be joined (from the audit level Request on).
//
// The newest 64 accusations and 64 certificates, for a year. One thread.
#ifndef ODDVERB_DETECTORS_ISSUED_CERTIFICATES_H_
#define ODDVERB_DETECTORS_ISSUED_CERTIFICATES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/state_io.h"
#include "detectors/detector.h"
#include "detectors/open_cases.h"
#include "model/finding.h"
#include "model/observation.h"

namespace oddverb {

inline constexpr std::string_view kUsedCertificateRule =
    "client_certificate.used";

class IssuedCertificates {
 public:
  // Of any rule; looks at client_certificate.minted.
  void NoteFinding(const Finding& finding);
  // kCertificateIssued, kCredentialAtAddress.
  void NoteIssued(const Observation& issued);
  void NoteUsed(const DetectorContext& context, const Observation& used,
                Emit& out);
  void AdvanceTo(absl::Time watermark, Emit& out);

  void Save(StateWriter& out) const;
  void Load(StateReader& in);  // failures show in in.status()

 private:
  static constexpr size_t kMaxKept = 64;

  struct Accusation {
    std::string request;  // name of the certificate request
    std::string who;
    Severity severity = Severity::kMedium;
    absl::Time time;
  };
  struct Certificate {
    uint64_t credential = 0;
    std::string request;
    std::string requester;
    std::string subject;
    bool is_powerful = false;
    Evidence evidence;  // of the signing
  };

  const Accusation* AccusationOf(const Certificate& certificate) const;

  std::vector<Accusation> accusations_;    // the oldest first
  std::vector<Certificate> certificates_;  // the oldest first
  OpenCases open_{32, absl::Minutes(30)};
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_ISSUED_CERTIFICATES_H_
