#include "pipeline/rest_frame.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/common_values.h"
#include "detectors/detector.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr int64_t kStart = 1'700'000'000'000'000;

// Knows a time of some entities.
class TimePart final : public Detector {
 public:
  FieldSet fields() const override { return {}; }
  void Observe(const AuditEvent&, const EntityIds&, Emit&) override {}
  void AdvanceTo(absl::Time, Emit&) override {}
  void Forget(EntityKind, EntityId id) override { micros.erase(id); }
  bool CanRest(EntityKind, EntityId) const override { return true; }
  void Save(EntityKind, EntityId id, StateWriter& out) const override {
    auto found = micros.find(id);
    if (found != micros.end()) out.PutMicros(found->second);
  }
  absl::Status Load(EntityKind, EntityId id, StateReader& in) override {
    micros[id] = in.GetMicros();
    return in.status();
  }

  std::map<EntityId, int64_t> micros;
};

// Which of three parts know something, and when, of entities one after another:
// the first one tells what is usual.
TEST(RestFrameTest, EachPartGetsWhatItWroteWhicheverHaveSomething) {
  std::vector<NamedPart<Detector>> parts;
  std::vector<TimePart*> known;
  for (const char* name : {"a", "b", "c"}) {
    auto part = std::make_unique<TimePart>();
    known.push_back(part.get());
    parts.push_back({name, std::move(part)});
  }
  RestValues values;
  RestFrame<Detector> frame(2, &values);
  std::vector<std::string> rested;
  for (EntityId id = 0; id < 32; ++id) {
    const auto kind = static_cast<EntityKind>(id / 16);
    for (size_t i = 0; i < parts.size(); ++i) {
      if (((id ^ 5) >> i & 1) != 0) known[i]->micros[id] = kStart + id + 7;
    }
    rested.emplace_back(frame.Rest(parts, kind, id));
    for (const TimePart* part : known) EXPECT_TRUE(part->micros.empty());
  }
  // What is usual takes a byte beside the times, and what is nothing none.
  EXPECT_LE(rested[8].size(), 4u);
  EXPECT_TRUE(rested[5].empty());
  for (EntityId id = 0; id < 32; ++id) {
    frame.Wake(parts, static_cast<EntityKind>(id / 16), id, rested[id]);
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool has = ((id ^ 5) >> i & 1) != 0;
      ASSERT_EQ(known[i]->micros.count(id), has ? 1u : 0u) << id;
      if (has) {
        EXPECT_EQ(known[i]->micros[id], kStart + id + 7) << id;
      }
    }
  }
}

}  // namespace
}  // namespace oddverb
