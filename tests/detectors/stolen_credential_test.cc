#include "detectors/stolen_credential.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/credential_stream.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

TEST(CredentialTwoNetworksTest, ThirdChangeWithAnotherClientIsHigh) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  Client thief = alice.At(kOutside).With("kubectl/v1.31.0 (linux/amd64)");
  alice.Ask(5);
  thief.Ask(2);
  alice.Ask(2);
  EXPECT_THAT(stream.reports(), IsEmpty());
  thief.Ask();
  ASSERT_THAT(stream.reports(), SizeIs(1));
  const Finding& finding = stream.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.rule, "credential.two_networks");
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.entity, "alice");
  EXPECT_EQ(finding.where.source_ip, kOutside);
  EXPECT_EQ(finding.count, 3);
  EXPECT_EQ(finding.evidence[0].verb, "list");
  EXPECT_EQ(finding.evidence[0].uri, "/api/v1/namespaces/web/secrets");
  EXPECT_EQ(finding.evidence[0].code, 200);
  EXPECT_THAT(FeaturesOf(finding),
              ElementsAre("went back and forth",
                          "a client that is not used at its home",
                          "from outside of private networks",
                          "an address that no other credential uses"));
  // However strange, an alternation is never critical.
  InTurns(alice, thief, 50);
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
  EXPECT_EQ(stream.findings()[0].count, 52);  // 53, told to an eighth
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kFinal), 1u);
}

TEST(CredentialTwoNetworksTest, SlowAlternationIsNone) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  Client home = alice.At(kOutside).With("kubectl/v1.31.0 (darwin/arm64)");
  for (int day = 0; day < 10; ++day) {
    alice.Ask(10);
    stream.Sleep(absl::Hours(8));
    home.Ask(10);
    stream.Sleep(absl::Hours(8));
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(CredentialTwoNetworksTest, ThiefWhoWasFirstIsNamed) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  Client thief = alice.At(kOutside).With("curl/8");
  InTurns(thief, alice, 3);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].where.source_ip, kOutside);
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
  ExpectSound(stream.findings()[0]);
}

TEST(CredentialTwoNetworksTest, ThiefBehindANewAddressEachTimeIsHighAtOnce) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  alice.Ask(3);
  for (int i = 0; i < 3; ++i) {
    alice.At(absl::StrCat("203.0.113.", i)).With("curl/8").Ask();
  }
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].severity, Severity::kHigh);
}

TEST(CredentialTwoNetworksTest, ThiefAmongOnesOwnAddressesIsNamed) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  Client thief = alice.At(kOutside).With("curl/8");
  Client on_the_road = alice.At("198.51.100.9");
  alice.Ask();
  thief.Ask();
  InTurns(on_the_road, thief, 2);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].where.source_ip, kOutside);
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
}

TEST(CredentialTwoNetworksTest, AddressOfOthersMakesItLow) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  Client laptop = alice.At(kOutside).With("k9s/v0.50.9");
  Client::Person(stream, "bob", kOutside).Ask();
  InTurns(alice, laptop, 3);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kLow);
  EXPECT_THAT(stream.findings()[0].benign_checks,
              Contains(HasSubstr("Other credentials use 203.0.113.66")));
}

// Two stolen credentials must not excuse each other for ever.
TEST(CredentialTwoNetworksTest, AddressOfSuspectsOnlyIsNoExcuse) {
  CredentialStream stream;
  std::vector<Client> people;
  for (const char* name : {"alice", "bob", "carol"}) {
    people.push_back(
        Client::Person(stream, name, absl::StrCat("10.8.0.", people.size())));
    people.back().Ask();
  }
  for (int round = 0; round < 3; ++round) {
    for (Client& person : people) {
      person.At(kOutside).With("curl/8").Ask();
      person.Ask();
    }
  }
  std::vector<Finding> findings = stream.findings();
  ASSERT_THAT(findings, SizeIs(3));
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_EQ(findings[2].severity, Severity::kHigh);
  EXPECT_THAT(FeaturesOf(findings[2]),
              Contains("an address that only suspected credentials use"));
}

TEST(CredentialTwoNetworksTest, RoamingPersonIsLowAndToldOnce) {
  CredentialStream stream;
  Client peggy = Client::Person(stream, "peggy", kOffice);
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 4; ++i) {
      peggy.At(absl::StrCat("10.8.", i, ".87")).Ask();
    }
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kLow);
  EXPECT_LT(stream.findings()[0].confidence, 0.5);
  EXPECT_EQ(CountOf(stream.reports(), FindingState::kOpen), 1u);
}

TEST(CredentialTwoNetworksTest, CredentialSharedByManyAddressesIsLowOnce) {
  CredentialStream stream;
  Client robot = Client::Person(stream, "robot", kOffice);
  robot.Ask();
  for (int i = 0; i < 300; ++i) {
    robot.At(absl::StrCat("10.9.0.", i % 9)).Ask();
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kLow);

  // With a client of its own at each, those who come later are low too.
  CredentialStream mixed;
  Client shared = Client::Person(mixed, "robot", kOffice);
  for (int i = 0; i < 6; ++i) {  // a change in half an hour is none
    shared.At(absl::StrCat("10.9.0.", i)).With(absl::StrCat("tool/", i)).Ask();
    mixed.Sleep(absl::Minutes(30));
  }
  for (int i = 0; i < 100; ++i) {
    shared.At(absl::StrCat("10.9.0.", i % 6))
        .With(absl::StrCat("tool/", i % 6))
        .Ask();
  }
  mixed.End();
  ASSERT_THAT(mixed.findings(), SizeIs(1));
  EXPECT_EQ(mixed.findings()[0].severity, Severity::kLow);
  EXPECT_THAT(mixed.findings()[0].benign_checks,
              Contains(HasSubstr("More than four addresses")));
}

TEST(CredentialTwoNetworksTest, AddressesOfLastWeekAreNoCrowd) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  for (int day = 0; day < 20; ++day) {
    alice.At(absl::StrCat("10.8.1.", day)).Ask();
    stream.Sleep(absl::Hours(26));
  }
  Client thief = alice.At(kOutside).With("curl/8");
  InTurns(alice, thief, 3);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
}

TEST(CredentialTwoNetworksTest, CiWithItsOwnTokenEachRunIsNone) {
  CredentialStream stream;
  for (int run = 0; run < 50; ++run) {
    Client ci = Client::Person(stream, "ci", absl::StrCat("10.7.0.", run));
    ci.Credential(absl::StrCat("JTI=run", run)).Ask(5);
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(CredentialTwoNetworksTest, TwoPeopleBehindOneNatAreNone) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOutside);
  Client bob = Client::Person(stream, "bob", kOutside).With("k9s/v0.50.9");
  InTurns(alice, bob, 20);
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(CredentialTwoNetworksTest, KubeletComesBackOnceAndThatIsEnough) {
  CredentialStream stream;
  Client kubelet = Client::Person(stream, "system:node:worker-4", "10.0.1.14")
                       .With("kubelet/v1.37.2 (linux/amd64)");
  Client thief = kubelet.At("10.244.3.77").With("curl/7.88.1");
  kubelet.Ask(5);
  thief.Ask(13);
  EXPECT_THAT(stream.reports(), IsEmpty());
  kubelet.Ask();
  ASSERT_THAT(stream.reports(), SizeIs(1));
  const Finding& finding = stream.reports()[0];
  ExpectSound(finding);
  EXPECT_EQ(finding.severity, Severity::kHigh);
  EXPECT_EQ(finding.entity_kind, "node");
  EXPECT_EQ(finding.where.source_ip, "10.244.3.77");
  EXPECT_EQ(finding.count, 13);
  // A node that got another address never comes back to the old one.
  CredentialStream moved;
  Client node = Client::Person(moved, "system:node:worker-4", "10.0.1.14");
  node.Ask(5);
  node.At("10.0.1.15").Ask(50);
  moved.End();
  EXPECT_THAT(moved.reports(), IsEmpty());
}

TEST(CredentialTwoNetworksTest, NameWithoutCredentialProvesLess) {
  struct Case {
    const char* what;
    const char* uid;
    Severity expected;
  };
  for (const Case& test :
       {Case{"may be many certificates", "", Severity::kLow},
        Case{"a static token", "vault-uid-77", Severity::kMedium},
        Case{"a role that many assume",
             "aws-iam-authenticator:123456789012:AROAEXAMPLE",
             Severity::kLow}}) {
    CredentialStream stream;
    Client admin =
        Client::Person(stream, "admin", kOffice).Credential("").Uid(test.uid);
    Client other = admin.At(kOutside).With("curl/8");
    InTurns(admin, other, 5);
    stream.End();
    ASSERT_THAT(stream.findings(), SizeIs(1)) << test.what;
    EXPECT_EQ(stream.findings()[0].severity, test.expected) << test.what;
    EXPECT_THAT(stream.findings()[0].benign_checks,
                Contains(HasSubstr("the user only")));
  }
}

// Watches that were left open at the office end while the person is at home.
TEST(CredentialTwoNetworksTest, WatchesThatEndLateAreNoReturn) {
  CredentialStream stream;
  Client office = Client::Person(stream, "alice", kOffice);
  Client home = office.At(kOutside).With("kubectl/v1.31.0 (darwin/arm64)");
  std::vector<absl::Time> begun;
  for (int i = 0; i < 5; ++i) {
    office.Ask([&](EventBuilder& b) {
      b.Verb("watch").Stage(Stage::kResponseStarted);
      begun.push_back(b.Build().received);
    });
  }
  for (absl::Time received : begun) {
    home.Ask(2);
    office.Ask([&](EventBuilder& b) { b.Verb("watch").Received(received); });
  }
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());

  // The same where the log began after the watches did.
  CredentialStream later;
  Client there = Client::Person(later, "alice", kOutside);
  for (int i = 0; i < 5; ++i) {
    there.Ask(2);
    there.At(kOffice).With("k9s").Ask([&](EventBuilder& b) {
      b.Verb("watch").Received(kStart - absl::Minutes(5));
    });
  }
  later.End();
  EXPECT_THAT(later.reports(), IsEmpty());
}

TEST(CredentialTwoNetworksTest, OneForgedClockDoesNotBlind) {
  CredentialStream stream;
  Client alice = Client::Person(stream, "alice", kOffice);
  alice.Ask(
      [](EventBuilder& b) { b.Received(kStart + absl::Hours(24 * 365)); });
  Client thief = alice.At(kOutside).With("curl/8");
  InTurns(alice, thief, 4);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
}

TEST(CredentialTwoNetworksTest, AnonymousCallersHaveNoCredential) {
  CredentialStream stream;
  for (int i = 0; i < 20; ++i) {
    EventBuilder anonymous, refused;
    anonymous.Anonymous().SourceIp(absl::StrCat("203.0.113.", i % 3));
    refused.Unauthenticated().SourceIp(absl::StrCat("203.0.113.", i % 3));
    stream.Feed(anonymous.At(kStart + absl::Seconds(i)));
    stream.Feed(refused.At(kStart + absl::Seconds(i)));
  }
  EXPECT_EQ(stream.observations(), 0u);
}

TEST(CredentialTwoNetworksTest, HostileTextsAreBoundedAndQuoted) {
  std::string bad = "'; rm -rf / #\n\x1b[2J$(id)" + std::string(5000, 'x');
  CredentialStream stream;
  for (bool bound : {false, true}) {
    for (int i = 0; i < 8; ++i) {
      EventBuilder builder;
      builder.User(bad).Groups({bad, bad + "2"}).CredentialId(bad);
      if (bound) builder.ServiceAccount(bad, bad).Pod(bad, bad).OnNode(bad);
      builder.SourceIps({bad, absl::StrCat(i % 2, bad)});
      builder.UserAgent(absl::StrCat(i % 2, bad)).AuditId(bad).Verb(bad);
      builder.Resource(bad, bad).Ns(bad).Name(bad).Uri(bad);
      builder.At(kStart + absl::Seconds(i));
      stream.Feed(builder);
    }
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(2));
  for (const Finding& finding : stream.findings()) {
    for (const std::string* text :
         {&finding.entity, &finding.who.user, &finding.who.pod,
          &finding.where.source_ip, &finding.where.user_agent}) {
      EXPECT_LE(text->size(), Finding::kMaxTextBytes);
    }
    EXPECT_LE(finding.summary.size(), 600u);
    EXPECT_LE(finding.normal.size(), 600u);
    for (const FindingReason& reason : finding.why) {
      EXPECT_LE(reason.value.size(), 600u);
    }
    for (const std::string& step : finding.next) {
      EXPECT_LE(step.size(), 1200u);
      EXPECT_THAT(step, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b")),
                              Not(HasSubstr("=''; rm"))));
    }
  }
}

TEST(StolenCredentialOptionsTest, ReadsAndChecksThem) {
  struct Case {
    const char* yaml;
    bool ok;
    int alternations;
  };
  for (const Case& test :
       {Case{"", true, 3}, Case{"min_alternations: 2", true, 2},
        Case{"min_alternations: 8", true, 8},
        Case{"min_alternations: 1", false, 0},
        Case{"min_alternations: 9", false, 0},
        Case{"min_alternation: 3", false, 0},
        Case{"alternation_span: soon", false, 0}}) {
    auto node = YamlNode::Parse(test.yaml, "test.yaml");
    ASSERT_TRUE(node.ok()) << test.yaml;
    auto options = StolenCredential::Options::FromYaml(*node);
    ASSERT_EQ(options.ok(), test.ok) << test.yaml;
    if (!test.ok) continue;
    EXPECT_EQ(options->min_alternations, test.alternations);
  }
}

TEST(StolenCredentialOptionsTest, SpanAndCountDecide) {
  StolenCredential::Options options;
  options.alternation_span = absl::Seconds(10);
  options.min_alternations = 5;
  CredentialStream stream(options);
  Client alice = Client::Person(stream, "alice", kOffice);
  Client thief = alice.At(kOutside).With("curl/8");
  InTurns(alice, thief, 2);
  alice.Ask();
  EXPECT_THAT(stream.reports(), IsEmpty());  // 4 changes
  thief.Ask();
  EXPECT_THAT(stream.reports(), SizeIs(1));  // 5
}

}  // namespace
}  // namespace oddverb
