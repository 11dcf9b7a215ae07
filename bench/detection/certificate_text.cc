#include "bench/detection/certificate_text.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/strings.h"

namespace oddverb {
namespace {

constexpr const char* kSigningGroup = "certificates.k8s.io";
constexpr const char* kSigningRequests = "certificatesigningrequests";

// A value of DER; contents of less than 64 KiB.
std::string Der(char tag, const std::string& content) {
  std::string der(1, tag);
  const size_t size = content.size();
  if (size >= 128) {
    der += size < 256 ? '\x81' : '\x82';
    if (size >= 256) der += static_cast<char>(size >> 8);
  }
  der += static_cast<char>(size & 0xff);
  return der + content;
}

// An attribute 2.5.4.`type` (X.520) of a name.
std::string Attribute(char type, const std::string& value) {
  constexpr char kSequence = 0x30, kSet = 0x31, kOid = 0x06, kUtf8 = 0x0c;
  const std::string oid = {'\x55', '\x04', type};
  return Der(kSet, Der(kSequence, Der(kOid, oid) + Der(kUtf8, value)));
}

std::string NameOf(const CertificateOrder& order) {
  constexpr char kSequence = 0x30, kOrganization = 0x0a, kCommonName = 0x03;
  std::string name;
  if (!order.organization.empty()) {
    name += Attribute(kOrganization, order.organization);
  }
  return Der(kSequence, name + Attribute(kCommonName, order.common_name));
}

std::string InPem(const char* what, const std::string& der) {
  const std::string text =
      absl::StrCat("-----BEGIN ", what, "-----\n", absl::Base64Escape(der),
                   "\n-----END ", what, "-----\n");
  return absl::Base64Escape(text);
}

// `more`: further members of the object, as JSON.
std::string BodyOf(const CertificateOrder& order, const std::string& more) {
  constexpr char kSequence = 0x30, kInteger = 0x02;
  const std::string der =
      Der(kSequence,
          Der(kSequence, Der(kInteger, std::string(1, '\0')) + NameOf(order)));
  return absl::StrCat(
      R"({"kind":"CertificateSigningRequest",)",
      R"("apiVersion":"certificates.k8s.io/v1","metadata":{"name":")",
      order.name, R"("},"spec":{"request":")",
      InPem("CERTIFICATE REQUEST", der), R"(","signerName":")", A(order.signer),
      R"(","usages":["client auth"])", more, "}");
}

}  // namespace

Question CreationOf(const CertificateOrder& order) {
  Question creation{"create", kSigningGroup, "v1", kSigningRequests, "",
                    "",       order.name};
  creation.body = BodyOf(order, "}");
  return creation;
}

Question ApprovalOf(const CertificateOrder& order) {
  Question approval{"update", kSigningGroup, "v1", kSigningRequests, "approval",
                    "",       order.name};
  approval.body =
      BodyOf(order, R"(},"status":{"conditions":[{"type":"Approved"}]})");
  return approval;
}

std::string LogSigning(Traffic& traffic, const CertificateOrder& order,
                       const std::string& requester, Micros at) {
  constexpr char kSequence = 0x30, kInteger = 0x02;
  Cluster& cluster = traffic.cluster();
  std::string serial(1, '\x01');
  while (serial.size() < 16) {
    serial += static_cast<char>(traffic.random().Below(256));
  }
  const std::string der =
      Der(kSequence, Der(kSequence, Der(kInteger, serial) + NameOf(order)));
  Question signing{"update", kSigningGroup, "v1", kSigningRequests, "status",
                   "",       order.name};
  signing.body = BodyOf(
      order,
      absl::StrCat(R"(,"username":")", requester,
                   R"("},"status":{"conditions":[{"type":"Approved"}],)",
                   R"("certificate":")", InPem("CERTIFICATE", der), R"("})"));
  traffic.AskAt(at, cluster.Controller("kube-controller-manager"), signing);
  return "X509SHA256=" + Sha256Hex(der);
}

}  // namespace oddverb
