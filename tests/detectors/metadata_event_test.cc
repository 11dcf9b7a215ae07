// Kubernetes Events that name the metadata service: what a kubelet says of a
// probe's outcome, and what is none.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/metadata_access.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/metadata_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Said {
  std::string reason = "Unhealthy";
  std::string text =
      R"(Liveness probe failed: Get \"http://169.254.169.254:80/\": EOF)";
  std::string pod = "p";
  std::string node = "n1";
};

std::string CoreEvent(const Said& said) {
  return absl::StrCat(
      R"({"involvedObject":{"kind":"Pod","namespace":"web","name":")", said.pod,
      R"("},"reason":")", said.reason, R"(","message":")", said.text,
      R"(","metadata":{"name":")", said.pod, R"(.17a"}})");
}

void Tell(MetadataStream& stream, double seconds, const std::string& body,
          const std::string& node = "n1", const std::string& group = "") {
  EventBuilder event;
  event.Node(node).Verb("create").Resource("events", group).Ns("web");
  event.RequestObject(body).Code(201).At(At(seconds));
  stream.Feed(event.AuditId(absl::StrCat("id-", seconds)).Build());
}

std::vector<Finding> EventFindings(const std::string& body,
                                   const std::string& group = "") {
  MetadataStream stream;
  Tell(stream, 0, body, "n1", group);
  return stream.findings();
}

TEST(MetadataEventTest, TellsOfTheOutcomeOfAProbeLow) {
  std::vector<Finding> findings = EventFindings(CoreEvent({}));
  ASSERT_THAT(findings, SizeIs(1));
  const Finding& finding = findings[0];
  EXPECT_EQ(finding.rule, "metadata.event");
  EXPECT_EQ(finding.severity, Severity::kLow);
  EXPECT_THAT(finding.summary,
              HasSubstr("system:node:n1 reported of pod web/p: Liveness probe "
                        "failed"));
  EXPECT_THAT(finding.next[0],
              HasSubstr("kubectl get events -n web --field-selector "
                        "involvedObject.name=p"));
}

TEST(MetadataEventTest, ReadsTheNewerFormToo) {
  std::vector<Finding> findings = EventFindings(
      R"({"regarding":{"kind":"Pod","namespace":"web","name":"q"},"reason":)"
      R"("FailedPostStartHook","note":"HTTP lifecycle hook (latest/) for )"
      R"(container c failed: Get \"http://2852039166/latest/\": refused"})",
      "events.k8s.io");
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0].summary, HasSubstr("pod web/q"));
}

// Whoever reports it is not who did it.
TEST(MetadataEventTest, IsLowHoweverMuchItSays) {
  std::vector<Finding> findings = EventFindings(CoreEvent(
      {.text = "Readiness probe failed: Get http://0xa9fea9fe/latest/meta-data/"
               "iam/security-credentials/node: x"}));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_GE(findings[0].score, 5);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
}

TEST(MetadataEventTest, WhatIsNoOutcomeIsNotTold) {
  for (const Said& said : std::vector<Said>{
           {.reason = "SyncLoadBalancerFailed",
    .text = R"(no credentials: Get \"http://169.254.169.254/latest/\")"},
           {.text = R"(Readiness probe failed: Get \"http://10.2.0.4:80/\")"},
           {.reason = "Pulled", .text = "pulled image a:169.254.169.254"},
           {.text = ""}}) {
    EXPECT_THAT(EventFindings(CoreEvent(said)), IsEmpty()) << said.text;
  }
  EXPECT_THAT(EventFindings("[]"), IsEmpty());
  EXPECT_THAT(EventFindings("{\"message\":{}}"), IsEmpty());
}

TEST(MetadataEventTest, OneCaseForAnObjectAndAnotherForTheNext) {
  MetadataStream stream;
  for (int i = 0; i < 4; ++i) Tell(stream, i, CoreEvent({}));
  Tell(stream, 5, CoreEvent({.pod = "q"}));
  ASSERT_THAT(stream.opened(), SizeIs(2));
  stream.Restart();
  stream.End();
  std::vector<int64_t> counts;
  for (const Finding& finding : stream.InState(FindingState::kFinal)) {
    counts.push_back(finding.count);
  }
  EXPECT_THAT(counts, ElementsAre(4, 1));
  EXPECT_TRUE(stream.restarts_ok());
}

TEST(MetadataEventTest, AFloodOfEventsIsBoundedAndEndsNoOtherCase) {
  MetadataStream stream;
  stream.Exec(At(0), kPlain);
  int sent = 0;
  for (int node = 0; node < 20; ++node) {
    for (int pod = 0; pod < 30; ++pod) {
      Tell(stream, 1 + 0.1 * ++sent, CoreEvent({.pod = absl::StrCat("p", pod)}),
           absl::StrCat("node-", node));
    }
  }
  size_t open = stream.opened().size();
  for (const Finding& finding : stream.InState(FindingState::kFinal)) {
    EXPECT_EQ(finding.rule, "metadata.event");
    --open;
  }
  EXPECT_EQ(open, MetadataAccess::kMaxEventCases + 1);
}

// At rest, its end would be told late.
TEST(MetadataEventTest, WhoseCaseIsOpenStaysAwake) {
  MetadataStream stream;
  Tell(stream, 0, CoreEvent({}));
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_FALSE(stream.detector().CanRest(EntityKind::kActor, 0));
  stream.End();
  EXPECT_TRUE(stream.detector().CanRest(EntityKind::kActor, 0));
}

// What programs wrote is quoted: no finding for text that cannot be decoded.
TEST(MetadataEventTest, UndecodableTextIsNotToldOf) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "aGVsbG8gd29ybGQgaGVsbG8 ";
  EXPECT_THAT(EventFindings(CoreEvent({.text = text})), IsEmpty());
}

}  // namespace
}  // namespace oddverb
