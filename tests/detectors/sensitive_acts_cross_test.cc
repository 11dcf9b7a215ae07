#include "detectors/sensitive_acts_cross.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/last_states.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kActsBegin = absl::FromUnixSeconds(1'700'000'000);

// Feeds observations to the correlator's part, as the pipeline does.
class CrossStream {
 public:
  CrossStream() : part_(std::make_unique<SensitiveActsCross>(context_)) {}

  void See(Observation observation) {
    part_->Observe(observation, {}, out_);
    part_->TakeRows(changed_);
    for (DetectorRow& row : changed_) {
      if (rows_.size() <= row.number) rows_.resize(row.number + size_t{1});
      rows_[row.number] = std::move(row);
    }
    changed_.clear();
  }
  void Find(const Finding& finding) {
    part_->ObserveFinding(finding, {}, out_);
  }
  void AdvanceTo(absl::Time time) { part_->AdvanceTo(time, out_); }

  // Goes on from the saved state; damaged state is refused.
  void Restart() {
    StateWriter shared;
    part_->SaveShared(shared);
    const std::string bytes = shared.Release();
    auto fresh = std::make_unique<SensitiveActsCross>(context_);
    StateReader in(bytes);
    EXPECT_TRUE(fresh->LoadShared(in).ok());
    EXPECT_TRUE(in.AtEnd());
    for (const DetectorRow& row : rows_) {
      EXPECT_TRUE(fresh->LoadRow(row.kind, row.number, row.bytes).ok());
      SensitiveActsCross victim(context_);
      EXPECT_FALSE(victim.LoadRow(row.kind, 7, row.bytes).ok());
      EXPECT_FALSE(victim.LoadRow(9, 0, row.bytes).ok());
      EXPECT_FALSE(victim
                       .LoadRow(row.kind, 0,
                                std::string_view(row.bytes).substr(
                                    0, row.bytes.size() - 1))
                       .ok());
    }
    for (size_t size = 0; size < bytes.size(); ++size) {
      SensitiveActsCross victim(context_);
      StateReader cut(std::string_view(bytes).substr(0, size));
      EXPECT_FALSE(victim.LoadShared(cut).ok()) << size;
    }
    part_ = std::move(fresh);
  }

  const std::vector<Finding>& reports() const { return out_.findings; }
  std::vector<Finding> findings() const { return LastStates(out_.findings); }

 private:
  DetectorContext context_{.hash = {}, .cluster = "prod"};
  std::unique_ptr<SensitiveActsCross> part_;
  std::vector<DetectorRow> changed_, rows_;
  Emit out_;
};

Finding Draft(const std::string& user, absl::Time time) {
  Finding draft;
  draft.entity = draft.who.user = user;
  draft.where.source_ip = "10.0.0.1";
  draft.first_seen = draft.last_seen = time;
  draft.id.low = static_cast<uint64_t>(absl::ToUnixSeconds(time));
  draft.count = 1;
  draft.evidence.push_back({"id of " + user, time, "get", "/api", 200});
  return draft;
}

// `actor` succeeds with the grave or, with novelty, the rare kind `subject`.
Observation Success(uint64_t actor, uint64_t subject, double weight,
                    double novelty = 0, const std::string& user = "",
                    absl::Time time = kActsBegin) {
  Observation first;
  first.kind = ObservationKind::kFirstSuccess;
  first.time = time;
  first.actor = actor;
  first.subject = subject;
  first.weight = weight;
  first.novelty = novelty;
  if (novelty > 0) {
    first.draft = Draft(user, time);
    first.draft->summary = absl::StrCat("kind ", subject);
  }
  return first;
}

Observation Minted(uint64_t minter, uint64_t account, double novelty,
                   absl::Time time = kActsBegin) {
  Observation minted;
  minted.kind = ObservationKind::kMintedFirst;
  minted.time = time;
  minted.actor = minter;
  minted.subject = account;
  minted.novelty = novelty;
  minted.minted = 777;
  minted.draft = Draft("dave", time);
  minted.draft->what.namespaces = {"data"};
  minted.draft->what.names = {"etl"};
  if (novelty > 0) minted.draft->why = {{"new", "", novelty}};
  return minted;
}

Observation Used(uint64_t credential, absl::Time time) {
  Observation used;
  used.kind = ObservationKind::kTokenFirstUsed;
  used.time = time;
  used.credential = credential;
  used.source_ip = "203.0.113.9";
  used.draft = Draft("system:serviceaccount:data:etl", time);
  return used;
}

constexpr uint64_t kMinter = 1;
constexpr uint64_t kAccount = 2;

TEST(MintingReachTest, NeedsAnAccountThatDoesMoreAndSomethingNew) {
  struct Case {
    const char* what;
    bool account_acts;
    bool minter_acts;
    double novelty;
    bool found;
  };
  for (const Case& c : std::vector<Case>{
           {"more, new", true, false, 3, true},
           {"more, not new", true, false, 0, false},
           {"the same", true, true, 3, false},
           {"nothing grave", false, false, 3, false},
       }) {
    SCOPED_TRACE(c.what);
    CrossStream stream;
    if (c.account_acts) stream.See(Success(kAccount, 50, 1.5));
    if (c.minter_acts) stream.See(Success(kMinter, 50, 1.5));
    stream.See(Success(kAccount, 51, 1.0));  // not grave
    stream.Restart();
    stream.See(Minted(kMinter, kAccount, c.novelty));
    EXPECT_THAT(stream.findings(), SizeIs(c.found ? 1 : 0));
  }
}

TEST(MintingReachTest, TheUseWithinADayIsTheChain) {
  for (absl::Duration later : {absl::Hours(23), absl::Hours(25)}) {
    CrossStream stream;
    stream.See(Success(kAccount, 50, 1.5));
    stream.See(Minted(kMinter, kAccount, 3));
    ASSERT_THAT(stream.findings(), SizeIs(1));
    EXPECT_EQ(stream.findings()[0].severity, Severity::kHigh);
    stream.Restart();
    stream.See(Used(778, kActsBegin + absl::Minutes(1)));  // another token
    stream.AdvanceTo(kActsBegin + later);
    stream.See(Used(777, kActsBegin + later));
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    const bool is_linked = later < absl::Hours(24);
    EXPECT_EQ(finding.severity,
              is_linked ? Severity::kCritical : Severity::kHigh);
    EXPECT_EQ(finding.evidence.size(), is_linked ? 2u : 1u);
    stream.AdvanceTo(absl::InfiniteFuture());
    EXPECT_EQ(stream.findings()[0].state, FindingState::kFinal);
  }
}

TEST(MintingReachTest, TheOldestActorMakesRoom) {
  CrossStream stream;
  stream.See(Success(kAccount, 50, 1.5));
  for (uint64_t i = 0; i < MintingReach::kMaxActors; ++i) {
    stream.See(Success(1000 + i, 50, 1.5));
  }
  stream.See(Minted(kMinter, kAccount, 3));
  EXPECT_THAT(stream.findings(), IsEmpty());
  stream.See(Minted(kMinter, 1000, 3));
  EXPECT_THAT(stream.findings(), SizeIs(1));
}

Observation WithPlace(Observation first) {
  first.draft->why = {{"from a network where it never was", "", 0}};
  return first;
}

TEST(RareOperationsTest, SeveralNewKindsNeedASecondFactor) {
  for (bool has_place : {false, true}) {
    CrossStream stream;
    for (uint64_t kind = 0; kind < 5; ++kind) {
      Observation first = Success(1, kind, 1, 3, "dave");
      stream.See(has_place && kind == 2 ? WithPlace(first) : first);
      if (kind == 3) {
        EXPECT_THAT(stream.findings(), IsEmpty());
      }
    }
    ASSERT_THAT(stream.findings(), SizeIs(has_place ? 1 : 0));
    if (!has_place) continue;
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "operation.rare");
    EXPECT_EQ(finding.severity, Severity::kMedium);
    EXPECT_NEAR(finding.score, 15, 1e-9);
    EXPECT_THAT(finding.evidence, SizeIs(5));
  }
}

// A person with the usual program.
Observation FromAfar(uint64_t kind, double sensitivity) {
  Observation first = WithPlace(Success(1, kind, sensitivity, 3, "dave"));
  first.draft->entity_kind = "user";
  return first;
}

TEST(RareOperationsTest, WhoTravelsMayDoAsManyNewThingsAgain) {
  struct Case {
    double sensitivity;
    bool has_program;
    uint64_t kinds;  // until it is told
  };
  for (const Case& c :
       {Case{1, false, 10}, Case{1, true, 5}, Case{1.5, false, 4}}) {
    CrossStream stream;
    for (uint64_t kind = 1; kind <= c.kinds; ++kind) {
      EXPECT_THAT(stream.findings(), IsEmpty()) << c.sensitivity;
      Observation first = FromAfar(kind, c.sensitivity);
      if (c.has_program) {
        first.draft->why.push_back(
            {"with a program that it never used", "", 0});
      }
      stream.See(first);
    }
    EXPECT_THAT(stream.findings(), SizeIs(1)) << c.sensitivity;
  }
}

// What a thief did with the credential elsewhere is not what its owner does.
TEST(RareOperationsTest, AFindingAboutItElsewhereIsNoSecondFactor) {
  for (const char* ip : {"203.0.113.9", "10.8.0.11"}) {
    CrossStream stream;
    Finding refused = Draft("dave", kActsBegin);
    refused.rule = "forbidden.fanout";
    refused.severity = Severity::kMedium;
    refused.where.source_ip = ip;
    stream.Find(refused);
    for (uint64_t kind = 0; kind < 5; ++kind) {
      Observation first = Success(1, kind, 1, 3, "dave");
      first.draft->where.source_ip = "10.8.0.83";
      stream.See(first);
    }
    EXPECT_EQ(stream.findings().empty(), ip[0] == '2') << ip;
  }
}

TEST(RareOperationsTest, AnotherFindingAboutItIsASecondFactorForADay) {
  for (absl::Duration later : {absl::Hours(23), absl::Hours(25)}) {
    CrossStream stream;
    Finding refused = Draft("dave", kActsBegin);
    refused.rule = "forbidden.fanout";
    refused.severity = Severity::kMedium;
    stream.Find(refused);
    stream.Restart();
    for (uint64_t kind = 0; kind < 5; ++kind) {
      stream.See(Success(1, kind, 1, 3, "dave", kActsBegin + later));
    }
    EXPECT_THAT(stream.findings(), SizeIs(later < absl::Hours(24) ? 1 : 0));
  }
}

TEST(RareOperationsTest, WhatThreePeersDidWeighsAFifth) {
  CrossStream stream;
  auto rollout = [&stream](uint64_t actor) {
    for (uint64_t kind = 0; kind < 6; ++kind) {
      stream.See(WithPlace(
          Success(actor, kind, 1, 3,
                  absl::StrCat("system:serviceaccount:shop:a", actor))));
    }
  };
  for (uint64_t actor = 1; actor <= 3; ++actor) rollout(actor);
  EXPECT_THAT(stream.findings(), SizeIs(3));
  stream.Restart();
  rollout(4);
  EXPECT_THAT(stream.findings(), SizeIs(3));
  // Not of another namespace.
  for (uint64_t kind = 0; kind < 6; ++kind) {
    stream.See(
        WithPlace(Success(9, kind, 1, 3, "system:serviceaccount:other:a")));
  }
  EXPECT_THAT(stream.findings(), SizeIs(4));
}

TEST(RareOperationsTest, HalfAnHourIsTheWindow) {
  CrossStream stream;
  for (uint64_t kind = 0; kind < 12; ++kind) {
    stream.See(WithPlace(
        Success(1, kind, 1, 3, "dave",
                kActsBegin + absl::Minutes(8) * static_cast<int>(kind))));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

Observation Issued(bool is_powerful, const std::string& request = "renew") {
  Observation issued;
  issued.kind = ObservationKind::kCertificateIssued;
  issued.time = kActsBegin;
  issued.credential = 42;
  issued.weight = is_powerful ? 1 : 0;
  issued.draft = Draft("frank", kActsBegin);
  issued.draft->what.names = {request};
  issued.draft->summary = "CN=x O=y";
  return issued;
}

Observation TimeOf(uint64_t credential, absl::Time time) {
  Observation at;
  at.kind = ObservationKind::kCredentialAtAddress;
  at.time = time;
  at.credential = credential;
  at.source_ip = "203.0.113.9";
  at.draft = Draft("visitor", time);
  return at;
}

Finding Accusation(Severity severity) {
  Finding finding = Draft("frank", kActsBegin);
  finding.rule = "client_certificate.minted";
  finding.severity = severity;
  finding.what.names = {"renew"};
  return finding;
}

TEST(IssuedCertificatesTest, TheFirstUseOfAnAccusedOrPowerfulOneIsFound) {
  struct Case {
    const char* what;
    bool is_accused;
    bool is_powerful;
    Severity severity;
  };
  for (const Case& c : std::vector<Case>{
           {"accused", true, false, Severity::kMedium},
           {"powerful", false, true, Severity::kCritical},
           {"both", true, true, Severity::kCritical},
           {"neither", false, false, Severity::kInfo},
       }) {
    SCOPED_TRACE(c.what);
    CrossStream stream;
    if (c.is_accused) stream.Find(Accusation(Severity::kMedium));
    stream.See(Issued(c.is_powerful));
    stream.Restart();
    stream.See(
        TimeOf(41, kActsBegin + absl::Minutes(1)));  // another credential
    EXPECT_THAT(stream.findings(), IsEmpty());
    stream.See(TimeOf(42, kActsBegin + absl::Minutes(5)));
    stream.See(TimeOf(42, kActsBegin + absl::Minutes(6)));  // no first use
    const bool is_found = c.is_accused || c.is_powerful;
    ASSERT_THAT(stream.findings(), SizeIs(is_found ? 1 : 0));
    if (!is_found) continue;
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "client_certificate.used");
    EXPECT_EQ(finding.severity, c.severity);
    EXPECT_THAT(finding.evidence, SizeIs(2));
    EXPECT_GE(finding.score, finding.threshold);
  }
}

TEST(IssuedCertificatesTest, AnAccusationIsOfOneRequestAndNotSmall) {
  CrossStream stream;
  stream.Find(Accusation(Severity::kLow));
  stream.See(Issued(false));
  stream.Find(Accusation(Severity::kMedium));
  stream.See(Issued(false, "another"));
  stream.See(TimeOf(42, kActsBegin + absl::Minutes(5)));
  EXPECT_THAT(stream.findings(), IsEmpty());
}

}  // namespace
}  // namespace oddverb
