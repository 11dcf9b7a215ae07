// What the decoder makes of well-formed records.
#include "ingest/decoder.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/raw_batches.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// An event as an API server writes it, but for line breaks.
constexpr std::string_view kEvent =
    R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)"
    R"("level":"RequestResponse","auditID":"d5020a72","stage":)"
    R"("ResponseComplete","requestURI":"/api/v1/pods?a=1\u0026b=2","verb":)"
    R"("create","user":{"username":"system:serviceaccount:web:frontend",)"
    R"("uid":"c0a3","groups":["system:serviceaccounts","system:authenticated"])"
    R"(,"extra":{"authentication.kubernetes.io/credential-id":["JTI=a5df"],)"
    R"("authentication.kubernetes.io/node-name":["worker-6"],)"
    R"("authentication.kubernetes.io/node-uid":["282e"],)"
    R"("authentication.kubernetes.io/pod-name":["frontend-1"],)"
    R"("authentication.kubernetes.io/pod-uid":["3c62"]}},)"
    R"("impersonatedUser":{"username":"bob","uid":"7","groups":["g"]},)"
    R"("sourceIPs":["1.2.3.4","203.0.113.66"],"userAgent":"curl/8.14.1",)"
    R"("objectRef":{"resource":"pods","namespace":"web","name":"x","uid":"u",)"
    R"("apiGroup":"g.io","apiVersion":"v1","subresource":"exec"},)"
    R"("responseStatus":{"metadata":{},"status":"Failure","message":)"
    R"("no \"x\"","reason":"Forbidden","code":403},"requestObject":)"
    R"({"a":[1,"}"]},"responseObject":{"b":null},)"
    R"("requestReceivedTimestamp":"2026-11-23T23:33:15.363366Z",)"
    R"("stageTimestamp":"2026-11-23T23:33:15.364504Z","annotations":)"
    R"({"authorization.k8s.io/decision":"forbid",)"
    R"("authorization.k8s.io/reason":"RBAC: \"y\"",)"
    R"("audit.k8s.io/truncated":"true",)"
    R"("authentication.kubernetes.io/issued-credential-id":"JTI=new"}})";

std::unique_ptr<EventBatch> Decode(std::string_view text,
                                   Decoder::Options options = {}) {
  Decoder decoder(std::move(options));
  return decoder.Decode(FrameLines(text));
}

TEST(DecoderTest, ReadsEveryFieldOfAnEvent) {
  auto batch = Decode(kEvent);
  ASSERT_THAT(batch->rejected, IsEmpty());
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_EQ(event.level, Level::kRequestResponse);
  EXPECT_EQ(event.audit_id, "d5020a72");
  EXPECT_EQ(event.stage, Stage::kResponseComplete);
  EXPECT_EQ(event.request_uri, "/api/v1/pods?a=1&b=2");
  EXPECT_EQ(event.verb, "create");
  EXPECT_EQ(event.user.name, "system:serviceaccount:web:frontend");
  EXPECT_EQ(event.user.uid, "c0a3");
  EXPECT_THAT(event.user.groups,
              ElementsAre("system:serviceaccounts", "system:authenticated"));
  EXPECT_EQ(event.credential_id, "JTI=a5df");
  EXPECT_EQ(event.node_name, "worker-6");
  EXPECT_EQ(event.node_uid, "282e");
  EXPECT_EQ(event.pod_name, "frontend-1");
  EXPECT_EQ(event.pod_uid, "3c62");
  EXPECT_TRUE(event.user_extra.text.starts_with("{\"authentication."));
  EXPECT_TRUE(event.user_extra.text.ends_with("[\"3c62\"]}"));
  EXPECT_EQ(event.impersonated.name, "bob");
  EXPECT_EQ(event.impersonated.uid, "7");
  EXPECT_THAT(event.impersonated.groups, ElementsAre("g"));
  EXPECT_THAT(event.source_ips, ElementsAre("1.2.3.4", "203.0.113.66"));
  EXPECT_EQ(event.source_ip, "203.0.113.66");
  EXPECT_EQ(event.user_agent, "curl/8.14.1");
  EXPECT_TRUE(event.object.present);
  EXPECT_EQ(event.object.resource, "pods");
  EXPECT_EQ(event.object.ns, "web");
  EXPECT_EQ(event.object.name, "x");
  EXPECT_EQ(event.object.uid, "u");
  EXPECT_EQ(event.object.api_group, "g.io");
  EXPECT_EQ(event.object.api_version, "v1");
  EXPECT_EQ(event.object.subresource, "exec");
  EXPECT_EQ(event.response_code, 403);
  EXPECT_EQ(event.response_reason, "Forbidden");
  EXPECT_EQ(event.response_message, "no \"x\"");
  EXPECT_EQ(event.request_object.text, R"({"a":[1,"}"]})");
  EXPECT_EQ(event.response_object.text, R"({"b":null})");
  EXPECT_EQ(absl::ToUnixMicros(event.received), 1795476795363366);
  EXPECT_EQ(absl::ToUnixMicros(event.stage_time), 1795476795364504);
  EXPECT_EQ(event.decision, Decision::kForbid);
  EXPECT_EQ(event.authorization_reason, "RBAC: \"y\"");
  EXPECT_TRUE(event.truncated);
  EXPECT_EQ(event.issued_credential_id, "JTI=new");
  EXPECT_TRUE(event.annotations.text.starts_with("{\"authorization."));
  EXPECT_TRUE(event.annotations.text.ends_with("\"JTI=new\"}"));
  EXPECT_EQ(event.raw.text, kEvent);
  EXPECT_FALSE(event.duplicate_keys);
  EXPECT_FALSE(event.repaired);
}

TEST(DecoderTest, KeepsPositionsAndOrder) {
  std::string text;
  for (std::string_view id : {"a", "b", "c"}) {
    text += R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":")";
    text += id;
    text += "\"}\n\n";
  }
  auto batch = Decode(text);
  ASSERT_THAT(batch->events, SizeIs(3));
  const uint64_t kLines[] = {1, 3, 5};
  const std::string_view kIds[] = {"a", "b", "c"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch->events[i].audit_id, kIds[i]);
    EXPECT_EQ(batch->events[i].position.line, kLines[i]);
    EXPECT_EQ(batch->events[i].position, batch->raw.positions[i]);
  }
}

TEST(DecoderTest, KeepsWhatTheSourceRejected) {
  RawBatch raw = FrameLines(kEvent);
  raw.rejected.emplace_back().reason = RejectReason::kOversized;
  auto batch = Decoder({}).Decode(std::move(raw));
  ASSERT_THAT(batch->rejected, SizeIs(1));
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kOversized);
  EXPECT_THAT(batch->events, SizeIs(1));
}

TEST(DecoderTest, OnlyKeysAtDepthOneCount) {
  auto batch =
      Decode(R"({"requestObject":{"verb":"fake","user":{"username":"fake"},)"
             R"("auditID":"fake","stage":"Panic","kind":"Pod","annotations":)"
             R"({"authorization.k8s.io/decision":"forbid"}},"kind":"Event",)"
             R"("apiVersion":"audit.k8s.io/v1","auditID":"real","verb":"get",)"
             R"("user":{"username":"real","extra":{"verb":["fake"]}},)"
             R"("stage":"ResponseComplete","responseObject":{"verb":"fake"}})");
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_EQ(event.audit_id, "real");
  EXPECT_EQ(event.verb, "get");
  EXPECT_EQ(event.user.name, "real");
  EXPECT_EQ(event.stage, Stage::kResponseComplete);
  EXPECT_EQ(event.decision, Decision::kAbsent);
  EXPECT_FALSE(event.duplicate_keys);
}

TEST(DecoderTest, ReadsEscapedKeys) {
  auto batch = Decode(
      R"({"k\u0069nd":"Event","apiVersion":"audit.k8s.io\/v1",)"
      R"("v\u0065rb":"g\u0065t","\u0075ser":{"\u0075sername":"al\u0069ce"},)"
      R"("objectRef":{"res\u006furce":"pods"},"annotations":)"
      R"({"authorization.k8s.io\/decision":"all\u006fw"},)"
      R"("responseStatus":{"c\u006fde":200}})");
  ASSERT_THAT(batch->events, SizeIs(1));
  EXPECT_EQ(batch->events[0].verb, "get");
  EXPECT_EQ(batch->events[0].user.name, "alice");
  EXPECT_EQ(batch->events[0].object.resource, "pods");
  EXPECT_EQ(batch->events[0].decision, Decision::kAllow);
  EXPECT_EQ(batch->events[0].response_code, 200);
}

TEST(DecoderTest, AKeyIsUnescapedOnce) {
  auto batch = Decode(R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)"
                      R"("v\\u0065rb":"x"})");
  ASSERT_THAT(batch->events, SizeIs(1));
  EXPECT_EQ(batch->events[0].verb, "");
}

TEST(DecoderTest, TheLastOfDuplicateKeysWinsAndIsMarked) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {R"("verb":"get","verb":"delete")", "delete"},
      {R"("verb":"get","v\u0065rb":"delete")", "delete"},
      {R"("verb":"get","verb":null)", ""},
      {R"("verb":"delete","level":"None","level":"Metadata")", "delete"}};
  for (const auto& [members, verb] : kCases) {
    auto batch = Decode(R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)" +
                        std::string(members) + "}");
    ASSERT_THAT(batch->events, SizeIs(1)) << members;
    EXPECT_EQ(batch->events[0].verb, verb) << members;
    EXPECT_TRUE(batch->events[0].duplicate_keys) << members;
  }
}

TEST(DecoderTest, ADuplicateObjectReplacesTheWholeFirst) {
  auto batch = Decode(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":)"
      R"("a","uid":"1","groups":["system:masters"],"extra":{"authentication.)"
      R"(kubernetes.io/credential-id":["x"]}},"user":{"username":"b"},)"
      R"("objectRef":{"resource":"a","name":"n"},"objectRef":{"resource":"b"}})");
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_EQ(event.user.name, "b");
  EXPECT_EQ(event.user.uid, "");
  EXPECT_THAT(event.user.groups, IsEmpty());
  EXPECT_EQ(event.credential_id, "");
  EXPECT_EQ(event.object.resource, "b");
  EXPECT_EQ(event.object.name, "");
  EXPECT_TRUE(event.duplicate_keys);
}

TEST(DecoderTest, DuplicatesInsideOfUserAndObjectAreMarked) {
  for (std::string_view members :
       {R"("user":{"username":"a","username":"b"},"objectRef":{"name":"b"})",
        R"("user":{"username":"b"},"objectRef":{"name":"a","n\u0061me":"b"})",
        R"("user":{"username":"b","groups":[],"groups":[]},)"
        R"("objectRef":{"name":"b"})"}) {
    auto batch = Decode(R"({"kind":"Event","apiVersion":"audit.k8s.io/v1",)" +
                        std::string(members) + "}");
    ASSERT_THAT(batch->events, SizeIs(1)) << members;
    EXPECT_EQ(batch->events[0].user.name, "b") << members;
    EXPECT_EQ(batch->events[0].object.name, "b") << members;
    EXPECT_TRUE(batch->events[0].duplicate_keys) << members;
  }
}

TEST(DecoderTest, ExpandsListsInTheirForms) {
  const std::string item =
      R"({"level":"Metadata","auditID":"1","stage":"ResponseComplete",)"
      R"("verb":"get","user":{"username":"a"}})";
  const std::string kForms[] = {
      R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},)"
      R"("items":[)" +
          item + "," + item + "]}",
      R"({"items":[)" + item + "," + item +
          R"(],"apiVersion":"audit.k8s.io/v1","kind":"EventList"})",
      "[" + item + "," + item + "]",
      R"([{"kind":"EventList","items":[)" + item + "]}," + item + "]",
      item + item,
      item + " \t" + item + "\r"};
  for (const std::string& form : kForms) {
    auto batch = Decode(form);
    EXPECT_THAT(batch->rejected, IsEmpty()) << form;
    ASSERT_THAT(batch->events, SizeIs(2)) << form;
    for (const AuditEvent& event : batch->events) {
      EXPECT_EQ(event.user.name, "a");
      EXPECT_EQ(event.raw.text, item);
      EXPECT_EQ(event.position, batch->raw.positions[0]);
    }
  }
}

TEST(DecoderTest, AnEmptyListIsNoEventAndNoFault) {
  auto batch = Decode(
      "[]\n"
      R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]})");
  EXPECT_THAT(batch->events, IsEmpty());
  EXPECT_THAT(batch->rejected, IsEmpty());
}

TEST(DecoderTest, ReadsARecordOverSeveralLines) {
  RawBatch raw;
  AppendRecord(
      "{\r\n  \"kind\" : \"EventList\" ,\n \"items\" : [ {\n"
      "  \"auditID\" : \"1\" ,\n\t\"stage\" : \"Panic\" ,\n"
      "  \"verb\" : \"get\"\n,\n \"user\" : { \"username\" : \"a\" } ,\n"
      "  \"sourceIPs\" : [ \"10.0.0.1\" , \"10.0.0.2\" ] ,\n"
      "  \"responseStatus\" : { \"code\" : 200 } ,\n"
      "  \"requestObject\" : [ 1 ] }\n ] }\n",
      raw);
  auto batch = Decoder({}).Decode(std::move(raw));
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_EQ(event.audit_id, "1");
  EXPECT_EQ(event.stage, Stage::kPanic);
  EXPECT_EQ(event.verb, "get");
  EXPECT_EQ(event.user.name, "a");
  EXPECT_THAT(event.source_ips, ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(event.response_code, 200);
  EXPECT_EQ(event.request_object.text, "[ 1 ]");
}

TEST(DecoderTest, KnowsAuditEventsFromOthers) {
  const std::pair<std::string_view, bool> kCases[] = {
      {R"({"kind":"Event","apiVersion":"audit.k8s.io/v1"})", true},
      {R"({"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"})", true},
      {R"({"kind":"Event","auditID":"1","stage":"Panic"})", true},
      {R"({"auditID":"1","stage":"Panic"})", true},
      {R"({"verb":"get","user":{}})", true},
      {R"({"kind":"Event"})", false},
      {R"({"kind":"Event","apiVersion":"v1","auditID":"1","stage":"x"})",
       false},
      {R"({"kind":"Event","apiVersion":"events.k8s.io/v1"})", false},
      {R"({"kind":"EventList","apiVersion":"v1","items":[{"auditID":"1",)"
       R"("stage":"x"}]})",
       false},
      {R"({"kind":"Pod","apiVersion":"v1","verb":"get","user":{}})", false},
      {R"({"items":[{"auditID":"1","stage":"Panic"}]})", false},
      {R"({})", false},
      {R"({"log":"x"})", false}};
  for (const auto& [text, is_event] : kCases) {
    auto batch = Decode(text);
    EXPECT_EQ(batch->events.size(), is_event ? 1 : 0) << text;
    ASSERT_EQ(batch->rejected.size(), is_event ? 0 : 1) << text;
    if (!is_event) {
      EXPECT_EQ(batch->rejected[0].reason, RejectReason::kNotAuditEvent);
      EXPECT_EQ(batch->rejected[0].sample, text);
    }
  }
}

TEST(DecoderTest, OneRejectedStandsForAllOddItemsOfARecord) {
  auto batch = Decode(
      R"({"kind":"EventList","items":[1,{"auditID":"1","stage":"x"},null,)"
      R"({"kind":"EventList","items":[{"auditID":"2","stage":"x"}]}]})");
  ASSERT_THAT(batch->events, SizeIs(1));
  EXPECT_EQ(batch->events[0].audit_id, "1");
  ASSERT_THAT(batch->rejected, SizeIs(1));
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kNotAuditEvent);
  EXPECT_THAT(batch->rejected[0].detail,
              ::testing::HasSubstr("3 values of the record"));
}

TEST(DecoderTest, ReadsOnlyTheFieldsAskedFor) {
  auto batch = Decode(
      kEvent, {.fields = Fields({FieldId::kVerb, FieldId::kUserGroups})});
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_EQ(event.verb, "create");
  EXPECT_THAT(event.user.groups, SizeIs(2));
  // Always there.
  EXPECT_EQ(event.audit_id, "d5020a72");
  EXPECT_EQ(event.stage, Stage::kResponseComplete);
  EXPECT_EQ(absl::ToUnixMicros(event.received), 1795476795363366);
  EXPECT_EQ(absl::ToUnixMicros(event.stage_time), 1795476795364504);
  EXPECT_EQ(event.raw.text, kEvent);
  // Left out.
  EXPECT_EQ(event.user.name, "");
  EXPECT_EQ(event.user.uid, "");
  EXPECT_EQ(event.credential_id, "");
  EXPECT_EQ(event.level, Level::kUnknown);
  EXPECT_EQ(event.request_uri, "");
  EXPECT_THAT(event.source_ips, IsEmpty());
  EXPECT_FALSE(event.object.present);
  EXPECT_EQ(event.response_code, 0);
  EXPECT_FALSE(event.request_object.present());
  EXPECT_FALSE(event.annotations.present());
  EXPECT_EQ(event.decision, Decision::kAbsent);
}

TEST(DecoderTest, ProjectionDoesNotChangeWhatIsAnEvent) {
  auto batch =
      Decode(R"({"verb":"get","user":{"username":"a"}})", {.fields = {}});
  EXPECT_THAT(batch->events, SizeIs(1));
  EXPECT_THAT(batch->rejected, IsEmpty());
}

TEST(DecoderTest, PeelsTrustedProxiesFromTheRight) {
  struct Case {
    std::string_view ips;
    std::string_view believed;
  };
  const Case kCases[] = {
      {R"(["6.6.6.6","1.2.3.4","10.0.0.1"])", "1.2.3.4"},
      {R"(["1.2.3.4","10.0.0.1","10.9.9.9"])", "1.2.3.4"},
      {R"(["1.2.3.4"])", "1.2.3.4"},
      {R"(["10.0.0.2","10.0.0.1"])", "10.0.0.2"},  // all trusted: the first
      {R"(["1.2.3.4","bogus"])", "bogus"},         // never trusted
      {R"(["1.2.3.4","10.0.0.1","fd00::1"])", "1.2.3.4"},
      {R"([])", ""},
      {R"("1.2.3.4")", "1.2.3.4"}};
  for (const Case& c : kCases) {
    auto batch = Decode(
        R"({"auditID":"1","stage":"x","sourceIPs":)" + std::string(c.ips) + "}",
        {.trusted_proxies = {*IpNetwork::Parse("10.0.0.0/8"),
                             *IpNetwork::Parse("fd00::/8")}});
    ASSERT_THAT(batch->events, SizeIs(1)) << c.ips;
    EXPECT_EQ(batch->events[0].source_ip, c.believed) << c.ips;
  }
}

TEST(DecoderTest, ARecycledBatchIsLikeANewOne) {
  Decoder decoder({});
  RawBatch raw = FrameLines(std::string(kEvent) + "\ntorn {\n" +
                            "{\"verb\":\"\xff\",\"user\":{}}");
  std::unique_ptr<EventBatch> first = decoder.Decode(std::move(raw));
  EXPECT_THAT(first->events, SizeIs(2));
  EXPECT_THAT(first->rejected, SizeIs(1));
  RawBatch again = decoder.Recycle(std::move(first));
  EXPECT_TRUE(again.empty());
  AppendRecord(kEvent, again);
  std::unique_ptr<EventBatch> second = decoder.Decode(std::move(again));
  ASSERT_THAT(second->events, SizeIs(1));
  EXPECT_EQ(second->events[0].raw.text, kEvent);
  EXPECT_THAT(second->rejected, IsEmpty());
  EXPECT_EQ(second->repaired_records, 0u);
  EXPECT_EQ(second->salvaged_records, 0u);
}

}  // namespace
}  // namespace oddverb
