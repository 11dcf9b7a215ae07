#include "exporters/alert_api.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/exporters/alert_findings.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const absl::Time kAlertStart = absl::FromUnixSeconds(1'800'000'000);

class AlertApiTest : public ::testing::Test {
 protected:
  AlertApiTest() {
    std::vector<Finding> findings = {
        FindingOf("a"), FindingOf("b", Severity::kMedium), FindingOf("c")};
    findings[2].rule = "token.outside_its_pod";
    alerts_.Add(findings, kAlertStart);
  }
  nlohmann::json Get(std::string_view path, std::string_view query = "",
                     int status = 200) {
    HttpResponse response =
        api_.Answer(absl::StrCat("/api/v2/", std::string(path)), query, now_);
    EXPECT_EQ(response.status, status) << path << "?" << query;
    EXPECT_EQ(response.content_type, "application/json");
    return nlohmann::json::parse(response.body);
  }
  std::vector<std::string> Subjects(std::string_view query) {
    std::vector<std::string> subjects;
    for (const nlohmann::json& alert : Get("alerts", query)) {
      subjects.push_back(alert["labels"]["subject"]);
    }
    return subjects;
  }

  ActiveAlerts alerts_{ActiveAlertsOptions()};
  AlertApi api_{
      alerts_, {.version = "1.2.3", .revision = "abc", .started = kAlertStart}};
  absl::Time now_ = kAlertStart + absl::Minutes(1);
};

TEST_F(AlertApiTest, ListsWhatFiresInAlertmanagersForm) {
  nlohmann::json alerts = Get("alerts");
  ASSERT_THAT(alerts, SizeIs(3));
  std::vector<std::string> fingerprints;
  for (const nlohmann::json& alert : alerts) {
    fingerprints.push_back(alert["fingerprint"]);
  }
  EXPECT_TRUE(std::is_sorted(fingerprints.begin(), fingerprints.end()));
  nlohmann::json alert = Get("alerts", "filter=subject%3D%22a%22")[0];
  EXPECT_EQ(alert["startsAt"], "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(alert["updatedAt"], "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(alert["endsAt"], "2027-01-15T08:15:00.000Z");
  EXPECT_EQ(alert["receivers"],
            nlohmann::json::parse(R"([{"name":"oddverb"}])"));
  EXPECT_EQ(alert["status"],
            nlohmann::json::parse(
                R"({"inhibitedBy":[],"silencedBy":[],"state":"active"})"));
  EXPECT_EQ(alert["labels"]["alertname"], "ForbiddenProbingBurst");
  EXPECT_EQ(alert["annotations"]["summary"], "a probes");
  now_ = kAlertStart + absl::Minutes(15);
  EXPECT_THAT(Get("alerts"), IsEmpty()) << "over";
}

TEST_F(AlertApiTest, AnswersWhatIsAskedFor) {
  struct Case {
    std::string_view query;
    std::vector<std::string> subjects;
  } cases[] = {{"filter=subject=a", {"a"}},
               {"filter=severity%3D%22critical%22", {"a", "c"}},
               {"filter=severity%3D%22critical%22&filter=subject!=a", {"c"}},
               {"filter=subject%3D~%22a%7Cb%22", {"a", "b"}},
               {"filter=subject!~%22a+%7Cb%22", {"a", "c"}},  // '+' is a blank
               {"filter=nothing%3D%22%22", {"a", "b", "c"}},
               {"active=false", {}},
               {"active=true&silenced=false&inhibited=false&unprocessed=false",
                {"a", "b", "c"}},
               {"active=", {"a", "b", "c"}},
               {"silenced=true", {"a", "b", "c"}},
               {"receiver=oddverb", {"a", "b", "c"}},
               {"receiver=odd.*", {"a", "b", "c"}},
               {"receiver=odd", {}},
               {"unknown=1", {"a", "b", "c"}}};
  for (const Case& c : cases) {
    EXPECT_THAT(Subjects(c.query),
                ::testing::UnorderedElementsAreArray(c.subjects))
        << c.query;
  }
}

TEST_F(AlertApiTest, RefusesWhatCannotBeRead) {
  EXPECT_EQ(Get("alerts", "filter=bad{", 400), "bad matcher format: bad{");
  EXPECT_THAT(Get("alerts/groups", "filter=a=~(", 400).get<std::string>(),
              HasSubstr("error parsing regexp"));
  EXPECT_THAT(Get("alerts", "receiver=(", 400).get<std::string>(),
              HasSubstr("failed to parse receiver param"));
  nlohmann::json missing = Get("silence/\"x\x01", "", 404);
  EXPECT_EQ(missing["code"], 404);
  for (const char* path : {"", "alert", "alerts/", "status/x"}) {
    Get(path, "", 404);
  }
}

TEST_F(AlertApiTest, GroupsByNameAndCluster) {
  nlohmann::json groups = Get("alerts/groups");
  ASSERT_THAT(groups, SizeIs(2));
  EXPECT_EQ(groups[0]["labels"],
            nlohmann::json::parse(
                R"({"alertname":"ForbiddenProbingBurst","cluster":"prod"})"));
  EXPECT_EQ(groups[0]["receiver"]["name"], "oddverb");
  EXPECT_THAT(groups[0]["alerts"], SizeIs(2));
  EXPECT_EQ(groups[1]["labels"]["alertname"], "StolenServiceAccountToken");
  EXPECT_EQ(Get("alerts/groups", "filter=subject=c"),
            nlohmann::json::array({groups[1]}));
}

TEST_F(AlertApiTest, TellsStatusReceiversAndNoSilence) {
  nlohmann::json status = Get("status");
  EXPECT_EQ(status["cluster"]["status"], "disabled");
  EXPECT_EQ(status["versionInfo"]["version"], "1.2.3");
  EXPECT_EQ(status["uptime"], "2027-01-15T08:00:00.000Z");
  EXPECT_THAT(status["config"]["original"].get<std::string>(),
              HasSubstr("receiver: oddverb"));
  EXPECT_THAT(Get("silences"), IsEmpty());
  EXPECT_EQ(Get("receivers"), nlohmann::json::parse(R"([{"name":"oddverb"}])"));
}

}  // namespace
}  // namespace oddverb
