#include "detectors/attack_sequence.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/last_states.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kFirstAct = absl::FromUnixSeconds(1'700'000'000);

// A finding; each has another id.
struct Seen {
  std::string rule;
  Severity severity = Severity::kHigh;
  std::string technique = "T1528";
  std::string entity = "ivan";
  std::string ip = "10.0.0.1";
  std::string credential = {};
  std::string source = "builtin";
};

class AttackSequenceTest : public ::testing::Test {
 protected:
  Finding Make(const Seen& seen) {
    Finding finding;
    finding.id = {.high = ++made_, .low = 1};
    finding.cluster = "prod";
    finding.rule = seen.rule;
    finding.detector = "some_detector";
    finding.source = seen.source;
    finding.severity = seen.severity;
    finding.title = absl::StrCat("Title of ", seen.rule);
    finding.entity = seen.entity;
    finding.entity_kind = "user";
    finding.who.user = seen.entity;
    finding.who.credential_id = seen.credential;
    finding.where.source_ip = seen.ip;
    finding.attack = {seen.technique};
    finding.first_seen = finding.last_seen = now_;
    finding.evidence.push_back(
        {.audit_id = seen.rule, .time = now_, .verb = "get", .uri = "/x"});
    return finding;
  }
  void Feed(const Finding& finding) {
    ObservationIds ids;
    ids.source_address = AddressId(finding.where.source_ip);
    detector_->ObserveFinding(finding, ids, out_);
    now_ += absl::Seconds(1);
  }
  void Tell(const Seen& seen) { Feed(Make(seen)); }
  void Identity(const std::string& ip, uint64_t actor) {
    Observation observation;
    observation.actor = actor;
    ObservationIds ids;
    ids.source_address = AddressId(ip);
    detector_->Observe(observation, ids, out_);
  }
  void Sleep(absl::Duration span) {
    now_ += span;
    detector_->AdvanceTo(now_, out_);
  }
  void Restart() {
    auto fresh = std::make_unique<AttackSequence>(context_);
    for (EntityId id = 0; id < ips_.size(); ++id) {
      StateWriter saved;
      detector_->Save(EntityKind::kAddress, id, saved);
      StateReader reader(saved.bytes());
      EXPECT_THAT(fresh->Load(EntityKind::kAddress, id, reader), IsOk());
      EXPECT_TRUE(reader.AtEnd());
    }
    std::vector<DetectorRow> changed;
    detector_->TakeRows(changed);
    for (DetectorRow& row : changed) {
      if (rows_.size() <= row.number) rows_.resize(row.number + size_t{1});
      rows_[row.number] = std::move(row.bytes);
    }
    for (uint32_t number = 0; number < rows_.size(); ++number) {
      EXPECT_THAT(fresh->LoadRow(1, number, rows_[number]), IsOk());
    }
    detector_ = std::move(fresh);
  }
  std::vector<Finding> findings() const { return LastStates(out_.findings); }

  const DetectorContext context_{.hash = {}, .cluster = "prod"};
  std::unique_ptr<AttackSequence> detector_ =
      std::make_unique<AttackSequence>(context_);
  Emit out_;
  absl::Time now_ = kFirstAct;
  std::vector<std::string> rows_;

 private:
  EntityId AddressId(const std::string& ip) {
    for (size_t i = 0; i < ips_.size(); ++i) {
      if (ips_[i] == ip) return static_cast<EntityId>(i);
    }
    ips_.push_back(ip);
    return static_cast<EntityId>(ips_.size() - 1);
  }

  uint64_t made_ = 0;
  std::vector<std::string> ips_;
};

TEST_F(AttackSequenceTest, FindingsOfTwoTacticsAboutOneActorAreOne) {
  Tell({.rule = "b.second"});
  EXPECT_THAT(out_.findings, IsEmpty());
  Finding early = Make({.rule = "a.first", .technique = "T1098.006"});
  early.first_seen = kFirstAct - absl::Minutes(3);
  Feed(early);
  ASSERT_THAT(out_.findings, SizeIs(1));
  const Finding& finding = out_.findings[0];
  EXPECT_EQ(finding.rule, "attack.sequence");
  EXPECT_EQ(finding.detector, "attack_sequence");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.entity, "ivan");
  EXPECT_EQ(finding.count, 2);
  // In the order of the events.
  ASSERT_THAT(finding.why, SizeIs(2));
  EXPECT_EQ(finding.why[0].feature, "a.first");
  EXPECT_EQ(finding.why[1].feature, "b.second");
  EXPECT_EQ(finding.evidence[0].audit_id, "a.first");
  EXPECT_EQ(finding.summary,
            "ivan: within 3m1s: title of a.first, then title of b.second.");
  EXPECT_THAT(finding.attack, ElementsAre("T1098.006", "T1528"));
  double sum = 0;
  for (const FindingReason& reason : finding.why) sum += reason.contribution;
  EXPECT_NEAR(sum, finding.score, 1e-9);
  EXPECT_GE(finding.score, finding.threshold - 0.1);
}

TEST_F(AttackSequenceTest, LessIsNoAttack) {
  struct Case {
    const char* what;
    std::vector<Seen> seen;
  };
  const Seen persistence = {
      .rule = "b", .severity = Severity::kCritical, .technique = "T1098"};
  for (const Case& c : std::vector<Case>{
           {"one rule many times",
            {{.rule = "a"}, {.rule = "a"}, {.rule = "a"}}},
           {"one tactic",
            {{.rule = "a", .severity = Severity::kCritical},
             {.rule = "b", .severity = Severity::kCritical}}},
           {"low beside it",
            {{.rule = "a", .severity = Severity::kLow},
             {.rule = "c", .severity = Severity::kLow},
             persistence}},
           {"rules of files alone",
            {{.rule = "a", .severity = Severity::kCritical, .source = "sigma"},
             {.rule = "b",
             .severity = Severity::kCritical,
             .technique = "T1098",
             .source = "sigma"},
             {.rule = "c",
             .severity = Severity::kCritical,
             .source = "sigma"}}},
           {"mediums",
            {{.rule = "a", .severity = Severity::kMedium},
             {.rule = "b", .severity = Severity::kMedium, .technique = "T1098"},
             {.rule = "c", .severity = Severity::kMedium, .technique = "T1613"},
             {.rule = "d",
             .severity = Severity::kMedium,
             .technique = "T1562"}}},
           {"another actor elsewhere",
            {{.rule = "a", .entity = "olga", .ip = "10.0.0.2"}, persistence}},
       }) {
    detector_ = std::make_unique<AttackSequence>(context_);
    for (const Seen& seen : c.seen) Tell(seen);
    EXPECT_THAT(out_.findings, IsEmpty()) << c.what;
    out_.findings.clear();
  }
}

TEST_F(AttackSequenceTest, TwoRulesAboutOneRequestAreNoSequence) {
  for (bool is_same : {true, false}) {
    detector_ = std::make_unique<AttackSequence>(context_);
    Finding first = Make({.rule = "a", .severity = Severity::kCritical});
    Finding second = Make(
        {.rule = "b", .severity = Severity::kCritical, .technique = "T1609"});
    if (!is_same) second.evidence[0].uri = "/y";
    Feed(first);
    Feed(second);
    EXPECT_THAT(out_.findings, SizeIs(is_same ? 0 : 1));
  }
}

TEST_F(AttackSequenceTest, AnAddressOfFewJoinsIdentitiesAndOneOfManyDoesNot) {
  for (uint64_t identities : {4u, 5u}) {
    detector_ = std::make_unique<AttackSequence>(context_);
    for (uint64_t i = 1; i <= identities; ++i) Identity("10.0.0.9", i);
    rows_.clear();
    Restart();
    Tell({.rule = "a", .entity = "olga", .ip = "10.0.0.9"});
    Tell({.rule = "b", .technique = "T1098", .ip = "10.0.0.9"});
    EXPECT_THAT(out_.findings, SizeIs(identities == 4 ? 1 : 0));
    out_.findings.clear();
  }
}

TEST_F(AttackSequenceTest, ACredentialJoinsTwoCasesIntoOne) {
  Tell({.rule = "a", .entity = "olga", .ip = "10.0.0.2"});
  Tell({.rule = "b", .technique = "T1613", .ip = "10.0.0.3"});
  EXPECT_THAT(out_.findings, IsEmpty());
  // Olga's, from where ivan is.
  Tell({.rule = "c", .technique = "T1098", .entity = "olga", .ip = "10.0.0.3"});
  ASSERT_THAT(findings(), SizeIs(1));
  EXPECT_THAT(findings()[0].why, SizeIs(3));
}

TEST_F(AttackSequenceTest, WhatIsOldCountsLess) {
  Tell({.rule = "a"});
  Sleep(absl::Hours(5));
  Tell({.rule = "b", .technique = "T1098"});
  EXPECT_THAT(out_.findings, IsEmpty());  // 4 x 2^(-5/6) + 4
  Tell({.rule = "c", .severity = Severity::kMedium, .technique = "T1613"});
  EXPECT_THAT(out_.findings, SizeIs(1));
}

TEST_F(AttackSequenceTest, ItGrowsByFurtherRulesAndEndsOnceOverARestart) {
  Tell({.rule = "a"});
  Restart();
  Tell({.rule = "b", .technique = "T1098"});
  const Hash128 id = out_.findings.at(0).id;
  Restart();
  Tell({.rule = "b", .technique = "T1098"});
  EXPECT_THAT(out_.findings, SizeIs(1));  // no news
  Tell({.rule = "c", .severity = Severity::kMedium});
  ASSERT_THAT(out_.findings, SizeIs(2));
  EXPECT_EQ(out_.findings[1].state, FindingState::kUpdate);
  EXPECT_EQ(out_.findings[1].id, id);
  EXPECT_THAT(out_.findings[1].why, SizeIs(3));
  Restart();
  Sleep(absl::Hours(7));
  ASSERT_THAT(out_.findings, SizeIs(3));
  EXPECT_EQ(out_.findings[2].state, FindingState::kFinal);
  EXPECT_EQ(out_.findings[2].id, id);
  Restart();
  Sleep(absl::Hours(7));
  EXPECT_THAT(out_.findings, SizeIs(3));
  // And then it is another attack.
  Tell({.rule = "a"});
  Tell({.rule = "b", .technique = "T1098"});
  ASSERT_THAT(out_.findings, SizeIs(4));
  EXPECT_NE(out_.findings[3].id, id);
}

TEST_F(AttackSequenceTest, AFloodOfSmallFindingsDoesNotPushOutAGraveOne) {
  Tell({.rule = "a", .severity = Severity::kCritical});
  for (int i = 0; i < 2000; ++i) {
    Tell({.rule = absl::StrCat("flood", i % 7),
          .severity = Severity::kMedium,
          .technique = "T1613",
          .entity = absl::StrCat("made-up-", i),
          .ip = absl::StrCat("10.1.", i / 250, ".", i % 250)});
  }
  EXPECT_THAT(out_.findings, IsEmpty());
  Tell({.rule = "b", .technique = "T1098"});
  ASSERT_THAT(out_.findings, SizeIs(1));
  Restart();
  EXPECT_LE(rows_.size(), AttackSequence::kMaxCases);
}

TEST_F(AttackSequenceTest, DamagedStateIsRefused) {
  Tell({.rule = "a"});
  Tell({.rule = "b", .technique = "T1098"});
  Restart();
  ASSERT_THAT(rows_, SizeIs(1));
  for (size_t size = 1; size < rows_[0].size(); ++size) {
    AttackSequence victim(context_);
    EXPECT_FALSE(victim.LoadRow(1, 0, rows_[0].substr(0, size)).ok()) << size;
  }
  AttackSequence victim(context_);
  EXPECT_FALSE(victim.LoadRow(1, 3, rows_[0]).ok());
}

}  // namespace
}  // namespace oddverb
