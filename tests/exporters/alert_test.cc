#include "exporters/alert.h"

#include <algorithm>
#include <random>
#include <set>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/exporters/alert_findings.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> NamesOf(const AlertTexts& texts) {
  std::vector<std::string> names;
  for (const AlertText& text : texts) names.push_back(text.name);
  return names;
}

size_t LinesIn(std::string_view text) {
  return text.empty() ? 0
                      : 1 + static_cast<size_t>(
                                std::count(text.begin(), text.end(), '\n'));
}

const Finding kFinding = FindingOf("system:serviceaccount:web:frontend");

TEST(AlertTest, SaysWhatRoutesMatch) {
  AlertForm form;
  form.labels = {{"team", "security"}};
  AlertTexts labels = MakeAlert(kFinding, form).labels;
  EXPECT_THAT(
      labels,
      ElementsAre(
          AlertText{"alertname", "ForbiddenProbingBurst"},
          AlertText{"cluster", "prod"},
          AlertText{"detector", "forbidden_burst"}, AlertText{"level", "high"},
          AlertText{"namespace", "web"}, AlertText{"rule", "forbidden.fanout"},
          AlertText{"severity", "critical"},
          AlertText{"subject", "system:serviceaccount:web:frontend"},
          AlertText{"subject_kind", "serviceaccount"},
          AlertText{"tactic", "discovery"}, AlertText{"team", "security"}));
}

TEST(AlertTest, TakesTheNamespaceOfTheSubjectElseOfTheFirstEvent) {
  struct Case {
    std::string subject;
    std::vector<std::string> namespaces;
    std::string expected;
  } cases[] = {{"system:serviceaccount:web:frontend", {"default"}, "web"},
               {"alice", {"shop", "default"}, "shop"},
               {"alice", {}, ""},
               {"system:serviceaccount:broken", {"shop"}, "shop"},
               {"system:node:worker-1", {"kube-system"}, "kube-system"}};
  for (const Case& c : cases) {
    Finding finding = FindingOf(c.subject);
    finding.what.namespaces = c.namespaces;
    EXPECT_EQ(TextOf(MakeAlert(finding, {}).labels, "namespace"), c.expected);
  }
}

TEST(AlertTest, NothingThatDiffersBetweenReplicasOrGrowsIsInLabels) {
  Finding grown = kFinding;
  grown.id = {1, 2};
  grown.score = 99;
  grown.confidence = 0.5;
  grown.count = 1000;
  grown.last_seen += absl::Hours(1);
  grown.time += absl::Hours(1);
  grown.where.source_ip = "192.0.2.1";
  grown.who.pod = "frontend-1";
  grown.who.node = "worker";
  grown.summary = "other words";
  grown.state = FindingState::kFinal;
  Alert alert = MakeAlert(kFinding, {});
  EXPECT_EQ(MakeAlert(grown, {}).labels, alert.labels);
  EXPECT_EQ(MakeAlert(grown, {}).identity, alert.identity);

  grown.severity = Severity::kCritical;
  EXPECT_NE(MakeAlert(grown, {}).labels, alert.labels);
  EXPECT_EQ(MakeAlert(grown, {}).identity, alert.identity);
  grown.entity = "another";
  EXPECT_NE(MakeAlert(grown, {}).identity, alert.identity);
}

TEST(AlertTest, TellsTheStoryInFixedBlocks) {
  Finding finding = kFinding;
  finding.first_seen = absl::FromUnixSeconds(1'700'000'000);
  finding.last_seen = finding.first_seen + absl::Seconds(2);
  finding.where.source_ip = "203.0.113.66";
  finding.where.user_agent = "curl/8";
  finding.warming = true;
  finding.why.push_back({"new agent", "curl/8", 1});
  finding.decoded = {{"request", "curl"}, {"base64", "id; whoami"}};
  finding.benign_checks = {"retries: 0"};
  AlertForm form;
  form.external_url = "https://oddverb.example/";
  form.runbook_url = "https://wiki.example/runbooks/";
  Alert alert = MakeAlert(finding, form);
  EXPECT_EQ(TextOf(alert.annotations, "description"),
            "Why     refused at first contact: list secrets in default\n"
            "        new agent: curl/8\n"
            "Decoded base64: id; whoami\n"
            "Normal  nothing\n"
            "Do now  kubectl get pods\n"
            "Checked retries: 0\n"
            "Seen    3 events, 2023-11-14T22:13:20.000Z to "
            "2023-11-14T22:13:22.000Z, from 203.0.113.66, confidence 0.99 "
            "(little history), agent curl/8");
  EXPECT_EQ(TextOf(alert.annotations, "evidence"),
            "2023-11-14T22:13:20.000Z auditID id-1 403 list /api/v1/secrets");
  EXPECT_EQ(TextOf(alert.annotations, "audit_ids"), "id-1");
  EXPECT_EQ(TextOf(alert.annotations, "attack"), "T1613, T1087");
  EXPECT_EQ(TextOf(alert.annotations, "finding_id"), finding.id.ToHex());
  EXPECT_EQ(TextOf(alert.annotations, "runbook_url"),
            "https://wiki.example/runbooks/forbidden.fanout");
  EXPECT_EQ(alert.generator_url,
            "https://oddverb.example/api/v1/findings?id=" + finding.id.ToHex());
  EXPECT_THAT(NamesOf(alert.annotations),
              ElementsAre("attack", "audit_ids", "description", "evidence",
                          "finding_id", "runbook_url", "summary"));
}

TEST(AlertTest, StaysWithinTwelveLinesAndThreeOfEvidence) {
  Finding finding = kFinding;
  for (int i = 0; i < 30; ++i) {
    finding.why.push_back({"feature", "value\nof\nlines", 1});
    finding.next.push_back("kubectl get pods");
    finding.benign_checks.push_back("check");
    finding.decoded.push_back({"base64", "x"});
    finding.evidence.push_back(finding.evidence[0]);
  }
  Alert alert = MakeAlert(finding, {});
  EXPECT_EQ(LinesIn(TextOf(alert.annotations, "description")),
            Alert::kMaxDescriptionLines);
  EXPECT_EQ(LinesIn(TextOf(alert.annotations, "evidence")),
            Alert::kMaxEvidenceLines);
}

TEST(AlertTest, ShowsACommandWholeOrNotAtAll) {
  Finding finding = kFinding;
  finding.next = {"kubectl " + std::string(1000, 'x'),
                  "kubectl " + std::string(1017, 'y'),
                  "kubectl " + std::string(300, '\x01')};
  Alert alert = MakeAlert(finding, {});
  EXPECT_THAT(std::string(TextOf(alert.annotations, "description")),
              HasSubstr("Do now  kubectl " + std::string(1000, 'x') +
                        "\n        (too long: see the finding)"
                        "\n        (too long: see the finding)\n"));
}

TEST(AlertTest, HostileTextIsBoundedAndVisible) {
  Finding finding = FindingOf(
      "eve\"\\\n\r\t\x1b[2J\xff\xe2\x80\xae"
      "end");
  EXPECT_EQ(TextOf(MakeAlert(finding, {}).labels, "subject"),
            "eve\"\\\\n\\r\\t\\x1b[2J\\xff\\u{202e}end");
  finding.entity = std::string(1 << 20, '\x01');
  finding.summary = std::string(1 << 20, 's');
  finding.evidence[0].uri = std::string(1 << 20, 'u');
  finding.why[0].value = std::string(1 << 20, '\xff');
  Alert alert = MakeAlert(finding, {});
  EXPECT_EQ(TextOf(alert.labels, "subject").size(), Alert::kMaxLabelBytes);
  size_t bytes = 0;
  for (const AlertText& text : alert.annotations) bytes += text.value.size();
  EXPECT_LT(bytes, 6u << 10);
}

// Whatever a log holds: names that Alertmanager takes, text that it keeps, and
// JSON that reads back as what was meant.
TEST(AlertTest, AnyFindingMakesAWellFormedAlert) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 500; ++i) {
    Finding finding = RandomFinding(random);
    Alert alert = MakeAlert(finding, {});
    for (const AlertTexts* texts : {&alert.labels, &alert.annotations}) {
      std::set<std::string> names;
      for (const AlertText& text : *texts) {
        EXPECT_TRUE(names.insert(text.name).second) << text.name;
        EXPECT_FALSE(text.value.empty()) << text.name;
        EXPECT_EQ(ReplaceBadUtf8(text.value), text.value);
        for (char c : text.value) {
          EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 ||
                      (c == '\n' && texts == &alert.annotations));
        }
      }
      EXPECT_TRUE(std::is_sorted(texts->begin(), texts->end(),
                                 [](const AlertText& a, const AlertText& b) {
                                   return a.name < b.name;
                                 }));
      JsonWriter json;
      WriteAlertTexts(*texts, json);
      nlohmann::json read = nlohmann::json::parse(json.text());
      ASSERT_EQ(read.size(), texts->size());
      for (const AlertText& text : *texts) {
        EXPECT_EQ(read[text.name].get<std::string>(), text.value);
      }
    }
    EXPECT_FALSE(TextOf(alert.labels, "alertname").empty());
    EXPECT_LE(LinesIn(TextOf(alert.annotations, "description")), 12u);
  }
}

TEST(AlertTest, FingerprintsAreAlertmanagersOwn) {
  // From Alertmanager 0.25.
  EXPECT_EQ(AlertFingerprint(
                {{"alertname", "A"}, {"severity", "critical"}, {"x", "q\"\n"}}),
            0xe72afa8afed982c4);
  EXPECT_EQ(AlertFingerprint({{"alertname", "B"}, {"severity", "warning"}}),
            0x86ffee69cae92b61);
}

TEST(AlertTest, RefusesAFormThatAlertmanagerWouldRefuse) {
  struct Case {
    AlertForm form;
    std::string mistake;
  } cases[] = {
      {{.external_url = "ftp://x"}, "external_url: must be a URL"},
      {{.external_url = "http://a b"}, "external_url: must be a URL"},
      {{.runbook_url = "wiki"}, "runbook_url: must be a URL"},
      {{.labels = {{"user.name", "x"}}}, "\"user.name\""},
      {{.labels = {{"1st", "x"}}}, "\"1st\""},
      {{.labels = {{"", "x"}}}, "made of letters"},
      {{.labels = {{"a\n", "x"}}}, "\"a\\n\""},
      {{.labels = {{"severity", "x"}}}, "sets this one itself"},
      {{.labels = {{"subject", "x"}}}, "sets this one itself"},
      {{.labels = {{"__meta", "x"}}}, "sets this one itself"},
      {{.labels = {{"a", "x"}, {"b", "x"}, {"a", "y"}}}, "given twice: \"a\""},
      {{.labels = AlertTexts(17, {"a", "x"})}, "at most 16"}};
  for (const Case& c : cases) {
    EXPECT_THAT(
        CheckAlertForm(c.form),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.mistake)));
  }
  EXPECT_THAT(CheckAlertForm({.external_url = "https://o.example/x",
                              .runbook_url = "http://w/#",
                              .labels = {{"team", "a"}, {"_env", "b"}}}),
              IsOk());
  EXPECT_THAT(CheckAlertForm({}), IsOk());
}

}  // namespace
}  // namespace oddverb
