// Where findings, rejected records and metrics go, and what happens when they
// cannot get there.
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/corpus.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST(OutputTest, AFileHoldsWhatStandardOutputWould) {
  TempFolder folder;
  const std::string log = Sample("exec-metadata.log.gz");
  const std::string file = folder.Write("f.ndjson", "of yesterday\n");
  const ChildResult to_file = Oddverb({"scan", log, "-o", file});
  EXPECT_EQ(to_file.exit_code, 0);
  EXPECT_EQ(to_file.output, "");
  EXPECT_EQ(FileText(file), Oddverb({"scan", log}).output);
  EXPECT_EQ(Oddverb({"scan", log, "-o", "-"}).output, FileText(file));
}

TEST(OutputTest, AFullDiskIsAFailureWithAClearMessage) {
  const std::string log = Sample("exec-metadata.log.gz");
  const std::vector<std::vector<std::string>> ways = {
      {"scan", log, "-o", "/dev/full"},
      {"scan", log, "-o", "/dev/full", "-q", "--format", "table"},
      {"scan", log, "--metrics-out", "/dev/full"},
      {"scan", Sample("damaged.log.gz"), "--dead-letter", "/dev/full"},
      {"demo", "-o", "/dev/full"}};
  for (const std::vector<std::string>& way : ways) {
    const ChildResult result = Oddverb(way);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.errors,
                HasSubstr("oddverb: cannot write /dev/full: No space left"));
  }
}

TEST(OutputTest, AReaderThatHasGoneIsAFailureAndNoSignal) {
  ChildProcess child(OddverbSetup({"scan", "-"}));
  child.CloseOutput();
  child.Write(ReadMaybeGzip(Sample("exec-metadata.log.gz")));
  child.CloseInput();
  const ChildResult result = child.Wait();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("reads the findings has ended"));
}

TEST(OutputTest, QuietWritesNothingButFindings) {
  TempFolder folder;
  const ChildResult result = Oddverb(
      {"scan", "-q", Sample("benign.log.gz"), "-o", folder.path("f"),
       "--metrics-out", folder.path("m"), "--dead-letter", folder.path("d")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.errors, "");
}

TEST(OutputTest, TheDeadLetterKeepsEachRejectedRecordWithPlaceAndReason) {
  TempFolder folder;
  const std::string path = folder.path("dead.ndjson");
  const ChildResult result =
      Oddverb({"scan", Sample("damaged.log.gz"), "--dead-letter", path, "-q"});
  EXPECT_EQ(result.exit_code, 0);
  std::set<std::string> reasons;
  for (const nlohmann::json& letter : FindingsIn(FileText(path))) {
    EXPECT_THAT(letter.value("place", ""), HasSubstr("damaged.log.gz:"));
    EXPECT_GT(letter.value("record_bytes", 0), 0);
    EXPECT_NE(letter.value("sample", ""), "");
    reasons.insert(letter.value("reason", ""));
  }
  EXPECT_THAT(reasons,
              UnorderedElementsAre("not_audit_event", "not_json", "torn"));
  EXPECT_THAT(FileText(path), HasSubstr("stdout of another program"));
}

// Value of each sample, by "name{labels}".
std::map<std::string, double> Samples(const std::string& metrics) {
  std::map<std::string, double> samples;
  for (const std::string& line : LinesOf(metrics)) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    samples[line.substr(0, space)] = std::atof(line.substr(space).c_str());
  }
  return samples;
}

double SumOf(const std::map<std::string, double>& samples,
             const std::string& start, const std::string& part = "") {
  double sum = 0;
  for (const auto& [name, value] : samples) {
    if (name.starts_with(start) && name.find(part) != std::string::npos) {
      sum += value;
    }
  }
  return sum;
}

TEST(OutputTest, MetricsEqualWhatWasReadAndFound) {
  TempFolder folder;
  const std::string path = folder.path("m");
  const std::string exec = ReadMaybeGzip(Sample("exec-metadata.log.gz"));
  const std::string text =
      ReadMaybeGzip(Sample("damaged.log.gz")) + "\n" + exec;
  const ChildResult result =
      Oddverb({"scan", folder.Write("audit.log", text), "--metrics-out", path,
               "--dead-letter", folder.path("d")});
  const auto samples = Samples(FileText(path));
  // All of both attacks, and the event in the torn line; one is repaired.
  EXPECT_EQ(SumOf(samples, "oddverb_events_total{"),
            62 + static_cast<double>(LinesOf(exec).size()));
  EXPECT_EQ(SumOf(samples, "oddverb_worker_events_total{"),
            SumOf(samples, "oddverb_events_total{"));
  double torn = 0;
  const auto letters = FindingsIn(FileText(folder.path("d")));
  for (const nlohmann::json& letter : letters) {
    torn += letter.value("reason", "") == "torn" ? 1 : 0;
  }
  EXPECT_GE(torn, 3);
  EXPECT_EQ(SumOf(samples, "oddverb_parse_errors_total{", "\"torn\""), torn);
  EXPECT_EQ(SumOf(samples, "oddverb_parse_errors_total{"),
            static_cast<double>(letters.size()));
  EXPECT_EQ(SumOf(samples, "oddverb_salvaged_records_total"), 1);
  EXPECT_EQ(SumOf(samples, "oddverb_repaired_records_total"), 1);
  EXPECT_EQ(SumOf(samples, "oddverb_bytes_total"),
            static_cast<double>(text.size()));
  // 2026-11-23T23:34:27.029136Z
  EXPECT_EQ(SumOf(samples, "oddverb_source_last_event_timestamp_seconds{"),
            1795476867.029136);
  const auto findings = FindingsIn(result.output);
  EXPECT_EQ(SumOf(samples, "oddverb_findings_total{"),
            static_cast<double>(findings.size()));
  std::map<std::string, double> by_severity;
  for (const nlohmann::json& finding : findings) {
    ++by_severity[finding.value("severity", "")];
  }
  for (const auto& [severity, count] : by_severity) {
    EXPECT_EQ(SumOf(samples, "oddverb_findings_total{", "\"" + severity + "\""),
              count);
  }
}

TEST(OutputTest, EveryMetricHasHelpAndTypeAndPromtoolHasNoComplaint) {
  TempFolder folder;
  const std::string path = folder.path("m");
  Oddverb({"scan", "-q", Sample("damaged.log.gz"), "--metrics-out", path});
  const std::string text = FileText(path);
  std::set<std::string> helped, typed;
  const std::regex comment("# (HELP|TYPE) ([a-z_]+) .+");
  size_t samples = 0;
  for (const std::string& line : LinesOf(text)) {
    std::smatch match;
    if (std::regex_match(line, match, comment)) {
      (match[1] == "HELP" ? helped : typed).insert(match[2]);
      continue;
    }
    const std::string name = line.substr(0, line.find_first_of("{ "));
    EXPECT_TRUE(helped.contains(name) && typed.contains(name)) << line;
    ++samples;
  }
  EXPECT_GT(samples, 20u);
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) return;
  ChildSetup promtool;
  promtool.program = "/bin/sh";
  promtool.arguments = {"-c", "exec promtool check metrics"};
  const ChildResult checked = RunChild(promtool, text);
  EXPECT_EQ(checked.exit_code, 0) << checked.output << checked.errors;
}

// An attack by someone whose name, agent and pod steer terminals.
std::string HostileLog() {
  return absl::StrReplaceAll(
      ReadMaybeGzip(Sample("exec-metadata.log.gz")),
      {{"\"bob@corp.example\"",
        R"("bob\u001b[2J\u001b]0;owned\u0007\u202e\r\n\u009b31m")"},
       {"\"userAgent\":\"", R"("userAgent":"\u001b[31m)"},
       {"\"namespace\":\"web\"", R"("namespace":"w\u001b[1A")"}});
}

bool HasControls(const std::string& text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) {
      return true;
    }
  }
  // C1 controls and the reversal of direction, as UTF-8.
  return text.find("\xc2\x9b") != std::string::npos ||
         text.find("\xe2\x80\xae") != std::string::npos;
}

TEST(OutputTest, HostileNamesAreMadeVisibleInTheTable) {
  TempFolder folder;
  const std::string log = folder.Write("audit.log", HostileLog());
  const ChildResult table = Oddverb({"scan", log, "--format", "table"});
  EXPECT_THAT(table.output, HasSubstr("bob\\x1b[2J\\x1b]0;owned\\x07"));
  EXPECT_FALSE(HasControls(table.output)) << table.output;
  EXPECT_FALSE(HasControls(table.errors)) << table.errors;
  ChildSetup terminal = OddverbSetup({"scan", log});
  terminal.terminal_columns = 120;
  terminal.environment = {{"NO_COLOR", "1"}};
  const ChildResult on_terminal = RunChild(terminal);
  EXPECT_THAT(on_terminal.output, HasSubstr("bob\\x1b[2J"));
  EXPECT_FALSE(
      HasControls(absl::StrReplaceAll(on_terminal.output, {{"\r\n", "\n"}})));
}

TEST(OutputTest, HostileTextIsEscapedInNdjsonAndInMessages) {
  TempFolder folder;
  const std::string log = folder.Write("audit.log", HostileLog());
  const ChildResult ndjson = Oddverb({"scan", log});
  EXPECT_THAT(FindingsIn(ndjson.output), Not(SizeIs(0)));
  EXPECT_EQ(ndjson.output.find('\x1b'), std::string::npos);
  const std::string torn =
      folder.Write("a\x1b[31m.log", "{\"kind\":\"\x1b[31mE\n");
  const ChildResult messages = Oddverb({"scan", torn});
  EXPECT_THAT(messages.errors, HasSubstr("record not judged"));
  EXPECT_FALSE(HasControls(messages.errors)) << messages.errors;
  const ChildResult missing = Oddverb({"scan", "/no/\x1b[31m.log"});
  EXPECT_THAT(missing.errors, HasSubstr("/no/\\x1b[31m.log"));
  EXPECT_FALSE(HasControls(missing.errors)) << missing.errors;
  const ChildResult unknown = Oddverb({"sc\x1b[31mn"});
  EXPECT_FALSE(HasControls(unknown.errors)) << unknown.errors;
}

}  // namespace
}  // namespace oddverb
