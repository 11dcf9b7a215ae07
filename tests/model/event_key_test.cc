#include "model/event_key.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

const absl::Time kNow = absl::FromUnixMicros(1'700'000'000'123'456);

void SetAll(EventBuilder& builder) {
  builder.AuditId("id-1").User("alice").Verb("get").Uri("/api/v1/pods");
  builder.At(kNow).Stage(Stage::kResponseStarted);
}

struct Change {
  const char* what;
  std::function<void(EventBuilder&)> apply;
};

// Each of these makes another request.
const std::vector<Change>& Parts() {
  static const std::vector<Change> parts = {
      {"audit id", [](EventBuilder& b) { b.AuditId("id-2"); }},
      {"no audit id", [](EventBuilder& b) { b.AuditId(""); }},
      {"received, by a microsecond",
       [](EventBuilder& b) { b.Received(kNow + absl::Microseconds(1)); }},
      {"received absent",
       [](EventBuilder& b) { b.Received(absl::InfinitePast()); }},
      {"user", [](EventBuilder& b) { b.User("bob"); }},
      {"verb", [](EventBuilder& b) { b.Verb("list"); }},
      {"uri", [](EventBuilder& b) { b.Uri("/api/v1/pods?limit=1"); }},
  };
  return parts;
}

TEST(EventKeyTest, EachPartMatters) {
  KeyedHash hash;
  EventBuilder base;
  SetAll(base);
  std::set<Hash128> events = {EventKey(hash, "a", base.Build()),
                              EventKey(hash, "b", base.Build())};
  std::set<Hash128> requests = {RequestKey(hash, "a", base.Build()),
                                RequestKey(hash, "b", base.Build())};
  for (const Change& change : Parts()) {
    EventBuilder changed;
    SetAll(changed);
    change.apply(changed);
    EXPECT_TRUE(events.insert(EventKey(hash, "a", changed.Build())).second)
        << change.what;
    EXPECT_TRUE(requests.insert(RequestKey(hash, "a", changed.Build())).second)
        << change.what;
  }
  EXPECT_EQ(events.size(), Parts().size() + 2);
}

TEST(EventKeyTest, StageIsInTheEventsKeyOnly) {
  KeyedHash hash;
  EventBuilder started, complete;
  SetAll(started);
  SetAll(complete);
  complete.Stage(Stage::kResponseComplete);
  EXPECT_NE(EventKey(hash, "", started.Build()),
            EventKey(hash, "", complete.Build()));
  EXPECT_EQ(RequestKey(hash, "", started.Build()),
            RequestKey(hash, "", complete.Build()));
}

TEST(EventKeyTest, AllElseMakesNoDifference) {
  KeyedHash hash;
  EventBuilder base, changed;
  SetAll(base);
  SetAll(changed);
  changed.Code(403).SourceIp("203.0.113.9").UserAgent("x").Groups({"g"});
  changed.Resource("secrets").Ns("n").Impersonated("root").Uid("u");
  // A later line of the same request has its own stage time.
  changed.At(kNow + absl::Hours(1)).Received(kNow);
  EXPECT_EQ(EventKey(hash, "", base.Build()),
            EventKey(hash, "", changed.Build()));
}

TEST(EventKeyTest, BytesDoNotMoveFromOnePartToTheNext) {
  KeyedHash hash;
  auto key = [&](const char* user, const char* verb, const char* uri) {
    EventBuilder builder;
    SetAll(builder);
    builder.User(user).Verb(verb).Uri(uri);
    return RequestKey(hash, "", builder.Build());
  };
  EXPECT_NE(key("ab", "c", "/"), key("a", "bc", "/"));
  EXPECT_NE(key("a", "bc", "/"), key("a", "b", "c/"));
  EXPECT_NE(key("", "ab", "/"), key("ab", "", "/"));
  EventBuilder a, b;
  SetAll(a);
  SetAll(b);
  a.AuditId("xy");
  b.AuditId("y");
  EXPECT_NE(RequestKey(hash, "", a.Build()), RequestKey(hash, "x", b.Build()));
}

TEST(EventKeyTest, RepeatsForOneHashKeyAndDiffersForAnother) {
  EventBuilder base;
  SetAll(base);
  EXPECT_EQ(EventKey(KeyedHash(), "", base.Build()),
            EventKey(KeyedHash(), "", base.Build()));
  EXPECT_NE(EventKey(KeyedHash(), "", base.Build()),
            EventKey(KeyedHash(1, 2), "", base.Build()));
}

}  // namespace
}  // namespace oddverb
