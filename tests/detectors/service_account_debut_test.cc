// ServiceAccountUse and its part in the correlator on accounts that were never
// used before.
#include "detectors/service_account_debut.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/service_account_use.h"
#include "detectors/stolen_credential.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/detectors/service_account_changes.h"
#include "tests/support/event_builder.h"
#include "tests/support/last_states.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const EventChange kInPod = [](EventBuilder&) {};

EventChange All(std::vector<EventChange> changes) {
  return [=](EventBuilder& event) {
    for (const EventChange& change : changes) change(event);
  };
}

// Both shard parts, as the pipeline drives them, and the correlator's.
class DebutStream {
 public:
  void Feed(EventBuilder& event) {
    now_ += absl::Seconds(1);
    const AuditEvent& built = event.At(now_).Build();
    Tick();
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, built);
    ids.actor = IdOf(0, ids.keys.actor);
    ids.credential = IdOf(1, ids.keys.unbound_credential());
    ids.pod = IdOf(2, ids.keys.pod);
    Emit out;
    use_.Observe(built, ids, out);
    stolen_.Observe(built, ids, out);
    for (const Observation& seen : out.observations) Tell(seen);
  }
  // A token of NAME, for a pod; by `node`, else by a person.
  void Mint(const std::string& name, const std::string& node = "worker-1") {
    EventBuilder event;
    if (!node.empty()) event.Node(node);
    event.Verb("create").Resource("serviceaccounts").Sub("token").Ns("web");
    event.Name(name).Code(201);
    event.IssuedCredentialId(absl::StrCat("JTI=", name, ++tokens_));
    Feed(event);
  }
  void Use(const std::string& name, const EventChange& change, int pod = 1) {
    EventBuilder event;
    event.ServiceAccount("web", name);
    event.Pod(absl::StrCat(name, pod), absl::StrCat("uid-", name, pod));
    event.CredentialId(absl::StrCat("JTI=", name, tokens_));
    event.UserAgent("shop/1.0").SourceIp("10.244.1.5");
    event.Resource("configmaps").Ns("web").Name("settings");
    change(event);
    Feed(event);
  }
  // Kubelets renew the token of NAME every hour.
  void Wait(const std::string& name, absl::Duration span) {
    for (absl::Duration t; t < span; t += absl::Hours(1)) {
      Mint(name);
      now_ += absl::Hours(1);
    }
  }
  void Gap() {
    Observation gap;
    gap.kind = ObservationKind::kTimeJumped;
    gap.time = now_;
    Tell(gap);
  }
  void Sleep(absl::Duration span) { now_ += span; }
  void Restart() {
    auto fresh = std::make_unique<ServiceAccountDebut>();
    StateWriter shared;
    cross_->SaveShared(shared);
    StateReader in(shared.bytes());
    EXPECT_TRUE(fresh->LoadShared(in).ok());
    for (EntityKind kind : {EntityKind::kActor, EntityKind::kAddress}) {
      const EntityTable& table =
          kind == EntityKind::kActor ? tables_[3] : tables_[4];
      for (EntityId id = 0; id < table.size(); ++id) {
        StateWriter saved;
        cross_->Save(kind, id, saved);
        if (saved.bytes().empty()) continue;
        StateReader reader(saved.bytes());
        EXPECT_TRUE(fresh->Load(kind, id, reader).ok());
        EXPECT_TRUE(reader.AtEnd());
        for (size_t size = 1; size < saved.bytes().size(); ++size) {
          ServiceAccountDebut victim;
          StateReader cut(std::string_view(saved.bytes()).substr(0, size));
          EXPECT_FALSE(victim.Load(kind, id, cut).ok()) << size;
        }
      }
    }
    cross_ = std::move(fresh);
    for (EntityId id = 0; id < tables_[0].size(); ++id) {
      StateWriter saved;
      use_.Save(EntityKind::kActor, id, saved);
      if (saved.bytes().empty()) continue;
      use_.Forget(EntityKind::kActor, id);
      StateReader reader(saved.bytes());
      EXPECT_TRUE(use_.Load(EntityKind::kActor, id, reader).ok());
      EXPECT_TRUE(reader.AtEnd());
    }
  }
  // All addresses rest, and wake.
  void LetAddressesRest() {
    for (EntityId id = 0; id < tables_[4].size(); ++id) {
      ASSERT_TRUE(cross_->CanRest(EntityKind::kAddress, id));
      StateWriter saved;
      cross_->Rest(EntityKind::kAddress, id, saved);
      if (saved.bytes().empty()) continue;
      StateReader reader(saved.bytes());
      EXPECT_TRUE(cross_->Wake(EntityKind::kAddress, id, reader).ok());
    }
  }
  // The shard's table was full.
  void ForgetInShard() {
    for (EntityId id = 0; id < tables_[0].size(); ++id) {
      use_.Forget(EntityKind::kActor, id);
    }
  }
  void End() { cross_->AdvanceTo(absl::InfiniteFuture(), out_); }

  std::vector<Finding> findings() const { return LastStates(out_.findings); }

 private:
  EntityId IdOf(size_t table, uint64_t key) {
    return key == 0 ? kNoEntity : tables_[table].FindOrAdd(key).id;
  }
  void Tell(const Observation& seen) {
    ObservationIds ids;
    ids.account = seen.kind == ObservationKind::kTokenMinted
                      ? IdOf(3, seen.account)
                      : tables_[3].Find(seen.account);
    if (!seen.source_ip.empty()) {
      ids.source_address = IdOf(4, context_.hash.Hash(seen.source_ip));
    }
    cross_->Observe(seen, ids, out_);
  }
  void Tick() {
    cross_->AdvanceTo(absl::FromUnixSeconds(absl::ToUnixSeconds(now_)), out_);
  }

  const DetectorContext context_{.hash = {}, .cluster = "prod"};
  std::array<EntityTable, 5> tables_ = {EntityTable(1000), EntityTable(1000),
                                        EntityTable(1000), EntityTable(1000),
                                        EntityTable(1000)};
  ServiceAccountUse use_{context_};
  StolenCredential stolen_{context_, StolenCredential::Options()};
  std::unique_ptr<ServiceAccountDebut> cross_ =
      std::make_unique<ServiceAccountDebut>();
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  int tokens_ = 0;
  Emit out_;
};

TEST(ServiceAccountDebutTest, ADormantAccountNeedsFurtherClues) {
  struct Case {
    const char* what;
    std::vector<EventChange> changes;
    Severity severity;  // info: no finding
  };
  for (const Case& c : std::vector<Case>{
           {"its program begins to call", {kInPod, kInPod}, Severity::kInfo},
           {"and reads secrets", {kInPod, kReadsSecrets}, Severity::kInfo},
           {"somebody looks for a fault with kubectl in the pod",
            {kByKubectl, kByKubectl},
            Severity::kInfo},
           {"and asks what the account may do",
            {kByKubectl, All({kByKubectl, kAsksRights})},
            Severity::kMedium},
           {"a token by hand", {kUnbound}, Severity::kInfo},
           {"a token by hand, with kubectl",
            {All({kUnbound, kByKubectl})},
            Severity::kMedium},
           {"the pod's token, from outside", {kFromOutside}, Severity::kMedium},
           {"from outside, with kubectl, secrets",
            {All({kFromOutside, kByKubectl, kReadsSecrets})},
            Severity::kHigh},
           {"one after the other",
            {kByKubectl, kReadsSecrets, kAsksRights},
            Severity::kHigh},
       }) {
    SCOPED_TRACE(c.what);
    DebutStream stream;
    stream.Wait("shop", absl::Hours(25));
    for (const EventChange& change : c.changes) {
      stream.Restart();
      stream.Use("shop", change);
    }
    stream.Restart();
    stream.End();
    if (c.severity == Severity::kInfo) {
      EXPECT_THAT(stream.findings(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "serviceaccount.used_by_hand");
    EXPECT_EQ(finding.severity, c.severity);
    EXPECT_EQ(finding.state, FindingState::kFinal);
    EXPECT_GE(finding.score, finding.threshold);
    EXPECT_THAT(finding.normal, HasSubstr("no request came with one"));
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_DOUBLE_EQ(sum, finding.score);
  }
}

const EventChange kTheft = All({kFromOutside, kByKubectl, kReadsSecrets});

TEST(ServiceAccountDebutTest, IsSilentUntilTokensWereMintedForADay) {
  for (int hours : {0, 23, 25}) {
    DebutStream stream;
    stream.Wait("shop", absl::Hours(hours));
    stream.Use("shop", kTheft);
    EXPECT_THAT(stream.findings(), SizeIs(hours == 25 ? 1 : 0)) << hours;
  }
}

TEST(ServiceAccountDebutTest, WhatPeopleMintMayWait) {
  DebutStream stream;
  stream.Mint("shop", "");
  stream.Sleep(absl::Hours(48));
  stream.Use("shop", kTheft);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ServiceAccountDebutTest, AGapOfTheLogMayHideItsUse) {
  DebutStream stream;
  stream.Wait("shop", absl::Hours(48));
  stream.Gap();
  stream.Wait("shop", absl::Hours(10));
  stream.Restart();
  stream.Use("shop", kTheft);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ServiceAccountDebutTest, AnAccountThatIsUsedIsNotDormant) {
  DebutStream stream;
  stream.Mint("shop");
  stream.Use("shop", kInPod);
  for (int day = 0; day < 3; ++day) {
    stream.Wait("shop", absl::Hours(24));
    stream.Restart();
  }
  // The shard knows nothing of it any more.
  stream.ForgetInShard();
  stream.Use("shop", kTheft);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ServiceAccountDebutTest, OnlyItsFirstMinutesCount) {
  DebutStream stream;
  stream.Wait("shop", absl::Hours(25));
  stream.Use("shop", kInPod);
  stream.Sleep(absl::Minutes(16));
  stream.Use("shop", kByKubectl);
  stream.Use("shop", kAsksRights);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ServiceAccountDebutTest, PodsBehindAPublicGatewayAreNotOutside) {
  for (int pods : {2, 3}) {
    DebutStream stream;
    for (int pod = 0; pod < pods; ++pod) {
      stream.Use("other", kFromOutside, pod);
    }
    stream.Wait("shop", absl::Hours(25));
    stream.Restart();
    stream.Use("shop", kFromOutside);
    EXPECT_THAT(stream.findings(), SizeIs(pods == 2 ? 1 : 0)) << pods;
  }
}

TEST(ServiceAccountDebutTest, PodsOfAnAddressAreKnownAfterItsRest) {
  DebutStream stream;
  for (int pod = 0; pod < 3; ++pod) stream.Use("other", kFromOutside, pod);
  stream.Wait("shop", absl::Hours(25));
  stream.LetAddressesRest();
  stream.Use("shop", kFromOutside);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ServiceAccountDebutTest, ManyAccountsAtOnceAreBounded) {
  DebutStream stream;
  for (int i = 0; i < 100; ++i) stream.Mint(absl::StrCat("a", i));
  stream.Sleep(absl::Hours(25));
  for (int i = 0; i < 100; ++i) stream.Use(absl::StrCat("a", i), kTheft);
  size_t final_states = 0;
  for (const Finding& finding : stream.findings()) {
    if (finding.state == FindingState::kFinal) ++final_states;
  }
  EXPECT_THAT(stream.findings(), SizeIs(100));
  EXPECT_EQ(final_states, 100 - ServiceAccountDebut::kMaxCases);
}

}  // namespace
}  // namespace oddverb
