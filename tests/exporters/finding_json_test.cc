#include "exporters/finding_json.h"

#include <cmath>
#include <limits>
#include <random>
#include <sstream>
#include <vector>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/json_schema.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string JsonText(const Finding& finding) {
  std::string text;
  AppendFindingJson(finding, text);
  return text;
}

json ParsedJson(const Finding& finding) {
  return json::parse(JsonText(finding));
}

json Schema() { return json::parse(FindingSchemaJson()); }

std::vector<std::string> KeysOf(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

std::vector<std::string> Repaired(std::vector<std::string> texts) {
  for (std::string& text : texts) text = ReplaceBadUtf8(text);
  return texts;
}

int64_t UnitsOf(const json& number) {
  const double units = number.get<double>() * 1e4;
  EXPECT_NEAR(units, std::round(units), 1e-4) << number;
  return std::llround(units);
}

int64_t SumOfUnits(const json& why) {
  int64_t sum = 0;
  for (const json& reason : why) sum += UnitsOf(reason.at("contribution"));
  return sum;
}

Finding WithContributions(std::vector<double> contributions) {
  Finding finding;
  for (double contribution : contributions) {
    finding.why.push_back({"f", "v", contribution});
    finding.score += contribution;
  }
  return finding;
}

TEST(FindingJsonTest, WritesTheKeysOfTheSchemaInItsOrder) {
  Finding finding;
  finding.why.resize(1);
  finding.decoded.resize(1);
  finding.evidence.resize(1);
  const ordered_json object = ordered_json::parse(JsonText(finding));
  const ordered_json schema = ordered_json::parse(FindingSchemaJson());
  const ordered_json& properties = schema.at("properties");
  EXPECT_EQ(KeysOf(object), KeysOf(properties));
  EXPECT_EQ(schema.at("required"), ordered_json(KeysOf(properties)));
  for (const char* key : {"who", "where", "what"}) {
    EXPECT_EQ(KeysOf(object.at(key)),
              KeysOf(properties.at(key).at("properties")));
    EXPECT_EQ(properties.at(key).at("required"),
              ordered_json(KeysOf(object.at(key))));
  }
  for (const char* key : {"why", "decoded", "evidence"}) {
    EXPECT_EQ(KeysOf(object.at(key).at(0)),
              KeysOf(properties.at(key).at("items").at("properties")));
  }
}

TEST(FindingJsonTest, WritesExactlyThis) {
  Finding finding;
  finding.id = {0x0123456789abcdef, 0xfedcba9876543210};
  finding.cluster = "prod";
  finding.rule = "forbidden.fanout";
  finding.detector = "forbidden_burst";
  finding.severity = Severity::kHigh;
  finding.confidence = 0.97;
  finding.score = 14.2;
  finding.threshold = 11.5;
  finding.title = "Many refusals";
  finding.summary = "23 of 25 refused.";
  finding.time = absl::FromUnixMicros(1'795'245'249'112'345);
  finding.first_seen = absl::FromUnixSeconds(1'795'245'200);
  finding.last_seen = finding.time;
  finding.count = 23;
  finding.entity = "system:serviceaccount:web:frontend";
  finding.entity_kind = "serviceaccount";
  finding.why = {{"objects", "23", 14.2}};
  finding.next = {"kubectl get pods"};
  finding.evidence = {{"id-1", finding.time, "list", "/api", 403}};
  finding.attack = {"T1613"};
  finding.practice = {9};
  EXPECT_EQ(
      JsonText(finding),
      R"({"schema":"oddverb.finding/v1","id":"0123456789abcdeffedcba9876543210",)"
      R"("cluster":"prod","rule":"forbidden.fanout","detector":"forbidden_burst",)"
      R"("source":"builtin","rule_version":1,"severity":"high","confidence":0.97,)"
      R"("score":14.2,"threshold":11.5,"state":"open","warming":false,)"
      R"("title":"Many refusals","summary":"23 of 25 refused.",)"
      R"("time":"2026-11-21T07:14:09.112345Z",)"
      R"("first_seen":"2026-11-21T07:13:20.000000Z",)"
      R"("last_seen":"2026-11-21T07:14:09.112345Z","count":23,)"
      R"("entity":"system:serviceaccount:web:frontend",)"
      R"("entity_kind":"serviceaccount","who":{"user":"","groups":[],)"
      R"("credential_id":"","impersonated":"","pod":"","node":""},)"
      R"("where":{"source_ip":"","claimed_ips":[],"user_agent":""},)"
      R"("what":{"verbs":[],"resources":[],"namespaces":[],"names":[]},)"
      R"("why":[{"feature":"objects","value":"23","contribution":14.2}],)"
      R"("normal":"","next":["kubectl get pods"],"benign_checks":[],)"
      R"("decoded":[],"evidence":[{"audit_id":"id-1",)"
      R"("time":"2026-11-21T07:14:09.112345Z","verb":"list","uri":"/api",)"
      R"("code":403}],"attack":["T1613"],"practice":[9]})");
}

TEST(FindingJsonTest, HostileFindingsFitTheSchemaAndKeepTheirTexts) {
  const json schema = Schema();
  std::mt19937_64 random(5);
  for (int i = 0; i < 1'000; ++i) {
    const Finding finding = RandomFinding(random);
    const std::string text = JsonText(finding);
    ASSERT_EQ(text.find('\n'), std::string::npos);
    const json parsed = json::parse(text);
    ASSERT_EQ(SchemaMismatch(schema, parsed), "") << text;
    ASSERT_EQ(parsed["title"], ReplaceBadUtf8(finding.title));
    ASSERT_EQ(parsed["entity"], ReplaceBadUtf8(finding.entity));
    ASSERT_EQ(parsed["where"]["user_agent"],
              ReplaceBadUtf8(finding.where.user_agent));
    ASSERT_EQ(parsed["who"]["groups"], json(Repaired(finding.who.groups)));
    ASSERT_EQ(parsed["what"]["names"], json(Repaired(finding.what.names)));
    ASSERT_EQ(parsed["next"], json(Repaired(finding.next)));
    ASSERT_EQ(parsed["count"], finding.count);
    ASSERT_EQ(parsed["severity"], std::string(SeverityName(finding.severity)));
    ASSERT_EQ(parsed["evidence"].size(), finding.evidence.size());
    for (size_t j = 0; j < finding.evidence.size(); ++j) {
      ASSERT_EQ(parsed["evidence"][j]["uri"],
                ReplaceBadUtf8(finding.evidence[j].uri));
    }
  }
}

TEST(FindingJsonTest, HoldsTextsOfAMegabyte) {
  Finding finding;
  finding.title = std::string(1 << 20, '"');
  finding.where.user_agent = std::string(1 << 20, '\xff');
  finding.evidence.assign(100, {std::string(10'000, '\x01'), {}, "", "", 0});
  const json parsed = ParsedJson(finding);
  EXPECT_EQ(SchemaMismatch(Schema(), parsed), "");
  EXPECT_EQ(parsed["title"], finding.title);
  EXPECT_EQ(parsed["evidence"].size(), 100u);
}

TEST(FindingJsonTest, RoundedContributionsSumUpToTheRoundedScore) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 5'000; ++i) {
    const Finding finding = RandomFinding(random);
    if (finding.why.empty()) continue;
    const json parsed = ParsedJson(finding);
    ASSERT_EQ(SumOfUnits(parsed["why"]), UnitsOf(parsed["score"]));
    ASSERT_NEAR(parsed["score"].get<double>(), finding.score, 0.00005001);
    for (size_t j = 0; j < finding.why.size(); ++j) {
      ASSERT_NEAR(parsed["why"][j]["contribution"].get<double>(),
                  finding.why[j].contribution, 0.00015001);
    }
  }
}

TEST(FindingJsonTest, GivesTheMissingUnitToTheLargestRemainder) {
  // Rounded alone: 0.3333 three times, and a score of 1.
  EXPECT_THAT(JsonText(WithContributions({1. / 3, 1. / 3, 1. / 3})),
              HasSubstr(R"("contribution":0.3334},{"feature":"f","value":"v",)"
                        R"("contribution":0.3333},{"feature":"f","value":"v",)"
                        R"("contribution":0.3333})"));
  const json parsed = ParsedJson(WithContributions({0.00004, 0.00004, 2}));
  EXPECT_EQ(parsed["score"], 2.0001);
  EXPECT_EQ(parsed["why"][0]["contribution"], 0.0001);
  EXPECT_EQ(parsed["why"][2]["contribution"], 2);
}

TEST(FindingJsonTest, DoesNotBendContributionsThatNeverSummedUp) {
  Finding finding = WithContributions({1.23456, 2});
  finding.score = 50;
  const json parsed = ParsedJson(finding);
  EXPECT_EQ(parsed["score"], 50);
  EXPECT_EQ(parsed["why"][0]["contribution"], 1.2346);
  EXPECT_EQ(parsed["why"][1]["contribution"], 2);
}

TEST(FindingJsonTest, WritesNumbersAsPlainDecimals) {
  const struct {
    double value;
    const char* text;
  } kCases[] = {{0, "0"},
                {-0.0, "0"},
                {0.0001, "0.0001"},
                {-0.00011, "-0.0001"},
                {0.00004, "0"},
                {-7.25, "-7.25"},
                {1e9, "1000000000"},
                {1e300, "100000000000"},
                {std::numeric_limits<double>::infinity(), "100000000000"},
                {-std::numeric_limits<double>::infinity(), "-100000000000"},
                {std::numeric_limits<double>::quiet_NaN(), "0"}};
  for (const auto& [value, text] : kCases) {
    Finding finding;
    finding.threshold = value;
    EXPECT_THAT(JsonText(finding),
                HasSubstr("\"threshold\":" + std::string(text) + ","));
  }
}

TEST(FindingJsonTest, SurvivesContributionsThatAreNoNumbers) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Finding& finding :
       {WithContributions({infinity, -infinity, 1}),
        WithContributions({infinity}), WithContributions({std::nan("")}),
        WithContributions({1e300, 1e300, -3})}) {
    EXPECT_EQ(SchemaMismatch(Schema(), ParsedJson(finding)), "");
  }
}

TEST(FindingJsonTest, KeepsConfidenceWithinItsBounds) {
  Finding finding;
  finding.confidence = 1.5;
  EXPECT_EQ(ParsedJson(finding)["confidence"], 1);
  finding.confidence = -1;
  EXPECT_EQ(ParsedJson(finding)["confidence"], 0);
}

TEST(FindingJsonTest, TimesStayRfc3339AtTheEndsOfTime) {
  Finding finding;
  finding.time = absl::InfinitePast();
  finding.first_seen = absl::InfiniteFuture();
  finding.last_seen = absl::FromUnixNanos(1'999);
  const json parsed = ParsedJson(finding);
  EXPECT_EQ(parsed["time"], "0001-01-01T00:00:00.000000Z");
  EXPECT_EQ(parsed["first_seen"], "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(parsed["last_seen"], "1970-01-01T00:00:00.000001Z");
}

TEST(FindingJsonTest, AppendsToWhatIsThere) {
  std::string text = "before ";
  AppendFindingJson(Finding(), text);
  EXPECT_EQ(text.rfind("before {", 0), 0u);
}

// The validator itself: it must see what is wrong.
TEST(FindingJsonTest, TheSchemaRefusesDamagedFindings) {
  const json schema = Schema();
  const json good = ParsedJson(Finding());
  ASSERT_EQ(SchemaMismatch(schema, good), "");
  const struct {
    const char* pointer;
    json value;
  } kCases[] = {{"/id", "xyz"},
                {"/severity", "fatal"},
                {"/confidence", 2},
                {"/count", "1"},
                {"/time", "yesterday"},
                {"/who/user", 1},
                {"/what/verbs", json::array({1})},
                {"/why", json::array({json::object()})},
                {"/practice", json::array({10})},
                {"/extra", 1}};
  for (const auto& [pointer, value] : kCases) {
    json damaged = good;
    damaged[json::json_pointer(pointer)] = value;
    EXPECT_NE(SchemaMismatch(schema, damaged), "") << pointer;
  }
  for (const auto& [key, value] : good.items()) {
    json lacking = good;
    lacking.erase(key);
    EXPECT_NE(SchemaMismatch(schema, lacking), "") << key;
  }
}

}  // namespace
}  // namespace oddverb
