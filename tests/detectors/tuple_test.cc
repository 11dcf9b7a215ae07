#include "detectors/tuple.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

struct TupleRequest {
  const char* verb;
  const char* group;
  const char* resource;  // "pods/exec"; or a path
  const char* ns;
};

void Fill(const TupleRequest& request, EventBuilder& event) {
  event.Verb(request.verb);
  std::string resource = request.resource;
  if (resource.starts_with('/')) {
    event.NonResource(resource);
    return;
  }
  size_t slash = resource.find('/');
  event.Resource(resource.substr(0, slash), request.group).Ns(request.ns);
  if (slash != resource.npos) event.Sub(resource.substr(slash + 1));
}

TEST(TupleTest, ClassifiesWeighsAndDescribes) {
  struct Case {
    TupleRequest request;
    VerbClass verb_class;
    double sensitivity;
    const char* text;
  };
  constexpr const char* kRbac = "rbac.authorization.k8s.io";
  const Case kCases[] = {
      {{"list", "", "secrets", ""},
       VerbClass::kRead,
       1.5,
       "list secrets in all namespaces"},
      {{"watch", "", "secrets", "web"},
       VerbClass::kRead,
       1.5,
       "watch secrets in web"},
      {{"list", "", "nodes", ""}, VerbClass::kRead, 1.0, "list nodes"},
      {{"get", "", "pods", "web"}, VerbClass::kGet, 1.0, "get pods in web"},
      {{"create", "apps", "deployments", "web"},
       VerbClass::kWrite,
       1.0,
       "create deployments in web"},
      {{"deletecollection", "", "pods", ""},
       VerbClass::kDelete,
       1.0,
       "deletecollection pods in all namespaces"},
      // exec over WebSocket is a get.
      {{"get", "", "pods/exec", "web"},
       VerbClass::kExecute,
       1.5,
       "get pods/exec in web"},
      {{"patch", "", "pods/ephemeralcontainers", "web"},
       VerbClass::kExecute,
       1.5,
       "patch pods/ephemeralcontainers in web"},
      {{"get", "", "nodes/proxy", ""},
       VerbClass::kExecute,
       1.5,
       "get nodes/proxy"},
      {{"get", "", "pods/proxy", "web"},
       VerbClass::kExecute,
       1.0,
       "get pods/proxy in web"},
      {{"create", "", "serviceaccounts/token", "web"},
       VerbClass::kWrite,
       1.5,
       "create serviceaccounts/token in web"},
      {{"create", "", "serviceaccounts", "web"},
       VerbClass::kWrite,
       1.0,
       "create serviceaccounts in web"},
      {{"list", kRbac, "clusterrolebindings", ""},
       VerbClass::kRead,
       1.5,
       "list clusterrolebindings"},
      {{"create", kRbac, "rolebindings", "web"},
       VerbClass::kWrite,
       1.3,
       "create rolebindings in web"},
      {{"patch", kRbac, "clusterroles", ""},
       VerbClass::kWrite,
       1.3,
       "patch clusterroles"},
      {{"list", kRbac, "clusterroles", ""},
       VerbClass::kRead,
       1.2,
       "list clusterroles"},
      {{"update", "certificates.k8s.io", "certificatesigningrequests/approval",
        ""},
       VerbClass::kEscalate,
       1.5,
       "update certificatesigningrequests/approval"},
      {{"create", "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations", ""},
       VerbClass::kWrite,
       1.5,
       "create mutatingwebhookconfigurations"},
      {{"get", "coordination.k8s.io", "leases", "web"},
       VerbClass::kGet,
       0.25,
       "get leases in web"},
      {{"create", "", "events", "web"},
       VerbClass::kWrite,
       0.25,
       "create events in web"},
      // Another group's resource of that name is no secret of the cluster.
      {{"list", "evil.example", "secrets", ""},
       VerbClass::kRead,
       1.0,
       "list secrets.evil.example in all namespaces"},
      {{"get", "", "/apis/metrics.k8s.io/v1beta1", ""},
       VerbClass::kGet,
       0.1,
       "get /apis"},
      {{"get", "", "/", ""}, VerbClass::kGet, 0.1, "get /"},
      {{"get", "", "/healthz?verbose", ""},
       VerbClass::kGet,
       0.1,
       "get /healthz"},
      {{"get", "", "/metrics", ""}, VerbClass::kGet, 0.5, "get /metrics"},
      {{"get", "", "/.git/config", ""},
       VerbClass::kGet,
       0.5,
       "get other paths"},
      {{"", "", "pods", "web"},
       VerbClass::kOther,
       1.0,
       "(no verb) pods in web"},
  };
  for (const Case& c : kCases) {
    EventBuilder event;
    Fill(c.request, event);
    Tuple tuple = TupleOf(event.Build());
    EXPECT_EQ(tuple.verb_class, c.verb_class) << c.text;
    EXPECT_DOUBLE_EQ(Sensitivity(tuple), c.sensitivity) << c.text;
    EXPECT_EQ(TupleText(tuple, c.request.verb), c.text);
  }
}

TEST(TupleTest, HashIsTheSameForTheSameKindOnly) {
  KeyedHash hash;
  HashInput scratch;
  auto hash_of = [&](const TupleRequest& request, const char* name) {
    EventBuilder event;
    Fill(request, event);
    event.Name(name);
    return HashTuple(hash, TupleOf(event.Build()), scratch);
  };
  uint64_t base = hash_of({"list", "", "secrets", "web"}, "");
  EXPECT_EQ(base, hash_of({"watch", "", "secrets", "web"}, ""));
  EXPECT_EQ(base, hash_of({"list", "", "secrets", "web"}, "db-password"));
  const TupleRequest kOthers[] = {
      {"get", "", "secrets", "web"},   {"list", "", "secrets", ""},
      {"list", "", "secrets", "data"}, {"list", "a", "secrets", "web"},
      {"list", "", "secrets/web", ""}, {"list", "", "secretsweb", ""}};
  for (const TupleRequest& other : kOthers) {
    EXPECT_NE(base, hash_of(other, "")) << other.resource;
  }
  EXPECT_NE(base, [&] {
    EventBuilder event;
    Fill({"list", "", "secrets", "web"}, event);
    return HashTuple(KeyedHash(1, 2), TupleOf(event.Build()), scratch);
  }());
}

// Scanners try thousands of paths; a path must not be a kind of its own.
TEST(TupleTest, UnknownPathsAreOneKind) {
  KeyedHash hash;
  HashInput scratch;
  EventBuilder a;
  EventBuilder b;
  a.NonResource("/wp-login.php");
  b.NonResource("/.env?x=1");
  EXPECT_EQ(HashTuple(hash, TupleOf(a.Build()), scratch),
            HashTuple(hash, TupleOf(b.Build()), scratch));
}

TEST(TupleTest, TextIsBounded) {
  EventBuilder event;
  std::string huge(1 << 20, 'x');
  event.Verb(huge).Resource(huge, huge + "." + huge).Sub(huge).Ns(huge);
  EXPECT_LE(TupleText(TupleOf(event.Build()), huge).size(), kMaxTupleTextBytes);
  EXPECT_LE(ResourceText(TupleOf(event.Build())).size(), kMaxTupleTextBytes);
}

}  // namespace
}  // namespace oddverb
