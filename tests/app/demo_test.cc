#include "app/demo.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ParseIncidentsTest, ReadsRowsAndPassesOverTheRest) {
  const std::vector<PlantedIncident> incidents = ParseIncidents(
      "# a comment\n"
      "one\thigh\twhat it was\ta,b\n"
      "\n"
      "too\tfew\tcolumns\n"
      "odd\turgent\tno such severity\tc\n"
      "two\tlow\tlast line without its end\tc");
  ASSERT_THAT(incidents, SizeIs(2));
  EXPECT_EQ(incidents[0].name, "one");
  EXPECT_EQ(incidents[0].severity, Severity::kHigh);
  EXPECT_EQ(incidents[0].what, "what it was");
  EXPECT_THAT(incidents[0].audit_ids, ElementsAre("a", "b"));
  EXPECT_EQ(incidents[1].severity, Severity::kLow);
  EXPECT_THAT(ParseIncidents(""), IsEmpty());
}

TEST(ParseIncidentsTest, TheBundledTruthHasNoRowThatIsPassedOver) {
  std::ifstream file(ODDVERB_SOURCE_DIR "/app/demo_incidents.tsv");
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  const std::vector<PlantedIncident> incidents = ParseIncidents(text);
  EXPECT_THAT(incidents, SizeIs(38));
  std::set<std::string> names, ids;
  for (const PlantedIncident& incident : incidents) {
    EXPECT_TRUE(names.insert(incident.name).second) << incident.name;
    EXPECT_GE(incident.severity, Severity::kLow) << incident.name;
    for (const std::string& id : incident.audit_ids) {
      EXPECT_THAT(id, SizeIs(36));
      EXPECT_TRUE(ids.insert(id).second) << id;
    }
  }
}

Finding FindingOf(uint64_t id, Severity severity,
                  const std::vector<std::string>& audit_ids) {
  Finding finding;
  finding.id.low = id;
  finding.severity = severity;
  for (const std::string& audit_id : audit_ids) {
    Evidence evidence;
    evidence.audit_id = audit_id;
    finding.evidence.push_back(evidence);
  }
  return finding;
}

IncidentScore ScoreOf(const std::vector<Finding>& findings) {
  IncidentScore score(ParseIncidents(
      "one\thigh\tx\ta1,a2,a3\ntwo\tlow\tx\tb1,b2\nthree\thigh\tx\tc1\n"));
  EXPECT_THAT(score.Export(findings, absl::InfiniteFuture()), IsOk());
  return score;
}

struct ScoreCase {
  const char* name;
  std::vector<Finding> findings;
  std::vector<bool> found;
  size_t false_findings;
};

TEST(IncidentScoreTest, JudgesByEvidence) {
  constexpr Severity kLow = Severity::kLow;
  constexpr Severity kMedium = Severity::kMedium;
  const std::vector<ScoreCase> cases = {
      {"nothing", {}, {false, false, false}, 0},
      {"a hit", {FindingOf(1, kMedium, {"a1"})}, {true, false, false}, 0},
      {"too low for a high incident",
       {FindingOf(1, kLow, {"a1"})},
       {false, false, false},
       0},
      {"low is enough for a low one",
       {FindingOf(1, kLow, {"b1"})},
       {false, true, false},
       0},
      {"info is never enough",
       {FindingOf(1, Severity::kInfo, {"b1"})},
       {false, false, false},
       0},
      {"half ordinary",
       {FindingOf(1, kMedium, {"a1", "x"})},
       {true, false, false},
       0},
      {"mostly ordinary",
       {FindingOf(1, kMedium, {"a1", "x", "y"})},
       {false, false, false},
       1},
      {"the same request twice counts once",
       {FindingOf(1, kMedium, {"a1", "a1", "x", "y"})},
       {false, false, false},
       1},
      {"two incidents at once",
       {FindingOf(1, kMedium, {"a1", "c1"})},
       {true, false, true},
       0},
      {"false", {FindingOf(1, kMedium, {"x"})}, {false, false, false}, 1},
      {"without evidence",
       {FindingOf(1, kMedium, {})},
       {false, false, false},
       1},
      {"a low one is never false",
       {FindingOf(1, kLow, {"x"})},
       {false, false, false},
       0},
      {"a later state hits",
       {FindingOf(1, kMedium, {"x"}), FindingOf(1, kMedium, {"x", "a1"})},
       {true, false, false},
       0},
      {"two states of a false one",
       {FindingOf(1, kMedium, {"x"}), FindingOf(1, kMedium, {"x", "y"}),
        FindingOf(2, kMedium, {"x"})},
       {false, false, false},
       2},
  };
  for (const ScoreCase& test : cases) {
    const IncidentScore score = ScoreOf(test.findings);
    size_t count = 0;
    for (size_t i = 0; i < test.found.size(); ++i) {
      EXPECT_EQ(score.found(i), test.found[i]) << test.name << ", " << i;
      count += test.found[i] ? 1 : 0;
    }
    EXPECT_EQ(score.found_count(), count) << test.name;
    EXPECT_EQ(score.false_findings(), test.false_findings) << test.name;
  }
}

TEST(IncidentScoreTest, WhatIsToldOfTheStagerIsNotFalse) {
  IncidentScore score(ParseIncidents("one\thigh\tx\ta1\n"), "stager");
  Finding finding = FindingOf(1, Severity::kMedium, {"x"});
  finding.entity = "stager";
  EXPECT_THAT(score.Export({&finding, 1}, absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(score.false_findings(), 0);
  finding.entity = "somebody";
  EXPECT_THAT(score.Export({&finding, 1}, absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(score.false_findings(), 1);
}

}  // namespace
}  // namespace oddverb
