// What the decoder makes of torn records: a writer was stopped in the middle of
// an event, or a shipper cut it. What can be judged is, nothing is made up.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DecoderTornTest, SavesTheEventGluedToATornOne) {
  const std::string whole =
      Event(R"("level":"Metadata","auditID":"torn","requestURI":"/a:b[c,d",)"
            R"("user":{"username":"u","groups":["g","h"]},"requestObject":)"
            R"({"kind":"Event","apiVersion":"v1","list":[1,{"a":"\"x"}],)"
            R"("text":"{\"kind\":\"Event\"}"},"annotations":{"a":"b"})");
  const std::string next =
      Event(R"("auditID":"next","stage":"ResponseComplete","requestObject":)"
            R"({"kind":"Event","apiVersion":"v1","text":"\\\"}{"})");
  size_t lost = 0;
  for (size_t cut = 1; cut < whole.size(); ++cut) {
    auto batch =
        DecodeLines(EventWithId("before") + "\n" + whole.substr(0, cut) + next +
                    "\n" + EventWithId("after"));
    ASSERT_GE(batch->events.size(), 2u) << whole.substr(0, cut);
    EXPECT_EQ(batch->events.front().audit_id, "before");
    EXPECT_EQ(batch->events.back().audit_id, "after");
    ASSERT_THAT(batch->rejected, SizeIs(1)) << whole.substr(0, cut);
    const Rejected& rejected = batch->rejected[0];
    EXPECT_EQ(rejected.reason, RejectReason::kTorn);
    EXPECT_EQ(rejected.position.line, 2u);
    if (batch->events.size() == 2) {
      ++lost;  // see NeverMakesAnEventOfABody
      continue;
    }
    ASSERT_THAT(batch->events, SizeIs(3)) << whole.substr(0, cut);
    EXPECT_EQ(batch->events[1].audit_id, "next");
    EXPECT_EQ(batch->events[1].raw.text, next);
    EXPECT_EQ(batch->events[1].position.line, 2u);
    EXPECT_EQ(batch->salvaged_records, 1u);
    EXPECT_EQ(rejected.sample, whole.substr(0, cut));
    EXPECT_EQ(rejected.record_bytes, cut);
  }
  // Only where the tear is in a body and looks as if a value followed: behind a
  // colon, or inside of an array behind its bracket or a comma; and behind the
  // very first colon, where nothing is known yet.
  EXPECT_EQ(lost, 9u);
}

TEST(DecoderTornTest, SavesSeveralGluedEvents) {
  auto batch = DecodeLines(EventWithId("a") + EventWithId("b") +
                           EventWithId("torn").substr(0, 60) +
                           EventWithId("c") + " " + EventWithId("d"));
  EXPECT_THAT(Ids(*batch), ElementsAre("a", "b", "c", "d"));
  ASSERT_THAT(batch->rejected, SizeIs(1));
  EXPECT_EQ(batch->rejected[0].sample, EventWithId("torn").substr(0, 60));
  EXPECT_EQ(batch->salvaged_records, 1u);
}

TEST(DecoderTornTest, SavesTheEventBehindNulBytes) {
  // What a file system leaves of a torn event after a crash.
  auto batch =
      DecodeLines(std::string(100, '\0') + EventWithId("a") + "\n" +
                  EventWithId("torn").substr(0, 75) + std::string(5, '\0') +
                  EventWithId("b") + "\n" + std::string(64, '\0'));
  EXPECT_THAT(Ids(*batch), ElementsAre("a", "b"));
  ASSERT_THAT(batch->rejected, SizeIs(2));
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kTorn);
  EXPECT_EQ(batch->rejected[1].reason, RejectReason::kNotJson);
}

TEST(DecoderTornTest, NeverMakesAnEventOfABody) {
  // A client's body, cut where its own object ends: shippers cut long records
  // at a size that a client can know.
  const std::string forged = EventWithId("forged");
  constexpr std::string_view kListHead =
      R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{)";
  constexpr std::string_view kLostHead = R"(Metadata","verb":"create",)";
  for (std::string_view around :
       {R"("requestObject":)", R"("requestObject":[)", R"("requestObject":[1,)",
        R"("requestObject":{"spec": )", R"("requestObject":[[2], )",
        R"("requestObject":{"user":)", R"("responseObject":{"a":{},"b":)",
        R"("a":"requestObject","responseObject":)"}) {
    for (std::string_view head : {kEventHead, kListHead, kLostHead}) {
      std::string cut = std::string(head) + R"("auditID":"x",)" +
                        std::string(around) + forged;
      auto batch = DecodeLines(cut + "\n" + EventWithId("after"));
      EXPECT_THAT(Ids(*batch), ElementsAre("after")) << around;
      EXPECT_THAT(batch->rejected, SizeIs(1)) << around;
    }
  }
}

TEST(DecoderTornTest, KeepsTheItemsBeforeATearInAList) {
  auto batch = DecodeLines(
      R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[)"
      R"({"auditID":"1","stage":"x"},{"auditID":"2","stage":"x"},)"
      R"({"auditID":"3","sta)");
  EXPECT_THAT(Ids(*batch), ElementsAre("1", "2"));
  ASSERT_THAT(batch->rejected, SizeIs(1));
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kTorn);
  EXPECT_EQ(batch->salvaged_records, 1u);
}

TEST(DecoderTornTest, ARecordNeverBorrowsFromTheNext) {
  // Each prefix of an event, with its rest as the next record.
  const std::string event = Event(
      R"("auditID":"a","user":{"username":"u","groups":["g"],"extra":{)"
      R"("authentication.kubernetes.io/pod-name":["p"]}},"sourceIPs":["1"],)"
      R"("objectRef":{},"responseStatus":{"code":1},"requestObject":{"a":[]})");
  for (size_t cut = 1; cut < event.size(); ++cut) {
    RawBatch raw;
    raw.bytes->Append(event);  // without a byte between the records
    raw.records = {{0, static_cast<uint32_t>(cut)},
                   {static_cast<uint32_t>(cut),
                    static_cast<uint32_t>(event.size() - cut)}};
    raw.positions.resize(2);
    auto batch = Decoder({}).Decode(std::move(raw));
    EXPECT_THAT(batch->events, IsEmpty()) << event.substr(0, cut);
    EXPECT_THAT(batch->rejected, SizeIs(2)) << event.substr(0, cut);
  }
}

// A record must cost time by its own length only, whatever stands around it.
TEST(DecoderTornTest, ManyTornRecordsCostLinearTime) {
  std::string text;
  while (text.size() < (1u << 20)) {
    text += "{\"a\":1\n,\"b\":[\n\"c\",{\n";
  }
  auto batch = DecodeLines(text);  // would take minutes if it were quadratic
  EXPECT_THAT(batch->events, IsEmpty());
  EXPECT_GT(batch->rejected.size(), 100000u);

  std::string glued = R"({"kind":"Event","a":")";
  while (glued.size() < (4u << 20)) glued += R"({"kind":"Event":{"}}:[)";
  EXPECT_THAT(DecodeLines(glued)->events, IsEmpty());
}

TEST(DecoderTornTest, TheSampleIsBounded) {
  auto batch = DecodeLines("{\"a\":\"" + std::string(100000, 'x'));
  ASSERT_THAT(batch->rejected, SizeIs(1));
  EXPECT_EQ(batch->rejected[0].sample.size(), Rejected::kSampleBytes);
  EXPECT_EQ(batch->rejected[0].record_bytes, 100006u);
  EXPECT_THAT(batch->rejected[0].detail, HasSubstr("at byte 100006"));
}

}  // namespace
}  // namespace oddverb
