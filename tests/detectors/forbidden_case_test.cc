#include "detectors/forbidden_case.h"

#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

TEST(ForbiddenCaseTest, OfOneThingIsPackedAndStaysSo) {
  EventBuilder builder;
  builder.User("jane").Verb("get").Resource("secrets").Forbidden();
  const AuditEvent& event = builder.Build();
  ForbiddenCase found;
  found.rule = CaseRule::kObjectGuessing;
  CaseSighting sighting{.event = event,
                        .time = kForbiddenStart,
                        .identity = IdentityClass::kHuman,
                        .thing = 1,
                        .weight = 0.5,
                        .feature = "not found",
                        .value = ""};
  EXPECT_TRUE(found.Add(sighting));
  found.PackIfSmall();
  EXPECT_TRUE(found.draft.is_packed());
  EXPECT_FALSE(found.Add(sighting));  // again the same
  StateWriter out;
  found.Save(out);
  EXPECT_TRUE(found.draft.is_packed());
  StateReader in(out.bytes());
  ForbiddenCase loaded;
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
  EXPECT_TRUE(loaded.draft.is_packed());
  EXPECT_EQ(loaded.count, 2);
  sighting.thing = 2;
  EXPECT_TRUE(loaded.Add(sighting));
  loaded.PackIfSmall();
  EXPECT_FALSE(loaded.draft.is_packed());
  EXPECT_EQ(loaded.WholeDraft().evidence.size(), 2u);
}

}  // namespace
}  // namespace oddverb
