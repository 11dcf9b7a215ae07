// A draft is, byte for byte, the finding that the event opens, whether it is
// saved at once, copied or read.
#include "detectors/event_finding.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/state_io.h"
#include "gtest/gtest.h"
#include "model/finding_state.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

void ExpectSamePacked(const AuditEvent& event, IdentityClass identity) {
  const DetectorContext context{.hash = KeyedHash(1, 2), .cluster = "prod-eu"};
  StateWriter opened, saved, copied, read;
  SaveFinding(OpenFinding(context, "stolen_credential", "token.deleted_pod",
                          event, identity),
              opened);
  const FindingDraft draft = DraftOpenFinding(
      context, "stolen_credential", "token.deleted_pod", event, identity);
  draft.Save(saved);
  FindingDraft(draft).Save(copied);
  SaveFinding(*draft, read);
  const std::string what =
      absl::StrCat("user ", std::string(event.user.name.substr(0, 40)), ", ",
                   std::string(event.request_uri));
  EXPECT_EQ(saved.bytes(), opened.bytes()) << what;
  EXPECT_EQ(copied.bytes(), opened.bytes()) << what;
  EXPECT_EQ(read.bytes(), opened.bytes()) << what;
}

void ExpectSamePacked(const AuditEvent& event) {
  ExpectSamePacked(event, ClassifyIdentity(event));
}

TEST(EventFindingTest, APackedDraftIsTheFindingThatTheEventOpens) {
  ExpectSamePacked(EventBuilder().Build());
  ExpectSamePacked(EventBuilder()
                       .ServiceAccount("web", "cart")
                       .CredentialId("JTI=7e000000-0000-4000-8000-000000000001")
                       .Pod("cart-1", "u-1")
                       .OnNode("worker-1")
                       .Verb("create")
                       .Resource("deployments", "apps")
                       .Sub("scale")
                       .Ns("web")
                       .Name("cart")
                       .Code(201)
                       .Build());
  ExpectSamePacked(EventBuilder().Unauthenticated().Build());
  ExpectSamePacked(EventBuilder().Anonymous().Uri("/healthz").Build());
  ExpectSamePacked(EventBuilder().Impersonated("bob", {"admins"}).Build());
  ExpectSamePacked(EventBuilder().SourceIps({}).UserAgent("").Build());
}

// Each bound of a Finding, one byte below, at it and above it.
TEST(EventFindingTest, TextsAndListsAreBoundedInADraft) {
  const size_t most = Finding::kMaxTextBytes;
  for (const size_t bytes : {most - 1, most, most + 1, 9 * most}) {
    const std::string text(bytes, 'x');
    ExpectSamePacked(EventBuilder().User(text).Build());
    ExpectSamePacked(EventBuilder().Groups({"a", text}).Build());
    ExpectSamePacked(EventBuilder().Impersonated(text).Build());
    ExpectSamePacked(EventBuilder().CredentialId(text).Build());
    ExpectSamePacked(EventBuilder().Pod(text, "u").OnNode(text).Build());
    ExpectSamePacked(EventBuilder().SourceIp(text).Build());
    ExpectSamePacked(EventBuilder().Anonymous().SourceIp(text).Build());
    ExpectSamePacked(EventBuilder().UserAgent(text).AuditId(text).Build());
    ExpectSamePacked(EventBuilder().Verb(text).Uri("/" + text + text).Build());
    ExpectSamePacked(EventBuilder().Resource(text).Ns(text).Build());
    ExpectSamePacked(EventBuilder().Resource("a", text).Sub("b").Build());
    ExpectSamePacked(EventBuilder().Resource("pods").Name(text).Build());
  }
  const size_t longest = Finding::kMaxUriBytes;
  for (const size_t bytes : {longest - 1, longest, longest + 1}) {
    ExpectSamePacked(
        EventBuilder().Uri("/" + std::string(bytes - 1, 'u')).Build());
  }
}

TEST(EventFindingTest, ListsOfADraftHoldNothingTwice) {
  ExpectSamePacked(EventBuilder().Groups({"a", "b", "a"}).Build());
  ExpectSamePacked(EventBuilder().Groups({"a", "", "b"}).Build());
  std::vector<std::string> groups;
  for (size_t i = 0; i <= Finding::kMaxListed; ++i) {
    groups.push_back("group-" + std::to_string(i));
    ExpectSamePacked(EventBuilder().Groups(groups).Build());
  }
}

TEST(EventFindingTest, ADraftTellsOfTheAddressesThatAClientClaims) {
  ExpectSamePacked(EventBuilder().SourceIps({"10.1.2.3", "9.9.9.9"}).Build());
  ExpectSamePacked(
      EventBuilder().SourceIps({"10.1.2.3", "10.1.2.3", "9.9.9.9"}).Build());
}

TEST(EventFindingTest, DraftsOfRealEventsAreTheirFindings) {
  const std::optional<std::string> path = CorpusPath("mixed.log.gz");
  if (!path) GTEST_SKIP() << "no audit corpus beside the source tree";
  const auto batch = DecodeLines(ReadMaybeGzip(*path));
  ASSERT_GT(batch->events.size(), 2000u);
  for (const AuditEvent& event : batch->events) ExpectSamePacked(event);
}

}  // namespace
}  // namespace oddverb
