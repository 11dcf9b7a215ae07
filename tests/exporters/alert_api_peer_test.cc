// Our part of Alertmanager's API against its own client, and against its own
// answers.
#include <memory>
#include <random>

#include "exporters/alert_api.h"
#include "exporters/alertmanager_exporter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "nlohmann/json.hpp"
#include "tests/exporters/alert_findings.h"
#include "tests/support/alertmanager_process.h"
#include "tests/support/random_finding.h"
#include "tests/support/recording_server.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

class AlertApiPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasAlertmanager()) GTEST_SKIP() << kNoAlertmanager;
    server_.AnswerWith([this](const RecordedRequest& request) {
      return api_.Answer(request.head.path, request.head.query, clock_.Now());
    });
  }
  // Standard output of a successful amtool.
  std::string Ask(std::vector<std::string> arguments) {
    ChildResult result = Amtool(server_.url(), std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return result.output;
  }
  // Status and body.
  static std::pair<int, nlohmann::json> Get(const std::string& url) {
    auto client = HttpClient::Make({});
    EXPECT_THAT(client, IsOk());
    auto answer =
        (*client)->Send({.method = "GET", .url = url}, absl::Seconds(30));
    EXPECT_THAT(answer, IsOk()) << url;
    if (!answer.ok()) return {0, nullptr};
    return {answer->status, nlohmann::json::parse(answer->body)};
  }

  SystemClock clock_;
  ActiveAlerts alerts_{ActiveAlertsOptions()};
  AlertApi api_{alerts_, {.version = "1.2.3", .started = clock_.Now()}};
  RecordingServer server_;
};

TEST_F(AlertApiPeerTest, AmtoolReadsIt) {
  std::vector<Finding> findings = {FindingOf("alice \"\\"),
                                   FindingOf("bob", Severity::kMedium)};
  alerts_.Add(findings, clock_.Now());
  EXPECT_EQ(nlohmann::json::parse(Ask({"alert", "query", "-o", "json"})).size(),
            2u);
  nlohmann::json warnings = nlohmann::json::parse(
      Ask({"alert", "query", "-o", "json", "severity=warning"}));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0]["labels"]["subject"], "bob");
  EXPECT_EQ(nlohmann::json::parse(Ask({"alert", "query", "-o", "json",
                                       "subject=~ali.*", "severity!=info"}))
                .size(),
            1u);
  EXPECT_THAT(Ask({"alert", "query", "ForbiddenProbingBurst"}),
              HasSubstr("ForbiddenProbingBurst"));
  EXPECT_THAT(Ask({"config", "show"}), HasSubstr("receiver: oddverb"));
  EXPECT_THAT(Ask({"cluster", "show"}), HasSubstr("disabled"));
  EXPECT_THAT(Ask({"silence", "query", "-o", "json"}), HasSubstr("[]"));
  EXPECT_THAT(Ask({"config", "routes", "test", "severity=critical"}),
              HasSubstr("oddverb"));
}

TEST_F(AlertApiPeerTest, TheConfigurationIsOneOfAlertmanager) {
  TempFolder folder;
  nlohmann::json status = Get(server_.url() + "/api/v2/status").second;
  std::string file =
      folder.Write("am.yml", status["config"]["original"].get<std::string>());
  EXPECT_THAT(Ask({"check-config", file}), HasSubstr("SUCCESS"));
}

// The keys of an object, and of the objects in it, as far as `like` has them;
// but not those of texts, whose names differ from alert to alert.
void ExpectSameKeys(const nlohmann::json& ours, const nlohmann::json& like) {
  ASSERT_EQ(ours.type(), like.type()) << ours << like;
  if (!like.is_object()) return;
  for (const auto& [key, value] : like.items()) {
    ASSERT_TRUE(ours.contains(key)) << key;
    if (key == "labels" || key == "annotations") continue;
    ExpectSameKeys(ours[key], value);
  }
}

TEST_F(AlertApiPeerTest, AnswersAsAlertmanagerDoes) {
  RecordingServer webhook;
  AlertmanagerProcess peer(webhook.url());
  ASSERT_TRUE(peer.is_running());
  AlertmanagerOptions options;
  options.urls = {peer.url()};
  auto exporter = AlertmanagerExporter::Make(options, clock_);
  ASSERT_THAT(exporter, IsOk());
  std::mt19937_64 random(31);
  std::vector<Finding> findings = {FindingOf("alice"), FindingOf("b\"o\\b"),
                                   FindingOf("carol", Severity::kMedium),
                                   FindingOf("dave", Severity::kLow)};
  for (int i = 0; i < 60; ++i) findings.push_back(RandomFinding(random));
  findings[1].rule = "token.outside_its_pod";
  alerts_.Add(findings, clock_.Now());
  ASSERT_THAT((*exporter)->Export(findings, absl::InfiniteFuture()), IsOk());
  const std::string all = "/api/v2/alerts";
  size_t count = Get(server_.url() + all).second.size();
  ASSERT_TRUE(
      Eventually([&] { return Get(peer.url() + all).second.size() == count; }));

  ExpectSameKeys(Get(server_.url() + all).second[0],
                 Get(peer.url() + all).second[0]);
  for (const char* page : {"status", "silences", "receivers"}) {
    std::string path = std::string("/api/v2/") + page;
    ExpectSameKeys(Get(server_.url() + path).second,
                   Get(peer.url() + path).second);
  }
  ExpectSameKeys(Get(server_.url() + "/api/v2/alerts/groups").second[0],
                 Get(peer.url() + "/api/v2/alerts/groups").second[0]);
  for (const char* query :
       {"",
        "?filter=severity=critical",
        "?filter=severity%3D%22critical%22",
        "?filter=severity!=critical&filter=subject=~%22.*a.*%22",
        "?filter=subject!~%22(alice%7Ccarol)%22",
        "?filter=nothing=",
        "?filter=nothing!=",
        "?filter=nothing=~.%2B",
        "?filter=subject=",
        "?filter=subject=%22b%5C%22o%5C%5Cb%22",
        "?filter=%20subject%20=%20alice",
        "?filter=subject=~(?i)ALICE",
        "?filter=level=~high%7Clow",
        "?active=false",
        "?active=no",
        "?active=1",
        "?active=&silenced=false",
        "?silenced=true&inhibited=true&unprocessed=true",
        "?unprocessed=false",
        "?receiver=nobody",
        "?filter=bad%7B",
        "?filter=",
        "?filter=a=%22",
        "?filter=a=~(",
        "?receiver=("}) {
    auto [our_status, ours] = Get(server_.url() + all + query);
    auto [their_status, theirs] = Get(peer.url() + all + query);
    ASSERT_EQ(our_status, their_status) << query << ours << theirs;
    if (our_status != 200) continue;
    ASSERT_EQ(ours.size(), theirs.size()) << query;
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i]["fingerprint"], theirs[i]["fingerprint"]) << query;
      EXPECT_EQ(ours[i]["labels"], theirs[i]["labels"]) << query;
      EXPECT_EQ(ours[i]["annotations"], theirs[i]["annotations"]) << query;
    }
  }
}

}  // namespace
}  // namespace oddverb
