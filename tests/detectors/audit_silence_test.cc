// The silences of audit.gap, and the options of audit_stream.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/audit_gap_stream.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using SilenceStream = AuditGapStream;

TEST(AuditSilenceTest, TellsASilenceOfASourceThatIsKnown) {
  struct Case {
    uint64_t events;
    double since;  // seconds that it is known for
    double silence;
    std::vector<std::string> told;
  };
  for (const Case& c : std::vector<Case>{{500, 600, 61, {"low 1 open"}},
                                         {500, 600, 60, {}},
                                         {499, 600, 3600, {}},
                                         {500, 599, 3600, {}},
                                         {500, 600, 599, {"low 1 open"}},
                                         {500, 600, 600, {"medium 1 open"}}}) {
    SilenceStream stream;
    stream.Events(c.events, c.since);
    stream.Jump(c.since + c.silence);
    EXPECT_EQ(stream.Told(), c.told) << c.silence;
  }
}

TEST(AuditSilenceTest, SaysBetweenWhichEvents) {
  SilenceStream stream;
  stream.Events(500, 600);
  stream.Jump(600 + 132);
  ASSERT_THAT(stream.reports(), SizeIs(1));
  const Finding& finding = stream.reports()[0];
  EXPECT_THAT(finding.summary,
              HasSubstr("no events between 2023-11-14 22:23:20 and 2023-11-14 "
                        "22:25:32 UTC (2m12s)"));
  EXPECT_EQ(finding.first_seen, SilenceStream::At(600));
  EXPECT_EQ(finding.last_seen, SilenceStream::At(732));
  EXPECT_DOUBLE_EQ(finding.score, 132 / 60.0);
}

// What happened three times on one day is usual there.
TEST(AuditSilenceTest, GetsUsedToAQuietCluster) {
  SilenceStream stream;
  double now = 600;
  int opened = 0;
  for (int i = 0; i < 20; ++i) {
    stream.Events(500 + static_cast<uint64_t>(i), now);
    stream.Jump(now += 900);
  }
  for (const Finding& report : stream.reports()) {
    opened += report.state == FindingState::kOpen;
  }
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(stream.Last()[0].count, 2);
  // Three times as long is not usual.
  stream.Events(600, now);
  stream.Jump(now += 2701);
  stream.End();
  EXPECT_EQ(stream.Last().back().count, 4);
  EXPECT_THAT(stream.Last().back().summary, HasSubstr("the longest 45m1s"));
}

TEST(AuditSilenceTest, ForgetsWhatWasUsualTwoDaysAgo) {
  UsualSilence usual;
  for (int i = 0; i < 3; ++i) {
    usual.Add(absl::Minutes(10 + i), SilenceStream::At(i * 3600));
  }
  EXPECT_EQ(usual.length(), absl::Minutes(10));
  usual.Add(absl::Minutes(1), SilenceStream::At(30 * 3600));
  EXPECT_EQ(usual.length(), absl::Minutes(10));
  usual.Add(absl::Minutes(2), SilenceStream::At(60 * 3600));
  EXPECT_EQ(usual.length(), absl::ZeroDuration());
}

TEST(AuditSilenceTest, BetweenTwoFilesItIsLowHoweverLong) {
  SilenceStream stream;
  stream.Events(500, 600);
  stream.Jump(3 * 24 * 3600, "/var/log/k8s/audit-monday.log:99");
  ASSERT_THAT(stream.Told(), ElementsAre("low 1 open"));
  EXPECT_THAT(stream.reports()[0].summary,
              AllOf(HasSubstr("end of /var/log/k8s/audit-monday.log"),
                    HasSubstr("start of /var/log/k8s/audit.log")));
}

TEST(AuditSilenceTest, IsNotToldBesideTheLossThatExplainsIt) {
  SilenceStream stream;
  stream.Events(500, 600);
  stream.Reject(RejectReason::kLost);
  stream.Jump(6000);
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_THAT(stream.reports()[0].title, HasSubstr("deleted"));
  // The next one has no such excuse.
  stream.Events(900, 6600);
  stream.Jump(7000);
  EXPECT_THAT(stream.reports(), SizeIs(2));
}

AuditStreamOptions Parsed(const std::string& text) {
  absl::StatusOr<YamlNode> node = YamlNode::Parse(text, "c.yaml");
  EXPECT_THAT(node.status(), IsOk());
  absl::StatusOr<AuditStreamOptions> options =
      AuditStreamOptions::FromYaml(*node);
  EXPECT_THAT(options.status(), IsOk());
  return options.ok() ? *options : AuditStreamOptions();
}

TEST(AuditSilenceTest, OptionsMoveTheThresholds) {
  SilenceStream stream(Parsed("{silence: 5m, silence_factor: 2}"));
  stream.Events(500, 600);
  stream.Jump(900);
  EXPECT_THAT(stream.reports(), IsEmpty());
  stream.Events(500, 900);
  stream.Jump(1201);
  EXPECT_THAT(stream.reports(), SizeIs(1));

  SilenceStream records(Parsed("{broken_records: 2}"));
  records.Events(500, 600);
  records.Reject(RejectReason::kTorn, 2);
  EXPECT_THAT(records.Told(), ElementsAre("info 1 open", "medium 2 update"));
  SilenceStream one(Parsed("{broken_records: 1}"));
  one.Events(500, 600);
  one.Reject(RejectReason::kTorn);
  EXPECT_THAT(one.Told(), ElementsAre("medium 1 open"));
}

TEST(AuditSilenceTest, RefusesOptionsThatMakeNoSense) {
  for (const char* text :
       {"{silence: 59s}", "{silence: 400d}", "{silence: 90}",
        "{silence_factor: 0.5}", "{silence_factor: .nan}",
        "{broken_records: 0}", "{broken_records: 1000001}", "{silense: 2m}"}) {
    absl::StatusOr<YamlNode> node = YamlNode::Parse(text, "c.yaml");
    ASSERT_THAT(node.status(), IsOk());
    EXPECT_THAT(
        AuditStreamOptions::FromYaml(*node).status(),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("c.yaml:1:")))
        << text;
  }
}

}  // namespace
}  // namespace oddverb
