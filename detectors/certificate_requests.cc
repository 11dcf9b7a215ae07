#include "detectors/certificate_requests.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "detectors/next_steps.h"
#include "model/json_walk.h"

namespace oddverb {
namespace {

constexpr size_t kMaxRequestBytes = 32 * 1024;
constexpr size_t kMaxOrganizations = 8;
constexpr std::string_view kClientSigner =
    "kubernetes.io/kube-apiserver-client";
constexpr std::string_view kKubeletSigner =
    "kubernetes.io/kube-apiserver-client-kubelet";

// Values of the X.520 attribute 2.5.4.`type`: each is an OID, then a string of
// less than 128 bytes. Enough to see names, which is all that is wanted.
std::vector<std::string> AttributesOf(std::string_view der, char type) {
  const std::array<char, 5> oid = {'\x06', '\x03', '\x55', '\x04', type};
  const std::string_view needle(oid.data(), oid.size());
  std::vector<std::string> values;
  for (size_t at = der.find(needle); at != std::string_view::npos;
       at = der.find(needle, at + 1)) {
    size_t value = at + needle.size() + 2;
    if (value > der.size() || values.size() >= kMaxOrganizations) break;
    size_t size = static_cast<unsigned char>(der[value - 1]);
    if (size < 128 && size <= der.size() - value) {
      values.emplace_back(der.substr(value, size));
    }
  }
  return values;
}

bool IsPowerfulGroup(std::string_view group) {
  return group == "system:masters" || group == "system:nodes" ||
         group == "kubeadm:cluster-admins";
}

struct Request {
  std::string signer;  // empty: the log has no body
  CertificateSubject subject;
};

Request RequestOf(const AuditEvent& event) {
  constexpr std::array<std::string_view, 2> kSigner = {"spec", "signerName"};
  constexpr std::array<std::string_view, 2> kRequest = {"spec", "request"};
  std::string scratch;
  Request request;
  RawJson body = event.request_object;
  request.signer =
      std::string(StringOf(FindPath(body, kSigner), scratch).value_or(""));
  request.subject =
      SubjectOf(StringOf(FindPath(body, kRequest), scratch).value_or(""));
  return request;
}

void Write(const AuditEvent& event, const Request& request, bool is_own,
           ActorAct& act) {
  std::string name = Named(event.object.name);
  act.title = is_own ? "Approves a client certificate asked for by itself"
                     : "Asks for a certificate of a privileged subject";
  act.summary = absl::StrCat(
      Named(event.user.name), is_own ? " made and approved" : " made",
      " the certificate request ", name,
      request.signer.empty() ? ""
                             : absl::StrCat(", ", SubjectText(request.subject)),
      ".");
  act.normal =
      "Kubelets ask for their own certificates and a controller approves them; "
      "people's requests are approved by somebody else.";
  act.next = {
      absl::StrCat("kubectl get csr ", NameWord(event.object.name, "NAME"),
                   " -o jsonpath='{.spec.request}' | base64 -d | openssl req "
                   "-noout -subject"),
      "A client certificate cannot be revoked: take away every binding of its "
      "name and groups, or change the cluster's certificate authority.",
      absl::StrCat("kubectl delete csr ", NameWord(event.object.name, "NAME"))};
  act.benign_checks = {"Not a kubelet that renews its own certificate.",
                       request.signer.empty()
                           ? "The log has no body: the signer is not known."
                           : "The signer makes client certificates."};
  act.attack = {"T1098", "T1649"};
}

}  // namespace

std::string DerOf(std::string_view pem) {
  size_t begin = pem.find("-----\n");
  if (!pem.starts_with("-----BEGIN") || begin == std::string_view::npos) {
    return {};
  }
  begin += 6;
  size_t end = pem.find("-----END", begin);
  if (end == std::string_view::npos) return {};
  std::string der;
  if (!absl::Base64Unescape(A(pem.substr(begin, end - begin)), &der)) return {};
  return der;
}

bool IsPowerful(const CertificateSubject& subject) {
  return subject.common_name.starts_with("system:") ||
         std::any_of(subject.organizations.begin(), subject.organizations.end(),
                     IsPowerfulGroup);
}

std::string SubjectText(const CertificateSubject& subject) {
  return Named(absl::StrCat("CN=", subject.common_name,
                            " O=", absl::StrJoin(subject.organizations, ",")));
}

CertificateSubject SubjectOf(std::string_view request) {
  constexpr char kCommonName = '\x03';
  constexpr char kOrganization = '\x0a';
  CertificateSubject subject;
  std::string pem;
  if (request.size() > kMaxRequestBytes ||
      !absl::Base64Unescape(A(request), &pem)) {
    return subject;
  }
  std::string der = DerOf(pem);
  std::vector<std::string> names = AttributesOf(der, kCommonName);
  if (!names.empty()) subject.common_name = std::move(names[0]);
  subject.organizations = AttributesOf(der, kOrganization);
  return subject;
}

// Kubelets ask for their own certificates, bootstrap tokens for those of nodes
// to come. Whether it is anything else; false where the log does not show it.
bool IsNoNodesRequest(const Request& request, IdentityClass identity,
                      std::string_view user) {
  const std::string& name = request.subject.common_name;
  if (name.empty()) return false;
  const bool is_own = identity == IdentityClass::kNode
                          ? name == user
                          : name.starts_with("system:node:");
  const bool is_of_clients =
      request.signer == kKubeletSigner || request.signer == kClientSigner;
  return is_of_clients && (!is_own || request.signer == kClientSigner);
}

std::optional<ActorAct> JudgeCertificate(const AuditEvent& event,
                                         IdentityClass identity, bool is_own) {
  const bool is_node =
      identity == IdentityClass::kNode || identity == IdentityClass::kBootstrap;
  bool is_approval = event.object.subresource == "approval";
  const bool is_expected = identity == IdentityClass::kControlPlane ||
                           (is_approval && (!is_own || !Succeeded(event)));
  if (is_expected) return std::nullopt;
  Request request = RequestOf(event);
  if (is_node && !IsNoNodesRequest(request, identity, event.user.name)) {
    return std::nullopt;
  }
  bool is_kubelet = request.signer == kKubeletSigner || is_node;
  bool is_other =
      !request.signer.empty() && !is_kubelet && request.signer != kClientSigner;
  if (is_other) return std::nullopt;
  // Another client's kubelet certificate is a node's identity by design.
  bool is_powerful = is_kubelet || IsPowerful(request.subject);
  if (!is_approval && !is_powerful) return std::nullopt;
  ActorAct act;
  act.rule = kCertificateRule;
  act.threshold = 3;
  act.severity = Severity::kMedium;
  if (is_approval) {
    act.why.push_back({"made and approved by the same identity",
                       Named(event.object.name), 3});
  }
  if (is_powerful) {
    act.why.push_back(
        {"a privileged subject", SubjectText(request.subject), 4});
    act.severity = Severity::kHigh;
  }
  if (!Succeeded(event)) {
    act.why.push_back(
        {"refused", absl::StrCat("code ", event.response_code), -1});
    act.severity = Severity::kMedium;
  }
  Write(event, request, is_approval, act);
  return act;
}

}  // namespace oddverb
