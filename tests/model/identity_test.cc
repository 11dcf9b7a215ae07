#include "model/identity.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

struct ClassCase {
  const char* what;
  std::string user;
  std::vector<std::string> groups;
  IdentityClass expected;
};

const std::vector<ClassCase>& ClassCases() {
  static const std::vector<ClassCase> cases = {
      {"kubelet",
       "system:node:worker-1",
       {"system:nodes", "system:authenticated"},
       IdentityClass::kNode},
      {"service account",
       "system:serviceaccount:web:frontend",
       {"system:serviceaccounts", "system:serviceaccounts:web",
        "system:authenticated"},
       IdentityClass::kServiceAccount},
      {"person",
       "alice@corp.example",
       {"dev", "system:authenticated"},
       IdentityClass::kHuman},
      {"administrator",
       "kubernetes-admin",
       {"kubeadm:cluster-admins", "system:authenticated"},
       IdentityClass::kHuman},
      {"break-glass",
       "kubernetes-super-admin",
       {"system:masters", "system:authenticated"},
       IdentityClass::kHuman},
      {"continuous integration",
       "jenkins",
       {"ci", "system:authenticated"},
       IdentityClass::kHuman},
      {"controller manager",
       "system:kube-controller-manager",
       {"system:authenticated"},
       IdentityClass::kControlPlane},
      {"scheduler",
       "system:kube-scheduler",
       {"system:authenticated"},
       IdentityClass::kControlPlane},
      {"API server's loopback client",
       "system:apiserver",
       {"system:masters", "system:authenticated"},
       IdentityClass::kControlPlane},
      {"Amazon's own",
       "eks:node-manager",
       {"system:authenticated"},
       IdentityClass::kControlPlane},
      {"Azure's own",
       "aksService",
       {"system:masters", "system:authenticated"},
       IdentityClass::kControlPlane},
      {"Google's own",
       "system:gke-controller",
       {"system:authenticated"},
       IdentityClass::kControlPlane},
      {"bootstrap token",
       "system:bootstrap:07401b",
       {"system:bootstrappers",
        "system:bootstrappers:kubeadm:default-node-"
        "token",
        "system:authenticated"},
       IdentityClass::kBootstrap},
      {"anonymous",
       "system:anonymous",
       {"system:unauthenticated"},
       IdentityClass::kAnonymous},
      {"anonymous without groups",
       "system:anonymous",
       {},
       IdentityClass::kAnonymous},
      {"401: no user at all", "", {}, IdentityClass::kUnauthenticated},

      // Names that look like another class are not one without its group.
      {"person with the name of a provider's prefix",
       "akshay",
       {"system:authenticated"},
       IdentityClass::kHuman},
      {"person with that name, no groups", "akshay", {}, IdentityClass::kHuman},
      {"node by name only",
       "system:node:x",
       {"system:authenticated"},
       IdentityClass::kHuman},
      {"service account by name only",
       "system:serviceaccount:web:frontend",
       {"system:authenticated"},
       IdentityClass::kHuman},
      {"node group, but no node's name",
       "alice",
       {"system:nodes", "system:authenticated"},
       IdentityClass::kHuman},
      {"group with a longer name",
       "alice",
       {"system:serviceaccountsx", "system:nodes:", "system:authenticated"},
       IdentityClass::kHuman},
      {"group of an identity provider",
       "alice",
       {"oidc:system:serviceaccounts", "system:authenticated"},
       IdentityClass::kHuman},
      {"anonymous in another spelling",
       "System:Anonymous",
       {"system:authenticated"},
       IdentityClass::kHuman},

      // The envelopes of some clouds carry no groups.
      {"no groups: kubelet",
       "system:node:gke-pool-1",
       {},
       IdentityClass::kNode},
      {"no groups: service account",
       "system:serviceaccount:web:frontend",
       {},
       IdentityClass::kServiceAccount},
      {"no groups: bootstrap token",
       "system:bootstrap:07401b",
       {},
       IdentityClass::kBootstrap},
      {"no groups: scheduler",
       "system:kube-scheduler",
       {},
       IdentityClass::kControlPlane},
      {"no groups: person", "alice@corp.example", {}, IdentityClass::kHuman},
  };
  return cases;
}

TEST(ClassifyIdentityTest, GoesByAuthenticatedGroupsThenByName) {
  for (const ClassCase& test : ClassCases()) {
    EventBuilder builder;
    builder.User(test.user).Groups(test.groups);
    EXPECT_EQ(ClassifyIdentity(builder.Build()), test.expected) << test.what;
  }
}

TEST(ClassifyIdentityTest, ImpersonatedGroupsCountForNothing) {
  EventBuilder builder;
  builder.User("alice").Impersonated("system:node:worker-1", {"system:nodes"});
  EXPECT_EQ(ClassifyIdentity(builder.Build()), IdentityClass::kHuman);
}

TEST(IdentityClassNameTest, AreThoseOfFindings) {
  EXPECT_EQ(IdentityClassName(IdentityClass::kHuman), "user");
  EXPECT_EQ(IdentityClassName(IdentityClass::kServiceAccount),
            "serviceaccount");
  EXPECT_EQ(IdentityClassName(IdentityClass::kNode), "node");
  EXPECT_EQ(IdentityClassName(IdentityClass::kControlPlane), "controlplane");
  EXPECT_EQ(IdentityClassName(IdentityClass::kBootstrap), "bootstrap");
  EXPECT_EQ(IdentityClassName(IdentityClass::kAnonymous), "anonymous");
  EXPECT_EQ(IdentityClassName(IdentityClass::kUnauthenticated),
            "unauthenticated");
}

EntityKeys KeysOf(EventBuilder& builder) {
  return KeysOf(KeyedHash(), builder.Build());
}

TEST(KeysOfTest, ActorIsTheUserWhereverAndHoweverItCalls) {
  EventBuilder here, there;
  here.User("alice").SourceIp("10.0.0.1").CredentialId("X509SHA256=aa");
  there.User("alice").SourceIp("10.0.0.2").CredentialId("X509SHA256=bb");
  there.UserAgent("curl/8").Uid("7");
  EXPECT_EQ(KeysOf(here).actor, KeysOf(there).actor);
  EXPECT_NE(KeysOf(here).credential, KeysOf(there).credential);
  EventBuilder other;
  other.User("bob").SourceIp("10.0.0.1");
  EXPECT_NE(KeysOf(here).actor, KeysOf(other).actor);
}

TEST(KeysOfTest, ImpersonatedNameIsNeverTheActor) {
  EventBuilder plain, impersonating, victim;
  plain.User("alice");
  impersonating.User("alice").Impersonated("bob", {"system:masters"});
  victim.User("bob");
  EXPECT_EQ(KeysOf(plain), KeysOf(impersonating));
  EXPECT_NE(KeysOf(impersonating).actor, KeysOf(victim).actor);
  EXPECT_EQ(ActorName(impersonating.Build(), IdentityClass::kHuman), "alice");
}

TEST(KeysOfTest, AnonymousCallersAreToldApartByAddress) {
  EventBuilder a, again, b;
  a.Anonymous().SourceIp("203.0.113.5");
  again.Anonymous().SourceIp("203.0.113.5").UserAgent("other");
  b.Anonymous().SourceIp("203.0.113.6");
  EXPECT_EQ(KeysOf(a), KeysOf(again));
  EXPECT_NE(KeysOf(a).actor, KeysOf(b).actor);
  EXPECT_EQ(KeysOf(a).credential, 0u);
  EXPECT_EQ(KeysOf(a).pod, 0u);

  EventBuilder unauthenticated;
  unauthenticated.Unauthenticated().SourceIp("203.0.113.5");
  EXPECT_NE(KeysOf(unauthenticated).actor, KeysOf(a).actor);
  EXPECT_EQ(KeysOf(unauthenticated).credential, 0u);
  EXPECT_EQ(KeysOf(unauthenticated).identity, IdentityClass::kUnauthenticated);
}

TEST(KeysOfTest, ClaimedAddressesMakeNoActor) {
  EventBuilder plain, claiming;
  plain.Anonymous().SourceIp("203.0.113.5");
  claiming.Anonymous().SourceIps({"10.9.8.7", "203.0.113.5"});
  EXPECT_EQ(KeysOf(plain), KeysOf(claiming));
}

TEST(KeysOfTest, CredentialIsItsIdWhereTheLogNamesOne) {
  EventBuilder a, same_id_other_uid, other_id;
  a.User("alice").CredentialId("X509SHA256=aa");
  same_id_other_uid.User("alice").CredentialId("X509SHA256=aa").Uid("9");
  other_id.User("alice").CredentialId("X509SHA256=ab");
  EXPECT_EQ(KeysOf(a).credential, KeysOf(same_id_other_uid).credential);
  EXPECT_NE(KeysOf(a).credential, KeysOf(other_id).credential);
}

TEST(KeysOfTest, CredentialFallsBackToUserUidAndPod) {
  EventBuilder a, again, other_uid, other_user, pod_1, pod_2;
  a.User("jenkins").Uid("u1");
  again.User("jenkins").Uid("u1").SourceIp("10.0.0.9");
  other_uid.User("jenkins").Uid("u2");
  other_user.User("robot").Uid("u1");
  pod_1.User("jenkins").Uid("u1").Pod("p-1", "uid-1");
  pod_2.User("jenkins").Uid("u1").Pod("p-2", "uid-2");
  EXPECT_EQ(KeysOf(a).credential, KeysOf(again).credential);
  EXPECT_NE(KeysOf(a).credential, KeysOf(other_uid).credential);
  EXPECT_NE(KeysOf(a).credential, KeysOf(other_user).credential);
  EXPECT_NE(KeysOf(a).credential, KeysOf(pod_1).credential);
  EXPECT_NE(KeysOf(pod_1).credential, KeysOf(pod_2).credential);
}

TEST(KeysOfTest, PodIsTheUidOfABoundToken) {
  EventBuilder renewed, first, other_pod, unbound;
  first.ServiceAccount("web", "a").Pod("a-1", "uid-1").CredentialId("JTI=1");
  renewed.ServiceAccount("web", "a").Pod("a-1", "uid-1").CredentialId("JTI=2");
  other_pod.ServiceAccount("web", "a").Pod("a-1", "uid-2");
  unbound.ServiceAccount("web", "a").CredentialId("JTI=3");
  EXPECT_NE(KeysOf(first).pod, 0u);
  EXPECT_EQ(KeysOf(first).pod, KeysOf(renewed).pod);
  EXPECT_NE(KeysOf(first).credential, KeysOf(renewed).credential);
  EXPECT_NE(KeysOf(first).pod, KeysOf(other_pod).pod);
  EXPECT_EQ(KeysOf(unbound).pod, 0u);
}

TEST(KeysOfTest, DependOnTheKeyOfTheHash) {
  EventBuilder builder;
  builder.User("alice").CredentialId("X509SHA256=aa").Pod("p", "uid");
  EntityKeys ours = KeysOf(KeyedHash(), builder.Build());
  EntityKeys theirs = KeysOf(KeyedHash(1, 2), builder.Build());
  EXPECT_NE(ours.actor, theirs.actor);
  EXPECT_NE(ours.credential, theirs.credential);
  EXPECT_NE(ours.pod, theirs.pod);
}

TEST(ActorNameTest, NamesTheAddressWhereOneNameStandsForAll) {
  EventBuilder person, anonymous, unauthenticated;
  person.User("alice").SourceIp("10.0.0.1");
  anonymous.Anonymous().SourceIp("203.0.113.5");
  unauthenticated.Unauthenticated().SourceIp("2001:db8::5");
  EXPECT_EQ(ActorName(person.Build(), IdentityClass::kHuman), "alice");
  EXPECT_EQ(ActorName(anonymous.Build(), IdentityClass::kAnonymous),
            "system:anonymous@203.0.113.5");
  EXPECT_EQ(ActorName(unauthenticated.Build(), IdentityClass::kUnauthenticated),
            "unauthenticated@2001:db8::5");
}

}  // namespace
}  // namespace oddverb
