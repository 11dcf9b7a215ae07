// token.legacy_misuse with a history: tokens from secrets that come back.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;

class LegacyTokenTest : public ::testing::Test {
 protected:
  void Use(const std::string& ip = kInside, const std::string& name = "old") {
    Client::Person(stream_, "x", ip).Ask([&](EventBuilder& b) {
      b.ServiceAccount("web", name).CredentialId("").Uid("uid-" + name);
      b.UserAgent("job/1.0");
      b.Annotations(
          R"({"authentication.k8s.io/legacy-token-manual-secret":"s"})");
      b.Resource("configmaps").Verb("get").Name("settings");
    });
  }
  void Begin() { Client::Person(stream_, "olga", kOffice).Ask(); }

  CredentialStream stream_;
};

TEST_F(LegacyTokenTest, ATokenThatComesBackAfterAWeekIsMedium) {
  for (int days : {6, 8, 31}) {
    CredentialStream fresh;
    std::swap(stream_, fresh);
    Use();
    stream_.Sleep(absl::Hours(24 * days));
    stream_.Restart();
    Use();
    ASSERT_THAT(stream_.findings(), SizeIs(days == 6 ? 0 : 1)) << days;
    if (days == 6) continue;
    const Finding finding = stream_.findings()[0];
    ExpectSound(finding);
    EXPECT_EQ(finding.rule, "token.legacy_misuse");
    EXPECT_EQ(finding.severity, Severity::kMedium);
    EXPECT_EQ(finding.score, days == 8 ? 3 : 4);
    EXPECT_TRUE(stream_.loads_ok());
  }
}

TEST_F(LegacyTokenTest, SoIsTheFirstOneAfterAWeekOfTheLog) {
  for (int days : {6, 8}) {
    CredentialStream fresh;
    std::swap(stream_, fresh);
    Begin();
    stream_.Sleep(absl::Hours(24 * days));
    stream_.Restart();
    Use();
    EXPECT_THAT(stream_.findings(), SizeIs(days == 6 ? 0 : 1)) << days;
  }
}

TEST_F(LegacyTokenTest, AJobThatComesEachDayIsNone) {
  Begin();
  for (int day = 0; day < 60; ++day) {
    Use();
    stream_.Sleep(absl::Hours(24));
  }
  EXPECT_THAT(stream_.findings(), IsEmpty());
}

TEST_F(LegacyTokenTest, AJobOfEachMonthIsToldOnce) {
  for (int month = 0; month < 6; ++month) {
    Use();
    stream_.Sleep(absl::Hours(24 * 30));
  }
  EXPECT_THAT(stream_.findings(), SizeIs(1));
}

// Its table was full, and nobody knows what it did.
TEST_F(LegacyTokenTest, WhoWasForgottenMayHaveBeenThere) {
  Use();
  stream_.Sleep(absl::Hours(24 * 20));
  Use(kInside, "other");
  const EntityTable& actors = stream_.shard_table(EntityKind::kActor);
  for (EntityId id = 0; id < actors.size(); ++id) {
    stream_.shard().Forget(EntityKind::kActor, id);
  }
  const size_t before = stream_.findings().size();
  Use();
  EXPECT_THAT(stream_.findings(), SizeIs(before));
}

TEST_F(LegacyTokenTest, ANewNetworkOfAnAccountThatHasOneIsMedium) {
  for (int sessions : {10, 40}) {
    CredentialStream fresh;
    std::swap(stream_, fresh);
    for (int i = 0; i < sessions; ++i) {
      Use();
      stream_.Sleep(absl::Minutes(30));
      Use();
      stream_.Sleep(absl::Hours(3));
    }
    stream_.Restart();
    Use("10.9.0.1");
    ASSERT_THAT(stream_.findings(), SizeIs(sessions == 40 ? 1 : 0));
    if (sessions == 10) continue;
    EXPECT_EQ(stream_.findings()[0].severity, Severity::kMedium);
    EXPECT_THAT(FeaturesOf(stream_.findings()[0]),
                Contains("a network that is new to this account"));
  }
}

}  // namespace
}  // namespace oddverb
