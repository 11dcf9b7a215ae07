// Whoever a finding is about is forgotten last: a flood that fills the tables
// twice drives the others out, and not them.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "detectors/detector.h"
#include "gtest/gtest.h"
#include "pipeline/correlator.h"
#include "pipeline/rest_store.h"
#include "pipeline/shard.h"

namespace oddverb {
namespace {

constexpr uint32_t kRoom = 16;

// How often each entity was met, by kind and id.
class Meetings {
 public:
  void Meet(EntityKind kind, EntityId id) {
    if (id != kNoEntity) ++times_[{kind, id}];
  }
  void Forget(EntityKind kind, EntityId id) { times_.erase({kind, id}); }
  int Times(EntityKind kind, EntityId id) { return times_[{kind, id}]; }

 private:
  std::map<std::pair<EntityKind, EntityId>, int> times_;
};

Finding SomeFinding() {
  Finding finding;
  finding.rule = "some.rule";
  return finding;
}

// Reports a finding about every event of verb "steal".
class ThiefDetector final : public Detector {
 public:
  FieldSet fields() const override { return {}; }
  void Observe(const AuditEvent& event, const EntityIds& ids,
               Emit& out) override {
    met.Meet(EntityKind::kActor, ids.actor);
    met.Meet(EntityKind::kCredential, ids.credential);
    met.Meet(EntityKind::kPod, ids.pod);
    last = ids;
    if (event.verb == "steal") out.Report(SomeFinding());
  }
  void AdvanceTo(absl::Time, Emit&) override {}
  void Forget(EntityKind kind, EntityId id) override { met.Forget(kind, id); }
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }

  Meetings met;
  EntityIds last;
};

// With little room.
class WatchedShard {
 public:
  // Takes `verb` of a service account.
  void Judge(EntityKeys keys, std::string_view verb) {
    keys.identity = IdentityClass::kServiceAccount;
    AuditEvent event;
    event.verb = verb;
    shard_.Judge(event, keys, out_);
    out_.findings.clear();
  }
  // How often the last one's entity of the kind was met.
  int Times(EntityKind kind) {
    const EntityIds& last = detector_->last;
    const EntityId id = kind == EntityKind::kActor        ? last.actor
                        : kind == EntityKind::kCredential ? last.credential
                                                          : last.pod;
    return detector_->met.Times(kind, id);
  }
  const EntityIds& last() const { return detector_->last; }

 private:
  DetectorList Detectors() {
    auto owned = std::make_unique<ThiefDetector>();
    detector_ = owned.get();
    DetectorList detectors;
    detectors.push_back({"thief", std::move(owned)});
    return detectors;
  }

  ThiefDetector* detector_ = nullptr;
  Shard shard_{0,  Detectors(),        SameForEachKind({.max_entities = kRoom}),
               {}, TrackChanges::kOff, std::make_shared<RestStore>()};
  Emit out_;
};

TEST(SuspectsTest, WhomAShardReportsStaysInItsTables) {
  WatchedShard shard;
  auto judge = [&](uint64_t who, std::string_view verb) {
    shard.Judge({.actor = who, .credential = who + 1'000'000}, verb);
  };
  judge(1, "get");
  judge(2, "steal");
  for (uint64_t who = 100; who < 100 + 2 * kRoom; ++who) judge(who, "get");
  judge(2, "get");
  EXPECT_EQ(shard.Times(EntityKind::kActor), 2);
  EXPECT_EQ(shard.Times(EntityKind::kCredential), 2);
  judge(1, "get");
  EXPECT_EQ(shard.Times(EntityKind::kActor), 1);
  EXPECT_EQ(shard.Times(EntityKind::kCredential), 1);
}

// Of a pod that renews its token there is one entity, which stays likewise.
TEST(SuspectsTest, APodStandsForItsTokens) {
  WatchedShard shard;
  auto judge = [&](uint64_t pod, uint64_t token, std::string_view verb) {
    shard.Judge({.actor = 1, .credential = token, .pod = pod}, verb);
    EXPECT_EQ(shard.last().credential, kNoEntity);
  };
  judge(2, 1'000, "steal");
  for (uint64_t pod = 100; pod < 100 + 2 * kRoom; ++pod) {
    judge(pod, 2'000 + pod, "get");
  }
  judge(2, 1'001, "get");
  EXPECT_EQ(shard.Times(EntityKind::kPod), 2);
  judge(100, 2'100, "get");
  EXPECT_EQ(shard.Times(EntityKind::kPod), 1);
}

// Reports a finding about every observation of weight.
class ThiefCrossDetector final : public CrossDetector {
 public:
  void Observe(const Observation& observation, const ObservationIds& ids,
               Emit& out) override {
    met.Meet(EntityKind::kCredential, ids.credential);
    met.Meet(EntityKind::kAddress, ids.source_address);
    last = ids;
    if (observation.weight > 0) out.Report(SomeFinding());
  }
  void AdvanceTo(absl::Time, Emit&) override {}
  void Forget(EntityKind kind, EntityId id) override { met.Forget(kind, id); }
  void Save(EntityKind, EntityId, StateWriter&) const override {}
  absl::Status Load(EntityKind, EntityId, StateReader&) override {
    return absl::OkStatus();
  }

  Meetings met;
  ObservationIds last;
};

TEST(SuspectsTest, WhomTheCorrelatorReportsStaysInItsTables) {
  auto owned = std::make_unique<ThiefCrossDetector>();
  ThiefCrossDetector& detector = *owned;
  CrossDetectorList detectors;
  detectors.push_back({"thief", std::move(owned)});
  Correlator correlator(std::move(detectors), KeyedHash(),
                        SameForEachKind({.max_entities = kRoom}),
                        TrackChanges::kOff);
  std::vector<Finding> found;
  Correlator::Steps steps(correlator,
                          Correlator::Steps::ShardFindings::kReturned, found);
  auto observe = [&](uint64_t who, double weight) {
    Observation observation;
    observation.kind = ObservationKind::kFirstSuccess;
    observation.credential = who;
    observation.source_ip = absl::StrCat("10.0.0.", who);
    observation.weight = weight;
    steps.TakeObservation(observation);
  };
  observe(1, 0);
  observe(2, 1);
  ASSERT_EQ(found.size(), 1u);
  for (uint64_t who = 100; who < 100 + 2 * kRoom; ++who) observe(who, 0);
  observe(2, 0);
  EXPECT_EQ(
      detector.met.Times(EntityKind::kCredential, detector.last.credential), 2);
  EXPECT_EQ(
      detector.met.Times(EntityKind::kAddress, detector.last.source_address),
      2);
  observe(1, 0);
  EXPECT_EQ(
      detector.met.Times(EntityKind::kCredential, detector.last.credential), 1);
  EXPECT_EQ(
      detector.met.Times(EntityKind::kAddress, detector.last.source_address),
      1);
}

}  // namespace
}  // namespace oddverb
