#include "model/finding.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/event_builder.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(BoundedTest, KeepsWhatFits) {
  EXPECT_EQ(Bounded("", 0), "");
  EXPECT_EQ(Bounded("abcdef", 6), "abcdef");
  EXPECT_EQ(Bounded("abcdef", 600), "abcdef");
}

TEST(BoundedTest, MarksTheCut) {
  EXPECT_EQ(Bounded("abcdefg", 6), "abc...");
  EXPECT_EQ(Bounded("abcdefg", 4), "a...");
}

TEST(BoundedTest, StaysWithinTinyLimits) {
  EXPECT_EQ(Bounded("abcdefg", 3), "...");
  EXPECT_EQ(Bounded("abcdefg", 2), "..");
  EXPECT_EQ(Bounded("abcdefg", 1), ".");
  EXPECT_EQ(Bounded("abcdefg", 0), "");
}

TEST(BoundedTest, CutsBetweenCodePoints) {
  struct Case {
    std::string text;
    size_t max_bytes;
    std::string expected;
  };
  const std::string two = "\u00e9", three = "\u4e2d", four = "\U0001F600";
  const std::vector<Case> cases = {
      {"a" + two + "bcde", 6, "a" + two + "..."},
      {"ab" + two + "cde", 6, "ab..."},
      {three + three, 5, "..."},
      {three + three + "x", 6, three + "..."},
      {four + "abcdef", 7, four + "..."},
      {four + "abcdef", 6, "..."},
      {"x" + four + four, 8, "x" + four + "..."},
      {"x" + four + four, 7, "x..."},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(Bounded(test.text, test.max_bytes), test.expected)
        << test.text << " to " << test.max_bytes;
  }
}

// Bytes that continue nothing must not make the rest of the text vanish.
TEST(BoundedTest, KeepsTheStartOfWhatIsNotUtf8) {
  std::string bad(100, '\x80');
  EXPECT_EQ(Bounded(bad, 50), std::string(47, '\x80') + "...");
  std::string mixed = "name" + bad;
  EXPECT_EQ(Bounded(mixed, 50).substr(0, 4), "name");
  EXPECT_EQ(Bounded(mixed, 50).size(), 50u);
}

TEST(BoundedTest, IsAPrefixWithinTheLimitForAnyBytes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = RandomHostileText(random);
    size_t limit = random() % (text.size() + 3);
    std::string bounded = Bounded(text, limit);
    ASSERT_LE(bounded.size(), limit);
    if (text.size() <= limit) {
      ASSERT_EQ(bounded, text);
      continue;
    }
    ASSERT_TRUE(bounded.ends_with(
        std::string_view("...").substr(0, std::min<size_t>(limit, 3))));
    if (limit < 3) continue;
    std::string kept = bounded.substr(0, bounded.size() - 3);
    ASSERT_TRUE(text.starts_with(kept));
    // At most three bytes, the rest of one code point, are lost to the cut.
    ASSERT_GE(kept.size() + 3, limit - 3);
  }
}

TEST(SeverityTest, NamesGoBothWays) {
  for (Severity severity : {Severity::kInfo, Severity::kLow, Severity::kMedium,
                            Severity::kHigh, Severity::kCritical}) {
    Severity parsed = Severity::kInfo;
    EXPECT_TRUE(ParseSeverity(SeverityName(severity), parsed));
    EXPECT_EQ(parsed, severity);
  }
  Severity untouched = Severity::kHigh;
  for (std::string_view name : {"", "High", "high ", "fatal"}) {
    EXPECT_FALSE(ParseSeverity(name, untouched)) << name;
  }
  EXPECT_EQ(untouched, Severity::kHigh);
}

TEST(FindingStateNameTest, HasThreeNames) {
  EXPECT_EQ(FindingStateName(FindingState::kOpen), "open");
  EXPECT_EQ(FindingStateName(FindingState::kUpdate), "update");
  EXPECT_EQ(FindingStateName(FindingState::kFinal), "final");
}

TEST(AddEvidenceTest, CopiesWhatAPersonNeeds) {
  EventBuilder builder;
  absl::Time time = absl::FromUnixSeconds(1'700'000'123);
  builder.AuditId("id")
      .Verb("list")
      .Resource("deployments", "apps")
      .Sub("scale");
  builder.Ns("web").Name("shop").Code(403).At(time);
  Finding finding;
  finding.AddEvidence(builder.Build());
  ASSERT_EQ(finding.evidence.size(), 1u);
  const Evidence& evidence = finding.evidence[0];
  EXPECT_EQ(evidence.audit_id, "id");
  EXPECT_EQ(evidence.time, time);
  EXPECT_EQ(evidence.verb, "list");
  EXPECT_EQ(evidence.uri,
            "/apis/apps/v1/namespaces/web/deployments/shop/scale");
  EXPECT_EQ(evidence.code, 403);
  EXPECT_THAT(finding.what.verbs, ElementsAre("list"));
  EXPECT_THAT(finding.what.resources, ElementsAre("apps/deployments/scale"));
  EXPECT_THAT(finding.what.namespaces, ElementsAre("web"));
  EXPECT_THAT(finding.what.names, ElementsAre("shop"));
}

TEST(AddEvidenceTest, KeepsTheFirstEightAndASetOfTwentyNames) {
  Finding finding;
  for (size_t i = 0; i < 50; ++i) {
    EventBuilder builder;
    std::string name = absl::StrCat("n", i / 2);  // each of them twice
    builder.AuditId(absl::StrCat("id-", i))
        .Verb("v" + name)
        .Resource("r" + name);
    builder.Ns("ns" + name).Name(name);
    finding.AddEvidence(builder.Build());
    EXPECT_EQ(finding.evidence.size(), std::min<size_t>(i + 1, 8));
    for (const auto* list : {&finding.what.verbs, &finding.what.resources,
                             &finding.what.namespaces, &finding.what.names}) {
      EXPECT_EQ(list->size(), std::min<size_t>(i / 2 + 1, 20));
    }
  }
  EXPECT_EQ(finding.evidence.back().audit_id, "id-7");
  EXPECT_EQ(finding.what.names.front(), "n0");
  EXPECT_EQ(finding.what.names.back(), "n19");
}

TEST(AddEvidenceTest, BoundsEveryText) {
  std::string huge(100'000, 'x');
  EventBuilder builder;
  builder.AuditId(huge).Verb(huge).Resource(huge, huge).Sub(huge).Ns(huge);
  builder.Name(huge).Uri(huge);
  Finding finding;
  finding.AddEvidence(builder.Build());
  EXPECT_EQ(finding.evidence[0].audit_id.size(), Finding::kMaxTextBytes);
  EXPECT_EQ(finding.evidence[0].verb.size(), Finding::kMaxTextBytes);
  EXPECT_EQ(finding.evidence[0].uri.size(), Finding::kMaxUriBytes);
  for (const auto* list : {&finding.what.verbs, &finding.what.resources,
                           &finding.what.namespaces, &finding.what.names}) {
    ASSERT_EQ(list->size(), 1u);
    EXPECT_EQ((*list)[0].size(), Finding::kMaxTextBytes);
  }
}

TEST(AddEvidenceTest, ARequestWithoutObjectNamesNone) {
  EventBuilder builder;
  builder.Verb("get").NonResource("/version");
  Finding finding;
  finding.AddEvidence(builder.Build());
  EXPECT_THAT(finding.what.verbs, ElementsAre("get"));
  EXPECT_THAT(finding.what.resources, IsEmpty());
}

TEST(SetSubjectTest, SaysWhoAndFromWhere) {
  EventBuilder builder;
  builder.ServiceAccount("web", "shop")
      .CredentialId("JTI=1")
      .Pod("shop-1", "u");
  builder.OnNode("worker-1").Impersonated("root");
  builder.SourceIps({"10.9.9.9", "1.1.1.1", "203.0.113.5"}).UserAgent("curl/8");
  Finding finding;
  finding.who.groups = {"of another"};
  finding.where.claimed_ips = {"of another"};
  finding.SetSubject(builder.Build());
  EXPECT_EQ(finding.who.user, "system:serviceaccount:web:shop");
  EXPECT_EQ(finding.who.credential_id, "JTI=1");
  EXPECT_EQ(finding.who.impersonated, "root");
  EXPECT_EQ(finding.who.pod, "shop-1");
  EXPECT_EQ(finding.who.node, "worker-1");
  EXPECT_THAT(finding.who.groups, ElementsAre("system:serviceaccounts",
                                              "system:serviceaccounts:web",
                                              "system:authenticated"));
  EXPECT_EQ(finding.where.source_ip, "203.0.113.5");
  EXPECT_EQ(finding.where.user_agent, "curl/8");
  EXPECT_THAT(finding.where.claimed_ips, ElementsAre("10.9.9.9", "1.1.1.1"));
}

TEST(SetSubjectTest, BoundsListsAndTexts) {
  std::vector<std::string> many;
  for (int i = 0; i < 20'001; ++i) many.push_back(absl::StrCat("10.0.0.", i));
  std::string huge(100'000, 'x');
  EventBuilder builder;
  builder.User(huge).Groups(many).SourceIps(many).UserAgent(huge);
  builder.CredentialId(huge).Pod(huge, huge).OnNode(huge).Impersonated(huge);
  Finding finding;
  finding.SetSubject(builder.Build());
  EXPECT_EQ(finding.who.groups.size(), Finding::kMaxListed);
  EXPECT_EQ(finding.where.claimed_ips.size(), Finding::kMaxListed);
  for (const std::string* text :
       {&finding.who.user, &finding.who.credential_id,
        &finding.who.impersonated, &finding.who.pod, &finding.who.node,
        &finding.where.user_agent}) {
    EXPECT_EQ(text->size(), Finding::kMaxTextBytes);
  }
}

TEST(FindingIdTest, EachPartMatters) {
  KeyedHash hash;
  Hash128 opening{1, 2};
  Hash128 id = FindingId(hash, "c", "rule", "alice", opening);
  EXPECT_EQ(id, FindingId(hash, "c", "rule", "alice", opening));
  EXPECT_NE(id, FindingId(hash, "d", "rule", "alice", opening));
  EXPECT_NE(id, FindingId(hash, "c", "rulf", "alice", opening));
  EXPECT_NE(id, FindingId(hash, "c", "rule", "bob", opening));
  EXPECT_NE(id, FindingId(hash, "c", "rule", "alice", {1, 3}));
  EXPECT_NE(id, FindingId(hash, "c", "rule", "alice", {3, 2}));
  EXPECT_NE(id, FindingId(hash, "cr", "ule", "alice", opening));
  EXPECT_NE(id, FindingId(KeyedHash(1, 2), "c", "rule", "alice", opening));
}

TEST(FindingTest, APrivateAddressThatAPublicClientClaimsIsAReasonOfNoWeight) {
  struct Case {
    const char* source;
    std::vector<std::string> claimed;
    size_t reasons;
  };
  for (const Case& c : std::vector<Case>{
           {"203.0.113.7", {"10.1.0.5"}, 1},
           {"203.0.113.7", {"198.51.100.1", "fd00::1", "10.1.0.5"}, 1},
           {"203.0.113.7", {"198.51.100.1"}, 0},
           {"203.0.113.7", {"no address"}, 0},
           {"203.0.113.7", {}, 0},
           {"10.0.0.5", {"10.1.0.5"}, 0},  // a proxy of one's own
           {"", {"10.1.0.5"}, 0},
       }) {
    Finding finding;
    finding.where.source_ip = c.source;
    finding.where.claimed_ips = c.claimed;
    finding.score = 3;
    finding.NoteClaimedAddress();
    finding.NoteClaimedAddress();  // of a later state of it
    ASSERT_EQ(finding.why.size(), c.reasons) << c.source;
    if (c.reasons == 0) continue;
    EXPECT_EQ(finding.why[0].contribution, 0);
    EXPECT_EQ(finding.score, 3);
  }
}

}  // namespace
}  // namespace oddverb
