#include "detectors/node_identity.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Change = std::function<void(EventBuilder&)>;

ActorStream Stream() {
  return ActorStream([](const DetectorContext& context) {
    return std::make_unique<NodeIdentity>(context);
  });
}

void Feed(ActorStream& stream, const Change& change,
          const std::string& node = "n1") {
  EventBuilder event;
  event.Node(node).Resource("pods").Ns("web").Name("p");
  change(event);
  stream.Feed(event);
}

const Change kByCurl = [](EventBuilder& b) { b.UserAgent("curl/7.88.1"); };
const Change kListsSecrets = [](EventBuilder& b) {
  b.Verb("list").Resource("secrets").Ns("kube-system").Name("").Code(403);
};
const Change kOtherNode = [](EventBuilder& b) {
  b.Verb("patch").Resource("nodes").Ns("").Name("n2").Code(403);
  b.Decision(Decision::kAllow);
  b.Message(
      R"(nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2")");
};
const Change kOwnWork = [](EventBuilder& b) {
  b.Verb("watch").Resource("secrets").Ns("web").Name("cart-db");
};

Change Guess(int i) {
  return [i](EventBuilder& b) {
    b.Resource("secrets").Ns("ns" + std::to_string(i % 3));
    b.Name("s" + std::to_string(i)).Code(403).Decision(Decision::kForbid);
    b.AuthorizationReason(
        "no relationship found between node 'n1' and this object");
  };
}

TEST(NodeIdentityTest, OneClueIsNoneTwoAreAndAnotherNodesObjectIsAlone) {
  struct Case {
    const char* what;
    std::vector<Change> changes;
    size_t findings;
  };
  for (const Case& c : std::vector<Case>{
           {"a kubelet at work", {kOwnWork, kOwnWork}, 0},
           {"kubectl with kubelet.conf", {kByCurl}, 0},
           {"a list of secrets", {kListsSecrets}, 0},
           {"both", {kByCurl, kListsSecrets}, 1},
           {"another node", {kOtherNode}, 1},
           {"race of a new pod", {Guess(0), Guess(1), Guess(2)}, 0},
           {"guesses by a kubelet that starts",
            {Guess(0), Guess(1), Guess(2), Guess(3), Guess(4), Guess(5)},
            0},
           {"guesses by curl",
            {kByCurl, Guess(0), Guess(1), Guess(2), Guess(3), Guess(4)},
            1},
       }) {
    SCOPED_TRACE(c.what);
    ActorStream stream = Stream();
    for (const Change& change : c.changes) Feed(stream, change);
    ASSERT_THAT(stream.findings(), SizeIs(c.findings));
    if (c.findings == 0) continue;
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, "node.identity_misuse");
    EXPECT_GE(finding.severity, Severity::kHigh);
    EXPECT_EQ(finding.entity, "system:node:n1");
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_DOUBLE_EQ(sum, finding.score);
  }
}

TEST(NodeIdentityTest, CluesOfTwoNodesOrTwoHoursDoNotAddUp) {
  ActorStream nodes = Stream();
  Feed(nodes, kByCurl, "n1");
  Feed(nodes, kListsSecrets, "n2");
  EXPECT_THAT(nodes.findings(), IsEmpty());
  ActorStream hours = Stream();
  Feed(hours, kByCurl);
  hours.Sleep(absl::Hours(1));
  Feed(hours, kListsSecrets);
  EXPECT_THAT(hours.findings(), IsEmpty());
}

TEST(NodeIdentityTest, OnlyNodesAreLookedAt) {
  ActorStream stream = Stream();
  for (const Change& change : {kByCurl, kListsSecrets, kOtherNode}) {
    Feed(stream, [&](EventBuilder& b) {
      change(b);
      b.User("system:node:n1").Groups({"system:authenticated"});
    });
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(NodeIdentityTest, FurtherCluesRaiseTheFindingAlsoOverARestart) {
  ActorStream stream = Stream();
  for (const Change& change : {kByCurl, kListsSecrets, kOtherNode}) {
    Feed(stream, [&](EventBuilder& b) {
      b.UserAgent("curl/7.88.1");
      change(b);
    });
    stream.Restart();
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  const Finding finding = stream.findings()[0];
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.score, 9);
  EXPECT_THAT(finding.why, SizeIs(3));
  EXPECT_THAT(finding.next.at(1), HasSubstr("kubectl drain n1"));
}

}  // namespace
}  // namespace oddverb
