// Drives one Detector that keeps state by actor, as a shard does: ids from a
// table, a tick at each new second of the stream. One thread.
#ifndef ODDVERB_TESTS_DETECTORS_ACTOR_STREAM_H_
#define ODDVERB_TESTS_DETECTORS_ACTOR_STREAM_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "detectors/detector.h"
#include "gtest/gtest.h"
#include "model/finding.h"
#include "model/identity.h"
#include "stats/entity_table.h"
#include "tests/support/event_builder.h"
#include "tests/support/last_states.h"

namespace oddverb {

class ActorStream {
 public:
  using Make = std::function<std::unique_ptr<Detector>(const DetectorContext&)>;

  explicit ActorStream(Make make)
      : make_(std::move(make)), detector_(make_(context_)) {}

  // One second after the last; the request began `took` before.
  void Feed(EventBuilder& event, absl::Duration took = absl::ZeroDuration()) {
    now_ += absl::Seconds(1);
    const AuditEvent& built = event.At(now_).Received(now_ - took).Build();
    Tick();
    EntityIds ids;
    ids.keys = KeysOf(context_.hash, built);
    EntityTable::Lookup lookup = actors_.FindOrAdd(ids.keys.actor);
    ids.actor = lookup.id;
    if (lookup.is_reused) detector_->Forget(EntityKind::kActor, lookup.id);
    detector_->Observe(built, ids, out_);
  }
  // What a checkpoint has of the event's actor.
  void Load(EventBuilder& event, std::string_view bytes) {
    const AuditEvent& built = event.At(now_).Build();
    StateReader reader(bytes);
    const uint64_t key = KeysOf(context_.hash, built).actor;
    const EntityId actor = actors_.FindOrAdd(key).id;
    EXPECT_TRUE(detector_->Load(EntityKind::kActor, actor, reader).ok());
    EXPECT_TRUE(reader.AtEnd());
  }
  absl::Time now() const { return now_; }
  void Sleep(absl::Duration span) {
    now_ += span;
    Tick();
  }
  void End() { detector_->AdvanceTo(absl::InfiniteFuture(), out_); }

  // Saves everything, and goes on with a new detector that loads it under
  // other ids.
  void Restart() {
    std::unique_ptr<Detector> fresh = make_(context_);
    EntityTable moved(kMaxActors);
    for (EntityId id = actors_.size(); id-- > 0;) {
      StateWriter saved;
      detector_->Save(EntityKind::kActor, id, saved);
      std::string bytes = saved.Release();
      EntityId new_id = moved.FindOrAdd(actors_.KeyOf(id)).id;
      if (bytes.empty()) continue;
      StateReader reader(bytes);
      EXPECT_TRUE(fresh->Load(EntityKind::kActor, new_id, reader).ok());
      EXPECT_TRUE(reader.AtEnd());
      ExpectDamageIsRefused(bytes);
    }
    detector_ = std::move(fresh);
    actors_ = std::move(moved);
  }

  // Every report; the last state of each finding.
  const std::vector<Finding>& reports() const { return out_.findings; }
  std::vector<Finding> findings() const { return LastStates(out_.findings); }

 private:
  static constexpr uint32_t kMaxActors = 1000;

  void Tick() {
    out_.stream_time = now_;
    detector_->AdvanceTo(absl::FromUnixSeconds(absl::ToUnixSeconds(now_)),
                         out_);
  }
  void ExpectDamageIsRefused(const std::string& bytes) const {
    for (size_t size = 1; size < bytes.size(); ++size) {
      std::unique_ptr<Detector> victim = make_(context_);
      StateReader cut(std::string_view(bytes).substr(0, size));
      EXPECT_FALSE(victim->Load(EntityKind::kActor, 0, cut).ok()) << size;
    }
  }

  const DetectorContext context_{.hash = {}, .cluster = "prod"};
  Make make_;
  EntityTable actors_{kMaxActors};
  std::unique_ptr<Detector> detector_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  Emit out_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_ACTOR_STREAM_H_
