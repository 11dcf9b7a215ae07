// Every shape of tests/ingest/envelopes/ is decoded to exactly what the file
// beside it says: each event by its fields, then what was rejected.
// To make the expectations anew, and then to read the difference:
//   ODDVERB_WRITE_EXPECTATIONS=1 build/release/tests/ingest_test
//   --gtest_filter='*EnvelopeFiles*'
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/json_writer.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "tests/support/envelope_inputs.h"
#include "tests/support/raw_batches.h"

namespace oddverb {
namespace {

RawBatch RecordsOf(std::string_view name) {
  RawBatch batch;
  for (const std::string& record : EnvelopeRecords(name)) {
    AppendRecord(record, batch);
  }
  return batch;
}

void Put(std::string_view key, std::string_view value, JsonWriter& json) {
  if (!value.empty()) json.Key(key).String(value);
}

void PutList(std::string_view key, std::span<const std::string_view> values,
             JsonWriter& json) {
  if (values.empty()) return;
  json.Key(key).BeginArray();
  for (std::string_view value : values) json.String(value);
  json.EndArray();
}

void PutTime(std::string_view key, absl::Time time, JsonWriter& json) {
  if (time == absl::InfinitePast()) return;
  Put(key, absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()),
      json);
}

void PutObject(const ObjectReference& object, JsonWriter& json) {
  if (!object.present) return;
  json.Key("object").BeginObject();
  Put("resource", object.resource, json);
  Put("subresource", object.subresource, json);
  Put("namespace", object.ns, json);
  Put("name", object.name, json);
  Put("api_group", object.api_group, json);
  Put("api_version", object.api_version, json);
  json.EndObject();
}

// What is absent in the event is absent here.
std::string TextOf(const AuditEvent& event) {
  JsonWriter json;
  json.BeginObject();
  json.Key("line").Int(static_cast<int64_t>(event.position.line));
  Put("audit_id", event.audit_id, json);
  if (event.stage != Stage::kUnknown)
    Put("stage", StageName(event.stage), json);
  if (event.level != Level::kUnknown)
    Put("level", LevelName(event.level), json);
  PutTime("received", event.received, json);
  PutTime("stage_time", event.stage_time, json);
  Put("verb", event.verb, json);
  Put("request_uri", event.request_uri, json);
  Put("user", event.user.name, json);
  PutList("groups", event.user.groups, json);
  PutList("source_ips", event.source_ips, json);
  Put("source_ip", event.source_ip, json);
  Put("user_agent", event.user_agent, json);
  PutObject(event.object, json);
  if (event.response_code != 0) json.Key("code").Int(event.response_code);
  Put("reason", event.response_reason, json);
  Put("message", event.response_message, json);
  if (event.decision != Decision::kAbsent) {
    Put("decision", event.decision == Decision::kAllow ? "allow" : "forbid",
        json);
  }
  Put("authorization_reason", event.authorization_reason, json);
  Put("request_object", event.request_object.text, json);
  Put("response_object", event.response_object.text, json);
  json.EndObject();
  return json.Release() + "\n";
}

std::string TextOf(const EventBatch& batch) {
  std::string text;
  for (const AuditEvent& event : batch.events) text += TextOf(event);
  for (const Rejected& rejected : batch.rejected) {
    JsonWriter json;
    json.BeginObject();
    json.Key("line").Int(static_cast<int64_t>(rejected.position.line));
    json.Key("rejected").String(RejectReasonName(rejected.reason));
    json.Key("detail").String(rejected.detail);
    json.EndObject();
    text += json.Release() + "\n";
  }
  if (batch.eventless_records > 0) {
    JsonWriter json;
    json.BeginObject();
    json.Key("eventless_records")
        .Int(static_cast<int64_t>(batch.eventless_records));
    json.EndObject();
    text += json.Release() + "\n";
  }
  return text;
}

class EnvelopeFilesTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string Expectation() const {
    return GetParam().substr(0, GetParam().find(".in.")) + ".events.ndjson";
  }
};

TEST_P(EnvelopeFilesTest, IsDecodedToTheEventsInIt) {
  std::string decoded = TextOf(*Decoder({}).Decode(RecordsOf(GetParam())));
  if (std::getenv("ODDVERB_WRITE_EXPECTATIONS") != nullptr) {
    std::ofstream(EnvelopePath(Expectation()), std::ios::binary) << decoded;
  }
  EXPECT_EQ(decoded, EnvelopeText(Expectation()));
}

// A record's neighbours decide whether a whole batch can be indexed at once.
TEST_P(EnvelopeFilesTest, IsDecodedTheSameBesideARecordThatIsNoText) {
  RawBatch alone = RecordsOf(GetParam());
  RawBatch batch = RecordsOf(GetParam());
  AppendRecord("\xff{", batch);
  std::unique_ptr<EventBatch> expected = Decoder({}).Decode(std::move(alone));
  std::unique_ptr<EventBatch> decoded = Decoder({}).Decode(std::move(batch));
  ASSERT_FALSE(decoded->rejected.empty());
  decoded->rejected.pop_back();
  EXPECT_EQ(TextOf(*decoded), TextOf(*expected));
}

INSTANTIATE_TEST_SUITE_P(All, EnvelopeFilesTest,
                         ::testing::ValuesIn(EnvelopeInputNames()),
                         [](const auto& file) {
                           std::string name =
                               file.param.substr(0, file.param.find(".in."));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace oddverb
