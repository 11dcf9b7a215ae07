#include "exporters/table_exporter.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <vector>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/captured_output.h"
#include "tests/support/random_finding.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// 2024-10-04.
constexpr int64_t kStartSeconds = 86'400LL * 20'000;

Finding MakeFinding(uint64_t id, Severity severity, int seconds = 0) {
  Finding finding;
  finding.id = {1, id};
  finding.severity = severity;
  finding.time = absl::FromUnixSeconds(kStartSeconds + seconds);
  finding.rule = "rule.number" + std::to_string(id);
  finding.entity = "someone";
  finding.summary = "Because of " + std::to_string(id) + ".";
  return finding;
}

std::string Printed(const std::vector<Finding>& findings,
                    const TableExporter::Options& options = {}) {
  CapturedOutput output;
  TableExporter exporter(output.MakeFile(), options);
  EXPECT_THAT(exporter.Export(findings, absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(output.Text(), "");
  EXPECT_THAT(exporter.Finish(), IsOk());
  return output.Text();
}

std::vector<std::string> TableLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TableExporter::Options Columns(int columns) {
  TableExporter::Options options;
  options.terminal.columns = columns;
  return options;
}

TEST(TableExporterTest, PrintsThisForAFinding) {
  Finding finding;
  finding.id = {0x7f3c0a, 1};
  finding.cluster = "prod-eu-1";
  finding.severity = Severity::kHigh;
  finding.confidence = 0.97;
  finding.rule = "forbidden.fanout";
  finding.title = "Many different requests refused";
  finding.summary =
      "system:serviceaccount:shop:checkout was refused 23 kinds of requests.";
  finding.entity = "system:serviceaccount:shop:checkout";
  finding.time = absl::FromUnixMillis(1'795'245'249'112);
  finding.count = 23;
  finding.why = {{"kinds refused", "23 (usual 0)", 9.1},
                 {"user agent", "curl/8.5, new", 2.4}};
  finding.normal = "Reads config maps of shop, one agent.";
  finding.next = {"kubectl auth can-i --list --as=x", "kubectl get pods"};
  finding.evidence = {{"id-1", finding.time, "list", "/api/v1/secrets", 403}};
  finding.attack = {"T1613", "T1528"};
  EXPECT_EQ(
      Printed({finding}, Columns(110)),
      R"(SEVERITY  RULE              SUBJECT           WHEN (UTC)       WHY
HIGH      forbidden.fanout  sa shop/checkout  Nov 21 07:14:09  was refused 23 kinds of requests.
1 high in 1 finding

[HIGH] Many different requests refused  sa shop/checkout  (cluster prod-eu-1)
Why      system:serviceaccount:shop:checkout was refused 23 kinds of requests.
         kinds refused: 23 (usual 0); user agent: curl/8.5, new
Normal   Reads config maps of shop, one agent.
Do now   kubectl auth can-i --list --as=x
         kubectl get pods
Evidence auditID id-1 07:14:09.112Z 403 list /api/v1/secrets
         finding 00000000007f3c0a0000000000000001  23 events  confidence 0.97  ATT&CK T1613, T1528
)");
}

TEST(TableExporterTest, SaysSoWhenThereIsNothing) {
  EXPECT_EQ(Printed({}), "No findings.\n");
}

TEST(TableExporterTest, SortsBySeverityThenTime) {
  const std::string text = Printed({MakeFinding(1, Severity::kLow, 1),
                                    MakeFinding(2, Severity::kCritical, 9),
                                    MakeFinding(3, Severity::kLow, 0),
                                    MakeFinding(4, Severity::kCritical, 5)});
  const auto lines = TableLines(text);
  EXPECT_THAT(lines[1], HasSubstr("number4"));
  EXPECT_THAT(lines[2], HasSubstr("number2"));
  EXPECT_THAT(lines[3], HasSubstr("number3"));
  EXPECT_THAT(lines[4], HasSubstr("number1"));
  EXPECT_EQ(lines[5], "2 critical, 2 low in 4 findings");
}

TEST(TableExporterTest, AnUpdateReplacesTheEarlierState) {
  Finding opened = MakeFinding(1, Severity::kLow);
  Finding updated = MakeFinding(1, Severity::kHigh, 60);
  updated.state = FindingState::kUpdate;
  updated.summary = "It went on.";
  const std::string text = Printed({opened, updated});
  EXPECT_THAT(
      text, AllOf(HasSubstr("1 high in 1 finding\n"), HasSubstr("It went on."),
                  Not(HasSubstr("Because of"))));
}

TEST(TableExporterTest, FullTableKeepsTheSevereAndCountsTheRest) {
  TableExporter::Options options;
  options.max_findings = 3;
  std::vector<Finding> findings;
  for (uint64_t i = 1; i <= 10; ++i) {
    findings.push_back(MakeFinding(i, Severity::kLow, static_cast<int>(i)));
  }
  findings.push_back(MakeFinding(11, Severity::kCritical));
  findings.push_back(findings[8]);  // left out already: counts once
  const std::string text = Printed(findings, options);
  EXPECT_THAT(text, AllOf(HasSubstr("number11"), HasSubstr("number1 "),
                          HasSubstr("number2 "), Not(HasSubstr("number3 ")),
                          HasSubstr("in 3 findings"),
                          HasSubstr("8 more, none more severe: see")));
}

TEST(TableExporterTest, AFindingThatBecomesSevereComesBack) {
  TableExporter::Options options;
  options.max_findings = 1;
  const std::string text =
      Printed({MakeFinding(1, Severity::kLow), MakeFinding(2, Severity::kInfo),
               MakeFinding(2, Severity::kHigh)},
              options);
  EXPECT_THAT(text, AllOf(HasSubstr("number2"), HasSubstr("\n1 more, none")));
}

TEST(TableExporterTest, BlocksAreForMediumAndAboveAndLimited) {
  std::vector<Finding> findings;
  for (uint64_t i = 0; i < 25; ++i) {
    findings.push_back(
        MakeFinding(i, i < 23 ? Severity::kMedium : Severity::kLow));
  }
  const std::string text = Printed(findings);
  const auto lines = TableLines(text);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) {
                            return line.rfind("[MEDIUM]", 0) == 0;
                          }),
            20);
  EXPECT_THAT(text, Not(HasSubstr("[LOW]")));
  EXPECT_THAT(text, HasSubstr("\n3 more without details here: see"));
}

TEST(TableExporterTest, AlwaysHasTheSameBlocks) {
  const std::string text = Printed({MakeFinding(1, Severity::kMedium)});
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("\nWhy      Because"), HasSubstr("\nNormal   -\n"),
            HasSubstr("\nDo now   -\n"), HasSubstr("\nEvidence finding 0")));
}

TEST(TableExporterTest, ColoursOnlyWhenAsked) {
  const std::vector<Finding> findings = {MakeFinding(1, Severity::kCritical)};
  EXPECT_THAT(Printed(findings), Not(HasSubstr("\x1b")));
  TableExporter::Options options;
  options.terminal.colours = Colours::kOn;
  EXPECT_THAT(Printed(findings, options),
              AllOf(HasSubstr("\x1b[1;31mCRITICAL\x1b[0m"),
                    HasSubstr("\x1b[1;31m[CRITICAL]\x1b[0m")));
}

TEST(TableExporterTest, CutsTheMiddleOfLongNames) {
  Finding finding = MakeFinding(1, Severity::kLow);
  finding.entity = "system:node:" + std::string(100, 'x') + ".example.org";
  const std::string text = Printed({finding}, Columns(80));
  EXPECT_THAT(text, ContainsRegex("system:nod[^ ]*\u2026[^ ]*mple.org"));
  EXPECT_THAT(Printed({finding}), HasSubstr(finding.entity));
}

TEST(TableExporterTest, LeavesTheReasonOutWhereItWouldSayNothing) {
  Finding finding = MakeFinding(1, Severity::kLow);
  finding.rule = "service_account.acts_like_person";
  finding.entity = std::string(30, 'e');
  finding.summary = std::string(60, 's');
  EXPECT_THAT(Printed({finding}, Columns(140)),
              AllOf(HasSubstr(finding.rule), HasSubstr(finding.entity),
                    HasSubstr("WHY"), HasSubstr("ssss\u2026")));
  const std::string narrow = Printed({finding}, Columns(80));
  EXPECT_THAT(narrow, Not(HasSubstr("WHY")));
  EXPECT_THAT(narrow, Not(HasSubstr("sss")));
  EXPECT_EQ(DisplayWidth(TableLines(narrow)[1]), 80);
}

TEST(TableExporterTest, DoesNotRepeatTheSubjectInTheReason) {
  Finding finding = MakeFinding(1, Severity::kLow);
  finding.entity = "mallory";
  for (const auto& [summary, cell] :
       {std::pair("mallory: listed secrets", "  listed secrets\n"),
        std::pair("mallory listed secrets", "  listed secrets\n"),
        std::pair("mallory2 listed secrets", "  mallory2 listed secrets\n"),
        std::pair("mallory", "  mallory\n")}) {
    finding.summary = summary;
    EXPECT_THAT(Printed({finding}), HasSubstr(cell));
  }
}

TEST(TableExporterTest, NamesTheYearOnlyWhenThereAreSeveral) {
  Finding first = MakeFinding(1, Severity::kLow);
  Finding second = MakeFinding(2, Severity::kLow, 3600 * 24 * 400);
  EXPECT_THAT(Printed({first}), HasSubstr("  Oct 04 00:00:00  "));
  EXPECT_THAT(Printed({first, second}), HasSubstr("  2024-10-04 00:00:00  "));
}

TEST(TableExporterTest, NeverCutsACommand) {
  Finding finding = MakeFinding(1, Severity::kHigh);
  finding.next = {"kubectl " + std::string(300, 'x'),
                  "kubectl " + std::string(1 << 20, 'y')};
  const std::string text = Printed({finding}, Columns(80));
  EXPECT_THAT(text, HasSubstr(finding.next[0] + "\n"));
  EXPECT_THAT(text, HasSubstr("(a command of 1048584 bytes: see --format"));
  EXPECT_THAT(text, Not(HasSubstr("yyy")));
}

TEST(TableExporterTest, WrapsSentencesAmongTheSteps) {
  Finding finding = MakeFinding(1, Severity::kHigh);
  finding.next = {
      "A client certificate cannot be revoked: take away every binding of its "
      "name and groups, or change the certificate authority."};
  const std::string text = Printed({finding}, Columns(80));
  EXPECT_THAT(text, HasSubstr("Do now   A client certificate cannot"));
  EXPECT_THAT(text, HasSubstr("certificate authority.\n"));
  EXPECT_THAT(text, Not(HasSubstr(finding.next[0])));
}

// Neither a line too many nor too wide, nor a byte a terminal would obey.
TEST(TableExporterTest, HostileFindingsStayInTheirCells) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 60; ++round) {
    TableExporter::Options options = Columns(60 + round * 3);
    options.terminal.charset =
        round % 2 == 0 ? Charset::kUtf8 : Charset::kAscii;
    std::vector<Finding> findings;
    for (int i = 0; i < 30; ++i) {
      findings.push_back(RandomFinding(random));
      findings.back().next.clear();  // commands are never cut
    }
    const std::string text = Printed(findings, options);
    const auto lines = TableLines(text);
    for (const std::string& line : lines) {
      ASSERT_LE(DisplayWidth(line), options.terminal.columns) << line;
      for (std::string_view rest = line; !rest.empty();) {
        const CodePoint point = DecodeUtf8(rest);
        ASSERT_TRUE(point.valid && IsVisible(point.value)) << line;
        rest.remove_prefix(point.bytes);
      }
    }
    const auto first_blank = std::find(lines.begin(), lines.end(), "");
    EXPECT_EQ(first_blank - lines.begin(), 32);  // header, 30, counts
    size_t block_lines = 0;
    for (auto line = first_blank; line != lines.end(); ++line) {
      block_lines = line->empty() ? 0 : block_lines + 1;
      ASSERT_LE(block_lines, 12u);
    }
  }
}

TEST(TableExporterTest, HoldsTextsOfAMegabyte) {
  Finding finding = MakeFinding(1, Severity::kHigh);
  for (std::string* text : {&finding.entity, &finding.rule, &finding.summary,
                            &finding.title, &finding.normal}) {
    *text = std::string(1 << 20, '\x1b');
  }
  finding.attack.assign(10'000, std::string(100, 'T'));
  finding.why.assign(1'000, {std::string(10'000, 'f'), "v", 1});
  EXPECT_LT(Printed({finding}).size(), 40'000u);
  EXPECT_LT(Printed({finding}, Columns(80)).size(), 3'000u);
}

TEST(TableExporterTest, HandsOnTheErrorOfTheFile) {
  auto full = OutputFile::Open("/dev/full", OutputFile::Mode::kReplace);
  ASSERT_THAT(full, IsOk());
  TableExporter exporter(*std::move(full), {});
  EXPECT_THAT(exporter.Finish(), StatusIs(absl::StatusCode::kResourceExhausted,
                                          HasSubstr("No space left")));
}

}  // namespace
}  // namespace oddverb
