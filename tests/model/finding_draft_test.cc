// A draft reads the same in each of its forms, whoever changes a copy changes
// no other, and a copy needs no event any more.
#include "model/finding_draft.h"

#include <memory>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "model/finding_state.h"
#include "tests/support/random_finding.h"

namespace oddverb {
namespace {

std::string SavedFinding(const Finding& finding) {
  StateWriter out;
  SaveFinding(finding, out);
  return out.Release();
}

std::string SavedDraft(const FindingDraft& draft) {
  StateWriter out;
  draft.Save(out);
  return out.Release();
}

TEST(FindingDraftTest, IsNoneUntilThereIsAFinding) {
  FindingDraft draft;
  EXPECT_FALSE(draft.has_value());
  draft.emplace();
  EXPECT_TRUE(draft.has_value());
  EXPECT_TRUE(FindingDraft::Packed(Finding()).has_value());
}

TEST(FindingDraftTest, PackedReadsAndSavesAsTheFindingDoes) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const Finding finding = RandomFinding(random);
    const std::string expected = SavedFinding(finding);
    const FindingDraft packed = FindingDraft::Packed(finding);
    EXPECT_EQ(SavedDraft(packed), expected);  // unread
    EXPECT_EQ(SavedFinding(*packed), expected);
    EXPECT_EQ(SavedDraft(packed), expected);  // read
    EXPECT_EQ(SavedDraft(FindingDraft(finding)), expected);
  }
}

TEST(FindingDraftTest, CanBePackedAgainWhateverWasDone) {
  Finding finding;
  finding.summary = "before";
  FindingDraft draft = finding;
  draft.Pack();
  EXPECT_EQ(SavedDraft(draft), SavedFinding(finding));
  draft.Pack();  // as it is
  EXPECT_EQ(draft->summary, "before");
  draft->summary = finding.summary = "after";
  draft.Pack();
  EXPECT_EQ(SavedDraft(draft), SavedFinding(finding));
  EXPECT_EQ(draft->summary, "after");
}

TEST(FindingDraftTest, ACopyIsItsOwn) {
  Finding finding;
  finding.summary = "before";
  for (FindingDraft draft :
       {FindingDraft(finding), FindingDraft::Packed(finding)}) {
    FindingDraft copy = draft;
    copy->summary = "after";
    EXPECT_EQ(draft->summary, "before");
    draft = copy;
    copy->summary = "later";
    EXPECT_EQ(draft->summary, "after");
    FindingDraft moved = std::move(draft);
    EXPECT_EQ(moved->summary, "after");
  }
}

// Under ASan the event's texts may not even be looked at.
TEST(FindingDraftTest, ACopyOutlivesTheEvent) {
  FindingDraft copy, assigned;
  {
    auto user =
        std::make_unique<std::string>("a-user-of-more-than-a-few-bytes");
    auto cluster =
        std::make_unique<std::string>("a-cluster-of-more-than-a-few-bytes");
    AuditEvent event;
    event.user.name = *user;
    FindingOpening opening = {.cluster = *cluster,
                              .detector = "stolen_credential",
                              .rule = "token.deleted_pod",
                              .event = &event,
                              .identity = IdentityClass::kHuman};
    FindingDraft draft(opening);
    copy = FindingDraft(draft);
    assigned = draft;
    user->assign(user->size(), 'x');
    cluster->assign(cluster->size(), 'x');
  }
  for (const FindingDraft* draft : {&copy, &assigned}) {
    EXPECT_EQ((*draft)->who.user, "a-user-of-more-than-a-few-bytes");
    EXPECT_EQ((*draft)->entity, "a-user-of-more-than-a-few-bytes");
    EXPECT_EQ((*draft)->cluster, "a-cluster-of-more-than-a-few-bytes");
  }
}

}  // namespace
}  // namespace oddverb
