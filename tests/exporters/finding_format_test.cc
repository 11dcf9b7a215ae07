#include "exporters/finding_format.h"

#include <set>
#include <string>

#include "exporters/finding_cloudevents.h"
#include "exporters/finding_ecs.h"
#include "exporters/finding_falco.h"
#include "exporters/finding_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/finding_samples.h"
#include "tests/support/json_schema.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::StartsWith;

std::string Text(FindingFormat format, const Finding& finding) {
  std::string text;
  FormatFinding(format, finding, text);
  return text;
}

json Parsed(FindingFormat format, const Finding& finding) {
  return json::parse(Text(format, finding));
}

class EachFormat : public ::testing::TestWithParam<FindingFormat> {
 protected:
  json Schema() const {
    switch (GetParam()) {
      case FindingFormat::kNative:
        return json::parse(FindingSchemaJson());
      case FindingFormat::kFalco:
        return DataSchema("falco_alert");
      case FindingFormat::kOcsf:
        return DataSchema("ocsf_detection_finding");
      case FindingFormat::kEcs:
        return DataSchema("ecs_alert");
      case FindingFormat::kCloudEvents:
        return DataSchema("cloudevent");
    }
    return {};
  }
};

INSTANTIATE_TEST_SUITE_P(FindingFormat, EachFormat,
                         ::testing::Values(FindingFormat::kNative,
                                           FindingFormat::kFalco,
                                           FindingFormat::kOcsf,
                                           FindingFormat::kEcs,
                                           FindingFormat::kCloudEvents),
                         [](const auto& each) {
                           return std::string(FindingFormatName(each.param));
                         });

TEST_P(EachFormat, FitsItsSchemaOnOneLineWhateverTheLogHeld) {
  const json schema = Schema();
  for (const Finding& finding : HostileFindings(400)) {
    const std::string text = Text(GetParam(), finding);
    ASSERT_EQ(text.find('\n'), std::string::npos);
    // Throws for anything that is no UTF-8 or no JSON.
    const json parsed = json::parse(text);
    ASSERT_EQ(SchemaMismatch(schema, parsed), "") << text;
  }
}

TEST_P(EachFormat, NameReadsBackAndAnEqualFindingGivesEqualBytes) {
  FindingFormat parsed = FindingFormat::kNative;
  ASSERT_TRUE(ParseFindingFormat(FindingFormatName(GetParam()), parsed));
  EXPECT_EQ(parsed, GetParam());
  EXPECT_EQ(Text(GetParam(), TypicalFinding()),
            Text(GetParam(), TypicalFinding()));
}

TEST(FindingFormatTest, RefusesOtherNames) {
  FindingFormat format = FindingFormat::kEcs;
  for (const char* name : {"", "ndjson", "OCSF", "ecs "}) {
    EXPECT_FALSE(ParseFindingFormat(name, format)) << name;
  }
  EXPECT_EQ(format, FindingFormat::kEcs);
  EXPECT_EQ(FindingFormatNames().size(), 5u);
}

TEST(FindingFalcoTest, UsesFalcosNamesSourceAndPriorities) {
  const json alert = Parsed(FindingFormat::kFalco, TypicalFinding());
  EXPECT_EQ(alert["rule"], "token.outside_its_pod");
  EXPECT_EQ(alert["priority"], "Critical");
  EXPECT_EQ(alert["source"], "k8s_audit");
  EXPECT_EQ(alert["time"], "2026-11-23T23:33:15.513983000Z");
  EXPECT_EQ(alert["output"],
            "23:33:15.513983000: Critical The token of shop/checkout was used "
            "from 185.220.101.7 (entity=system:serviceaccount:shop:checkout "
            "cluster=prod-eu/1 finding=0123456789abcdeffedcba9876543210)");
  const json& fields = alert["output_fields"];
  EXPECT_EQ(fields["ka.user.name"], "system:serviceaccount:shop:checkout");
  EXPECT_EQ(fields["ka.user.groups"],
            "system:serviceaccounts,system:authenticated");
  EXPECT_EQ(fields["ka.target.resource"], "secrets");
  EXPECT_EQ(fields["ka.auditid"], "3f0f");
  EXPECT_EQ(fields["ka.response.code"], "200");
  EXPECT_EQ(fields["oddverb.confidence"], 97);
  EXPECT_THAT(alert["tags"],
              ElementsAre("k8s", "oddverb", "T1528", "T1552.007", "T1552"));
}

TEST(FindingFalcoTest, EachSeverityHasAPriorityOfItsOwn) {
  std::set<std::string_view> priorities;
  for (int i = 0; i < 5; ++i) {
    priorities.insert(FalcoPriority(static_cast<Severity>(i)));
  }
  EXPECT_EQ(priorities.size(), 5u);
  EXPECT_EQ(FalcoPriority(Severity::kHigh), "Error");
  EXPECT_EQ(FalcoPriority(Severity::kInfo), "Informational");
}

TEST(FindingOcsfTest, ActivityAndTypeFollowTheState) {
  struct Case {
    FindingState state;
    int activity;
    const char* name;
  } cases[] = {{FindingState::kOpen, 1, "Create"},
               {FindingState::kUpdate, 2, "Update"},
               {FindingState::kFinal, 3, "Close"}};
  for (const Case& c : cases) {
    Finding finding = TypicalFinding();
    finding.state = c.state;
    const json event = Parsed(FindingFormat::kOcsf, finding);
    EXPECT_EQ(event["activity_id"], c.activity);
    EXPECT_EQ(event["activity_name"], c.name);
    EXPECT_EQ(event["type_uid"], 200400 + c.activity);
    EXPECT_EQ(event["class_uid"], 2004);
  }
}

TEST(FindingOcsfTest, TellsWhoDidWhatFromWhere) {
  const json event = Parsed(FindingFormat::kOcsf, TypicalFinding());
  EXPECT_EQ(event["severity_id"], 5);
  EXPECT_EQ(event["time"], 1795476795513);
  EXPECT_EQ(event["is_alert"], true);
  EXPECT_EQ(event["confidence_score"], 97);
  EXPECT_EQ(event["finding_info"]["uid"], "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(event["finding_info"]["attacks"],
            json::parse(R"([{"technique": {"uid": "T1528"}},
                            {"technique": {"uid": "T1552"},
                             "sub_technique": {"uid": "T1552.007"}},
                            {"technique": {"uid": "T1552"}}])"));
  ASSERT_EQ(event["evidences"].size(), 2u);
  const json& first = event["evidences"][0];
  EXPECT_EQ(first["api"]["operation"], "list");
  EXPECT_EQ(first["api"]["response"]["code"], 200);
  EXPECT_EQ(first["src_endpoint"]["ip"], "185.220.101.7");
  EXPECT_EQ(first["actor"]["user"]["type"], "Service");
  EXPECT_EQ(first["http_request"]["url"],
            json::parse(R"({"path": "/api/v1/namespaces/shop/secrets",
                            "query_string": "limit=500"})"));
  EXPECT_EQ(event["resources"], json::parse(R"([{"name": "secrets",
                  "type": "secrets", "namespace": "shop"}])"));
  EXPECT_EQ(event["anomaly_analyses"][0]["anomalies"][0],
            json::parse(R"({"observation_parameter": "new address",
                            "observations": [{"value": "185.220.101.7"}]})"));
}

TEST(FindingOcsfTest, AnAddressThatIsNoneIsAName) {
  Finding finding = TypicalFinding();
  finding.where.source_ip = "unix socket";
  const json event = Parsed(FindingFormat::kOcsf, finding);
  EXPECT_EQ(event["evidences"][0]["src_endpoint"],
            json::parse(R"({"name": "unix socket"})"));
}

TEST(FindingEcsTest, FillsTheFieldsThatElasticSecurityReads) {
  const json document = Parsed(FindingFormat::kEcs, TypicalFinding());
  EXPECT_EQ(document["@timestamp"], "2026-11-23T23:33:15.513983Z");
  EXPECT_EQ(document["event"]["kind"], "alert");
  EXPECT_EQ(document["event"]["severity"], 99);
  EXPECT_EQ(document["event"]["action"], "list");
  EXPECT_EQ(document["rule"]["id"], "token.outside_its_pod");
  EXPECT_EQ(document["user"]["effective"]["name"], "admin");
  EXPECT_EQ(document["source"]["ip"], "185.220.101.7");
  EXPECT_THAT(document["related"]["ip"],
              ElementsAre("185.220.101.7", "10.0.0.1"));
  EXPECT_EQ(document["orchestrator"], json::parse(R"({"type": "kubernetes",
                            "cluster": {"name": "prod-eu/1"},
                            "namespace": "shop",
                            "resource": {"type": "secrets"}})"));
  EXPECT_EQ(document["threat"]["technique"],
            json::parse(R"({"id": ["T1528", "T1552"],
                            "subtechnique": {"id": ["T1552.007"]}})"));
}

TEST(FindingEcsTest, AFieldForOneValueIsLeftOutWhereThereAreMany) {
  Finding finding = TypicalFinding();
  finding.what.namespaces = {"shop", "kube-system"};
  const json document = Parsed(FindingFormat::kEcs, finding);
  EXPECT_FALSE(document["orchestrator"].contains("namespace"));
  EXPECT_THAT(document["oddverb"]["namespaces"],
              ElementsAre("shop", "kube-system"));
}

TEST(FindingCloudEventsTest, CarriesTheNativeObjectAndNamesItForFilters) {
  const Finding finding = TypicalFinding();
  const json event = Parsed(FindingFormat::kCloudEvents, finding);
  EXPECT_EQ(event["data"], Parsed(FindingFormat::kNative, finding));
  EXPECT_EQ(event["source"], "/oddverb/prod-eu%2F1");
  EXPECT_EQ(event["subject"], "system:serviceaccount:shop:checkout");
  EXPECT_EQ(event["severity"], "critical");
  EXPECT_EQ(event["findingid"], finding.id.ToHex());
}

TEST(FindingCloudEventsTest, AGrownFindingIsAnotherEventAResentOneIsNot) {
  Finding finding = TypicalFinding();
  const json first = Parsed(FindingFormat::kCloudEvents, finding);
  EXPECT_THAT(first["id"].get<std::string>(), StartsWith(finding.id.ToHex()));
  EXPECT_EQ(Parsed(FindingFormat::kCloudEvents, finding)["id"], first["id"]);
  ++finding.count;
  const json grown = Parsed(FindingFormat::kCloudEvents, finding);
  EXPECT_NE(grown["id"], first["id"]);
  EXPECT_EQ(grown["findingid"], first["findingid"]);
}

TEST(FindingCloudEventsTest, AttributesHoldNoControlsAndNoNoncharacters) {
  Finding finding;
  finding.entity = "a\nb\x7f\xc2\x9b\xef\xbf\xbe\xff";
  finding.rule = "\xef\xb7\x90";  // U+FDD0
  for (const auto& [name, value] : CloudEventAttributes(finding)) {
    EXPECT_FALSE(value.empty()) << name;
  }
  const json event = Parsed(FindingFormat::kCloudEvents, finding);
  EXPECT_EQ(event["subject"], "a\\nb\\x7f\\u{9b}\xef\xbf\xbd\\xff");
  EXPECT_EQ(event["rule"], "\xef\xbf\xbd");
}

}  // namespace
}  // namespace oddverb
