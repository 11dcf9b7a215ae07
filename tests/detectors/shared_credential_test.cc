// credential.two_networks where pipelines share one credential: their runs
// overlap, at ever other addresses, and now and then with another tool.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr char kTerraform[] = "Terraform/1.9.5";
constexpr char kHostedRunner[] = "198.51.100.132";
constexpr char kOtherRunner[] = "203.0.113.154";

Severity WorstReport(const CredentialStream& stream) {
  Severity worst = Severity::kInfo;
  for (const Finding& finding : stream.reports()) {
    worst = std::max(worst, finding.severity);
  }
  return worst;
}

// Uses of ten minutes each, for an hour and a half.
void StayThere(CredentialStream& stream, Client& who) {
  for (int i = 0; i < 10; ++i) {
    who.Ask();
    stream.Sleep(absl::Minutes(10));
  }
}

TEST(SharedCredentialTest, FirstRunsOfHostedRunnersAreLow) {
  CredentialStream stream;
  Client run = Client::Person(stream, "robot", kHostedRunner).With(kTerraform);
  Client other = run.At(kOtherRunner).With("kubectl/v1.33.4 (linux/amd64)");
  InTurns(run, other, 5);
  stream.Restart();
  InTurns(run, other, 5);
  stream.End();
  EXPECT_EQ(WorstReport(stream), Severity::kLow);
  EXPECT_THAT(stream.findings()[0].benign_checks,
              Contains(HasSubstr("Where it belongs is not known yet")));
}

TEST(SharedCredentialTest, WhoWorksOutsideForAnHourHasAHome) {
  for (bool is_renewed : {false, true}) {
    CredentialStream stream;
    Client owner = Client::Person(stream, "olga", kHostedRunner);
    StayThere(stream, owner);
    stream.Restart();
    // A credential that lives for an hour; the identity has worked there.
    if (is_renewed) owner = owner.Credential("JTI=fresh");
    Client thief = owner.At(kOtherRunner).With("curl/8.5.0");
    InTurns(owner, thief, 3);
    EXPECT_EQ(WorstReport(stream), Severity::kHigh) << is_renewed;
  }
}

// At a desktop there is a person, and no pipeline.
TEST(SharedCredentialTest, ADesktopIsAHomeFromTheFirstRequestOn) {
  constexpr const char* kDesktopPrograms[] = {
      "Lens/2025.8 (win32)", "k9s/v0.50.9", "Mozilla/5.0 (X11; Linux x86_64)",
      "kubectl/v1.34.1 (darwin/arm64) kubernetes/93248f9",
      "kubectl/v1.30.2 (windows/amd64) kubernetes/3968350"};
  for (const char* program : kDesktopPrograms) {
    for (bool is_thief_first : {false, true}) {
      CredentialStream stream;
      Client owner =
          Client::Person(stream, "olga", kHostedRunner).With(program);
      Client thief = owner.At(kOtherRunner).With("kubectl/v1.33 (linux/amd64)");
      InTurns(is_thief_first ? thief : owner, is_thief_first ? owner : thief,
              5);
      EXPECT_EQ(WorstReport(stream), Severity::kMedium) << program;
      EXPECT_EQ(stream.findings()[0].where.source_ip, kOtherRunner) << program;
      EXPECT_THAT(stream.findings()[0].benign_checks,
                  Contains(HasSubstr("the program of a desktop")));
    }
  }
}

// The same machine may have both addresses, or the person has moved.
TEST(SharedCredentialTest, ADesktopsOwnAddressesAreLow) {
  struct Case {
    const char *first_ip, *second_ip, *second_program;
  };
  constexpr char kLens[] = "Lens/2025.8 (win32)";
  constexpr char kKubectl[] = "kubectl/v1.30.2 (windows/amd64)";
  for (const Case& c : {Case{"198.51.100.132", "198.51.100.9", kKubectl},
                        Case{"198.51.100.132", "198.51.7.9", kKubectl},
                        Case{"198.51.100.132", "2001:db8:7::9", kKubectl},
                        Case{"2001:db8:7::9", "2001:db8:7:1::8", kKubectl},
                        Case{"198.51.100.132", "203.0.113.154", kLens}}) {
    CredentialStream stream;
    Client owner = Client::Person(stream, "olga", c.first_ip).With(kLens);
    Client again = owner.At(c.second_ip).With(c.second_program);
    InTurns(owner, again, 5);
    stream.End();
    EXPECT_EQ(WorstReport(stream), Severity::kLow) << c.second_ip;
  }
}

class RunnerPoolTest : public ::testing::Test {
 protected:
  RunnerPoolTest() {
    for (int i = 11; i < 14; ++i) {
      runner_.At(absl::StrCat("10.6.0.", i)).Ask(3);
      stream_.Sleep(absl::Hours(5));
    }
  }

  CredentialStream stream_;
  Client runner_ =
      Client::Person(stream_, "robot", "10.6.0.11").With(kTerraform);
};

TEST_F(RunnerPoolTest, RunsThatOverlapInOneNetworkAreLow) {
  Client other = runner_.At("10.6.0.14").With("helm/v3.16.2");
  InTurns(runner_, other, 10);
  stream_.End();
  EXPECT_EQ(WorstReport(stream_), Severity::kLow);
  EXPECT_THAT(stream_.findings()[0].benign_checks,
              Contains(HasSubstr("machines that share it")));
}

TEST_F(RunnerPoolTest, ThiefElsewhereIsHigh) {
  Client thief = runner_.At("10.9.7.7").With("helm/v3.16.2");
  InTurns(runner_, thief, 3);
  EXPECT_EQ(WorstReport(stream_), Severity::kHigh);
}

// The log begins with one run of another tool.
TEST(SharedCredentialTest, AsManyAddressesWithOneToolNearHomeAreAPool) {
  for (bool is_pool : {true, false}) {
    CredentialStream stream;
    Client first = Client::Person(stream, "robot", "10.6.0.13");
    first.With("helm/v3.16.2").Ask(3);
    Client run = first.With(kTerraform);
    if (is_pool) run.At("10.6.0.26").Ask(3);
    Client other = run.At("10.6.0.31"), suspect = run.At("10.6.0.12");
    InTurns(other, suspect, 3);
    EXPECT_EQ(WorstReport(stream), is_pool ? Severity::kLow : Severity::kHigh);
  }
}

TEST(SharedCredentialTest, ManyAddressesWithOneToolFarFromHomeAreNoPool) {
  CredentialStream stream;
  Client owner = Client::Person(stream, "olga", kOffice);
  owner.Ask(3);
  Client thief = owner.With(kTerraform);
  thief.At("10.9.0.26").Ask(3);
  Client other = thief.At("10.9.0.31"), suspect = thief.At("10.9.0.12");
  InTurns(other, suspect, 3);
  EXPECT_EQ(WorstReport(stream), Severity::kHigh);
}

TEST(SharedCredentialTest, NeighbourOfAPersonIsHigh) {
  CredentialStream stream;
  Client owner = Client::Person(stream, "olga", kOffice);
  Client thief = owner.At("10.8.0.77").With("curl/8.5.0");
  InTurns(owner, thief, 3);
  EXPECT_EQ(WorstReport(stream), Severity::kHigh);
}

}  // namespace
}  // namespace oddverb
