#include "detectors/audit_stream.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/audit_stream_finding.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kStreamStart = absl::FromUnixSeconds(1'700'000'000);

// Drives the detector as a shard does.
class AuditStreamTest : public ::testing::Test {
 protected:
  void Observe(EventBuilder& builder) {
    const AuditEvent& event = builder.Build();
    EntityIds ids;
    ids.keys = KeysOf(KeyedHash(), event);
    ids.actor = table_.FindOrAdd(ids.keys.actor).id;
    Emit emit;
    emit.stream_time = event.stage_time;
    detector_->Observe(event, ids, emit);
    Take(emit);
    if (restarts_) Restart(ids.actor);
  }
  void AdvanceTo(absl::Time watermark) {
    Emit emit;
    emit.stream_time = kStreamStart;
    detector_->AdvanceTo(watermark, emit);
    Take(emit);
  }
  void End() { AdvanceTo(absl::InfiniteFuture()); }

  std::string Saved(EntityId actor) const {
    StateWriter out;
    detector_->Save(EntityKind::kActor, actor, out);
    return out.Release();
  }
  // "RULE ENTITY SEVERITY COUNT STATE" of each report.
  const std::vector<std::string>& told() const { return told_; }
  const std::vector<Finding>& reports() const { return reports_; }

  std::unique_ptr<AuditStream> detector_ =
      std::make_unique<AuditStream>(DetectorContext());
  EntityTable table_{4096};
  bool restarts_ = false;  // with the state of the actor at hand alone

 private:
  void Take(Emit& emit) {
    for (Finding& finding : emit.findings) {
      told_.push_back(absl::StrCat(
          finding.rule, " ", finding.entity, " ",
          std::string(SeverityName(finding.severity)), " ", finding.count, " ",
          std::string(FindingStateName(finding.state))));
      reports_.push_back(std::move(finding));
    }
  }
  void Restart(EntityId actor) {
    std::string saved = Saved(actor);
    detector_ = std::make_unique<AuditStream>(DetectorContext());
    StateReader in(saved);
    ASSERT_THAT(detector_->Load(EntityKind::kActor, actor, in), IsOk());
    EXPECT_TRUE(in.AtEnd());
    EXPECT_EQ(Saved(actor), saved);
  }

  std::vector<std::string> told_;
  std::vector<Finding> reports_;
};

EventBuilder& AddRequest(EventBuilder& builder, const std::string& id,
                         const std::string& path, double seconds) {
  return builder.AuditId(id).NonResource(path).At(kStreamStart +
                                                  absl::Seconds(seconds));
}

TEST_F(AuditStreamTest, TellsAnIdThatStandsForAnotherRequest) {
  EventBuilder first, second;
  Observe(AddRequest(first, "mine", "/api/v1/pods", 0));
  EXPECT_THAT(told(), IsEmpty());
  Observe(AddRequest(second, "mine", "/api/v1/secrets", 1));
  ASSERT_THAT(told(), ElementsAre("audit.id_reuse alice low 1 open"));
  EXPECT_THAT(reports()[0].summary,
              HasSubstr("get /api/v1/secrets under mine"));
  EXPECT_THAT(reports()[0].next, Contains(HasSubstr("grep -F -- mine")));
  EXPECT_THAT(reports()[0].evidence, SizeIs(1));
}

// Stages of one request, retries, and what an aggregated API server logs.
TEST_F(AuditStreamTest, OneRequestMayHaveItsIdInManyEvents) {
  for (Stage stage : {Stage::kRequestReceived, Stage::kResponseStarted,
                      Stage::kPanic, Stage::kResponseComplete}) {
    EventBuilder builder;
    Observe(AddRequest(builder, "watch", "/api/v1/pods?watch=true", 0)
                .Stage(stage)
                .At(kStreamStart + absl::Minutes(30))
                .Received(kStreamStart));
  }
  for (int i = 0; i < 20; ++i) {
    EventBuilder builder;
    Observe(AddRequest(builder, "retry", "/api/v1/pods", 299 * i));
  }
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(AuditStreamTest, TheSameRequestMuchLaterIsNoRetry) {
  EventBuilder first, second;
  Observe(AddRequest(first, "mine", "/api/v1/pods", 0));
  Observe(AddRequest(second, "mine", "/api/v1/pods", 301));
  EXPECT_THAT(told(), ElementsAre("audit.id_reuse alice low 1 open"));
}

TEST_F(AuditStreamTest, AnyPartOfTheRequestMayDiffer) {
  auto differs = [&](auto change) {
    SetUp();
    detector_ = std::make_unique<AuditStream>(DetectorContext());
    size_t before = told().size();
    EventBuilder first, second;
    Observe(AddRequest(first, "mine", "/api/v1/namespaces/a/pods", 0));
    change(AddRequest(second, "mine", "/api/v1/namespaces/a/pods", 1));
    Observe(second);
    return told().size() > before;
  };
  EXPECT_FALSE(differs([](EventBuilder&) {}));
  EXPECT_TRUE(differs([](EventBuilder& b) { b.Verb("list"); }));
  EXPECT_TRUE(differs([](EventBuilder& b) { b.Impersonated("root"); }));
  EXPECT_TRUE(differs([](EventBuilder& b) { b.Uri("/api/v1/pods"); }));
  EXPECT_TRUE(differs([](EventBuilder& b) { b.Uri("/"); }));
}

// Two that look alike at a glance are told apart when the ID comes again.
TEST_F(AuditStreamTest, LookAlikesAreToldApartAtTheThirdUse) {
  for (const char* ns : {"aaaa", "bbbb", "cccc"}) {
    EventBuilder builder;
    Observe(AddRequest(builder, "mine",
                       absl::StrCat("/api/v1/namespaces/", ns, "/secrets"), 0)
                .Received(kStreamStart + absl::Seconds(ns[0])));
  }
  EXPECT_THAT(told(), SizeIs(1));
}

// The latest of the eight that it was.
TEST_F(AuditStreamTest, WhatWasSavedBeforeIsRead) {
  auto is_reuse = [&](int n) {
    StateWriter saved;
    saved.PutU64(2);
    saved.PutU64(1);  // the next place: the second is the oldest
    saved.PutU64(8);
    for (int i = 0; i < 8; ++i) {
      uint64_t hash = KeyedHash().Hash(absl::StrCat("id", i));
      auto id = static_cast<uint32_t>(hash ^ hash >> 32) | 1;
      saved.PutFixed64(uint64_t{id} << 32 | 12345);
      saved.PutU64(0);
      saved.PutI64(1000);
    }
    for (int rule = 0; rule < 2; ++rule) saved.PutU64(0);
    detector_ = std::make_unique<AuditStream>(DetectorContext());
    StateReader in(saved.bytes());
    EXPECT_THAT(detector_->Load(EntityKind::kActor, 0, in), IsOk());
    EXPECT_TRUE(in.AtEnd());
    size_t before = told().size();
    EventBuilder event;
    Observe(AddRequest(event, absl::StrCat("id", n), "/api/v1/secrets", 2));
    return told().size() > before;
  };
  EXPECT_TRUE(is_reuse(0));
  EXPECT_TRUE(is_reuse(7));
  EXPECT_TRUE(is_reuse(5));
  EXPECT_FALSE(is_reuse(4));
  EXPECT_FALSE(is_reuse(1));
}

TEST_F(AuditStreamTest, RemembersTheLatestIdsOfAnActor) {
  auto reuse_after = [&](size_t others) {
    detector_ = std::make_unique<AuditStream>(DetectorContext());
    size_t before = told().size();
    EventBuilder first, last;
    Observe(AddRequest(first, "mine", "/api/v1/pods", 0));
    for (size_t i = 0; i < others; ++i) {
      EventBuilder other;
      Observe(AddRequest(other, absl::StrCat("other", i), "/api/v1/nodes", 1));
    }
    Observe(AddRequest(last, "mine", "/api/v1/secrets", 2));
    return told().size() > before;
  };
  EXPECT_TRUE(reuse_after(AuditStream::kRememberedIds - 1));
  EXPECT_FALSE(reuse_after(AuditStream::kRememberedIds));
}

TEST_F(AuditStreamTest, NobodysIdsAndMissingOnesAreOfNoInterest) {
  for (const char* path : {"/api/v1/pods", "/api/v1/secrets", "/version"}) {
    EventBuilder anonymous, unauthenticated, without;
    Observe(AddRequest(anonymous, "mine", path, 0).Anonymous());
    Observe(AddRequest(unauthenticated, "mine", path, 0).Unauthenticated());
    Observe(AddRequest(without, "", path, 0));
  }
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(AuditStreamTest, CountsInOneCaseAndEndsIt) {
  restarts_ = true;
  for (int i = 0; i < 10; ++i) {
    EventBuilder builder;
    Observe(AddRequest(builder, "mine", absl::StrCat("/path/", i), i));
  }
  AdvanceTo(kStreamStart + absl::Seconds(9) + absl::Hours(1) -
            absl::Seconds(1));
  EXPECT_THAT(told(), ElementsAre("audit.id_reuse alice low 1 open",
                                  "audit.id_reuse alice low 2 update",
                                  "audit.id_reuse alice low 4 update",
                                  "audit.id_reuse alice low 8 update"));
  AdvanceTo(kStreamStart + absl::Seconds(9) + absl::Hours(1));
  EXPECT_EQ(told().back(), "audit.id_reuse alice low 9 final");
  for (const Finding& report : reports()) {
    EXPECT_EQ(report.id, reports()[0].id);
    double sum = 0;
    for (const FindingReason& reason : report.why) sum += reason.contribution;
    EXPECT_DOUBLE_EQ(sum, report.score);
  }
}

TEST_F(AuditStreamTest, CutBodiesWeighWhatTheyCouldHide) {
  struct Case {
    const char* verb;
    const char* resource;
    const char* sub;
    Severity severity;
  };
  for (const Case& c : std::vector<Case>{
           {"create", "pods", "exec", Severity::kMedium},
           {"get", "pods", "exec", Severity::kMedium},
           {"update", "pods", "ephemeralcontainers", Severity::kMedium},
           {"create", "rolebindings", "", Severity::kMedium},
           {"patch", "clusterrolebindings", "", Severity::kMedium},
           {"create", "certificatesigningrequests", "", Severity::kMedium},
           {"create", "pods", "", Severity::kLow},
           {"patch", "deployments", "", Severity::kLow},
           {"update", "clusterroles", "", Severity::kLow},
           {"update", "mutatingwebhookconfigurations", "", Severity::kLow},
           {"update", "pods", "status", Severity::kInfo},
           {"list", "rolebindings", "", Severity::kInfo},
           {"delete", "deployments", "", Severity::kInfo},
           {"create", "configmaps", "", Severity::kInfo},
           {"update", "secrets", "", Severity::kInfo}}) {
    EventBuilder builder;
    builder.Verb(c.verb).Resource(c.resource).Sub(c.sub).Ns("web").Name("x");
    EXPECT_EQ(TruncatedSeverity(builder.Build(), IdentityClass::kHuman),
              c.severity)
        << c.verb << " " << c.resource << "/" << c.sub;
  }
  // Controllers write what users made.
  EventBuilder builder;
  builder.Verb("update").Resource("deployments");
  EXPECT_EQ(TruncatedSeverity(builder.Build(), IdentityClass::kControlPlane),
            Severity::kInfo);
}

TEST_F(AuditStreamTest, CutBodiesAreOneCaseAnActorThatGrowsGraver) {
  auto write = [&](const char* user, const char* resource, int i) {
    EventBuilder builder;
    Observe(builder.User(user)
                .AuditId(absl::StrCat(user, i))
                .Verb("create")
                .Resource(resource)
                .Ns("web")
                .Name("x")
                .Truncated()
                .At(kStreamStart + absl::Seconds(i)));
  };
  write("alice", "configmaps", 0);
  write("alice", "pods", 1);
  write("bob", "configmaps", 2);
  write("alice", "rolebindings", 3);
  write("alice", "configmaps", 4);
  EXPECT_THAT(told(), ElementsAre("audit.truncated alice info 1 open",
                                  "audit.truncated alice low 2 update",
                                  "audit.truncated bob info 1 open",
                                  "audit.truncated alice medium 3 update",
                                  "audit.truncated alice medium 4 update"));
  EXPECT_THAT(reports().back().summary,
              HasSubstr("4 events because of their size, such as create "
                        "rolebindings web/x"));
  EXPECT_THAT(reports().back().next,
              Contains(HasSubstr("kubectl get rolebindings x -n web -o yaml")));
  EventBuilder whole;
  size_t before = told().size();
  Observe(whole.User("carol").Resource("pods").Verb("create"));
  EXPECT_THAT(told(), SizeIs(before));
}

TEST_F(AuditStreamTest, WhatGoesOnForDaysIsToldEachDay) {
  for (int hour = 0; hour < 72; ++hour) {
    EventBuilder builder;
    Observe(builder.AuditId(absl::StrCat(hour))
                .Verb("update")
                .Resource("configmaps")
                .Truncated()
                .At(kStreamStart + absl::Minutes(59) * hour));
  }
  size_t opened = 0;
  for (const Finding& report : reports()) {
    opened += report.state == FindingState::kOpen ? 1 : 0;
  }
  EXPECT_EQ(opened, 3u);
}

TEST_F(AuditStreamTest, BoundsItsCasesAndEndsTheLongestQuietFirst) {
  const size_t cases = AuditStream::kMaxCases;
  for (size_t i = 0; i <= cases; ++i) {
    EventBuilder builder;
    Observe(builder.User(absl::StrCat("user", i))
                .Verb("update")
                .Resource("configmaps")
                .Truncated()
                .At(kStreamStart + absl::Seconds(i)));
  }
  ASSERT_THAT(told(), SizeIs(cases + 2));
  EXPECT_EQ(told()[cases], "audit.truncated user0 info 1 final");
  End();
  EXPECT_THAT(told(), SizeIs(2 * (cases + 1)));
}

TEST_F(AuditStreamTest, ForgetsAnActorWithItsCases) {
  EventBuilder builder;
  Observe(builder.Resource("pods").Truncated());
  detector_->Forget(EntityKind::kActor, 0);
  EXPECT_EQ(Saved(0), "");
  size_t before = told().size();
  End();
  EXPECT_THAT(told(), SizeIs(before));
}

TEST_F(AuditStreamTest, RefusesDamagedState) {
  EventBuilder first, second;
  Observe(AddRequest(first, "mine", "/api/v1/pods", 0));
  Observe(AddRequest(second, "mine", "/api/v1/secrets", 1).Truncated());
  std::string saved = Saved(0);
  for (size_t size = 1; size < saved.size(); ++size) {
    AuditStream loaded{DetectorContext()};
    StateReader in(std::string_view(saved).substr(0, size));
    EXPECT_THAT(loaded.Load(EntityKind::kActor, 0, in),
                StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
        << size;
  }
}

TEST_F(AuditStreamTest, HostileTextIsBoundedAndQuoted) {
  const std::string id = "'; reboot #" + std::string(100'000, 'x');
  EventBuilder first, second;
  Observe(AddRequest(first, id, "/a", 0));
  Observe(AddRequest(second, id, "/" + std::string(100'000, 'b'), 1));
  ASSERT_THAT(reports(), SizeIs(1));
  EXPECT_LT(reports()[0].summary.size(), 1000u);
  EXPECT_THAT(reports()[0].next, Each(Not(HasSubstr("-- '; reboot"))));
  EXPECT_THAT(reports()[0].next, Contains(HasSubstr("''\\''; reboot #xxx")));
}

}  // namespace
}  // namespace oddverb
