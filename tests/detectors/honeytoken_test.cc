#include "detectors/honeytoken.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Change = std::function<void(EventBuilder&)>;

Honeytoken::Options Decoys() {
  Honeytoken::Options options;
  options.users = {"root-backup@corp.example"};
  options.serviceaccounts = {"ops/legacy-admin"};
  options.secrets = {"prod/root-credentials"};
  options.except = {"system:serviceaccount:gitops:sync"};
  return options;
}

ActorStream DecoyStream(Honeytoken::Options options = Decoys()) {
  return ActorStream([options](const DetectorContext& context) {
    return std::make_unique<Honeytoken>(context, options);
  });
}

Change Secret(const std::string& verb, const std::string& ns,
              const std::string& name) {
  return [=](EventBuilder& b) {
    b.Verb(verb).Resource("secrets").Ns(ns).Name(name);
  };
}

void FeedDecoys(ActorStream& stream, const Change& change) {
  EventBuilder event;
  event.Resource("pods").Ns("web");
  change(event);
  stream.Feed(event);
}

TEST(HoneytokenTest, WhatTouchesADecoyIsCriticalAtOnceAndNothingElseIs) {
  struct Case {
    const char* what;
    Change change;
    bool found = true;
  };
  const std::string decoy = "system:serviceaccount:ops:legacy-admin";
  for (const Case& c : std::vector<Case>{
           {"the user acts",
            [](EventBuilder& b) { b.User("root-backup@corp.example"); }},
           {"the account acts",
            [](EventBuilder& b) { b.ServiceAccount("ops", "legacy-admin"); }},
           {"it is refused",
            [](EventBuilder& b) {
              b.ServiceAccount("ops", "legacy-admin").Code(403);
            }},
           {"somebody acts as it",
            [&](EventBuilder& b) { b.Impersonated(decoy); }},
           {"its token is minted",
            [](EventBuilder& b) {
              b.Verb("create").Resource("serviceaccounts").Sub("token");
              b.Ns("ops").Name("legacy-admin").Code(201);
            }},
           {"the secret is read", Secret("get", "prod", "root-credentials")},
           {"the secret is deleted",
            Secret("delete", "prod", "root-credentials")},
           {"the secret is made", Secret("create", "prod", "root-credentials"),
            false},
           {"its namesake", Secret("get", "dev", "root-credentials"), false},
           {"secrets are listed", Secret("list", "prod", ""), false},
           {"GitOps reads it",
            [](EventBuilder& b) {
              b.ServiceAccount("gitops", "sync").Verb("patch");
              b.Resource("secrets").Ns("prod").Name("root-credentials");
            },
            false},
           {"a namesake of the account",
            [](EventBuilder& b) { b.ServiceAccount("dev", "legacy-admin"); },
            false},
           {"something else", [](EventBuilder&) {}, false},
       }) {
    SCOPED_TRACE(c.what);
    ActorStream stream = DecoyStream();
    FeedDecoys(stream, c.change);
    if (!c.found) {
      EXPECT_THAT(stream.reports(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.reports(), SizeIs(1));
    const Finding& finding = stream.reports()[0];
    EXPECT_EQ(finding.rule, "honeytoken.touched");
    EXPECT_EQ(finding.severity, Severity::kCritical);
    EXPECT_THAT(finding.why, SizeIs(1));
    EXPECT_FALSE(finding.next.empty() || finding.attack.empty());
  }
}

TEST(HoneytokenTest, WithoutDecoysNothingIsFound) {
  ActorStream stream = DecoyStream({});
  FeedDecoys(stream, Secret("get", "prod", "root-credentials"));
  FeedDecoys(stream,
             [](EventBuilder& b) { b.ServiceAccount("ops", "legacy-admin"); });
  EXPECT_THAT(stream.reports(), IsEmpty());
}

TEST(HoneytokenTest, RepetitionsGrowOneFindingAlsoOverARestart) {
  ActorStream stream = DecoyStream();
  for (int i = 0; i < 5; ++i) {
    FeedDecoys(stream, [i](EventBuilder& b) {
      Secret("get", "prod", "root-credentials")(b);
      b.AuditId("read-" + std::to_string(i));
    });
    stream.Restart();
  }
  stream.End();
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 5);
  EXPECT_EQ(stream.findings()[0].state, FindingState::kFinal);
}

TEST(HoneytokenTest, TheEndOfAWatchIsNoSecondTouch) {
  ActorStream stream = DecoyStream();
  auto feed = [&](Stage stage, absl::Duration took) {
    EventBuilder event;
    Secret("watch", "prod", "root-credentials")(event.Stage(stage));
    stream.Feed(event, took);
  };
  feed(Stage::kRequestReceived, absl::ZeroDuration());
  feed(Stage::kResponseStarted, absl::Seconds(1));
  feed(Stage::kResponseComplete, absl::Seconds(2));
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].count, 1);
  // The client chooses the ID: with the same one, another request counts.
  feed(Stage::kResponseComplete, absl::ZeroDuration());
  EXPECT_EQ(stream.findings()[0].count, 2);
}

TEST(HoneytokenTest, OptionsNameTheMistake) {
  struct Case {
    const char* yaml;
    const char* error;
  };
  for (const Case& c : {
           Case{"secrets: [root]", "expected NAMESPACE/NAME, not \"root\""},
           Case{"serviceaccounts: [a/b/c]", "expected NAMESPACE/NAME"},
           Case{"users: ['']", "a name is empty"},
           Case{"secret: [a/b]", "did you mean \"secrets\"?"},
       }) {
    absl::StatusOr<YamlNode> node = YamlNode::Parse(c.yaml, "c.yaml");
    ASSERT_THAT(node, IsOk());
    auto options = Honeytoken::Options::FromYaml(*node);
    ASSERT_FALSE(options.ok()) << c.yaml;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(c.error));
  }
}

}  // namespace
}  // namespace oddverb
