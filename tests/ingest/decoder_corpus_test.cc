// The decoder on real data, and that the size of batches changes nothing.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "tests/support/corpus.h"
#include "tests/support/raw_batches.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;

TEST(DecoderCorpusTest, EveryCorpusFileDecodesWithoutARejectedRecord) {
  std::vector<std::string> files = CorpusAuditFiles();
  if (files.empty()) GTEST_SKIP() << "no corpus";
  Decoder decoder({});
  for (const std::string& path : files) {
    std::string text = ReadMaybeGzip(path);
    RawBatch raw = FrameLines(text);
    size_t expected = raw.records.size();
    if (path.find("webhook-samples") != std::string::npos) {
      // Only an item of the list begins with its level.
      expected = 0;
      for (size_t at = 0;
           (at = text.find("{\"level\":\"", at)) != std::string::npos; ++at) {
        ++expected;
      }
    }
    auto batch = decoder.Decode(std::move(raw));
    EXPECT_EQ(batch->events.size(), expected) << path;
    EXPECT_THAT(batch->rejected, IsEmpty()) << path;
    EXPECT_EQ(batch->repaired_records, 0u) << path;
    EXPECT_EQ(batch->salvaged_records, 0u) << path;
    for (const AuditEvent& event : batch->events) {
      EXPECT_NE(event.stage, Stage::kUnknown) << path;
      EXPECT_NE(event.stage_time, absl::InfinitePast()) << path;
      EXPECT_FALSE(event.duplicate_keys) << path;
    }
  }
}

constexpr std::string_view kCorpusEvent =
    R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":)"
    R"("ResponseComplete","requestURI":"/x?a\u0026b","verb":"create","user":)"
    R"({"username":"u"},"sourceIPs":["1.2.3.4"],"responseStatus":{"code":403},)"
    R"("requestObject":{"a":[1,"}"]},"stageTimestamp":)"
    R"("2026-11-23T23:33:15.364504Z"})";

// Everything of an event that has no address in it.
std::string DescribeEvent(const AuditEvent& event) {
  std::string text;
  for (std::string_view field :
       {event.audit_id, event.request_uri, event.verb, event.user.name,
        event.source_ip, event.user_agent, event.object.name,
        event.response_message, event.authorization_reason,
        event.request_object.text, event.raw.text}) {
    text += field;
    text += '\0';
  }
  return text + std::to_string(event.response_code) +
         absl::FormatTime(event.stage_time);
}

TEST(DecoderCorpusTest, TheSizeOfBatchesChangesNothing) {
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += std::string(kCorpusEvent) + "\n";
    if (i % 7 == 0) text += "torn {\"\n";
    if (i % 11 == 0) text += std::string(kCorpusEvent.substr(0, 60)) + "\xff\n";
    if (i % 13 == 0) {
      text += R"({"auditID":"1","stage":"x","verb":")"
              "\xfe\"}\n";
    }
  }
  RawBatch whole = FrameLines(text);
  std::vector<std::string> reference;
  for (size_t size : {size_t{1000}, size_t{1}, size_t{2}, size_t{7}}) {
    Decoder decoder({});
    std::vector<std::string> described;
    size_t rejected = 0;
    for (size_t first = 0; first < whole.records.size(); first += size) {
      RawBatch part;
      for (size_t i = first; i < first + size && i < whole.records.size();
           ++i) {
        AppendRecord(whole.bytes->view().substr(whole.records[i].offset,
                                                whole.records[i].length),
                     part);
      }
      auto batch = decoder.Decode(std::move(part));
      rejected += batch->rejected.size();
      for (const AuditEvent& event : batch->events) {
        described.push_back(DescribeEvent(event));
      }
    }
    described.push_back(std::to_string(rejected));
    if (reference.empty()) reference = described;
    EXPECT_EQ(described, reference) << size;
    EXPECT_GT(described.size(), 50u);
  }
}

}  // namespace
}  // namespace oddverb
