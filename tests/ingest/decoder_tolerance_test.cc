// What the decoder makes of records that are odd, huge or damaged: every event
// that can be judged is, and no record costs another.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DecoderToleranceTest, JudgesEventsWithWrongTypes) {
  for (std::string_view members :
       {R"("user":null)",
        R"("user":{})",
        R"("user":"alice")",
        R"("user":[1])",
        R"("user":{"username":5,"groups":null,"uid":{},"extra":[1]})",
        R"("user":{"groups":"one","extra":{"a":null}})",
        R"("user":{"groups":[null,1,{"a":[]},["b"]]})",
        R"("sourceIPs":null)",
        R"("sourceIPs":{"a":1})",
        R"("sourceIPs":17)",
        R"("verb":null)",
        R"("verb":{"a":"}"})",
        R"("auditID":1)",
        R"("level":null)",
        R"("level":"Whatever")",
        R"("stage":"Later")",
        R"("stage":[])",
        R"("requestURI":false)",
        R"("objectRef":null)",
        R"("objectRef":[])",
        R"("objectRef":{"name":null,"resource":[]})",
        R"("responseStatus":null)",
        R"("responseStatus":"Failure")",
        R"("annotations":null)",
        R"("annotations":[{}])",
        R"("annotations":{"authorization.k8s.io/decision":7})",
        R"("requestReceivedTimestamp":1,"stageTimestamp":null)",
        R"("requestObject":null,"responseObject":"skipped-too-big")",
        R"("unknown":{"a":[]},"authenticationMetadata":{},"":"x")"}) {
    auto batch = DecodeLines(Event(members) + "\n" + EventWithId("next"));
    EXPECT_THAT(batch->rejected, IsEmpty()) << members;
    ASSERT_THAT(batch->events, SizeIs(2)) << members;
    EXPECT_EQ(batch->events[1].audit_id, "next") << members;
    EXPECT_FALSE(batch->events[0].duplicate_keys) << members;
  }
}

TEST(DecoderToleranceTest, ReadsCodesInAnySpelling) {
  const std::pair<std::string_view, int> kCases[] = {
      {"403", 403},      {"403.0", 403},
      {"4.03e2", 403},   {"\"403\"", 403},
      {"null", 0},       {"1e99", 0},
      {"-1", 0},         {"99999999999999999999", 0},
      {"[403]", 0},      {"{}", 0},
      {"\"forbid\"", 0}, {"true", 0},
      {"0", 0},          {"1e999", 0},
      {"007", 7},        {"2147483647", 2147483647},
      {"2147483648", 0}};
  for (const auto& [code, expected] : kCases) {
    auto batch = DecodeLines(
        Event(R"("responseStatus":{"code":)" + std::string(code) + "}"));
    ASSERT_THAT(batch->events, SizeIs(1)) << code;
    EXPECT_EQ(batch->events[0].response_code, expected) << code;
  }
}

TEST(DecoderToleranceTest, ReadsOddLists) {
  auto batch = DecodeLines(
      Event(R"("user":{"username":"a","groups":[1,"g",null,"h\n"],"extra":)"
            R"({"authentication.kubernetes.io/pod-name":[null,"p","q"],)"
            R"("authentication.kubernetes.io/node-name":"n"}},)"
            R"("sourceIPs":"10.0.0.1")"));
  ASSERT_THAT(batch->events, SizeIs(1));
  const AuditEvent& event = batch->events[0];
  EXPECT_THAT(event.user.groups, ElementsAre("g", "h\n"));
  EXPECT_EQ(event.pod_name, "p");
  EXPECT_EQ(event.node_name, "n");
  EXPECT_THAT(event.source_ips, ElementsAre("10.0.0.1"));
  EXPECT_EQ(event.source_ip, "10.0.0.1");
}

TEST(DecoderToleranceTest, ANullBodyIsAbsentAndAnArrayIsKept) {
  auto batch =
      DecodeLines(Event(R"("requestObject":[{"op":"add","path":"/a"}],)"
                        R"("responseObject":null)"));
  ASSERT_THAT(batch->events, SizeIs(1));
  EXPECT_EQ(batch->events[0].request_object.text,
            R"([{"op":"add","path":"/a"}])");
  EXPECT_FALSE(batch->events[0].response_object.present());
}

TEST(DecoderToleranceTest, UnescapesWhateverIsThere) {
  using std::string_literals::operator""s;
  const std::pair<std::string_view, std::string> kCases[] = {
      {R"(a\u0000b)", "a\0b"s},
      {R"(\ud83d\ude00)", "\xf0\x9f\x98\x80"},
      {R"(x\ud800y)", "x\xef\xbf\xbdy"},
      {R"(\udc00\ud800)", "\xef\xbf\xbd\xef\xbf\xbd"},
      {R"(\ud800\u0041)",
       "\xef\xbf\xbd"
       "A"},
      {R"(\q\u12)", R"(\q\u12)"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(sixteen bytes are\u0026)", "sixteen bytes are&"},
      {R"(0123456789abcdef0123456789abcde\n)",
       "0123456789abcdef0123456789abcde\n"},
      {R"(\u00e9\u20ac\uFFFD)", "\xc3\xa9\xe2\x82\xac\xef\xbf\xbd"}};
  for (const auto& [raw, expected] : kCases) {
    auto batch = DecodeLines(Event(R"("verb":")" + std::string(raw) +
                                   R"(","user":{"username":"u"})"));
    ASSERT_THAT(batch->events, SizeIs(1)) << raw;
    EXPECT_EQ(batch->events[0].verb, expected) << raw;
    EXPECT_EQ(batch->events[0].user.name, "u") << raw;
  }
}

TEST(DecoderToleranceTest, TimesFallBack) {
  struct Case {
    std::string_view received, stage;
    absl::Time expected_received, expected_stage;
  };
  const absl::Time a = absl::FromUnixSeconds(1795476795);
  const absl::Time never = absl::InfinitePast();
  const Case kCases[] = {
      {R"("2026-11-23T23:33:15Z")", R"("2026-11-23T23:33:16Z")", a,
       a + absl::Seconds(1)},
      {R"("2026-11-23T23:33:15.000000001Z")", R"("2026-11-24T01:33:15+02:00")",
       a + absl::Nanoseconds(1), a},
      {R"("2026-11-23T23:33:15.000000Z")", "null", a, a},
      {R"("2026-11-23T23:33:15.000000Z")", R"("garbage")", a, a},
      {R"("2026-11-23T23:33:15.000000Z")", R"("2026-02-30T23:33:15.000000Z")",
       a, a},
      {R"("infinite-future")", R"("infinite-future")", never, never},
      {R"("2026-13-23T23:33:15.000000Z")", "17", never, never},
      {R"("2026-11-23T24:33:15.000000Z")", R"("")", never, never},
      {R"("2026-11-23T23:33:15.00000:Z")", "{}", never, never}};
  for (const Case& c : kCases) {
    auto batch = DecodeLines(
        Event(R"("requestReceivedTimestamp":)" + std::string(c.received) +
              R"(,"stageTimestamp":)" + std::string(c.stage)));
    ASSERT_THAT(batch->events, SizeIs(1)) << c.stage;
    EXPECT_EQ(batch->events[0].received, c.expected_received) << c.received;
    EXPECT_EQ(batch->events[0].stage_time, c.expected_stage) << c.stage;
  }
  auto batch = DecodeLines(EventWithId("no times at all"));
  ASSERT_THAT(batch->events, SizeIs(1));
  EXPECT_EQ(batch->events[0].stage_time, absl::InfinitePast());
}

TEST(DecoderToleranceTest, TakesHugeAndDeepEvents) {
  std::string deep(5000, '[');
  deep += std::string(5000, ']');
  std::string ips = R"("sourceIPs":["192.0.2.0")";
  for (int i = 0; i < 20000; ++i) ips += R"(,"10.0.0.1")";
  ips += "]";
  const std::string kMembers[] = {
      R"("requestObject":)" + deep,
      R"("requestObject":"a)" + std::string(10 << 20, 'x') + "\"",
      R"("requestURI":"/)" + std::string(1 << 20, 'a') + "\"",
      R"("requestURI":"/)" + std::string(1 << 20, 'a') + R"(\u0026")",
      std::move(ips)};
  for (size_t i = 0; i < std::size(kMembers); ++i) {
    auto batch = DecodeLines(EventWithId("before") + "\n" + Event(kMembers[i]) +
                             "\n" + EventWithId("after"));
    EXPECT_THAT(batch->rejected, IsEmpty()) << i;
    ASSERT_THAT(batch->events, SizeIs(3)) << i;
    EXPECT_EQ(batch->events[2].audit_id, "after") << i;
  }
  auto batch = DecodeLines(Event(kMembers[4]));
  EXPECT_THAT(batch->events[0].source_ips, SizeIs(20001));
  EXPECT_EQ(batch->events[0].source_ip, "10.0.0.1");
}

TEST(DecoderToleranceTest, KeepsGoodLinesAroundABadOne) {
  const std::string_view kBad[] = {
      R"({"kind":"Event","verb":"unclosed)",
      R"({"kind":"Event")",
      R"({"kind":"Event","verb")",
      R"({"kind":"Event","verb":)",
      R"({"kind":"Event","verb":"get",)",
      R"({"kind":"Event","verb":"get")",
      R"({"user":{"groups":["a",)",
      R"({"requestObject":{"a":[{)",
      R"(,"a":1)",
      R"("text")",
      "plain text",
      "}",
      "]",
      "[",
      R"({"a" 1})",
      R"({"a":1 "b":2})",
      R"({"a":1,})",
      R"({"a":1}})",
      "\xff\xfe",
      "{\"a\":\"\x01",
      "I1124 10:00:00.000000 1 log.go:1] klog text"};
  for (std::string_view bad : kBad) {
    auto batch = DecodeLines(EventWithId("a") + "\n" + std::string(bad) + "\n" +
                             EventWithId("b") + "\n" + std::string(bad) + "\n" +
                             std::string(bad) + "\n" + EventWithId("c"));
    EXPECT_THAT(Ids(*batch), ElementsAre("a", "b", "c")) << bad;
    EXPECT_THAT(batch->rejected, SizeIs(::testing::Ge(3u))) << bad;
    for (const Rejected& rejected : batch->rejected) {
      EXPECT_FALSE(rejected.detail.empty()) << bad;
      EXPECT_GT(rejected.record_bytes, 0u) << bad;
      EXPECT_TRUE(bad.find(rejected.sample) != std::string_view::npos) << bad;
    }
    EXPECT_EQ(batch->rejected[0].position.line, 2u) << bad;
    EXPECT_EQ(batch->rejected[1].position.line, 4u) << bad;
  }
}

TEST(DecoderToleranceTest, NamesTheReason) {
  const std::pair<std::string_view, RejectReason> kCases[] = {
      {R"({"kind":"Event","verb":"unclo)", RejectReason::kTorn},
      {R"({"kind":"Event","verb":"get",)", RejectReason::kTorn},
      {R"({"kind":"Event","verb":"get")", RejectReason::kTorn},
      {R"({"requestObject":{"a":[{)", RejectReason::kTorn},
      {R"([{"auditID":"1")", RejectReason::kTorn},
      {"klog text", RejectReason::kNotJson},
      {"\"text\"", RejectReason::kNotJson},
      {R"({"a" 1})", RejectReason::kNotJson},
      {R"({"kind":"Pod"})", RejectReason::kNotAuditEvent}};
  for (const auto& [text, reason] : kCases) {
    auto batch = DecodeLines(text);
    ASSERT_THAT(batch->rejected, SizeIs(1)) << text;
    EXPECT_EQ(RejectReasonName(batch->rejected[0].reason),
              RejectReasonName(reason))
        << text;
    EXPECT_EQ(batch->rejected[0].sample, text);
    EXPECT_EQ(batch->rejected[0].record_bytes, text.size());
  }
}

TEST(DecoderToleranceTest, RepairsBadBytesAndKeepsTheEvent) {
  struct Case {
    std::string raw, verb;
  };
  const Case kCases[] = {
      {"a\xff"
       "b",
       "a\xef\xbf\xbd"
       "b"},
      {"\xc3", "\xef\xbf\xbd"},
      {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"ok \xe2\x82\xac \xfe", "ok \xe2\x82\xac \xef\xbf\xbd"},
      {"tab\there", "tab\there"},
      {"bell\x07!", "bell !"},
      {std::string("nul\0!", 5), "nul !"},
      {"\\\t", "\\ "},
      {"\\\"\x01", "\" "}};
  for (const Case& c : kCases) {
    auto batch = DecodeLines(EventWithId("a") + "\n" +
                             Event(R"("auditID":"b","verb":")" + c.raw +
                                   R"(","user":{"username":"u\u0026"})") +
                             "\n" + EventWithId("c"));
    EXPECT_THAT(Ids(*batch), ElementsAre("a", "b", "c")) << c.raw;
    EXPECT_THAT(batch->rejected, IsEmpty()) << c.raw;
    EXPECT_EQ(batch->events[1].verb, c.verb);
    EXPECT_EQ(batch->events[1].user.name, "u&");
    EXPECT_TRUE(batch->events[1].repaired);
    EXPECT_FALSE(batch->events[0].repaired);
    EXPECT_FALSE(batch->events[2].repaired);
    EXPECT_EQ(batch->repaired_records, 1u);
  }
}

TEST(DecoderToleranceTest, StripsByteOrderMarksAndLineEnds) {
  auto batch = DecodeLines("\xef\xbb\xbf" + EventWithId("a") + "\r\n \r\n" +
                           "\t" + EventWithId("b") + " \r\n\r\n");
  EXPECT_THAT(Ids(*batch), ElementsAre("a", "b"));
  EXPECT_THAT(batch->rejected, IsEmpty());
  EXPECT_EQ(batch->repaired_records, 0u);
}

TEST(DecoderToleranceTest, BytesBetweenRecordsDoNotMatter) {
  const std::string_view kBetween[] = {
      "",     ",\n",  "\"unclosed",
      "{}{[", "\xff", R"({"auditID":"x","stage":"y"})"};
  for (std::string_view between : kBetween) {
    RawBatch raw;
    for (std::string_view id : {"a", "b"}) {
      std::string event = EventWithId(id);
      raw.bytes->Append(between);
      raw.records.push_back({static_cast<uint32_t>(raw.bytes->size()),
                             static_cast<uint32_t>(event.size())});
      raw.positions.push_back({.line = raw.records.size()});
      raw.bytes->Append(event);
    }
    raw.bytes->Append(between);
    auto batch = Decoder({}).Decode(std::move(raw));
    EXPECT_THAT(Ids(*batch), ElementsAre("a", "b")) << between;
    EXPECT_THAT(batch->rejected, IsEmpty()) << between;
  }
}

TEST(DecoderToleranceTest, SpansOutsideOfTheBytesAreHarmless) {
  RawBatch raw = FrameLines(EventWithId("a"));
  uint32_t size = static_cast<uint32_t>(raw.bytes->size());
  raw.records.push_back({size + 1000, 50});
  raw.records.push_back({0, 0xffffffff});
  raw.records.push_back({0, size});
  auto batch = Decoder({}).Decode(std::move(raw));
  EXPECT_THAT(Ids(*batch), ElementsAre("a", "a", "a"));
}

TEST(DecoderToleranceTest, AnEmptyBatchIsEmpty) {
  auto batch = Decoder({}).Decode(RawBatch());
  EXPECT_THAT(batch->events, IsEmpty());
  EXPECT_THAT(batch->rejected, IsEmpty());
}

}  // namespace
}  // namespace oddverb
