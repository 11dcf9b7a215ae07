#include "rules/rule_field.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/decoded_text.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> ReadField(
    std::string_view name, const RuleRecord& record,
    Field::Brackets brackets = Field::Brackets::kLiteral) {
  absl::StatusOr<Field> field = Field::Compile(name, brackets);
  EXPECT_THAT(field, IsOk()) << name;
  Arena arena;
  std::vector<FieldValue> values;
  field->Read(record, arena, values);
  std::vector<std::string> texts;
  for (const FieldValue& value : values) texts.emplace_back(value.text);
  return texts;
}

std::vector<std::string> ReadJson(
    std::string_view name, std::string_view event,
    Field::Brackets brackets = Field::Brackets::kLiteral) {
  return ReadField(name, RuleRecord(RawJson{event}), brackets);
}

TEST(FieldTest, TakesTheLongestKeyThatLeadsToAValue) {
  EXPECT_THAT(ReadJson("a.b.c", R"({"a":{"b":{"c":1}}})"), ElementsAre("1"));
  EXPECT_THAT(ReadJson("a.b.c", R"({"a.b":{"c":2},"a":{"b":{"c":1}}})"),
              ElementsAre("2"));
  EXPECT_THAT(ReadJson("a.b.c", R"({"a.b.c":3,"a.b":{"c":2}})"),
              ElementsAre("3"));
  EXPECT_THAT(ReadJson("a.b.c", R"({"a.b":{"x":2},"a":{"b":{"c":1}}})"),
              ElementsAre("1"));
  EXPECT_THAT(ReadJson("a.b", R"({"a":{"bb":1},"ab":2})"), IsEmpty());
  EXPECT_THAT(ReadJson("a", R"({"a":1,"a":2})"), ElementsAre("2"));
  EXPECT_THAT(ReadJson("a", R"({"\u0061":"\u0062"})"), ElementsAre("b"));
  EXPECT_THAT(
      ReadJson("annotations.authorization.k8s.io/decision",
               R"({"annotations":{"authorization.k8s.io/decision":"allow"}})"),
      ElementsAre("allow"));
}

TEST(FieldTest, EntersArrays) {
  EXPECT_THAT(ReadJson("a.b", R"({"a":[{"b":1},{"c":2},{"b":[3,4]}]})"),
              ElementsAre("1", "3", "4"));
  EXPECT_THAT(ReadJson("a", R"({"a":[]})"), ElementsAre("[]"));
  EXPECT_THAT(ReadJson("a", R"({"a":[[1],[2,[3]]]})"),
              ElementsAre("1", "2", "3"));
  std::string deep = "1";
  for (int i = 0; i < 1000; ++i) deep = "[" + deep + "]";
  EXPECT_THAT(ReadJson("a", R"({"a":)" + deep + "}"),
              ElementsAre(HasSubstr("[[")));
}

TEST(FieldTest, PositionsAreForThoseWhoAskForThem) {
  constexpr auto kPositions = Field::Brackets::kPositions;
  constexpr std::string_view kJson =
      R"({"a":[{"b":[5,6]},7],"a[0]":"literal"})";
  EXPECT_THAT(ReadJson("a[0]", kJson), ElementsAre("literal"));
  EXPECT_THAT(ReadJson("a\\[0\\]", kJson, kPositions), ElementsAre("literal"));
  EXPECT_THAT(ReadJson("a[0].b[1]", kJson, kPositions), ElementsAre("6"));
  EXPECT_THAT(ReadJson("a[-1]", kJson, kPositions), ElementsAre("7"));
  EXPECT_THAT(ReadJson("a[2]", kJson, kPositions), IsEmpty());
  EXPECT_THAT(ReadJson("a[-3]", kJson, kPositions), IsEmpty());
  EXPECT_THAT(ReadJson("a[0]", R"({"a":"x"})", kPositions), IsEmpty());
  EXPECT_THAT(ReadJson("a[0][1]", R"({"a":[[1,2]]})", kPositions),
              ElementsAre("2"));
}

TEST(FieldTest, RefusesWhatIsNoName) {
  for (std::string_view bad : {"", "a..b", ".a", "a."}) {
    EXPECT_THAT(Field::Compile(bad, Field::Brackets::kLiteral),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("")))
        << bad;
  }
  for (std::string_view bad : {"a[", "a[x]", "a[0]b", "a[99999999999]"}) {
    EXPECT_FALSE(Field::Compile(bad, Field::Brackets::kPositions).ok()) << bad;
  }
  std::string parts = "a";
  for (int i = 0; i < 31; ++i) parts += ".a";
  EXPECT_THAT(Field::Compile(parts, Field::Brackets::kLiteral), IsOk());
  EXPECT_FALSE(Field::Compile(parts + ".a", Field::Brackets::kLiteral).ok());
  std::string name(Field::kMaxNameBytes, 'a');
  EXPECT_THAT(Field::Compile(name, Field::Brackets::kLiteral), IsOk());
  EXPECT_FALSE(Field::Compile(name + "a", Field::Brackets::kLiteral).ok());
}

constexpr std::string_view kEvent =
    R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request",)"
    R"("auditID":"id-1","stage":"ResponseComplete",)"
    R"("requestURI":"/api/v1/namespaces/ns-1/pods/p%2Dx/exec?command=sh&)"
    R"(command=-c&command=curl+%2Fetc&stdin=true","verb":"create",)"
    R"("user":{"username":"u-1","uid":"u-2","groups":["g1","g2"],"extra":{)"
    R"("authentication.kubernetes.io/pod-name":["pod-7"],"k":["v1","v2"]}},)"
    R"("impersonatedUser":{"username":"i-1","groups":["ig"],)"
    R"("extra":{"e":["f"]}},"sourceIPs":["1.2.3.4","5.6.7.8"],)"
    R"("userAgent":"curl\/8","objectRef":{"resource":"pods",)"
    R"("namespace":"ns-1","name":"p-x","apiVersion":"v1",)"
    R"("resourceVersion":"12","subresource":"exec"},)"
    R"("responseStatus":{"metadata":{},"status":"Failure","code":403,)"
    R"("reason":"Forbidden","message":"no"},"requestObject":{"spec":{)"
    R"("hostPID":true,"volumes":[{"hostPath":{"path":"/etc"}}],)"
    R"("containers":[{"image":"a","securityContext":{"capabilities":)"
    R"({"add":["SYS_ADMIN"]}}}],"initContainers":[{"image":"b",)"
    R"("securityContext":{"privileged":true}}]}},)"
    R"("requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z",)"
    R"("stageTimestamp":"2026-01-01T00:00:01.000000Z","annotations":{)"
    R"("authorization.k8s.io/decision":"forbid",)"
    R"("authorization.k8s.io/reason":"","pod-security.kubernetes.io/x":"y"}})";

struct FieldCase {
  std::string_view name;
  std::vector<std::string> values;
};
const std::vector<FieldCase>& EventCases() {
  static const std::vector<FieldCase> cases = {
      {"level", {"Request"}},
      {"auditID", {"id-1"}},
      {"stage", {"ResponseComplete"}},
      {"verb", {"create"}},
      {"user.username", {"u-1"}},
      {"user.uid", {"u-2"}},
      {"user.groups", {"g1", "g2"}},
      {"user.extra.authentication.kubernetes.io/pod-name", {"pod-7"}},
      {"user.extra.k", {"v1", "v2"}},
      {"impersonatedUser.username", {"i-1"}},
      {"impersonatedUser.groups", {"ig"}},
      {"impersonatedUser.extra.e", {"f"}},
      {"sourceIPs", {"1.2.3.4", "5.6.7.8"}},
      {"userAgent", {"curl/8"}},
      {"objectRef.resource", {"pods"}},
      {"objectRef.namespace", {"ns-1"}},
      {"objectRef.name", {"p-x"}},
      {"objectRef.apiGroup", {}},
      {"objectRef.resourceVersion", {"12"}},
      {"objectRef.subresource", {"exec"}},
      {"responseStatus.code", {"403"}},
      {"responseStatus.status", {"Failure"}},
      {"responseStatus.reason", {"Forbidden"}},
      {"responseStatus.message", {"no"}},
      {"requestReceivedTimestamp", {"2026-01-01T00:00:00.000000Z"}},
      {"stageTimestamp", {"2026-01-01T00:00:01.000000Z"}},
      {"kind", {"Event"}},
      {"requestObject.spec.hostPID", {"true"}},
      {"requestObject.spec.containers.image", {"a"}},
      {"annotations.authorization.k8s.io/decision", {"forbid"}},
      {"annotations.pod-security.kubernetes.io/x", {"y"}},
      // Short names, and the places in pods that they stand for.
      {"resource", {"pods"}},
      {"namespace", {"ns-1"}},
      {"username", {"u-1"}},
      {"decision", {"forbid"}},
      {"kubernetes.audit.verb", {"create"}},
      {"kubernetes.audit.objectRef.resource", {"pods"}},
      {"hostPath", {"/etc"}},
      {"hostPID", {"true"}},
      {"capabilities", {"SYS_ADMIN"}},
      {"privileged", {"true"}},
      {"image", {"a", "b"}},
      {"pod.hostPID", {"true"}},
      {"pod.volumes.hostPath.path", {"/etc"}},
      {"container.image", {"a", "b"}},
      {"kubernetes.audit.container.securityContext.privileged", {"true"}},
      {"pod.nothing", {}},
      // Derived from requestURI.
      {"derived.command", {"sh -c curl /etc"}},
      {"derived.query.stdin", {"true"}},
      {"derived.query.command", {"sh", "-c", "curl /etc"}},
      {"derived.path", {"/api/v1/namespaces/ns-1/pods/p-x/exec"}},
      {"nothing", {}},
      {"nothing.at.all", {}},
  };
  return cases;
}

TEST(FieldTest, EveryFieldOfAnEventDecodedOrAsText) {
  std::unique_ptr<EventBatch> batch = DecodeLines(kEvent);
  ASSERT_EQ(batch->events.size(), 1u);
  for (const FieldCase& c : EventCases()) {
    EXPECT_EQ(ReadField(c.name, RuleRecord(batch->events[0])), c.values)
        << c.name;
    EXPECT_EQ(ReadJson(c.name, kEvent), c.values) << c.name;
  }
}

TEST(FieldTest, PodsAreFoundOnceForAllFields) {
  std::unique_ptr<EventBatch> batch = DecodeLines(kEvent);
  ASSERT_EQ(batch->events.size(), 1u);
  RuleRecord record(batch->events[0]);
  Arena arena;
  PodParts pods;
  for (const FieldCase& c : EventCases()) {
    Field field = *Field::Compile(c.name, Field::Brackets::kLiteral);
    std::vector<FieldValue> values, alone;
    field.Read(record, arena, values, &pods);
    field.Read(record, arena, alone);
    ASSERT_EQ(values.size(), c.values.size()) << c.name;
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i].text, c.values[i]) << c.name;
      EXPECT_EQ(values[i].in_array, alone[i].in_array) << c.name;
    }
  }
}

// As in a CronJob; and a key of the body that looks like a path hides nothing.
TEST(FieldTest, PodsOfTemplates) {
  EventBuilder builder;
  const AuditEvent& event =
      builder
          .RequestObject(
              R"({"spec.containers":[{"image":"decoy"}],"spec":{"jobTemplate":)"
              R"({"spec":{"template":{"spec":{"hostPID":true,"containers":)"
              R"([{"image":"a"},7,{"image":"b"}],"initContainers":[]}}}}}})")
          .Build();
  Arena arena;
  PodParts pods;
  for (auto [name, expected] :
       {std::pair{"image", "ab"}, {"hostPID", "true"}, {"hostIPC", ""}}) {
    std::vector<FieldValue> values;
    Field::Compile(name, Field::Brackets::kLiteral)
        ->Read(RuleRecord(event), arena, values, &pods);
    std::string text;
    for (const FieldValue& value : values) text += value.text;
    EXPECT_EQ(text, expected) << name;
  }
}

TEST(FieldTest, WhatItAsksTheDecoderForIsEnough) {
  for (const FieldCase& c : EventCases()) {
    Field field = *Field::Compile(c.name, Field::Brackets::kLiteral);
    std::unique_ptr<EventBatch> batch =
        Decoder({.fields = field.fields()}).Decode(FrameLines(kEvent));
    ASSERT_EQ(batch->events.size(), 1u);
    EXPECT_EQ(ReadField(c.name, RuleRecord(batch->events[0])), c.values)
        << c.name;
  }
}

TEST(FieldTest, AnEventBuiltWithoutTextIsReadFromItsFields) {
  EventBuilder builder;
  const AuditEvent& event =
      builder.Verb("list").Resource("secrets").Code(403).Build();
  EXPECT_THAT(ReadField("verb", RuleRecord(event)), ElementsAre("list"));
  EXPECT_THAT(ReadField("responseStatus.code", RuleRecord(event)),
              ElementsAre("403"));
  EXPECT_THAT(ReadField("kind", RuleRecord(event)), IsEmpty());
}

TEST(FieldTest, KnowsTheAuditFormat) {
  auto known = [](std::string_view name) {
    return Field::Compile(name, Field::Brackets::kLiteral)->IsOfAuditEvent();
  };
  for (const FieldCase& c : EventCases()) {
    EXPECT_EQ(known(c.name), !c.name.starts_with("nothing")) << c.name;
  }
  EXPECT_TRUE(known("annotations.anything"));
  EXPECT_TRUE(known("requestObject.any.thing"));
  EXPECT_FALSE(known("objectRef.resourse"));
  EXPECT_FALSE(known("verb.x"));
}

}  // namespace
}  // namespace oddverb
