// The rules of stolen_credential that one actor's requests decide.
#include "detectors/privileged_acts.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "detectors/certificate_requests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/act_case.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// What a certificate request says of its subject, as the API server gets it.
std::string RequestFor(const std::string& name, const std::string& group) {
  auto attribute = [](char type, const std::string& value) {
    return std::string("\x06\x03\x55\x04", 4) + type + '\x0c' +
           static_cast<char>(value.size()) + value;
  };
  std::string der = "0" + attribute('\x0a', group) + attribute('\x03', name);
  std::string pem = absl::StrCat("-----BEGIN CERTIFICATE REQUEST-----\n",
                                 absl::Base64Escape(der),
                                 "\n-----END CERTIFICATE REQUEST-----\n");
  return absl::Base64Escape(pem);
}

std::string CsrBody(const std::string& group,
                    const std::string& signer = "kube-apiserver-client",
                    const std::string& name = "x") {
  return absl::StrCat(R"({"spec":{"signerName":"kubernetes.io/)", signer,
                      R"(","request":")", RequestFor(name, group), R"("}})");
}

Change Csr(const std::string& name, const std::string& group) {
  return [=](EventBuilder& b) {
    b.Verb("create").Resource("certificatesigningrequests",
                              "certificates.k8s.io");
    b.Ns("").Name(name).RequestObject(CsrBody(group)).Code(201);
  };
}
Change Approval(const std::string& name, const std::string& group) {
  return [=](EventBuilder& b) {
    Csr(name, group)(b);
    b.Verb("update").Sub("approval").Code(200);
  };
}

Change Impersonate(const std::string& name,
                   const std::vector<std::string>& groups, int code) {
  return [=](EventBuilder& b) { b.Impersonated(name, groups).Code(code); };
}

Change Mint(const std::string& ns, const std::string& account, int seconds) {
  return [=](EventBuilder& b) {
    b.Verb("create").Resource("serviceaccounts").Ns(ns).Name(account);
    b.Sub("token").Code(201).RequestObject(
        absl::StrCat(R"({"spec":{"expirationSeconds":)", seconds, "}}"));
  };
}

Change Rbac(const std::string& verb, const std::string& resource,
            const std::string& name, const std::string& body) {
  return [=](EventBuilder& b) {
    b.Verb(verb).Resource(resource, "rbac.authorization.k8s.io").Ns("");
    b.Name(name).RequestObject(body).Code(verb == "create" ? 201 : 200);
  };
}

std::string BindingTo(const std::string& subject,
                      const std::string& role = "cluster-admin") {
  return absl::StrCat(R"({"roleRef":{"kind":"ClusterRole","name":")", role,
                      R"("},"subjects":[)", subject, "]}");
}

Change Bind(const std::string& subject) {
  return Rbac("create", "clusterrolebindings", "b", BindingTo(subject));
}
Change Role(const std::string& rule) {
  return Rbac("create", "clusterroles", "r",
              absl::StrCat(R"({"rules":[)", rule, "]}"));
}

const std::vector<std::string> kMasters = {"system:masters"};

TEST(PrivilegedActsTest, Impersonation) {
  const char* rule = "impersonation.new";
  std::string account = "system:serviceaccount:kube-system:anything";
  for (const Case& c : std::vector<Case>{
           {"masters", Impersonate("root", kMasters, 200), rule,
            Severity::kHigh},
           {"masters, in vain", Impersonate("root", kMasters, 404), rule,
            Severity::kHigh},
           {"kube-system", Impersonate(account, {}, 200), rule,
            Severity::kHigh},
           {"kube-system, refused", Impersonate(account, {}, 403), rule,
            Severity::kMedium},
           {"node", Impersonate("system:node:n1", {"system:nodes"}, 200), rule,
            Severity::kHigh},
           {"a colleague", Impersonate("bob", {"dev"}, 200), ""},
           {"an account of a tenant",
            Impersonate("system:serviceaccount:web:shop", {}, 200), ""},
           {"by a master",
            [](EventBuilder& b) {
              Impersonate("root", {"system:masters"}, 200)(b);
              b.Groups({"system:masters"});
            },
            rule, Severity::kLow},
           {"kubectl auth can-i --as",
            [](EventBuilder& b) {
              Impersonate("root", {"system:masters"}, 201)(b);
              b.Verb("create").Ns("").Resource("selfsubjectaccessreviews",
                                               "authorization.k8s.io");
            },
            ""},
       }) {
    ExpectCase(c);
  }
}

TEST(PrivilegedActsTest, AStandInForManyUsersIsAProxyAfterADay) {
  CredentialStream stream;
  Client proxy = Client::Person(stream, "proxy", kOffice);
  auto stand_in = [&](int first) {
    for (int i = first; i < first + 6; ++i) {
      proxy.Ask(Impersonate(absl::StrCat("user", i), {}, 200));
    }
  };
  stand_in(0);
  stream.Sleep(absl::Hours(25));
  stand_in(2);
  proxy.Ask(Impersonate("root", kMasters, 200));
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].severity, Severity::kLow);

  // Many names at once do not make a proxy.
  Client thief = Client::Person(stream, "thief", kOffice);
  for (int i = 0; i < 9; ++i) {
    thief.Ask(Impersonate(absl::StrCat("user", i), {}, 200));
  }
  thief.Ask(Impersonate("root", kMasters, 200));
  EXPECT_EQ(stream.reports().back().severity, Severity::kHigh);
}

TEST(PrivilegedActsTest, Minting) {
  const char* rule = "token.minting_chain";
  for (const Case& c : std::vector<Case>{
           {"of a controller", Mint("kube-system", "job-controller", 3600),
            rule, Severity::kHigh},
           {"of kube-system", Mint("kube-system", "viewer", 3600), rule,
            Severity::kMedium},
           {"for a year", Mint("web", "shop", 31'536'000), rule,
            Severity::kMedium},
           {"for an hour", Mint("ci", "deployer", 3600), ""},
           {"refused",
            [](EventBuilder& b) {
              Mint("kube-system", "viewer", 3600)(b);
              b.Code(404);
            },
            ""},
       }) {
    ExpectCase(c);
  }
}

TEST(PrivilegedActsTest, KubeletsAndTheControlPlaneMintForOthers) {
  CredentialStream stream;
  for (const char* user :
       {"system:node:n1", "system:kube-controller-manager"}) {
    Client::Person(stream, user, kInside)
        .Ask(Mint("kube-system", "job-controller", 3600));
  }
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(PrivilegedActsTest, CertificateOfAPrivilegedSubject) {
  const char* rule = "client_certificate.minted";
  for (const Case& c : std::vector<Case>{
           {"masters", Csr("c", "system:masters"), rule, Severity::kHigh},
           {"masters, refused",
            [](EventBuilder& b) {
              Csr("c", "system:masters")(b);
              b.Code(403);
            },
            rule, Severity::kMedium},
           {"administrators", Csr("c", "kubeadm:cluster-admins"), rule,
            Severity::kHigh},
           {"a kubelet's",
            [](EventBuilder& b) {
              Csr("c", "any")(b);
              b.RequestObject(CsrBody("any", "kube-apiserver-client-kubelet"));
            },
            rule, Severity::kHigh},
           {"a server's",
            [](EventBuilder& b) {
              Csr("c", "any")(b);
              b.RequestObject(CsrBody("system:nodes", "kubelet-serving"));
            },
            ""},
           {"a colleague's", Csr("c", "dev"), ""},
           {"approval of another's", Approval("c", "system:masters"), ""},
       }) {
    ExpectCase(c);
  }
}

// A kubelet renews its own, a bootstrap token gets a node's.
TEST(PrivilegedActsTest, NodesAskForTheirOwnCertificatesAlone) {
  constexpr char kOfKubelets[] = "kube-apiserver-client-kubelet";
  constexpr char kOfClients[] = "kube-apiserver-client";
  struct ByMachine {
    const char* user;
    const char* name;
    const char* signer;
    bool is_found;
  };
  for (const ByMachine& c : {
           ByMachine{"system:node:n1", "system:node:n1", kOfKubelets, false},
           ByMachine{"system:node:n1", "system:node:n1", "kubelet-serving",
                     false},
           ByMachine{"system:node:n1", "system:node:n2", kOfKubelets, true},
           ByMachine{"system:node:n1", "admin", kOfClients, true},
           ByMachine{"system:bootstrap:abcdef", "system:node:n7", kOfKubelets,
                     false},
           ByMachine{"system:bootstrap:abcdef", "admin", kOfClients, true},
       }) {
    CredentialStream stream;
    Client::Person(stream, c.user, kInside).Ask([&](EventBuilder& b) {
      Csr("c", "")(b);
      b.RequestObject(CsrBody("system:nodes", c.signer, c.name));
      const bool is_node = std::string_view(c.user).starts_with("system:node:");
      b.Groups({is_node ? "system:nodes" : "system:bootstrappers",
                "system:authenticated"});
    });
    stream.End();
    ASSERT_THAT(stream.findings(), SizeIs(c.is_found ? 1 : 0))
        << c.user << " " << c.name << " " << c.signer;
    if (!c.is_found) continue;
    EXPECT_EQ(stream.findings()[0].rule, "client_certificate.minted");
    EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
  }
}

TEST(PrivilegedActsTest, SelfApprovedCertificate) {
  CredentialStream stream;
  Client person = Client::Person(stream, "mallory", kOffice);
  person.Ask(Csr("mine", "dev"));
  EXPECT_THAT(stream.reports(), IsEmpty());
  person.Ask(Approval("mine", "dev"));
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].severity, Severity::kMedium);
  Client::Person(stream, "bob", kOffice).Ask(Approval("mine", "dev"));
  EXPECT_THAT(stream.reports(), SizeIs(1));
}

TEST(PrivilegedActsTest, SubjectsAreReadFromWhatAClientWrote) {
  CertificateSubject subject = SubjectOf(RequestFor("alice", "dev"));
  EXPECT_EQ(subject.common_name, "alice");
  EXPECT_THAT(subject.organizations, ElementsAre("dev"));
  // Damage yields nothing, or less.
  std::string whole = RequestFor("alice", "dev");
  for (size_t size = 0; size < whole.size(); ++size) {
    SubjectOf(whole.substr(0, size));
    std::string damaged = whole;
    damaged[size] = 'A';
    SubjectOf(damaged);
  }
  EXPECT_TRUE(SubjectOf("not base64 !").common_name.empty());
  EXPECT_TRUE(SubjectOf(std::string(1 << 20, 'A')).organizations.empty());
}

TEST(PrivilegedActsTest, Grants) {
  const char* rule = "rbac.self_grant";
  auto subject = [](const std::string& kind, const std::string& name) {
    return absl::StrCat(R"({"kind":")", kind, R"(","name":")", name,
                        R"(","namespace":"web"})");
  };
  for (const Case& c : std::vector<Case>{
           {"everybody", Bind(subject("User", "system:anonymous")), rule,
            Severity::kCritical},
           {"hidden behind another",
            Bind(subject("ServiceAccount", "velero") + "," +
                 subject("Group", "system:unauthenticated")),
            rule, Severity::kCritical},
           {"itself", Bind(subject("User", "mallory")), rule, Severity::kHigh},
           {"its group", Bind(subject("Group", "dev")), rule, Severity::kHigh},
           {"a default account", Bind(subject("ServiceAccount", "default")),
            rule, Severity::kHigh},
           {"a friend", Bind(subject("User", "eve")), rule, Severity::kMedium},
           {"software", Bind(subject("ServiceAccount", "velero")), ""},
           {"a smaller role",
            Rbac("create", "clusterrolebindings", "b",
                 BindingTo(subject("User", "mallory"), "view")),
            ""},
           {"patch of the built-in binding",
            Rbac("patch", "clusterrolebindings", "cluster-admin",
                 absl::StrCat(R"({"subjects":[)", subject("User", "mallory"),
                              "]}")),
            rule, Severity::kHigh},
           {"all",
            Role(R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})"),
            rule, Severity::kMedium},
           {"escaped",
            Role(R"({"verbs":["\u002a"],"apiGroups":["*"],"resources":["*"]})"),
            rule, Severity::kMedium},
           {"reads all",
            Role(R"({"verbs":["get"],"apiGroups":["*"],"resources":["*"]})"),
            ""},
           {"escalates",
            Role(R"({"verbs":["escalate"],"apiGroups":)"
                 R"(["rbac.authorization.k8s.io"],"resources":["roles"]})"),
            rule, Severity::kMedium},
           {"impersonates",
            Role(R"({"verbs":["impersonate"],"apiGroups":[""],)"
                 R"("resources":["users"]})"),
            rule, Severity::kMedium},
           {"all, by an installer",
            [](EventBuilder& b) {
              Role(R"({"verbs":["*"],"apiGroups":["*"],"resources":["*"]})")(b);
              b.Groups({"system:masters"});
            },
            rule, Severity::kLow},
           {"no JSON", Role("\x01{["), ""},
       }) {
    ExpectCase(c);
  }
}

TEST(PrivilegedActsTest, WhatIsAppliedAgainIsToldOnce) {
  CredentialStream stream;
  Client person = Client::Person(stream, "gitops", kInside);
  for (int i = 0; i < 5; ++i) {
    person.Ask(Bind(R"({"kind":"User","name":"eve"})"));
    stream.Sleep(absl::Hours(1));
  }
  stream.End();
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

TEST(PrivilegedActsTest, MoreOfARuleIsAddedToItsOpenFinding) {
  CredentialStream stream;
  Client person = Client::Person(stream, "mallory", kOffice);
  person.Ask(Bind(R"({"kind":"User","name":"eve"})"));
  person.Ask(Bind(R"({"kind":"User","name":"system:anonymous"})"));
  person.Ask(Bind(R"({"kind":"ServiceAccount","name":"default"})"));
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding finding = stream.findings()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.count, 3);
  EXPECT_THAT(finding.evidence, SizeIs(3));
  EXPECT_THAT(finding.summary, HasSubstr("to everybody"));
}

TEST(PrivilegedActsTest, StateSurvivesARestart) {
  CredentialStream stream;
  Client person = Client::Person(stream, "mallory", kOffice);
  person.Ask(Csr("mine", "dev"));
  person.Ask(Bind(R"({"kind":"User","name":"eve"})"));
  stream.Restart();
  ASSERT_TRUE(stream.loads_ok());
  person.Ask(Approval("mine", "dev"));                  // its own, still
  person.Ask(Bind(R"({"kind":"User","name":"eve"})"));  // told already
  stream.Restart();
  stream.End();
  ASSERT_TRUE(stream.loads_ok());
  EXPECT_THAT(stream.findings(), SizeIs(2));
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 2u);
}

}  // namespace
}  // namespace oddverb
