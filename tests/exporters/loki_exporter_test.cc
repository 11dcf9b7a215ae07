#include "exporters/loki_exporter.h"

#include <algorithm>
#include <string>

#include "exporters/finding_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/finding_samples.h"
#include "tests/exporters/receivers.h"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::unique_ptr<Exporter> MakeLoki(const LokiOptions& options) {
  absl::StatusOr<std::unique_ptr<Exporter>> made = LokiExporter::Make(options);
  EXPECT_THAT(made, IsOk());
  return *std::move(made);
}

TEST(LokiExporterTest, PushesTheNativeLineWithItsTimeToItsStream) {
  Receiver receiver;
  auto exporter = MakeLoki({.http = {.url = receiver.url("/loki/api/v1/push")},
                            .tenant = "team-a",
                            .labels = {{"env", "prod"}, {"job", "audit"}}});
  const Finding finding = TypicalFinding();
  ASSERT_THAT(exporter->Export({&finding, 1}, absl::InfiniteFuture()), IsOk());
  ASSERT_THAT(exporter->Export({}, absl::InfiniteFuture()), IsOk());
  const std::vector<Received> requests = receiver.requests();
  ASSERT_EQ(requests.size(), 1u) << "nothing is sent for no findings";
  EXPECT_EQ(requests[0].head.path, "/loki/api/v1/push");
  EXPECT_EQ(requests[0].Header("X-Scope-OrgID"), "team-a");
  EXPECT_EQ(requests[0].Header("Content-Type"), "application/json");
  std::string line;
  AppendFindingJson(finding, line);
  const json expected = {
      {"streams",
       {{{"stream",
          {{"cluster", "prod-eu/1"},
           {"detector", "stolen_credential"},
           {"env", "prod"},
           {"job", "audit"},
           {"severity", "critical"}}},
         {"values",
          {{"1795476795513983000",
            line,
            {{"finding_id", finding.id.ToHex()},
             {"rule", "token.outside_its_pod"},
             {"state", "open"},
             {"entity", "system:serviceaccount:shop:checkout"},
             {"user", "system:serviceaccount:shop:checkout"},
             {"namespace", "shop"},
             {"source_ip", "185.220.101.7"}}}}}}}}};
  EXPECT_EQ(json::parse(requests[0].body), expected);
}

TEST(LokiExporterTest, NoTenantIsNoHeader) {
  Receiver receiver;
  auto exporter = MakeLoki({.http = {.url = receiver.url()}});
  const Finding finding = TypicalFinding();
  ASSERT_THAT(exporter->Export({&finding, 1}, absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(receiver.requests()[0].Header("X-Scope-OrgID"), "(none)");
}

TEST(LokiExporterTest, StreamsAreFewAndTheirLinesInOrderOfTime) {
  std::vector<Finding> findings;
  for (int i = 0; i < 60; ++i) {
    findings.push_back(TypicalFinding());
    Finding& finding = findings.back();
    finding.id = {1, static_cast<uint64_t>(i)};
    finding.entity = "entity " + std::to_string(i);
    finding.severity = static_cast<Severity>(i % 3);
    finding.time += absl::Seconds((i * 37) % 60);
  }
  const json body = json::parse(LokiPushJson(findings, {}));
  ASSERT_EQ(body["streams"].size(), 3u);
  for (const json& stream : body["streams"]) {
    ASSERT_EQ(stream["values"].size(), 20u);
    EXPECT_TRUE(std::is_sorted(
        stream["values"].begin(), stream["values"].end(),
        [](const json& a, const json& b) { return a[0] < b[0]; }));
  }
}

TEST(LokiExporterTest, FitsThePushApiWhateverTheLogHeld) {
  const json schema = DataSchema("loki_push");
  std::vector<Finding> findings = HostileFindings(200);
  findings[0].entity = findings[0].detector = std::string(1'000'000, 'x');
  const json body = json::parse(LokiPushJson(findings, {}));
  ASSERT_EQ(SchemaMismatch(schema, body), "");
  size_t lines = 0;
  for (const json& stream : body["streams"]) {
    for (const auto& [name, value] : stream["stream"].items()) {
      ASSERT_LE(value.get<std::string>().size(), 2048u);
    }
    for (const json& value : stream["values"]) {
      ++lines;
      EXPECT_GT(std::stoll(value[0].get<std::string>()), 0);
      EXPECT_TRUE(json::accept(value[1].get<std::string>()));
      for (const auto& [name, text] : value[2].items()) {
        ASSERT_TRUE(text.is_string()) << name;
        ASSERT_LE(text.get<std::string>().size(), 2048u);
      }
    }
  }
  EXPECT_EQ(lines, findings.size());
}

TEST(LokiExporterTest, RefusesALabelThatLokiWouldRefuse) {
  for (const char* name : {"", "1st", "a-b", "k8s.io/x", "a b"}) {
    EXPECT_THAT(LokiExporter::Make(
                    {.http = {.url = "http://x"}, .labels = {{name, "v"}}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(std::string("\"") + name + "\"")));
  }
}

TEST(LokiExporterTest, BacksOffWhenToldAndGivesUpWhatIsRefused) {
  struct Case {
    int status;
    absl::StatusCode meaning;
  } cases[] = {{204, absl::StatusCode::kOk},
               {400, absl::StatusCode::kInvalidArgument},
               {413, absl::StatusCode::kOutOfRange},
               {429, absl::StatusCode::kUnavailable},
               {500, absl::StatusCode::kUnavailable}};
  for (const Case& c : cases) {
    Receiver receiver([&](size_t, const std::string&) {
      return HttpResponse{.status = c.status};
    });
    auto exporter = MakeLoki({.http = {.url = receiver.url()}});
    const Finding finding = TypicalFinding();
    EXPECT_EQ(exporter->Export({&finding, 1}, absl::InfiniteFuture()).code(),
              c.meaning);
  }
}

}  // namespace
}  // namespace oddverb
