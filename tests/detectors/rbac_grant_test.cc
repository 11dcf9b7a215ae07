// Rights that RBAC refused to let somebody give: what else rbac.self_grant
// tells of is in privileged_acts_test.cc.
#include "detectors/rbac_grant.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr char kEscalates[] =
    "user \"mallory\" (groups=[\"dev\"]) is attempting to grant RBAC "
    "permissions not currently held:\n{APIGroups:[\"*\"]}";
constexpr char kAll[] =
    R"({"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})";
constexpr char kSome[] =
    R"({"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]})";
constexpr char kItself[] =
    R"({"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},)"
    R"("subjects":[{"kind":"User","name":"mallory"}]})";

struct Case {
  const char* what;
  const char* resource;
  const char* body;
  const char* text;
  Severity severity = Severity::kInfo;  // kInfo: no finding
};

TEST(RbacGrantTest, GrantsThatRbacRefused) {
  for (const Case& c : std::vector<Case>{
           {"all", "roles", kAll, kEscalates, Severity::kMedium},
           {"to itself", "rolebindings", kItself, kEscalates,
            Severity::kMedium},
           {"an installer", "roles", kSome, kEscalates, Severity::kLow},
           {"no body", "roles", "", kEscalates, Severity::kLow},
           // The text of the attacker's own choice does not stand there.
           {"a policy", "roles", kAll, "is attempting to grant RBAC"},
           {"no right", "roles", kAll, "User \"mallory\" cannot create"},
       }) {
    SCOPED_TRACE(c.what);
    CredentialStream stream;
    Client mallory = Client::Person(stream, "mallory", kOffice);
    for (int i = 0; i < 3; ++i) {
      mallory.Ask([&](EventBuilder& b) {
        b.Verb("create").Resource(c.resource, "rbac.authorization.k8s.io");
        b.Ns("web").Name("x").RequestObject(c.body).Code(403);
        b.Decision(Decision::kAllow).Reason("Forbidden");
        b.Message(absl::StrCat(c.resource,
                               ".rbac.authorization.k8s.io \"x\" is "
                               "forbidden: ",
                               c.text));
      });
    }
    stream.End();
    if (c.severity == Severity::kInfo) {
      EXPECT_THAT(stream.reports(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.findings(), SizeIs(1));
    ExpectSound(stream.findings()[0]);
    EXPECT_EQ(stream.findings()[0].severity, c.severity);
    EXPECT_EQ(CountOf(stream.reports(), FindingState::kUpdate), 0u);
  }
}

}  // namespace
}  // namespace oddverb
