#include "detectors/refusal.h"

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

constexpr const char* kEscalation =
    "roles.rbac.authorization.k8s.io \"x\" is forbidden: user "
    "\"alice@corp.example\" (groups=[\"dev:payments\" \"dev\" "
    "\"system:authenticated\"]) is attempting to grant RBAC permissions not "
    "currently held:\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}";

// As the API server of 1.37 wrote them.
TEST(RefusalTest, ClassifiesRealMessages) {
  struct Case {
    int code;
    Decision decision;
    const char* user;
    const char* resource;
    const char* group;
    const char* message;
    RefusalClass expected;
  };
  const Case kCases[] = {
      {200, Decision::kAllow, "a", "pods", "", "", RefusalClass::kNone},
      {404, Decision::kAllow, "a", "pods", "", "", RefusalClass::kNone},
      {401, Decision::kAbsent, "", "pods", "", "Unauthorized",
       RefusalClass::kUnauthenticated},
      {403, Decision::kForbid, "a", "secrets", "",
       "secrets is forbidden: User \"a\" cannot list resource \"secrets\" in "
       "API group \"\" in the namespace \"default\"",
       RefusalClass::kAuthorization},
      {403, Decision::kForbid, "a", "secrets", "", "",
       RefusalClass::kAuthorization},
      {403, Decision::kAbsent, "bob", "secrets", "",
       "secrets is forbidden: User \"bob\" cannot "
       "impersonate-on:user-info:list resource \"secrets\" in API group \"\" "
       "at the cluster scope",
       RefusalClass::kImpersonation},
      // Before 1.35 the message is about the impersonated, not the resource.
      {403, Decision::kAbsent, "bob", "secrets", "",
       "users \"root\" is forbidden: User \"bob\" cannot impersonate resource "
       "\"users\" in API group \"\" at the cluster scope",
       RefusalClass::kImpersonation},
      {403, Decision::kAbsent, "bob", "secrets", "", "",
       RefusalClass::kImpersonation},
      {403, Decision::kAbsent, "bob", "secrets", "",
       "secrets is forbidden: User \"bob\" cannot list resource \"secrets\" "
       "in API group \"\" at the cluster scope",
       RefusalClass::kAuthorization},
      {403, Decision::kAllow, "alice@corp.example", "roles",
       "rbac.authorization.k8s.io", kEscalation, RefusalClass::kEscalation},
      {403, Decision::kAllow, "system:node:w", "nodes", "",
       "nodes \"worker-1\" is forbidden: node \"w\" is not allowed to modify "
       "node \"worker-1\"",
       RefusalClass::kNodeRestriction},
      {403, Decision::kAllow, "system:node:w", "nodes", "",
       "nodes \"w\" is forbidden: is not allowed to modify labels: "
       "node-restriction.kubernetes.io/x",
       RefusalClass::kNodeRestriction},
      {403, Decision::kAllow, "system:node:w", "pods", "",
       "pods \"static-x\" is forbidden: pod does not have "
       "\"kubernetes.io/config.mirror\" annotation, node \"w\" can only create "
       "mirror pods",
       RefusalClass::kNodeRestriction},
      {403, Decision::kAllow, "a", "pods", "",
       "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: "
       "pods=5, limited: pods=5",
       RefusalClass::kAdmission},
      {403, Decision::kAllow, "a", "pods", "",
       "pods \"p\" is forbidden: unable to create new content in namespace ns "
       "because it is being terminated",
       RefusalClass::kAdmission},
      {403, Decision::kAllow, "a", "pods", "",
       "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": "
       "host namespaces (hostNetwork=true)",
       RefusalClass::kAdmission},
      {403, Decision::kAllow, "a", "pods", "",
       "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'x' with binding "
       "'y' denied request: no",
       RefusalClass::kAdmission},
      {403, Decision::kAllow, "a", "pods", "",
       "admission webhook \"x.example\" denied the request: no",
       RefusalClass::kAdmission},
      {403, Decision::kAllow, "a", "certificatesigningrequests",
       "certificates.k8s.io",
       "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: use "
       "of kubernetes.io/kube-apiserver-client signer with system:masters "
       "group is not allowed",
       RefusalClass::kAdmissionUnknown},
      {403, Decision::kAllow, "a", "pods", "", "",
       RefusalClass::kAdmissionUnknown},
  };
  for (const Case& c : kCases) {
    EventBuilder event;
    event.User(c.user).Resource(c.resource, c.group).Code(c.code);
    event.Decision(c.decision).Message(c.message);
    EXPECT_EQ(ClassifyRefusal(event.Build()), c.expected) << c.message;
  }
}

// What a client can write into a message: resource and object names.
TEST(RefusalTest, NamesCannotFakeAClass) {
  const char* kFakes[] = {
      // An object name; the server quotes it as Go does.
      "roles.rbac.authorization.k8s.io \"x\\\" is forbidden: exceeded quota: "
      "\" is forbidden: something else",
      "roles.rbac.authorization.k8s.io \"exceeded quota: \" is forbidden: no",
      "roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"a\\\" "
      "(groups=[]) is attempting to grant RBAC permissions not currently "
      "held\" said no",
      "roles.rbac.authorization.k8s.io \"never closed is forbidden: exceeded "
      "quota: ",
      "roles.rbac.authorization.k8s.io \"x\" is forbidden: my exceeded quota: ",
  };
  for (const char* fake : kFakes) {
    EventBuilder event;
    event.Resource("roles", "rbac.authorization.k8s.io").Code(403);
    event.Decision(Decision::kAllow).Message(fake);
    EXPECT_EQ(ClassifyRefusal(event.Build()), RefusalClass::kAdmissionUnknown)
        << fake;
  }
  // A resource of that name, unquoted in front.
  EventBuilder event;
  event.Resource("pods\" is forbidden: exceeded quota: ").Code(403);
  event.Decision(Decision::kAllow)
      .Message("pods\" is forbidden: exceeded quota:  is forbidden: no");
  EXPECT_EQ(ClassifyRefusal(event.Build()), RefusalClass::kAdmissionUnknown);
}

TEST(RefusalTest, OnlyAKubeletIsExcusedByTheNodeAuthorizer) {
  EventBuilder node;
  node.Node("w").Resource("secrets").Forbidden().AuthorizationReason(
      "node: no relationship found between node 'w' and this object");
  EXPECT_TRUE(IsNodeAuthorizerRace(node.Build(), IdentityClass::kNode));
  EXPECT_FALSE(
      IsNodeAuthorizerRace(node.Build(), IdentityClass::kServiceAccount));
  EventBuilder other;
  other.Node("w")
      .Resource("secrets")
      .Name("no relationship found between node")
      .Forbidden()
      .AuthorizationReason(
          "RBAC: role \"no relationship found between node 'w'\" not found");
  EXPECT_FALSE(IsNodeAuthorizerRace(other.Build(), IdentityClass::kNode));
}

}  // namespace
}  // namespace oddverb
