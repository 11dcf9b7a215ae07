// The same events in any envelope are the same findings.
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/corpus.h"
#include "tests/support/input_files.h"
#include "tests/support/raw_client.h"
#include "tests/support/running_service.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Quoted(std::string_view text) {
  return JsonWriter().String(text).Release();
}

std::string CloudWatch(const std::vector<std::string>& events) {
  std::vector<std::string> entries;
  for (const std::string& event : events) {
    entries.push_back(R"({"id":"1","timestamp":1,"message":)" + Quoted(event) +
                      "}");
  }
  return R"({"messageType":"DATA_MESSAGE","owner":"1","logGroup":)"
         R"("/aws/eks/c/cluster","logStream":"kube-apiserver-audit-1",)"
         R"("logEvents":[)" +
         absl::StrJoin(entries, ",") + "]}";
}

std::string Firehose(const std::vector<std::string>& events) {
  return R"({"requestId":"r","timestamp":1,"records":[{"data":")" +
         absl::Base64Escape(GzipOf(CloudWatch(events))) + "\"}]}";
}

std::string EventHubs(const std::vector<std::string>& events) {
  std::vector<std::string> records;
  for (const std::string& event : events) {
    records.push_back(R"({"category":"kube-audit","resourceId":"/C",)"
                      R"("properties":{"log":)" +
                      Quoted(event + "\n") + "}}");
  }
  return R"({"records":[)" + absl::StrJoin(records, ",") + "]}";
}

std::string FluentBit(const std::vector<std::string>& events) {
  std::vector<std::string> lines;
  for (const std::string& event : events) {
    lines.push_back("{\"date\":1.5,\"log\":" + Quoted(event) + "}");
  }
  return absl::StrJoin(lines, "\n");
}

std::string Filebeat(const std::vector<std::string>& events) {
  std::vector<std::string> lines;
  for (const std::string& event : events) {
    lines.push_back(R"({"@timestamp":"t","agent":{},"json":)" + event + "}");
  }
  return absl::StrJoin(lines, "\n");
}

using Wrap = std::function<std::string(const std::vector<std::string>&)>;

// A line for each few events.
std::string Wrapped(const std::vector<std::string>& events, const Wrap& wrap) {
  constexpr size_t kTogether = 7;
  std::string text;
  for (size_t i = 0; i < events.size(); i += kTogether) {
    size_t end = std::min(i + kTogether, events.size());
    text += wrap({events.begin() + static_cast<int64_t>(i),
                  events.begin() + static_cast<int64_t>(end)}) +
            "\n";
  }
  return text;
}

std::string EnvelopeFindings(const std::string& log) {
  const ChildResult result =
      Oddverb({"scan", "-q", "--format", "ndjson", "-"}, log);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.errors, "");
  return result.output;
}

TEST(EnvelopesTest, TheFindingsAreThoseOfTheBareEvents) {
  for (const char* sample :
       {"forbidden-burst-sa.log.gz", "stolen-credentials.log.gz",
        "exec-metadata.log.gz"}) {
    SCOPED_TRACE(sample);
    const std::string bare = ReadMaybeGzip(Sample(sample));
    const std::vector<std::string> events = LinesOf(bare);
    const std::string expected = EnvelopeFindings(bare);
    ASSERT_NE(expected, "");
    for (const Wrap& wrap :
         {Wrap(&FluentBit), Wrap(&Filebeat), Wrap(&CloudWatch), Wrap(&Firehose),
          Wrap(&EventHubs)}) {
      const std::string log = Wrapped(events, wrap);
      SCOPED_TRACE(log.substr(0, 80));
      EXPECT_EQ(EnvelopeFindings(log), expected);
    }
  }
}

TEST(EnvelopesTest, FirehoseIsAnsweredInItsFormWhenItsEventsAreDurable) {
  RunningService service(
      {.program = ODDVERB_BINARY, .webhook = RunningService::Webhook::kPlain});
  service.Start();
  service.AwaitStarted();
  const std::vector<std::string> events =
      LinesOf(ReadMaybeGzip(Sample("forbidden-burst-sa.log.gz")));
  // A retry of the same delivery brings nothing new.
  for (int i = 0; i < 2; ++i) {
    const std::string body = Firehose(events);
    RawClient client(absl::StrCat("127.0.0.1:", service.webhook_port()));
    ASSERT_TRUE(client.Send(absl::StrCat(
        "POST /audit/", RunningService::kCluster,
        " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "X-Amz-Firehose-Request-Id: delivery-7\r\nContent-Length: ",
        body.size(), "\r\n\r\n", body)));
    const RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(response.body,
                StartsWith(R"({"requestId":"delivery-7","timestamp":)"));
  }
  EXPECT_EQ(service.AwaitMetric("oddverb_events_total", 2 * events.size(),
                                ChildProcess::kPatience),
            2 * events.size());
  EXPECT_EQ(service.AwaitMetric("oddverb_duplicates_total", events.size(),
                                ChildProcess::kPatience),
            events.size());
  service.Stop();
}

TEST(EnvelopesTest, TheSummaryTellsOfEnvelopesWithoutEvents) {
  const std::string text = R"({"log":"a line\n","stream":"stderr","time":"t"})";
  const ChildResult result = Oddverb({"scan", "-"}, text + "\n" + text + "\n");
  EXPECT_THAT(result.errors, HasSubstr("2 records without an event"));
  EXPECT_THAT(result.errors, HasSubstr("do lines of other programs come here"));
}

}  // namespace
}  // namespace oddverb
