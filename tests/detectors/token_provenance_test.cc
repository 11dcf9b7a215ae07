#include "detectors/token_provenance.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "detectors/pod_tokens.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"

namespace oddverb {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// `minter` mints the token `id` of NAMESPACE/NAME.
void MintToken(Client minter, const std::string& id,
               const std::string& ns = "web",
               const std::string& name = "shop") {
  minter.Ask([&](EventBuilder& b) {
    b.Verb("create").Resource("serviceaccounts").Ns(ns).Name(name);
    b.Sub("token").Code(201).IssuedCredentialId(id);
  });
}

class TokenProvenanceTest : public ::testing::Test {
 protected:
  // The use of `id` by the pod "shop-0".
  void Use(const std::string& id) { pod_.Credential(id).Ask(); }
  // Tokens that a kubelet mints and its pod uses, one each half hour.
  void Work(absl::Duration span, bool is_minted = true) {
    for (absl::Duration t; t < span; t += absl::Minutes(30)) {
      const std::string id = absl::StrCat("JTI=honest-", ++tokens_);
      if (is_minted) MintToken(kubelet_, id);
      Use(id);
      stream_.Sleep(absl::Minutes(30));
      stream_.Tick(stream_.NextSecond());
    }
  }
  void Later() {
    stream_.Sleep(absl::Minutes(2));
    stream_.Tick(stream_.NextSecond());
  }

  CredentialStream stream_;
  Client kubelet_ =
      Client::Person(stream_, "system:node:worker-1", "192.168.0.11");
  Client pod_ = Client::Pod(stream_, "shop", kInside);
  int tokens_ = 0;
};

TEST_F(TokenProvenanceTest, ATokenThatNobodyMintedIsForged) {
  Work(absl::Hours(60));
  EXPECT_THAT(stream_.reports(), IsEmpty());
  Use("JTI=forged");
  stream_.Restart();
  Later();
  EXPECT_THAT(stream_.reports(), IsEmpty());  // is minting still logged?
  Work(absl::Hours(2));
  stream_.Restart();
  Work(absl::Minutes(30));
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  const Finding& finding = stream_.reports()[0];
  EXPECT_EQ(finding.rule, "token.never_issued");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.entity, "system:serviceaccount:web:shop");
  EXPECT_EQ(finding.who.credential_id, "JTI=forged");
  EXPECT_THAT(finding.summary, HasSubstr("JTI=forged"));
  EXPECT_THAT(finding.attack, Contains("T1606"));
  ExpectSound(finding);
  stream_.Restart();
  Use("JTI=forged");
  Work(absl::Hours(3));
  EXPECT_THAT(stream_.findings(), SizeIs(1));
  stream_.Restart();
  stream_.End();
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].state, FindingState::kFinal);
  EXPECT_TRUE(stream_.loads_ok());
}

TEST_F(TokenProvenanceTest, TheMintingMayComeALittleLater) {
  Work(absl::Hours(60));
  Use("JTI=early");
  MintToken(kubelet_, "JTI=early");
  Work(absl::Hours(4));
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(TokenProvenanceTest, IsSilentUntilMintingIsKnownForADay) {
  Work(absl::Hours(24));
  Use("JTI=minted-before-the-log");
  Work(absl::Hours(4));
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(TokenProvenanceTest, IsSilentWhereAPolicyLeavesMintingOut) {
  Work(absl::Hours(60));
  Work(absl::Hours(60), /*is_minted=*/false);
  stream_.End();
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(TokenProvenanceTest, IsSilentWhereMintingIsLeftOutNowAndThen) {
  for (int i = 0; i < 20; ++i) {
    Work(absl::Hours(4));
    Work(absl::Minutes(30), /*is_minted=*/false);
  }
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(TokenProvenanceTest, AGapOfTheLogStartsAnew) {
  Work(absl::Hours(60));
  Observation gap;
  gap.kind = ObservationKind::kTimeJumped;
  gap.time = stream_.NextSecond();
  Emit out;
  stream_.cross().Observe(gap, {}, out);
  Use("JTI=minted-in-the-gap");
  Work(absl::Hours(4));
  EXPECT_THAT(stream_.reports(), IsEmpty());
}

TEST_F(TokenProvenanceTest, WithoutAPodItIsLow) {
  Work(absl::Hours(60));
  Client by_hand = pod_.Credential("JTI=old");
  by_hand.Ask([](EventBuilder& b) { b.Pod("", ""); });
  Work(absl::Hours(4));
  ASSERT_THAT(stream_.findings(), SizeIs(1));
  EXPECT_EQ(stream_.findings()[0].severity, Severity::kLow);
}

TEST_F(TokenProvenanceTest, ATokenMadeByHandThatIsUsedForMoreThanADayIsLong) {
  struct UsedFor {
    const char* minter;
    int hours;
    size_t findings;
  };
  for (const UsedFor& c : {UsedFor{"alice", 30, 1}, UsedFor{"alice", 20, 0},
                           UsedFor{"system:kube-controller-manager", 30, 0}}) {
    CredentialStream stream;
    Client minter = Client::Person(stream, c.minter, kOffice);
    MintToken(minter, "JTI=long", "web", "shop");
    Client robot = Client::Pod(stream, "shop", kOffice).Credential("JTI=long");
    for (int hour = 0; hour < c.hours; hour += 2) {
      robot.Ask([](EventBuilder& b) { b.Pod("", ""); });
      stream.Restart();
      stream.Sleep(absl::Hours(2));
    }
    stream.End();
    EXPECT_TRUE(stream.loads_ok());
    ASSERT_THAT(stream.findings(), SizeIs(c.findings)) << c.minter << c.hours;
    if (c.findings == 0) continue;
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "token.long_lived");
    EXPECT_EQ(finding.severity, Severity::kMedium);
    EXPECT_EQ(finding.entity, "system:serviceaccount:web:shop");
    EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen), 1u);
    EXPECT_THAT(finding.summary, HasSubstr("alice minted a token of web/shop"));
  }
}

// Of more tokens of one pod than its shard remembers each use is told again.
TEST_F(TokenProvenanceTest, APodsTokenIsNotLongBecauseItIsToldAgain) {
  CredentialStream stream;
  MintToken(Client::Person(stream, "alice", kOffice), "JTI=long", "web",
            "shop");
  const Client pod = Client::Pod(stream, "shop", kOffice);
  for (int hour = 0; hour < 40; hour += 2) {
    pod.Credential("JTI=long").Ask();
    for (size_t other = 0; other < PodTokens::kMany; ++other) {
      pod.Credential(absl::StrCat("JTI=", other)).Ask();
    }
    stream.Sleep(absl::Hours(2));
  }
  stream.End();
  for (const Finding& finding : stream.findings()) {
    EXPECT_NE(finding.rule, "token.long_lived");
  }
}

TEST_F(TokenProvenanceTest, AMintedTokenThatIsUsedElsewhere) {
  struct Case {
    const char* what;
    bool by_account;  // of another namespace, else a person
    const char* ns;
    const char* ip;
    Severity severity;  // info: none
  };
  int number = 0;
  for (const Case& c : {
           Case{"a person's, elsewhere", false, "web", kInside2,
                Severity::kInfo},
           Case{"where it was minted", true, "kube-system", kOffice,
                Severity::kInfo},
           Case{"a broker's", true, "web", kInside2, Severity::kLow},
           Case{"of kube-system", false, "kube-system", kInside2,
                Severity::kLow},
           Case{"of kube-system, from outside", false, "kube-system", kOutside,
                Severity::kMedium},
           Case{"by an account, of kube-system", true, "kube-system", kInside2,
                Severity::kMedium},
           Case{"the same, from outside", true, "kube-system", kOutside,
                Severity::kHigh},
       }) {
    CredentialStream stream;
    const std::string id = absl::StrCat("JTI=by-hand-", ++number);
    Client minter = Client::Person(stream, "ivan", kOffice);
    minter.Ask([&](EventBuilder& b) {
      if (c.by_account) b.ServiceAccount("vault", "broker");
      b.Verb("create").Resource("serviceaccounts").Ns(c.ns).Name("robot");
      b.Sub("token").Code(201).IssuedCredentialId(id);
    });
    stream.Restart();
    Client::Person(stream, "x", c.ip).Credential(id).Ask([&](EventBuilder& b) {
      b.ServiceAccount(c.ns, "robot");
    });
    stream.Restart();
    stream.End();
    Finding found;
    for (const Finding& finding : stream.findings()) {
      if (finding.rule == "token.minted_elsewhere") found = finding;
    }
    EXPECT_EQ(found.severity, c.severity) << c.what;
    EXPECT_TRUE(stream.loads_ok());
    if (c.severity == Severity::kInfo) continue;
    EXPECT_EQ(found.state, FindingState::kFinal);
    EXPECT_THAT(found.evidence, SizeIs(2));
    EXPECT_THAT(found.summary, HasSubstr("robot at 10.8.0.11; "));
  }
}

}  // namespace
}  // namespace oddverb
