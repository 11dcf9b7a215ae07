// The rules that count what an identity is refused, and what it asks for in
// vain.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

EventBuilder& Escalation(EventBuilder& event, const std::string& resource,
                         const std::string& name) {
  event.User("mia").Verb("create").Ns("staging").Name(name);
  event.Resource(resource, "rbac.authorization.k8s.io").Code(403);
  event.Decision(Decision::kAllow);
  return event.Message(absl::StrCat(
      resource, ".rbac.authorization.k8s.io \"", name,
      "\" is forbidden: user \"mia\" (groups=[\"dev\"]) is attempting to grant "
      "RBAC permissions not currently held:\n{...}"));
}

TEST(EscalationDeniedTest, RoleAndBindingAreMedium) {
  ForbiddenStream stream;
  EventBuilder role, binding;
  stream.Feed(Escalation(role, "roles", "x").At(After(0)));
  stream.Feed(Escalation(binding, "rolebindings", "x").At(After(1)));
  std::vector<Finding> found = Of(stream, "rbac.escalation_denied");
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].severity, Severity::kLow);
  EXPECT_EQ(found[1].severity, Severity::kMedium);
}

TEST(EscalationDeniedTest, RetriesOfADeploymentToolStayLow) {
  ForbiddenStream stream;
  for (int i = 0; i < 100; ++i) {
    EventBuilder event;
    stream.Feed(Escalation(event, "roles", "app").At(After(30 * i)));
  }
  for (const Finding& finding : stream.findings()) {
    EXPECT_LE(finding.severity, Severity::kLow);
  }
}

TEST(EscalationDeniedTest, RefusedImpersonationOfPowerIsMediumAtOnce) {
  ForbiddenStream stream;
  EventBuilder event;
  event.User("mia").Verb("list").Resource("pods").Code(403);
  event.Decision(Decision::kAbsent);
  stream.Feed(event.Message(
      "groups \"system:masters\" is forbidden: User \"mia\" cannot impersonate "
      "resource \"groups\" in API group \"\" at the cluster scope"));
  std::vector<Finding> found = Of(stream, "rbac.escalation_denied");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].severity, Severity::kMedium);
}

// Quota, Pod Security and ending namespaces answer 403 too.
TEST(EscalationDeniedTest, AdmissionIsNone) {
  ForbiddenStream stream;
  for (int i = 0; i < 50; ++i) {
    EventBuilder event;
    event.User("mia").Verb("create").Resource("pods").Ns("x");
    event.Name(absl::StrCat("p", i)).Code(403).Decision(Decision::kAllow);
    stream.Feed(event
                    .Message(absl::StrCat("pods \"p", i,
                                          "\" is forbidden: exceeded quota: q"))
                    .At(After(i)));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

void Review(EventBuilder& who, const char* resource, absl::Time time,
            ForbiddenStream& stream) {
  who.Verb("create").Resource(resource, "authorization.k8s.io");
  stream.Feed(who.Code(201).Decision(Decision::kAllow).At(time));
}

TEST(PermissionProbingTest, ServiceAccountThatListsItsRightsByHandIsFound) {
  ForbiddenStream stream;
  for (int i = 0; i < 4; ++i) {
    EventBuilder who;
    who.ServiceAccount("web", "frontend").UserAgent("kubectl/v1.30.0 (x)");
    Review(who, "selfsubjectrulesreviews", After(i), stream);
  }
  std::vector<Finding> found = Of(stream, "permission.probing");
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(found.back().severity, Severity::kMedium);
}

TEST(PermissionProbingTest, PeopleAndOperatorsMayAsk) {
  ForbiddenStream stream;
  for (int i = 0; i < 10; ++i) {
    EventBuilder person;
    Review(person, "selfsubjectrulesreviews", After(20 * i), stream);
  }
  for (int i = 0; i < 30; ++i) {
    EventBuilder program;
    program.ServiceAccount("kyverno", "reports").UserAgent("kyverno/v1.12");
    Review(program, "selfsubjectaccessreviews", After(200 + i), stream);
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(PermissionProbingTest, AccessMatrixIsFoundWhateverClientItClaims) {
  ForbiddenStream stream;
  for (int i = 0; i < 300; ++i) {
    EventBuilder who;
    who.ServiceAccount("web", "frontend").UserAgent("kyverno/v1.12");
    Review(who, "selfsubjectaccessreviews",
           kForbiddenStart + absl::Milliseconds(50 * i), stream);
  }
  EXPECT_THAT(Of(stream, "permission.probing"), Not(IsEmpty()));
}

TEST(ObjectGuessingTest, SecretNamesThatAreNotThere) {
  ForbiddenStream stream;
  for (int i = 0; i < 60; ++i) {
    EventBuilder who;
    who.ServiceAccount("web", "frontend").Resource("secrets").Ns("web");
    who.Name(absl::StrCat("db", i)).Code(404).Decision(Decision::kAllow);
    stream.Feed(who.At(After(i)));
  }
  std::vector<Finding> found = Of(stream, "forbidden.object_guessing");
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(found.back().severity, Severity::kMedium);
}

TEST(ObjectGuessingTest, WaitingForOneObjectOrForDeletedPodsIsNone) {
  ForbiddenStream stream;
  for (int i = 0; i < 300; ++i) {
    EventBuilder waits, cleans;
    waits.ServiceAccount("web", "frontend").Resource("secrets").Ns("web");
    waits.Name("later").Code(404).Decision(Decision::kAllow);
    stream.Feed(waits.At(After(i)));
    cleans.ServiceAccount("ci", "runner").Resource("pods").Ns("ci");
    cleans.Name(absl::StrCat("job", i)).Code(404).Decision(Decision::kAllow);
    stream.Feed(cleans.At(After(i)));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(StormTest, RetriesOfOneMissingRightAreInfoForOperators) {
  ForbiddenStream stream;
  for (int i = 0; i < 300; ++i) {
    EventBuilder who;
    who.ServiceAccount("a", "operator").Verb("list").Resource("leases");
    stream.Feed(who.AuditId(absl::StrCat(i)).Forbidden().At(After(i)));
  }
  std::vector<Finding> found = Of(stream, "forbidden.storm");
  ASSERT_THAT(found, Not(IsEmpty()));
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.severity, Severity::kInfo);
  }
}

TEST(RegressionTest, RightsThatWorkedBeforeAreInfoForOperators) {
  ForbiddenStream stream;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 8; ++i) {
      EventBuilder who;
      who.ServiceAccount("a", "operator").Verb("list");
      who.Resource(absl::StrCat("r", i)).AuditId(absl::StrCat(round, "-", i));
      if (round == 0) {
        who.Allowed();
      } else {
        who.Forbidden();
      }
      stream.Feed(who.At(After(1000 * round + i)));
    }
  }
  ASSERT_THAT(Of(stream, "permission.regression"), SizeIs(1));
  EXPECT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kInfo);
}

}  // namespace
}  // namespace oddverb
