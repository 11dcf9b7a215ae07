#include "model/packed_evidence.h"

#include <string>

#include "gtest/gtest.h"
#include "model/finding_state.h"

namespace oddverb {
namespace {

Evidence Some() {
  return {.audit_id = "7e000000-0000-4000-8000-000000000abc",
          .time = absl::FromUnixMicros(1764000000123456),
          .verb = "list",
          .uri = "/api/v1/namespaces/shop/secrets?limit=500",
          .code = 403};
}

std::string SavedBytes(const Evidence& evidence) {
  StateWriter out;
  SaveEvidence(evidence, out);
  return out.Release();
}

TEST(PackedEvidenceTest, GivesBackWhatItWasGiven) {
  const PackedEvidence packed(Some());
  EXPECT_EQ(packed.time(), Some().time);
  EXPECT_EQ(SavedBytes(packed.Get()), SavedBytes(Some()));
  EXPECT_EQ(SavedBytes(PackedEvidence().Get()), SavedBytes(Evidence()));
}

TEST(PackedEvidenceTest, IsInACheckpointAsAnEvidence) {
  StateWriter out;
  PackedEvidence(Some()).Save(out);
  EXPECT_EQ(out.bytes(), SavedBytes(Some()));
  StateReader in(out.bytes());
  PackedEvidence loaded;
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(SavedBytes(loaded.Get()), SavedBytes(Some()));
}

TEST(PackedEvidenceTest, RestsInFewerBytes) {
  StateWriter out;
  out.BeginRest({});
  PackedEvidence(Some()).Save(out);
  EXPECT_LT(out.bytes().size(), SavedBytes(Some()).size());
  StateReader in(out.bytes(), RestStart());
  PackedEvidence loaded;
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  EXPECT_EQ(SavedBytes(loaded.Get()), SavedBytes(Some()));
}

}  // namespace
}  // namespace oddverb
