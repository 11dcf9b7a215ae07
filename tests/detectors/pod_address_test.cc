// StolenCredential where the log has the bodies of pods/status: kubelets report
// the addresses of their pods.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kUnreported[] = "an address that its kubelet does not report";

class PodAddressTest : public ::testing::Test {
 protected:
  // The kubelet's patch of the status of web/NAME-0.
  void Report(const std::string& name, const std::string& ip,
              const std::string& more = "") {
    Patch(kubelet_, name,
          absl::StrCat(R"({"metadata":{"uid":"uid-of-)", name,
                       R"(-0"},"status":{"podIP":")", ip,
                       R"(","podIPs":[{"ip":")", ip, R"("}])", more, "}}"));
  }
  void Patch(Client who, const std::string& name, const std::string& body) {
    who.Ask([&](EventBuilder& b) {
      b.Verb("patch").Resource("pods").Ns("web").Name(name + "-0");
      b.Sub("status").RequestObject(body);
    });
  }
  // Somebody honest is at kInside2, so that an address alone is not critical.
  void Begin() {
    pod_.Ask();
    neighbour_.Ask();
  }

  CredentialStream stream_;
  Client kubelet_ =
      Client::Person(stream_, "system:node:worker-1", "192.168.0.11")
          .With("kubelet/v1.37.2 (linux/amd64) kubernetes/abcdef0");
  Client pod_ = Client::Pod(stream_, "shop", kInside);
  Client neighbour_ = Client::Pod(stream_, "cart", kInside2);
};

TEST_F(PodAddressTest, ARestartedPodIsExplainedByItsKubelet) {
  for (bool report_first : {true, false}) {
    stream_.Sleep(absl::Minutes(1));
    const std::string name = report_first ? "early" : "late";
    Client pod = Client::Pod(stream_, name, kInside);
    Client moved = pod.At("10.244.1.77");
    Report(name, kInside);
    pod.Ask();
    if (report_first) Report(name, "10.244.1.77");
    stream_.Restart();
    moved.Ask(3);
    if (!report_first) Report(name, "10.244.1.77");
    stream_.Sleep(absl::Minutes(5));
    Report("other", "10.244.1.99");
    stream_.Tick(stream_.NextSecond());
    if (report_first) {
      EXPECT_THAT(stream_.findings(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream_.findings(), SizeIs(1));
    EXPECT_EQ(stream_.findings()[0].severity, Severity::kInfo);
    EXPECT_THAT(FeaturesOf(stream_.findings()[0]),
                Contains("its kubelet reports this address"));
  }
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(PodAddressTest, AThiefWhoDoesAsThePodIsHighWhenNoReportComes) {
  Report("shop", kInside);
  Begin();
  Client thief = pod_.At(kInside2);
  thief.Ask();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kLow);
  stream_.Sleep(absl::Minutes(5));
  thief.Ask();
  stream_.Restart();
  // Are statuses still logged?
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kLow);
  Report("other", "10.244.1.99");
  stream_.Tick(stream_.NextSecond());
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  const Finding finding = stream_.findings()[0];
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_THAT(FeaturesOf(finding), Contains(kUnreported));
  ExpectSound(finding);
  EXPECT_TRUE(stream_.loads_ok());
}

// Its node translates addresses for some of its connections.
TEST_F(PodAddressTest, APodThatIsSeenAtItsNodesAddressFirstIsExplained) {
  Begin();
  Client other = Client::Pod(stream_, "blog", "10.244.1.6");
  other.Ask();
  Client restarted = Client::Pod(stream_, "late", "10.244.1.77");
  Client behind_node = restarted.At("192.168.0.11");
  Report("late", "10.244.1.77");
  behind_node.Ask();
  InTurns(restarted, behind_node, 3);
  stream_.Restart();
  stream_.Sleep(absl::Minutes(5));
  Report("other", "10.244.1.99");
  stream_.Tick(stream_.NextSecond());
  EXPECT_THAT(stream_.findings(), IsEmpty());
  // Another program is there in its place.
  restarted.At("10.244.1.6").With("curl/8.14.1").Ask();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_GE(stream_.findings()[0].severity, Severity::kHigh);
}

// The node was rebooted hours after the pod was seen at an address that nobody
// had reported: the log began later than the pod.
TEST_F(PodAddressTest, WhatIsReportedLaterSaysNothingOfAnEarlierAddress) {
  Begin();
  Client::Pod(stream_, "blog", "10.244.1.6").Ask();
  Report("other", "10.244.1.99");
  Client before = Client::Pod(stream_, "late", "10.244.1.11");
  Client behind_node = before.At("192.168.0.11");
  behind_node.Ask();
  before.Ask();
  stream_.Sleep(absl::Hours(2));
  stream_.Tick(stream_.NextSecond());
  Report("late", "10.244.1.37");
  behind_node.Ask();
  stream_.Sleep(absl::Minutes(5));
  Report("other", "10.244.1.99");
  stream_.Tick(stream_.NextSecond());
  for (const Finding& finding : stream_.reports()) {
    EXPECT_LE(finding.severity, Severity::kLow);
  }
}

TEST_F(PodAddressTest, WhatIsOnlySeenOfAPodIsOneLevelWeaker) {
  for (bool is_reported : {false, true}) {
    CredentialStream stream;
    Client pod = Client::Pod(stream, "shop", kInside);
    Client office = Client::Person(stream, "olga", kOffice);
    Client kubelet =
        Client::Person(stream, "system:node:worker-1", "192.168.0.11");
    if (is_reported) {
      Patch(kubelet, "shop",
            R"({"metadata":{"uid":"uid-of-shop-0"},)"
            R"("status":{"podIP":"10.244.1.5"}})");
    }
    pod.Ask();
    office.Ask();  // so that the address alone does not make it critical
    stream.Restart();
    pod.At(kOffice).With("curl/8.14.1").Ask();
    Finding finding = stream.findings().back();
    EXPECT_EQ(finding.rule, "token.outside_its_pod");
    EXPECT_EQ(finding.severity,
              is_reported ? Severity::kCritical : Severity::kHigh);
    ExpectSound(finding);
  }
}

TEST_F(PodAddressTest, BothFamiliesAreReported) {
  Report("shop", kInside, R"(,"x":1)");
  Patch(kubelet_, "shop",
        R"({"metadata":{"uid":"uid-of-shop-0"},"status":{"podIPs":)"
        R"([{"ip":"10.244.1.5"},{"ip":"fd00:10:244::5"},{"ip":"x"}]}})");
  pod_.Ask();
  // Another client: without the report it were a finding.
  pod_.At("fd00:10:244::5").With("sidecar/1.0").Ask(3);
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

TEST_F(PodAddressTest, OnlyANodeReports) {
  Patch(Client::Person(stream_, "olga", kOffice), "shop",
        R"({"metadata":{"uid":"uid-of-shop-0"},)"
        R"("status":{"podIP":"203.0.113.66"}})");
  pod_.Ask();
  pod_.At(kOutside).With("curl/8.14.1").Ask();
  Finding finding = stream_.findings().back();
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_THAT(FeaturesOf(finding), Not(Contains(kUnreported)));
}

TEST_F(PodAddressTest, TheThiefMayHaveBeenThereFirst) {
  Client thief = pod_.At(kInside2).With("curl/8.14.1");
  thief.Ask();
  Report("shop", kInside);
  pod_.Ask();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_GE(stream_.findings()[0].severity, Severity::kHigh);
  EXPECT_THAT(stream_.findings()[0].benign_checks,
              Contains(HasSubstr("The pod's kubelet reports 10.244.1.5")));
}

TEST_F(PodAddressTest, FourAddressesAreRemembered) {
  for (int i = 0; i < 6; ++i) Report("shop", absl::StrCat("10.244.1.", 10 + i));
  stream_.Restart();
  pod_.At("10.244.1.15").Ask();
  pod_.At("10.244.1.12").With("other/1.0").Ask();
  EXPECT_THAT(stream_.findings(), IsEmpty());
  pod_.At("10.244.1.11").With("other/1.0").Ask();
  EXPECT_THAT(stream_.findings(), SizeIs(1));
}

}  // namespace
}  // namespace oddverb
