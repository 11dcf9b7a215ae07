// What a finding says, and when it is opened, updated and finished.
#include "detectors/forbidden_finding.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A refused `list secrets` in another namespace each time.
void Refuse(int i, absl::Time time, ForbiddenStream& stream) {
  EventBuilder event;
  event.ServiceAccount("web", "frontend").Verb("list").Resource("secrets");
  event.Ns(absl::StrCat("ns", i)).AuditId(absl::StrCat("id", i)).Forbidden();
  event.Pod("frontend-abc", "uid").CredentialId("JTI=1").SourceIp("10.2.3.4");
  stream.Feed(event.UserAgent("curl/8.14.1 (x)").At(time));
}

ForbiddenStream& Met(ForbiddenStream& stream) {
  EventBuilder before;
  // The same network and program.
  before.ServiceAccount("web", "frontend").SourceIp("10.2.0.1");
  before.UserAgent("curl/8.14.1 (x)");
  SeenBefore(stream, before);
  return stream;
}

TEST(ForbiddenFindingTest, TellsWhoDidWhatFromWhere) {
  ForbiddenStream stream;
  Met(stream);
  for (int i = 0; i < 3; ++i)
    Refuse(i, kForbiddenStart + absl::Seconds(i), stream);
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding& finding = stream.findings()[0];
  EXPECT_EQ(finding.rule, "forbidden.fanout");
  EXPECT_EQ(finding.detector, "forbidden_burst");
  EXPECT_EQ(finding.entity, "system:serviceaccount:web:frontend");
  EXPECT_EQ(finding.entity_kind, "serviceaccount");
  EXPECT_EQ(finding.title,
            "stolen or probing credential: 3 refused first attempts");
  EXPECT_EQ(finding.summary,
            "system:serviceaccount:web:frontend from 10.2.3.4 with curl/8.14.1 "
            "tried 3 kinds of request that never worked for it, within 2s: "
            "list secrets in ns0; list secrets in ns1; and 1 more");
  EXPECT_EQ(finding.normal,
            "1 kind of request succeeds for it, for instance get configmaps "
            "in home");
  EXPECT_THAT(finding.next,
              Contains(HasSubstr("kubectl auth can-i --list --as="
                                 "system:serviceaccount:web:frontend")));
  EXPECT_THAT(finding.next,
              Contains(HasSubstr("kubectl -n web delete pod frontend-abc")));
  EXPECT_THAT(finding.what.resources, ElementsAre("secrets"));
  EXPECT_THAT(finding.what.namespaces, ElementsAre("ns0", "ns1", "ns2"));
  EXPECT_EQ(finding.who.credential_id, "JTI=1");
  EXPECT_EQ(finding.evidence[0].audit_id, "id0");
  EXPECT_EQ(finding.evidence[0].code, 403);
  EXPECT_EQ(finding.first_seen, kForbiddenStart);
  EXPECT_EQ(finding.last_seen, kForbiddenStart + absl::Seconds(2));
  EXPECT_EQ(finding.time, kForbiddenStart + absl::Seconds(2));
  EXPECT_EQ(finding.count, 3);
  EXPECT_FALSE(finding.warming);
  EXPECT_DOUBLE_EQ(finding.threshold, 11.5);
  EXPECT_GT(finding.confidence, 0.9);
  EXPECT_THAT(finding.attack, ElementsAre("T1613", "T1087"));
  EXPECT_THAT(finding.practice, ElementsAre(9));
}

TEST(ForbiddenFindingTest, ReasonsSumUpToTheScore) {
  ForbiddenStream stream;
  for (int i = 0; i < 60; ++i) {
    Refuse(i, kForbiddenStart + i * absl::Seconds(7), stream);
    if (i % 5 == 0) {
      EventBuilder allowed;
      allowed.ServiceAccount("web", "frontend").Resource("pods").Allowed();
      stream.Feed(allowed.Ns(absl::StrCat(i)).At(kForbiddenStart));
    }
  }
  stream.End();
  ASSERT_GE(stream.findings().size(), 4u);
  for (const Finding& finding : stream.findings()) {
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_NEAR(sum, finding.score, 1e-9);
    EXPECT_LE(finding.why.size(), 9u);
    EXPECT_GE(finding.score, finding.threshold - 0.005);
  }
}

TEST(ForbiddenFindingTest, UpdatesAtDoublingAndEndsOnce) {
  ForbiddenStream stream;
  for (int i = 0; i < 40; ++i)
    Refuse(i, kForbiddenStart + absl::Seconds(i), stream);
  stream.End();
  stream.End();
  std::vector<Finding> open = stream.InState(FindingState::kOpen);
  std::vector<Finding> updates = stream.InState(FindingState::kUpdate);
  std::vector<Finding> last = stream.InState(FindingState::kFinal);
  ASSERT_THAT(open, SizeIs(1));
  ASSERT_THAT(last, SizeIs(1));
  double score = open[0].score;
  EXPECT_THAT(updates, SizeIs(3));  // 15.5, 31, 62, 124 of about 160
  for (const Finding& update : updates) {
    EXPECT_GE(update.score, 2 * score - 0.01);
    score = update.score;
    EXPECT_EQ(update.id, open[0].id);
  }
  EXPECT_EQ(last[0].id, open[0].id);
  EXPECT_EQ(last[0].count, 40);
  EXPECT_THAT(last[0].evidence, SizeIs(Finding::kMaxEvidence));
}

TEST(ForbiddenFindingTest, EndsWhenTheActorFallsSilent) {
  ForbiddenStream stream;
  Met(stream);
  for (int i = 0; i < 20; ++i) Refuse(i, kForbiddenStart, stream);
  // The score is still far above half the threshold then.
  stream.Tick(kForbiddenStart + absl::Minutes(30) - absl::Seconds(1));
  EXPECT_THAT(stream.InState(FindingState::kFinal), IsEmpty());
  stream.Tick(kForbiddenStart + absl::Minutes(30));
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
  EXPECT_EQ(stream.findings().back().time, kForbiddenStart + absl::Minutes(30));
  EXPECT_THAT(stream.out().changed,
              ElementsAre(std::pair(EntityKind::kActor, EntityId{0})));
}

TEST(ForbiddenFindingTest, EndsEarlierWhenTheScoreHasDecayed) {
  ForbiddenStream stream;
  Met(stream);
  for (int i = 0; i < 3; ++i) Refuse(i, kForbiddenStart, stream);
  double score = stream.findings().back().score;
  absl::Duration decayed = absl::Minutes(10) * std::log2(score / (11.5 / 2));
  stream.Tick(kForbiddenStart + decayed - absl::Seconds(2));
  EXPECT_THAT(stream.InState(FindingState::kFinal), IsEmpty());
  stream.Tick(kForbiddenStart + decayed + absl::Seconds(2));
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
}

TEST(ForbiddenFindingTest, ABurstDoesNotComeBackAsASlowFinding) {
  ForbiddenStream stream;
  Met(stream);
  for (int i = 0; i < 60; ++i) Refuse(i, kForbiddenStart, stream);
  for (int i = 60; i < 62; ++i) {
    Refuse(i, kForbiddenStart + absl::Hours(i - 58), stream);
  }
  stream.End();
  EXPECT_THAT(stream.InState(FindingState::kOpen), SizeIs(1));
  EXPECT_THAT(stream.InState(FindingState::kFinal), SizeIs(1));
}

TEST(ForbiddenFindingTest, ANewBurstAfterTheEndIsANewFinding) {
  ForbiddenStream stream;
  Met(stream);
  for (int i = 0; i < 10; ++i) Refuse(i, kForbiddenStart, stream);
  for (int i = 10; i < 30; ++i)
    Refuse(i, kForbiddenStart + absl::Hours(2), stream);
  stream.End();
  std::vector<Finding> open = stream.InState(FindingState::kOpen);
  ASSERT_THAT(open, SizeIs(2));
  EXPECT_NE(open[0].id, open[1].id);
  EXPECT_EQ(open[1].first_seen, kForbiddenStart + absl::Hours(2));
}

TEST(ForbiddenFindingTest, ASlowOneThatBecomesABurstIsRaised) {
  ForbiddenStream stream;
  Met(stream);
  int i = 0;
  while (stream.findings().empty() && i < 30) {
    Refuse(i, kForbiddenStart + i * absl::Hours(1), stream);
    ++i;
  }
  absl::Time then = kForbiddenStart + i * absl::Hours(1);
  for (int end = i + 20; i < end; ++i) Refuse(i, then, stream);
  stream.Tick(then + absl::Hours(24));
  std::vector<Finding> open = stream.InState(FindingState::kOpen);
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0].rule, "forbidden.low_and_slow");
  EXPECT_EQ(open[0].severity, Severity::kMedium);
  EXPECT_GE(open[0].last_seen - open[0].first_seen, absl::Hours(3));
  ASSERT_THAT(stream.InState(FindingState::kUpdate), ::testing::Not(IsEmpty()));
  EXPECT_EQ(stream.InState(FindingState::kUpdate)[0].severity, Severity::kHigh);
  std::vector<Finding> last = stream.InState(FindingState::kFinal);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0].severity, Severity::kHigh);
  EXPECT_EQ(last[0].id, open[0].id);
}

TEST(ForbiddenFindingTest, SaysWhatBenignCausesWereTried) {
  ForbiddenStream stream;
  EventBuilder had;
  had.ServiceAccount("web", "frontend").Resource("pods").Ns("web");
  stream.Feed(had.Allowed().At(kForbiddenStart));
  Refuse(0, kForbiddenStart, stream);
  for (int i = 0; i < 5; ++i) {
    Refuse(0, kForbiddenStart + absl::Seconds(i + 1), stream);  // a retry
  }
  had.Forbidden().At(kForbiddenStart + absl::Seconds(9));
  stream.Feed(had);  // it lost that right
  for (int i = 0; i < 6; ++i)
    Refuse(i, kForbiddenStart + absl::Seconds(10), stream);
  ASSERT_THAT(stream.findings(), ::testing::Not(IsEmpty()));
  const Finding& finding = stream.findings()[0];
  EXPECT_THAT(finding.benign_checks, Contains(HasSubstr("lost: 1 refusal of")));
  EXPECT_THAT(finding.benign_checks, Contains(HasSubstr("retries: 6 repeats")));
  EXPECT_THAT(finding.benign_checks, Contains(HasSubstr("little history")));
  EXPECT_TRUE(finding.warming);
  EXPECT_DOUBLE_EQ(finding.threshold, 15.5);
}

TEST(ForbiddenFindingTest, HostileNamesAreBoundedAndQuoted) {
  std::string bad = "a'; rm -rf / #\n\x1b[2J\xff" + std::string(100000, 'x');
  ForbiddenStream stream;
  for (int i = 0; i < 30; ++i) {
    EventBuilder event;
    event.User(bad).Groups({bad, bad}).Verb(bad).UserAgent(bad);
    event.Resource(absl::StrCat(i, bad)).Ns(bad).Name(bad).AuditId(bad);
    event.SourceIps({bad, bad})
        .Uri(absl::StrCat(i, bad))
        .CredentialId(bad)
        .Forbidden();
    stream.Feed(event.At(kForbiddenStart));
  }
  stream.End();
  ASSERT_THAT(stream.findings(), ::testing::Not(IsEmpty()));
  for (const Finding& finding : stream.findings()) {
    for (const std::string& text : TextsOf(finding)) {
      EXPECT_LE(text.size(), 1024u);
    }
    for (const std::string& step : finding.next) {
      EXPECT_THAT(step, ::testing::Not(HasSubstr("as=a'; rm")));
      EXPECT_THAT(step, ::testing::Not(HasSubstr("\n")));
    }
  }
}

TEST(ForbiddenOptionsTest, ReadsProfilesAndThresholds) {
  struct Case {
    const char* yaml;
    double fast;
    double slow;
  };
  for (const Case& c : {Case{"", 11.5, 16}, Case{"profile: quiet", 14, 16},
                        Case{"profile: sensitive", 9, 16},
                        Case{"{profile: quiet, threshold_fast: 12, "
                             "threshold_slow: 20}",
                             12, 20}}) {
    auto node = YamlNode::Parse(c.yaml, "oddverb.yaml");
    ASSERT_THAT(node, IsOk());
    auto options = ForbiddenBurst::Options::FromYaml(*node);
    ASSERT_THAT(options, IsOk()) << c.yaml;
    EXPECT_EQ(options->threshold_fast, c.fast) << c.yaml;
    EXPECT_EQ(options->threshold_slow, c.slow) << c.yaml;
  }
  EXPECT_THAT(MakeForbiddenBurst({}, YamlNode()), IsOk());
}

TEST(ForbiddenOptionsTest, RefusesWhatItDoesNotKnow) {
  for (const char* yaml :
       {"profile: loud", "threshold_fast: 0", "threshold_slow: -1",
        "threshold_fast: .nan", "threshold_fast: many", "thresold_fast: 3"}) {
    auto node = YamlNode::Parse(yaml, "oddverb.yaml");
    ASSERT_THAT(node, IsOk());
    EXPECT_THAT(MakeForbiddenBurst({}, *node),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("oddverb.yaml:1:")))
        << yaml;
  }
}

}  // namespace
}  // namespace oddverb
