// Certificate requests and certificates as an audit log with bodies shows them:
// a subject in DER in PEM in base64, without a key or a signature that anybody
// could check. And the three requests of their life. One thread.
#ifndef ODDVERB_BENCH_DETECTION_CERTIFICATE_TEXT_H_
#define ODDVERB_BENCH_DETECTION_CERTIFICATE_TEXT_H_

#include <string>
#include <string_view>

#include "bench/detection/traffic.h"

namespace oddverb {

inline constexpr std::string_view kClientSignerName =
    "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kKubeletSignerName =
    "kubernetes.io/kube-apiserver-client-kubelet";

struct CertificateOrder {
  std::string name;          // of the CertificateSigningRequest
  std::string common_name;   // of the subject
  std::string organization;  // empty = none
  std::string_view signer = kKubeletSignerName;
};

Question CreationOf(const CertificateOrder& order);
Question ApprovalOf(const CertificateOrder& order);
// kube-controller-manager signs at `at` what `requester` asked for. The
// credential-id that the certificate will have.
std::string LogSigning(Traffic& traffic, const CertificateOrder& order,
                       const std::string& requester, Micros at);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_CERTIFICATE_TEXT_H_
