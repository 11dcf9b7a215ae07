// What must hold for every envelope, whatever an attacker makes of it.
#include "ingest/envelope_reader.h"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "model/json_walk.h"
#include "tests/support/decoded_text.h"
#include "tests/support/envelope_inputs.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Quoted(std::string_view text) {
  return JsonWriter().String(text).Release();
}
std::string FluentBit(std::string_view log) {
  return "{\"date\":1.5,\"log\":" + Quoted(log) + "}";
}
std::string Firehose(std::string_view data) {
  return R"({"requestId":"r","timestamp":1,"records":[{"data":")" +
         absl::Base64Escape(A(data)) + "\"}]}";
}
std::string CloudWatch(std::string_view message) {
  return R"({"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[)"
         R"({"id":"1","message":)" +
         Quoted(message) + "}]}";
}

std::unique_ptr<EventBatch> DecodeRecord(std::string_view record) {
  RawBatch batch;
  AppendRecord(record, batch);
  return Decoder({}).Decode(std::move(batch));
}

uint64_t Touch(std::string_view text) {
  uint64_t sum = text.size();
  for (char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum;
}

// Reads all that events borrow, so that sanitizers see it.
uint64_t ReadAll(const EventBatch& batch) {
  uint64_t sum = 0;
  for (const AuditEvent& event : batch.events) {
    for (std::string_view text :
         {event.audit_id, event.verb, event.user.name, event.source_ip,
          event.user_agent, event.object.name, event.object.resource,
          event.response_message, event.raw.text, event.annotations.text,
          event.request_object.text}) {
      sum += Touch(text);
    }
    for (std::string_view group : event.user.groups) sum += Touch(group);
    JsonMembers members(event.raw);
    for (JsonMember member; members.Next(member);) ++sum;
  }
  return sum;
}

// One Rejected for a record, bounded; all bytes are readable.
void ExpectSound(std::string_view record) {
  std::unique_ptr<EventBatch> batch = DecodeRecord(record);
  ASSERT_LE(batch->rejected.size(), 1u);
  for (const Rejected& rejected : batch->rejected) {
    ASSERT_LE(rejected.sample.size(), Rejected::kSampleBytes);
    ASSERT_FALSE(rejected.detail.empty());
  }
  ReadAll(*batch);
}

TEST(EnvelopeReaderTest, APartOfAnyEnvelopeIsRejectedOnce) {
  for (const std::string& name : EnvelopeInputNames()) {
    for (const std::string& record : EnvelopeRecords(name)) {
      SCOPED_TRACE(name);
      // Each length of the short ones, some of the long.
      const size_t step = 1 + record.size() / 400;
      for (size_t size = 0; size < record.size(); size += step) {
        ExpectSound(std::string_view(record).substr(0, size));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(EnvelopeReaderTest, DamagedBytesAndWrongTypesDoNoHarm) {
  std::mt19937 random(20261126);  // NOLINT: the same bytes each time
  constexpr std::string_view kBytes = "{}[]\",:\\0\xff\x1f\n";
  for (const std::string& name : EnvelopeInputNames()) {
    for (const std::string& record : EnvelopeRecords(name)) {
      SCOPED_TRACE(name);
      for (int i = 0; i < 150; ++i) {
        std::string damaged = record;
        for (int k = 0; k < 1 + i % 3; ++k) {
          damaged[random() % damaged.size()] = kBytes[random() % kBytes.size()];
        }
        ExpectSound(damaged);
        if (HasFatalFailure()) return;
      }
      // Each value of another type.
      for (size_t at = record.find("\":"); at != record.npos;
           at = record.find("\":", at + 1)) {
        for (const char* value : {"7", "null", "[", "{\"a\":", "\"\\u"}) {
          std::string damaged = record;
          ExpectSound(damaged.insert(at + 2, value));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// Clients write the bodies of events; shippers do not write audit events.
TEST(EnvelopeReaderTest, AnEventIsNotSearchedForEnvelopes) {
  const std::string forged = FluentBit(EventWithId("forged"));
  const std::string event =
      Event(R"("auditID":"true","stage":"ResponseComplete","log":)" +
            Quoted(EventWithId("forged")) + ",\"requestObject\":" + forged);
  EXPECT_THAT(Ids(*DecodeRecord(event)), ElementsAre("true"));
  EXPECT_THAT(Ids(*DecodeRecord("[" + event + "]")), ElementsAre("true"));
  // Nor where it is torn.
  for (size_t size = 0; size < event.size(); ++size) {
    ASSERT_THAT(Ids(*DecodeRecord(event.substr(0, size))), IsEmpty()) << size;
  }
}

TEST(EnvelopeReaderTest, TheEventsOfARecordHaveItsPosition) {
  RawBatch raw;
  AppendRecord("{}", raw);
  AppendRecord("[" + FluentBit(EventWithId("a")) + "," + EventWithId("b") + "]",
               raw);
  Position position = raw.positions[1];
  std::unique_ptr<EventBatch> batch = Decoder({}).Decode(std::move(raw));
  ASSERT_THAT(Ids(*batch), ElementsAre("a", "b"));
  EXPECT_EQ(batch->events[0].position, position);
  EXPECT_EQ(batch->events[1].position, position);
}

TEST(EnvelopeReaderTest, TakesEnvelopesInEnvelopesUpToTheLimit) {
  std::string record = EventWithId("a");
  for (size_t i = 0; i < EnvelopeReader::kMostLayers; ++i) {
    record = FluentBit(record);
  }
  EXPECT_THAT(Ids(*DecodeRecord(record)), ElementsAre("a"));
  std::unique_ptr<EventBatch> batch = DecodeRecord(FluentBit(record));
  EXPECT_THAT(Ids(*batch), IsEmpty());
  ASSERT_EQ(batch->rejected.size(), 1u);
  EXPECT_THAT(batch->rejected[0].detail, HasSubstr("more than 5 envelopes"));

  record = GzipOf(Firehose(GzipOf(CloudWatch(EventWithId("b")))));
  EXPECT_THAT(Ids(*DecodeRecord(record)), ElementsAre("b"));
  record = ZstdOf(Firehose(ZstdOf(CloudWatch(EventWithId("c")))));
  EXPECT_THAT(Ids(*DecodeRecord(record)), ElementsAre("c"));
}

TEST(EnvelopeReaderTest, WhatUnpacksToTooMuchIsRejected) {
  // A thousand times as large, and again inside of itself.
  const std::string bomb = GzipOf(std::string(8 << 20, ' '));
  for (const std::string& record :
       {bomb, GzipOf(bomb), Firehose(bomb), ZstdOf(std::string(8 << 20, ' ')),
        Firehose(GzipOf(CloudWatch(bomb)))}) {
    std::unique_ptr<EventBatch> batch = DecodeRecord(record);
    EXPECT_THAT(Ids(*batch), IsEmpty());
    EXPECT_LE(batch->rejected.size(), 1u);
  }
  std::unique_ptr<EventBatch> batch = DecodeRecord(bomb);
  ASSERT_EQ(batch->rejected.size(), 1u);
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kOversized);
  EXPECT_THAT(batch->rejected[0].detail, HasSubstr("when unpacked"));
  // Real logs that repeat themselves are taken.
  std::string log;
  for (int i = 0; i < 2000; ++i) log += EventWithId(std::to_string(i)) + "\n";
  EXPECT_EQ(DecodeRecord(GzipOf(log))->events.size(), 2000u);
}

TEST(EnvelopeReaderTest, TheEventsBeforeDamagedDataStay) {
  std::string log;
  for (int i = 0; i < 500; ++i) log += EventWithId(std::to_string(i)) + "\n";
  std::string stored = GzipOf(log);
  std::unique_ptr<EventBatch> batch =
      DecodeRecord(stored.substr(0, stored.size() / 2));
  EXPECT_GT(batch->events.size(), 10u);
  ASSERT_EQ(batch->rejected.size(), 1u);
  EXPECT_EQ(batch->rejected[0].reason, RejectReason::kTorn);
  EXPECT_THAT(batch->rejected[0].detail, HasSubstr("gzip data damaged"));
}

TEST(EnvelopeReaderTest, BadBytesAreReplacedInsideToo) {
  std::unique_ptr<EventBatch> batch =
      DecodeRecord(Firehose(Event("\"auditID\":\"\xff\",\"stage\":\"Panic\"")));
  EXPECT_THAT(Ids(*batch), ElementsAre("\xef\xbf\xbd"));
  EXPECT_TRUE(batch->events[0].repaired);
  EXPECT_EQ(batch->repaired_records, 1u);
}

TEST(EnvelopeReaderTest, ARecycledBatchCountsAnew) {
  Decoder decoder({});
  RawBatch raw;
  AppendRecord(R"({"log":"text","time":"t"})", raw);
  std::unique_ptr<EventBatch> first = decoder.Decode(std::move(raw));
  EXPECT_EQ(first->eventless_records, 1u);
  EXPECT_TRUE(first->rejected.empty());
  raw = decoder.Recycle(std::move(first));
  AppendRecord(EventWithId("a"), raw);
  EXPECT_EQ(decoder.Decode(std::move(raw))->eventless_records, 0u);
}

}  // namespace
}  // namespace oddverb
