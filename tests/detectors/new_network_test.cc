// credential.two_networks with a history: StolenCredential knows from which
// networks an identity has come.
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

constexpr char kNew[] = "a network that is new to this identity";
constexpr char kHome[] = "198.51.100.20";
constexpr char kAway[] = "203.0.113.66";

class NewNetworkTest : public ::testing::Test {
 protected:
  // A session every two hours.
  void Work(Client& who, int sessions) {
    for (int i = 0; i < sessions; ++i) {
      who.Ask(2);
      stream_.Sleep(absl::Hours(2));
    }
  }
  Finding Found() const {
    return stream_.findings().empty() ? Finding() : stream_.findings()[0];
  }

  CredentialStream stream_;
  Client owner_ = Client::Person(stream_, "olga", kHome);
};

TEST_F(NewNetworkTest, OneReturnIsEnoughForAForeignClient) {
  for (int sessions : {60, 10}) {
    CredentialStream stream;
    Client owner = Client::Person(stream, "olga", kHome);
    Client thief = owner.At(kAway).With("curl/8.14.1");
    for (int i = 0; i < sessions; ++i) {
      owner.Ask(2);
      stream.Sleep(absl::Hours(2));
    }
    stream.Restart();
    owner.Ask();
    thief.Ask();
    EXPECT_THAT(stream.reports(), IsEmpty());
    stream.Restart();
    owner.Ask();
    if (sessions == 10) {
      EXPECT_THAT(stream.reports(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    ExpectSound(finding);
    EXPECT_EQ(finding.rule, "credential.two_networks");
    EXPECT_EQ(finding.severity, Severity::kHigh);
    EXPECT_EQ(finding.where.source_ip, kAway);
    EXPECT_DOUBLE_EQ(finding.threshold, 7);
    EXPECT_THAT(FeaturesOf(finding), Contains(kNew));
    EXPECT_TRUE(stream.loads_ok());
  }
}

TEST_F(NewNetworkTest, TheOwnersExactClientNeedsMoreAndIsMedium) {
  Client thief = owner_.At(kAway);
  Work(owner_, 60);
  InTurns(owner_, thief, 2);
  EXPECT_LE(Found().severity, Severity::kLow);
  InTurns(owner_, thief, 2);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(Found().severity, Severity::kMedium);
  EXPECT_THAT(FeaturesOf(Found()), Contains(kNew));
  ExpectSound(Found());
}

// Its owner may be on the road, too.
TEST_F(NewNetworkTest, TwoNewNetworksInTurnsNeedMoreChanges) {
  Client owner_away = owner_.At("192.0.2.40");
  Client thief = owner_.At(kAway);
  Work(owner_, 25);
  owner_away.Ask();
  stream_.Sleep(absl::Minutes(11));
  InTurns(owner_away, thief, 2);
  owner_away.Ask();
  EXPECT_LE(Found().severity, Severity::kLow);
  thief.Ask();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(Found().severity, Severity::kMedium);
  EXPECT_EQ(Found().where.source_ip, kAway);
  EXPECT_THAT(FeaturesOf(Found()), Contains(kNew));
  EXPECT_THAT(Found().benign_checks, Contains(HasSubstr("on the road")));
  ExpectSound(Found());
}

// As where a router divides the connections among two providers.
TEST_F(NewNetworkTest, TwoNewNetworksThatComeTogetherAreTwoWaysOut) {
  Client away = owner_.At("192.0.2.40");
  Client other = owner_.At(kAway);
  Work(owner_, 25);
  InTurns(away, other, 20);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(Found().severity, Severity::kLow);
}

TEST_F(NewNetworkTest, TwoNewNetworksThatComeTogetherExcuseNoOtherProgram) {
  Client away = owner_.At("192.0.2.40");
  Client other = owner_.At(kAway).With("curl/8.14.1");
  Work(owner_, 25);
  InTurns(away, other, 20);
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_GE(Found().severity, Severity::kMedium);
}

TEST_F(NewNetworkTest, OneNewNetworkWithTwoWaysOutIsNone) {
  for (const char* other : {"192.0.7.40", "2001:db8::5"}) {
    CredentialStream stream;
    Client owner = Client::Person(stream, "olga", kHome);
    for (int i = 0; i < 25; ++i) {
      owner.Ask(2);
      stream.Sleep(absl::Hours(2));
    }
    Client away = owner.At("192.0.2.40");
    Client again = owner.At(other);
    InTurns(away, again, 10);
    for (const Finding& finding : stream.findings()) {
      EXPECT_LE(finding.severity, Severity::kLow) << other;
    }
  }
}

TEST_F(NewNetworkTest, APersonWhoMovesAndStaysIsNone) {
  Client away = owner_.At(kAway).With("k9s/v0.32");
  Work(owner_, 60);
  for (int day = 0; day < 5; ++day) {
    owner_.Ask(5);
    away.Ask(5);
    stream_.Sleep(absl::Hours(12));
  }
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(NewNetworkTest, ANetworkOfYesterdayIsNotNew) {
  Client away = owner_.At(kAway).With("k9s/v0.32");
  Work(owner_, 60);
  away.Ask();
  stream_.Sleep(absl::Hours(25));
  owner_.Ask();
  stream_.Sleep(absl::Minutes(30));
  owner_.Ask();
  away.Ask();
  owner_.Ask();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(NewNetworkTest, NeighboursOfOneNetworkAreOneSite) {
  Client neighbour = owner_.At("198.51.100.77").With("k9s/v0.32");
  Work(owner_, 60);
  owner_.Ask();
  neighbour.Ask();
  owner_.Ask();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(NewNetworkTest, BothFamiliesOfOneProgramAreOnePlace) {
  Client v6 = owner_.At("2001:db8::5");
  Work(owner_, 60);
  InTurns(owner_, v6, 10);
  for (const Finding& finding : stream_.findings()) {
    EXPECT_LE(finding.severity, Severity::kLow);
    EXPECT_THAT(FeaturesOf(finding), Not(Contains(kNew)));
  }
}

TEST_F(NewNetworkTest, WhoRoamsMayReturn) {
  for (int i = 0; i < 60; ++i) {
    Client there = owner_.At(absl::StrCat("192.0.", i, ".5"));
    owner_.Ask();
    stream_.Sleep(absl::Hours(3));
    there.Ask();
    stream_.Sleep(absl::Hours(3));
  }
  Client away = owner_.At(kAway).With("k9s/v0.32");
  owner_.Ask();
  away.Ask();
  owner_.Ask();
  for (const Finding& finding : stream_.findings()) {
    EXPECT_LE(finding.severity, Severity::kLow);
  }
}

// A credential that lives for an hour has no history; its owner has.
TEST_F(NewNetworkTest, TheHistoryIsTheIdentitys) {
  for (int i = 0; i < 60; ++i) {
    owner_.Credential(absl::StrCat("X509SHA256=", i)).Ask(2);
    stream_.Sleep(absl::Hours(2));
  }
  Client fresh = owner_.Credential("X509SHA256=fresh");
  Client thief = fresh.At(kAway).With("curl/8.14.1");
  fresh.Ask();
  thief.Ask();
  fresh.Ask();
  EXPECT_EQ(Found().severity, Severity::kHigh);
}

}  // namespace
}  // namespace oddverb
