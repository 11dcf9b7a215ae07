#include "exporters/otlp_exporter.h"

#include <set>
#include <sstream>
#include <string>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/finding_samples.h"
#include "tests/exporters/receivers.h"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class OtlpExporterTest : public ::testing::Test {
 protected:
  std::unique_ptr<Exporter> Make(const OtlpOptions& options) {
    absl::StatusOr<std::unique_ptr<Exporter>> made =
        OtlpExporter::Make(options, logger_);
    EXPECT_THAT(made, IsOk());
    return *std::move(made);
  }
  // Sends `count` findings to a receiver that says 200 and `answer`.
  absl::Status ExportTo(const std::string& answer, size_t count) {
    Receiver receiver([&](size_t, const std::string&) {
      return HttpResponse{.content_type = "application/json", .body = answer};
    });
    const std::vector<Finding> findings(count, TypicalFinding());
    return Make({.http = {.url = receiver.url()}})
        ->Export(findings, absl::InfiniteFuture());
  }

  SystemClock clock_;
  std::ostringstream log_;
  Logger logger_{LogOptions{}, clock_, log_};
};

// key -> AnyValue
json AttributesOf(const json& list) {
  json attributes;
  for (const json& attribute : list) {
    attributes[attribute["key"].get<std::string>()] = attribute["value"];
  }
  return attributes;
}

TEST_F(OtlpExporterTest, SendsALogRecordForEachFinding) {
  Receiver receiver;
  auto exporter = Make({.http = {.url = receiver.url("/v1/logs")},
                        .resource = {{"deployment.environment.name", "prod"}}});
  const std::vector<Finding> findings(2, TypicalFinding());
  ASSERT_THAT(exporter->Export(findings, absl::InfiniteFuture()), IsOk());
  ASSERT_THAT(exporter->Export({}, absl::InfiniteFuture()), IsOk());
  ASSERT_EQ(receiver.requests().size(), 1u);
  const Received request = receiver.requests()[0];
  EXPECT_EQ(request.head.path, "/v1/logs");
  EXPECT_EQ(request.Header("Content-Type"), "application/json");
  const json body = json::parse(request.body);
  ASSERT_EQ(body["resourceLogs"].size(), 1u);
  const json& logs = body["resourceLogs"][0];
  EXPECT_EQ(AttributesOf(logs["resource"]["attributes"]),
            json::parse(R"({"service.name": {"stringValue": "oddverb"},
                "k8s.cluster.name": {"stringValue": "prod-eu/1"},
                "deployment.environment.name": {"stringValue": "prod"}})"));
  ASSERT_EQ(logs["scopeLogs"][0]["logRecords"].size(), 2u);
  const json& record = logs["scopeLogs"][0]["logRecords"][0];
  EXPECT_EQ(record["timeUnixNano"], "1795476795513983000");
  EXPECT_EQ(record["severityNumber"], 21);
  EXPECT_EQ(record["severityText"], "critical");
  EXPECT_EQ(record["body"]["stringValue"], findings[0].summary);
  const json attributes = AttributesOf(record["attributes"]);
  EXPECT_EQ(attributes["oddverb.rule"]["stringValue"], "token.outside_its_pod");
  EXPECT_EQ(attributes["oddverb.count"]["intValue"], "25");
  EXPECT_EQ(attributes["oddverb.score"]["doubleValue"], 14.25);
  EXPECT_EQ(attributes["k8s.namespace.name"]["stringValue"], "shop");
  EXPECT_EQ(attributes["oddverb.audit_ids"]["arrayValue"]["values"].size(), 2u);
}

TEST_F(OtlpExporterTest, FitsTheProtocolWhateverTheLogHeld) {
  const std::vector<Finding> findings = HostileFindings(200);
  const json body = json::parse(OtlpLogsJson(findings, {}));
  ASSERT_EQ(SchemaMismatch(DataSchema("otlp_logs"), body), "");
  size_t records = 0;
  for (const json& logs : body["resourceLogs"]) {
    for (const json& record : logs["scopeLogs"][0]["logRecords"]) {
      ++records;
      std::set<std::string> keys;
      for (const json& attribute : record["attributes"]) {
        ASSERT_TRUE(keys.insert(attribute["key"]).second) << attribute;
      }
    }
  }
  EXPECT_EQ(records, findings.size());
}

TEST_F(OtlpExporterTest, AnAttributeOfTheResourceThatIsGivenWins) {
  const Finding finding = TypicalFinding();
  const json body = json::parse(OtlpLogsJson(
      {&finding, 1}, {{"service.name", "sec"}, {"k8s.cluster.name", "c"}}));
  EXPECT_EQ(body["resourceLogs"][0]["resource"]["attributes"].size(), 2u);
}

TEST_F(OtlpExporterTest, EachClusterIsAResource) {
  std::vector<Finding> findings(3, TypicalFinding());
  findings[1].cluster = "other";
  const json body = json::parse(OtlpLogsJson(findings, {}));
  ASSERT_EQ(body["resourceLogs"].size(), 2u);
  EXPECT_EQ(body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].size(), 2u);
}

TEST_F(OtlpExporterTest, APartialSuccessIsLoggedAndNotSentAgain) {
  EXPECT_THAT(ExportTo(R"({"partialSuccess": {"rejectedLogRecords": "2",
                           "errorMessage": "too\nold"}})",
                       5),
              IsOk());
  EXPECT_THAT(log_.str(), AllOf(HasSubstr("level=warn"), HasSubstr("refused=2"),
                                HasSubstr("sent=5"), HasSubstr("too")));
}

TEST_F(OtlpExporterTest, ANumberIsReadAsWellAsAString) {
  EXPECT_THAT(ExportTo(R"({"partialSuccess": {"rejectedLogRecords": 1}})", 2),
              IsOk());
  EXPECT_THAT(log_.str(), HasSubstr("refused=1"));
}

TEST_F(OtlpExporterTest, NothingTakenIsARefusal) {
  EXPECT_THAT(ExportTo(R"({"partialSuccess": {"rejectedLogRecords": "3",
                           "errorMessage": "no tenant"}})",
                       3),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("each of 3"), HasSubstr("no tenant"))));
}

TEST_F(OtlpExporterTest, AnyOtherAnswerIsAFullSuccess) {
  for (const char* answer :
       {"", "{}", "null", "garbage", "[1,2]", R"({"partialSuccess": null})",
        R"({"partialSuccess": {"rejectedLogRecords": "0"}})",
        R"({"partialSuccess": {"rejectedLogRecords": "-1"}})",
        R"({"partialSuccess": {"rejectedLogRecords": "x"}})",
        R"({"partialSuccess": {"rejectedLogRecords": [1]}})", "\x0a\x02\x08"}) {
    EXPECT_THAT(ExportTo(answer, 2), IsOk()) << answer;
  }
  EXPECT_EQ(log_.str(), "");
}

TEST_F(OtlpExporterTest, HandsOnWhatTheStatusMeans) {
  Receiver receiver([](size_t, const std::string&) {
    return HttpResponse{.status = 503, .retry_after = absl::Seconds(3)};
  });
  const Finding finding = TypicalFinding();
  const absl::Status status =
      Make({.http = {.url = receiver.url()}})
          ->Export({&finding, 1}, absl::InfiniteFuture());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryAfterOf(status), absl::Seconds(3));
}

}  // namespace
}  // namespace oddverb
