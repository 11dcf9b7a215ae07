#include "app/config_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A folder with a good configuration's files.
class ConfigCheckTest : public ::testing::Test {
 protected:
  ConfigCheckTest() {
    folder_.Write("logs/audit.log", "");
    ::mkdir(folder_.path("state").c_str(), 0700);
  }

  ConfigReport Check(const std::string& text) {
    absl::StatusOr<ServiceConfig> config =
        ParseServiceConfig(text, folder_.path("c.yaml"),
                           [](std::string_view) -> std::optional<std::string> {
                             return std::nullopt;
                           });
    EXPECT_THAT(config, IsOk());
    return config.ok() ? CheckConfigFiles(*config) : ConfigReport();
  }

  static constexpr char kGood[] =
      "state_dir: state\n"
      "sources: [{type: tail, path: logs/audit.log}]\n"
      "listeners: [{name: m, address: ':9642', serve: [metrics, health]}]\n";

  TempFolder folder_;
};

TEST_F(ConfigCheckTest, SaysNothingOfAGoodOne) {
  ConfigReport report = Check(kGood);
  EXPECT_THAT(report.problems.lines(), IsEmpty());
  EXPECT_THAT(report.warnings.lines(), IsEmpty());
}

TEST_F(ConfigCheckTest, ReadsTheRules) {
  folder_.Write("r/a.yml",
                "title: A\nlogsource: {product: kubernetes}\n"
                "detection:\n  sel: {verb: get}\n  condition: sell\n");
  ConfigReport report = Check(absl::StrCat(
      kGood, "rules: {paths: [r, absent.yml], disable: [nobody]}\n"));
  EXPECT_THAT(report.problems.lines(),
              ElementsAre(folder_.path("absent.yml") +
                              ": there is no such file or folder",
                          AllOf(StartsWith(folder_.path("r/a.yml:5:14: ")),
                                HasSubstr("\n      condition: sell\n"))));
  EXPECT_THAT(report.warnings.lines(),
              ElementsAre(AllOf(StartsWith(folder_.path("c.yaml:4:8: ")),
                                HasSubstr("\"nobody\""))));
}

TEST_F(ConfigCheckTest, ChangesNothing) {
  Check(
      "state_dir: new\nsources: [{type: tail, path: logs/audit.log}]\n"
      "outputs: [{type: ndjson, path: out}]\n");
  EXPECT_NE(::access(folder_.path("new").c_str(), F_OK), 0);
  EXPECT_NE(::access(folder_.path("out").c_str(), F_OK), 0);
}

TEST_F(ConfigCheckTest, WantsAStateDirectory) {
  folder_.Write("file", "");
  const char kRest[] = "\nsources: [{type: tail, path: logs/audit.log}]\n";
  EXPECT_THAT(Check(absl::StrCat("state_dir: new", kRest)).problems.lines(),
              IsEmpty());
  EXPECT_THAT(
      Check(absl::StrCat("state_dir: no/new", kRest)).problems.lines(),
      ElementsAre(AllOf(StartsWith(folder_.path("c.yaml") + ": state_dir: "),
                        HasSubstr("install -d -m 0700 -o oddverb"))));
  EXPECT_THAT(Check(absl::StrCat("state_dir: file", kRest)).problems.lines(),
              ElementsAre(HasSubstr("file is not a folder")));
  ::chmod(folder_.path("state").c_str(), 0755);
  EXPECT_THAT(Check(kGood).warnings.lines(),
              ElementsAre(HasSubstr("warning: ")));
  EXPECT_THAT(Check(kGood).warnings.lines(),
              ElementsAre(HasSubstr("chmod 0700")));
}

TEST_F(ConfigCheckTest, WantsTheFolderOfATailButNotYetTheFile) {
  ConfigReport report =
      Check("state_dir: state\nsources: [{type: tail, path: no/audit.log}]\n");
  EXPECT_THAT(report.problems.lines(),
              ElementsAre(AllOf(StartsWith(folder_.path("c.yaml") + ":2:11: "),
                                HasSubstr("--audit-log-path"))));
  report =
      Check("state_dir: state\nsources: [{type: tail, path: logs/new.log}]\n");
  EXPECT_THAT(report.problems.lines(), IsEmpty());
  EXPECT_THAT(report.warnings.lines(),
              Contains(HasSubstr("new.log is not there yet")));
}

TEST_F(ConfigCheckTest, TellsBothCuresOfALogThatIsRootsAlone) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads every file";
  ::chmod(folder_.path("logs/audit.log").c_str(), 0);
  EXPECT_THAT(Check(kGood).problems.lines(),
              ElementsAre(AllOf(HasSubstr("chmod 0640"),
                                HasSubstr("CAP_DAC_READ_SEARCH"))));
}

TEST_F(ConfigCheckTest, TellsEachFileThatIsMissing) {
  ConfigReport report = Check(
      "state_dir: state\n"
      "sources: [{type: files, paths: [no-a, no-b, 'logs/*.gz']}]\n");
  EXPECT_THAT(
      report.problems.lines(),
      ElementsAre(HasSubstr("no-a"), HasSubstr("no-b"), HasSubstr("*.gz")));
  for (const std::string& line : report.problems.lines()) {
    EXPECT_THAT(line, StartsWith(folder_.path("c.yaml") + ":2:11: "));
  }
}

TEST_F(ConfigCheckTest, LoadsCertificates) {
  folder_.Write("t.crt", "no certificate");
  EXPECT_THAT(
      Check("state_dir: state\n"
            "sources: [{type: tail, path: logs/audit.log}]\n"
            "listeners:\n"
            "- {name: m, address: ':9642', serve: metrics}\n"
            "- {name: a, address: ':1', serve: health, tls: "
            "{certificate_file: t.crt, key_file: k}}\n")
          .problems.lines(),
      ElementsAre(AllOf(HasSubstr(":5:3: listener a: certificate_file: "),
                        HasSubstr("t.crt"))));
}

TEST_F(ConfigCheckTest, WantsToWriteTheOutputs) {
  folder_.Write("out", "");
  ::chmod(folder_.path("out").c_str(), 0600);
  ConfigReport report =
      Check(absl::StrCat(kGood,
                         "outputs:\n"
                         "- {type: ndjson, path: out}\n"
                         "- {type: ndjson, name: b, path: logs}\n"
                         "- {type: ndjson, name: c, path: no/out}\n"
                         "- {type: ndjson, name: d, path: new}\n"));
  EXPECT_THAT(report.problems.lines(),
              ElementsAre(HasSubstr("logs is a folder"),
                          AllOf(HasSubstr("no is not there"),
                                HasSubstr("install -d"))));
  EXPECT_THAT(report.warnings.lines(), IsEmpty());
}

TEST_F(ConfigCheckTest, WarnsOfRisks) {
  folder_.Write("tokens", "short\n");
  ::chmod(folder_.path("tokens").c_str(), 0644);
  ConfigReport report = Check(
      "cluster: c\n"
      "state_dir: state\n"
      "trusted_proxies: [0.0.0.0/0]\n"
      "allowed_lateness: 5s\n"
      "sources:\n"
      "- {type: webhook, listener: a}\n"
      "listeners:\n"
      "- {name: a, address: 'localhost:1', serve: audit}\n"
      "- {name: b, address: 'localhost:2', serve: audit}\n"
      "- {name: c, address: 'localhost:0', serve: api, tokens_file: tokens}\n"
      "outputs: []\n");
  EXPECT_THAT(report.problems.lines(), IsEmpty());
  EXPECT_THAT(
      report.warnings.lines(),
      ElementsAre(
          HasSubstr("allowed_lateness: warning: below 2m"),
          HasSubstr(":8:3: warning: listener a: every process of this"),
          HasSubstr(":9:3: warning: listener b: every process of this"),
          HasSubstr(":9:3: warning: listener b: serves audit, but no source"),
          AllOf(HasSubstr("tokens and can be read by everybody"),
                HasSubstr("chmod o-rwx")),
          HasSubstr("listener c: a token of less than 20"),
          HasSubstr("listener c: port 0"),
          HasSubstr("trusted_proxies: warning: every address"),
          HasSubstr("outputs: warning: findings are written nowhere"),
          HasSubstr("listeners: warning: no listener serves metrics")));
}

TEST_F(ConfigCheckTest, CommandSaysFineOrAllMistakes) {
  std::string good = folder_.Write("good.yaml", kGood);
  std::string bad =
      folder_.Write("bad.yaml", "sources: [{type: tial}]\nthreads: none\n");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(RunCheckConfig(good), 0);
  EXPECT_EQ(RunCheckConfig(bad), 2);
  EXPECT_EQ(RunCheckConfig(folder_.path("absent.yaml")), 2);
  EXPECT_THAT(
      ::testing::internal::GetCapturedStdout(),
      StartsWith(good + ": fine: 1 source, 1 listener, 1 output; detectors "
                        "attack_sequence, audit_stream, forbidden_burst, "));
  std::string errors = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(errors, StartsWith(bad + ":1:18: expected one of tail"));
  EXPECT_THAT(errors, HasSubstr("\n" + bad + ":2:10: expected a whole"));
  EXPECT_THAT(errors, HasSubstr("\n" + folder_.path("absent.yaml: cannot")));
}

}  // namespace
}  // namespace oddverb
