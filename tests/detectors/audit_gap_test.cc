#include "detectors/audit_gap.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/audit_gap_stream.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Stream = AuditGapStream;

TEST(AuditGapTest, ALossIsAFindingAtOnceWithPlaceTimeAndWhatToDo) {
  struct Loss {
    RejectReason reason;
    Severity severity;
    const char* title;
    const char* step;
  };
  for (const Loss& loss : std::vector<Loss>{
           {RejectReason::kLost, Severity::kHigh, "deleted before", "ausearch"},
           {RejectReason::kEmptied, Severity::kHigh, "emptied in place",
            "ls -la"},
           {RejectReason::kCopyTruncated, Severity::kMedium,
            "copied and emptied", "grep -rn copytruncate"},
           {RejectReason::kUnreadable, Severity::kMedium, "cannot be read",
            "gzip -t /var/log/k8s/audit.log"}}) {
    Stream stream;
    stream.Events(1, 60);
    stream.Reject(loss.reason);
    ASSERT_THAT(stream.reports(), SizeIs(1)) << loss.title;
    const Finding finding = stream.reports()[0];
    EXPECT_EQ(finding.rule, "audit.gap");
    EXPECT_EQ(finding.detector, "audit_stream");
    EXPECT_EQ(finding.entity, "node");
    EXPECT_EQ(finding.severity, loss.severity) << loss.title;
    EXPECT_THAT(finding.title, HasSubstr(loss.title));
    EXPECT_THAT(finding.summary, HasSubstr("/var/log/k8s/audit.log"));
    EXPECT_THAT(finding.summary, HasSubstr("after 2023-11-14 22:14:20 UTC"));
    EXPECT_THAT(finding.next, Contains(HasSubstr(loss.step)));
    EXPECT_FALSE(finding.normal.empty());
    EXPECT_EQ(finding.first_seen, Stream::At(60));

    stream.GoOn(90);
    stream.End();
    Finding last = stream.Last().front();
    EXPECT_EQ(last.state, FindingState::kFinal);
    EXPECT_EQ(last.last_seen, Stream::At(90));
    EXPECT_THAT(
        last.summary,
        HasSubstr("between 2023-11-14 22:14:20 and 2023-11-14 22:14:50 UTC "
                  "(30s)"))
        << last.summary;
  }
}

TEST(AuditGapTest, WhatATopicLostIsToldWithTheBrokersTools) {
  struct Loss {
    RejectReason reason;
    const char* title;
    const char* benign;
  };
  for (const Loss& loss : std::vector<Loss>{
           {RejectReason::kExpired, "expired before", "retention.ms"},
           {RejectReason::kReplaced, "made anew", "administrator"}}) {
    Stream stream;
    stream.SetPlace("topic k8s.audit, partition 3, offset 17");
    stream.Events(1, 60);
    stream.Reject(loss.reason);
    ASSERT_THAT(stream.reports(), SizeIs(1)) << loss.title;
    const Finding finding = stream.reports()[0];
    EXPECT_EQ(finding.rule, "audit.gap");
    EXPECT_EQ(finding.severity, Severity::kHigh);
    EXPECT_THAT(finding.title, HasSubstr(loss.title));
    EXPECT_THAT(finding.summary, HasSubstr("what happened"));
    EXPECT_THAT(finding.next, Contains(HasSubstr("--entity-name k8s.audit ")));
    EXPECT_THAT(finding.benign_checks, Contains(HasSubstr(loss.benign)));
  }
  Stream stream;
  stream.SetPlace("topic k8s.audit, partition 3, offset 17");
  stream.Events(1, 60);
  stream.Reject(RejectReason::kTorn);
  EXPECT_THAT(stream.reports()[0].next,
              Contains(HasSubstr("--partition 3 --offset 17 ")));
}

TEST(AuditGapTest, LoadsTheStateOfBeforeThereWereTopics) {
  // The last two kinds are those of topics: two zeros, one for each source.
  Stream stream;
  stream.Events(1, 60);
  stream.Reject(RejectReason::kLost);
  std::string saved = stream.Saved();
  const std::string before = "\x01" + saved.substr(1, saved.size() - 3);
  AuditGap detector{DetectorContext(), {}};
  StateReader in(before);
  EXPECT_TRUE(detector.LoadShared(in).ok());
  EXPECT_TRUE(in.AtEnd());
  StateWriter out;
  detector.SaveShared(out);
  EXPECT_EQ(out.Release(), saved);
}

TEST(AuditGapTest, OneFindingForEachSourceAndKindCountsThemAll) {
  Stream stream;
  for (int i = 1; i <= 100; ++i) {
    stream.Events(static_cast<uint64_t>(i), i);
    stream.Reject(RejectReason::kEmptied);
    stream.GoOn(i + 0.5);
  }
  EXPECT_THAT(stream.Told(),
              ElementsAre("high 1 open", "high 2 update", "high 4 update",
                          "high 8 update", "high 16 update", "high 32 update",
                          "high 64 update"));
  stream.Reject(RejectReason::kLost);
  EXPECT_EQ(stream.Told().back(), "high 1 open");
  stream.End();
  ASSERT_THAT(stream.Last(), SizeIs(2));
  EXPECT_THAT(stream.Last()[0].summary,
              AllOf(HasSubstr("100 times"), HasSubstr("at least 1000 bytes")));
}

TEST(AuditGapTest, ACaseEndsAfterAnHourOfQuietOrADay) {
  Stream stream;
  stream.Events(1, 0);
  stream.Reject(RejectReason::kEmptied);
  stream.AdvanceTo(Stream::At(3599));
  EXPECT_THAT(stream.reports(), SizeIs(1));
  stream.AdvanceTo(Stream::At(3600));
  ASSERT_THAT(stream.reports(), SizeIs(2));
  EXPECT_EQ(stream.reports()[1].state, FindingState::kFinal);

  // What goes on for days is told again each day.
  for (int minute = 60; minute < 3 * 24 * 60; minute += 30) {
    stream.Events(1, minute * 60);
    stream.AdvanceTo(Stream::At(minute * 60));
    stream.Reject(RejectReason::kEmptied);
  }
  EXPECT_THAT(stream.Last(), SizeIs(4));
}

TEST(AuditGapTest, BrokenRecordsGrowGraverWithTheirNumber) {
  Stream stream;
  stream.Events(1000, 60);
  stream.Reject(RejectReason::kTorn);
  EXPECT_THAT(stream.Told(), ElementsAre("info 1 open"));
  stream.Reject(RejectReason::kOversized);
  stream.Reject(RejectReason::kNotJson, 17);
  EXPECT_EQ(stream.Told().back(), "low 1 update");
  stream.Reject(RejectReason::kNotJson);
  EXPECT_EQ(stream.Told().back(), "medium 20 update");
  EXPECT_THAT(stream.reports().back().summary,
              HasSubstr("20 records could not be read as events"));
  stream.Reject(RejectReason::kTorn, 30);
  EXPECT_EQ(stream.Told().back(), "medium 40 update");
}

// The API server's own messages on the same standard output.
TEST(AuditGapTest, TextThatWasAlwaysThereIsHardlyAnything) {
  Stream stream;
  for (int i = 1; i < 1000; ++i) {
    stream.Events(static_cast<uint64_t>(i), i);
    stream.Reject(RejectReason::kNotJson, 1, /*is_event=*/false);
    stream.AdvanceTo(Stream::At(i));
  }
  stream.End();
  ASSERT_THAT(stream.Last(), SizeIs(1));
  EXPECT_EQ(stream.Last()[0].severity, Severity::kInfo);
}

TEST(AuditGapTest, AFewLinesOfTextAreNothing) {
  Stream stream;
  stream.Events(5000, 1000);
  stream.Reject(RejectReason::kNotJson, 19, /*is_event=*/false);
  stream.Events(9000, 1000 + 601);
  stream.Reject(RejectReason::kNotJson, 19, /*is_event=*/false);
  stream.End();
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(AuditGapTest, TextInACleanLogIsGraveOnceItIsMoreThanTheEvents) {
  Stream stream;
  stream.Events(5000, 1000);
  stream.Reject(RejectReason::kNotJson, 10, /*is_event=*/false);
  stream.Events(5050, 1005);
  stream.Reject(RejectReason::kNotAuditEvent, 10, /*is_event=*/false);
  EXPECT_THAT(stream.Told(), ElementsAre("low 20 open"));
  stream.Reject(RejectReason::kNotJson, 40, /*is_event=*/false);
  EXPECT_THAT(stream.Told(),
              ElementsAre("low 20 open", "low 40 update", "medium 51 update"));
}

// However a flood is cut into observations, the same is told.
TEST(AuditGapTest, FloodsAreToldTheSameHoweverTheyAreCut) {
  std::mt19937 random(1);
  for (bool is_event : {true, false}) {
    std::vector<Finding> expected;
    for (int round = 0; round < 50; ++round) {
      Stream stream;
      stream.Events(1000, 700);
      stream.Reject(RejectReason::kNotJson, 3, is_event);
      stream.Events(1100, 710);
      for (uint64_t left = 1000; left > 0;) {
        uint64_t most = round == 0 ? left : 1 + random() % 400;
        uint64_t records = std::min(left, most);
        stream.Reject(RejectReason::kNotJson, records, is_event);
        left -= records;
      }
      if (round == 0) expected = stream.reports();
      ASSERT_EQ(stream.reports().size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(stream.reports()[i].id, expected[i].id);
        EXPECT_EQ(stream.reports()[i].summary, expected[i].summary);
        EXPECT_EQ(stream.reports()[i].severity, expected[i].severity);
        EXPECT_EQ(stream.reports()[i].state, expected[i].state);
      }
    }
    EXPECT_EQ(expected.back().severity, Severity::kMedium);
  }
}

TEST(AuditGapTest, WaitsForATimeToGiveAndTellsNothingWithoutEvents) {
  Stream stream;
  stream.Reject(RejectReason::kLost);
  EXPECT_THAT(stream.reports(), IsEmpty());
  Stream silent = Stream();
  silent.Reject(RejectReason::kLost);
  silent.End();
  EXPECT_THAT(silent.reports(), IsEmpty());

  stream.Events(1, 10);
  stream.GoOn(10);
  stream.AdvanceTo(Stream::At(0));
  ASSERT_THAT(stream.reports(), SizeIs(1));
  EXPECT_EQ(stream.reports()[0].time, Stream::At(10));
  EXPECT_THAT(stream.reports()[0].summary,
              HasSubstr("before 2023-11-14 22:13:30 UTC"));
}

// What cannot be read is met again by each process; the finding is the same.
TEST(AuditGapTest, WhatIsStillUnreadableKeepsItsId) {
  Stream before, after;
  before.Events(10, 60);
  before.Reject(RejectReason::kUnreadable);
  after.Events(90, 9000);
  after.Reject(RejectReason::kUnreadable);
  EXPECT_EQ(before.reports()[0].id, after.reports()[0].id);
  before.Reject(RejectReason::kEmptied);
  after.Reject(RejectReason::kEmptied);
  EXPECT_NE(before.reports()[1].id, after.reports()[1].id);
}

TEST(AuditGapTest, HostileNamesAreQuotedInSteps) {
  AuditGap detector({}, {});
  Observation observation;
  observation.kind = ObservationKind::kRecordsRejected;
  StreamBreak& seen = observation.stream.emplace();
  seen.source = "s";
  seen.reason = RejectReason::kEmptied;
  seen.place = "/logs/$(reboot)/audit.log:1";
  seen.detail = std::string(100'000, 'x');
  seen.before = Stream::kStart;
  Emit emit;
  emit.stream_time = Stream::kStart;
  detector.Observe(observation, {}, emit);
  ASSERT_THAT(emit.findings, SizeIs(1));
  EXPECT_THAT(emit.findings[0].next, Contains(HasSubstr("'/logs/$(reboot)'")));
  for (const FindingReason& reason : emit.findings[0].why) {
    EXPECT_LE(reason.value.size(), Finding::kMaxUriBytes);
  }
}

TEST(AuditGapTest, RestartsChangeNothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const auto seed = random();
    auto run = [seed](Stream& stream) {
      std::mt19937 engine(static_cast<unsigned>(seed));
      auto steps = [&engine] { return static_cast<unsigned>(engine()); };
      double now = 700;
      stream.Events(600, now);
      for (int i = 0; i < 200; ++i) {
        now += steps() % 400;
        switch (steps() % 6) {
          case 0:
            stream.Reject(static_cast<RejectReason>(
                steps() % static_cast<unsigned>(RejectReason::kCount)));
            break;
          case 1:
            stream.Reject(RejectReason::kNotJson, 1 + steps() % 90, false);
            break;
          case 2:
            stream.GoOn(now);
            break;
          case 3:
            stream.Jump(now += 21 + steps() % 3000);
            break;
          default:
            stream.Events(600 + static_cast<uint64_t>(i) * 20, now);
            stream.AdvanceTo(Stream::At(now));
        }
      }
      stream.End();
    };
    Stream plain, restarted;
    restarted.RestartAlways();
    run(plain);
    run(restarted);
    ASSERT_GT(plain.reports().size(), 5u);
    ASSERT_EQ(plain.Told(), restarted.Told());
    for (size_t i = 0; i < plain.reports().size(); ++i) {
      EXPECT_EQ(plain.reports()[i].summary, restarted.reports()[i].summary);
      EXPECT_EQ(plain.reports()[i].id, restarted.reports()[i].id);
    }
  }
}

TEST(AuditGapTest, RefusesDamagedState) {
  Stream stream;
  stream.Events(1000, 700);
  stream.Reject(RejectReason::kEmptied);
  stream.Jump(900);
  std::string saved = stream.Saved();
  for (size_t size = 0; size < saved.size(); ++size) {
    AuditGap detector({}, {});
    StateReader in(std::string_view(saved).substr(0, size));
    EXPECT_THAT(detector.LoadShared(in),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << size;
  }
}

}  // namespace
}  // namespace oddverb
