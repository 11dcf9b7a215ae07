#include "detectors/sensitive_acts.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/actor_stream.h"

namespace oddverb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

using Change = std::function<void(EventBuilder&)>;

ActorStream ActsStream(LogAgents agents = {}) {
  return ActorStream([agents](const DetectorContext& context) {
    return std::make_unique<SensitiveActs>(context, agents);
  });
}

void FeedActs(ActorStream& stream, const Change& change) {
  EventBuilder event;
  event.Verb("list").Resource("pods").Ns("web");
  change(event);
  stream.Feed(event);
}

const Change kNoChange = [](EventBuilder&) {};

Change As(const Change& who, const Change& what) {
  return [=](EventBuilder& b) {
    who(b);
    what(b);
  };
}
const Change kByProgram = [](EventBuilder& b) {
  b.ServiceAccount("shop", "web").UserAgent("web/1.0");
};
const Change kActOutside = [](EventBuilder& b) { b.SourceIp("203.0.113.9"); };

Change WriteObject(const std::string& verb, const std::string& resource,
                   const std::string& group, const std::string& ns,
                   const std::string& name, const std::string& body = "") {
  return [=](EventBuilder& b) {
    b.Verb(verb).Resource(resource, group).Ns(ns).Name(name);
    b.Code(verb == "create" ? 201 : 200);
    if (!body.empty()) b.RequestObject(body);
  };
}

// `sessions` days of ordinary work.
void Work(ActorStream& stream, int sessions, const Change& who = kNoChange) {
  for (int i = 0; i < sessions; ++i) {
    for (int j = 0; j < 3; ++j) FeedActs(stream, who);
    stream.Sleep(absl::Hours(8));
  }
}

const Change kDeletesEvents =
    WriteObject("deletecollection", "events", "", "web", "");
const Change kCoreDns =
    WriteObject("patch", "configmaps", "", "kube-system", "coredns");
const Change kPrivileged =
    WriteObject("create", "pods", "", "web", "x",
                R"({"spec":{"hostPID":true,"containers":[{"name":"c",)"
                R"("securityContext":{"privileged":true}}]}})");

// One request in the first minute of the log.
struct SensitiveCase {
  const char* what;
  Change change;
  const char* rule;  // empty: no finding
  Severity severity = Severity::kInfo;
};

void ExpectCases(const std::vector<SensitiveCase>& cases,
                 const LogAgents& agents = {}) {
  for (const SensitiveCase& c : cases) {
    SCOPED_TRACE(c.what);
    ActorStream stream = ActsStream(agents);
    FeedActs(stream, c.change);
    stream.End();
    if (*c.rule == '\0') {
      EXPECT_THAT(stream.reports(), IsEmpty());
      continue;
    }
    ASSERT_THAT(stream.findings(), SizeIs(1));
    const Finding finding = stream.findings()[0];
    EXPECT_EQ(finding.rule, c.rule);
    EXPECT_EQ(finding.severity, c.severity);
    EXPECT_EQ(finding.detector, "sensitive_acts");
    double sum = 0;
    for (const FindingReason& reason : finding.why) sum += reason.contribution;
    EXPECT_NEAR(sum, finding.score, 1e-9);
    EXPECT_GE(finding.score, finding.threshold);
    EXPECT_FALSE(finding.title.empty() || finding.normal.empty());
    EXPECT_FALSE(finding.next.empty() || finding.attack.empty());
    EXPECT_THAT(finding.evidence, SizeIs(1));
  }
}

TEST(SensitiveActsTest, EvidenceIsRemovedInTheFirstMinute) {
  const char* rule = "audit.evidence_removed";
  const std::string zero = R"({"spec":{"replicas":0}})";
  const std::string two = R"({"spec":{"replicas":2}})";
  LogAgents agents;
  agents.agents = {"ops/shipper"};
  agents.namespaces = {"logs"};
  ExpectCases(
      {
          {"events", kDeletesEvents, rule, Severity::kMedium},
          {"all events",
           WriteObject("deletecollection", "events", "events.k8s.io", "", ""),
           rule, Severity::kMedium},
          {"events, by a program", As(kByProgram, kDeletesEvents), rule,
           Severity::kLow},
          {"events, refused",
           As(kDeletesEvents, [](EventBuilder& b) { b.Code(403); }), ""},
          {"one event", WriteObject("delete", "events", "", "web", "x"), ""},
          {"a log agent",
           WriteObject("delete", "daemonsets", "apps", "x", "my-fluent-bit"),
           rule, Severity::kMedium},
          {"a named agent",
           WriteObject("delete", "deployments", "apps", "ops", "shipper"), rule,
           Severity::kMedium},
          {"of a named namespace",
           WriteObject("delete", "daemonsets", "apps", "logs", "x"), rule,
           Severity::kMedium},
          {"another program",
           WriteObject("delete", "daemonsets", "apps", "x", "confluent"), ""},
          {"scaled to nothing",
           WriteObject("patch", "statefulsets", "apps", "x", "loki", zero),
           rule, Severity::kMedium},
          {"scaled to nothing in a step",
           WriteObject(
               "patch", "deployments", "apps", "x", "fluentd",
               R"([{"op":"replace","path":"/spec/replicas","value":0}])"),
           rule, Severity::kMedium},
          {"scaled",
           WriteObject("patch", "statefulsets", "apps", "x", "loki", two), ""},
          {"its nodes",
           WriteObject(
               "patch", "daemonsets", "apps", "x", "falco",
               R"({"spec":{"template":{"spec":{"nodeSelector":{"a":"b"}}}}})"),
           rule, Severity::kLow},
          {"the audit policy",
           WriteObject("patch", "configmaps", "", "kube-system",
                       "audit-policy"),
           rule, Severity::kLow},
          {"the audit policy, deleted",
           WriteObject("delete", "configmaps", "", "kube-system",
                       "audit-policy"),
           rule, Severity::kMedium},
          {"an audit sink",
           WriteObject("delete", "auditsinks", "auditregistration.k8s.io", "",
                       "x"),
           rule, Severity::kMedium},
          {"a policy of another kind",
           WriteObject("patch", "configmaps", "", "kube-system",
                       "network-policy"),
           ""},
      },
      agents);
}

TEST(SensitiveActsTest, SettingsOfTheClusterChangeInTheFirstMinute) {
  const char* rule = "cluster.settings_changed";
  const std::string group = "admissionregistration.k8s.io";
  const std::string webhooks = "mutatingwebhookconfigurations";
  ExpectCases({
      {"DNS", kCoreDns, rule, Severity::kMedium},
      {"DNS of a namesake",
       WriteObject("patch", "configmaps", "", "web", "coredns"), ""},
      {"DNS is installed",
       WriteObject("create", "configmaps", "", "kube-system", "coredns"), ""},
      {"aws-auth",
       WriteObject("create", "configmaps", "", "kube-system", "aws-auth"), rule,
       Severity::kMedium},
      {"a webhook is installed",
       WriteObject("create", webhooks, group, "", "x"), ""},
      {"a webhook at an address",
       WriteObject(
           "create", webhooks, group, "", "x",
           R"({"webhooks":[{"clientConfig":{"url":"https://a.example"}}]})"),
       rule, Severity::kMedium},
      {"a webhook is removed", WriteObject("delete", webhooks, group, "", "x"),
       rule, Severity::kLow},
      {"an APIService changes",
       WriteObject("update", "apiservices", "apiregistration.k8s.io", "",
                   "v1.x"),
       rule, Severity::kLow},
      {"its status",
       As(WriteObject("update", "apiservices", "apiregistration.k8s.io", "",
                      "v1.x"),
          [](EventBuilder& b) { b.Sub("status"); }),
       ""},
      {"by who sets up the cluster",
       As(kCoreDns, [](EventBuilder& b) { b.Groups({"system:masters"}); }), ""},
  });
}

TEST(SensitiveActsTest, NoveltyNeedsSessionsAndTellsOnce) {
  for (int sessions : {1, 4, 12}) {
    SCOPED_TRACE(sessions);
    ActorStream stream = ActsStream();
    Work(stream, sessions);
    FeedActs(stream, kPrivileged);
    // Known from now on.
    stream.Sleep(absl::Hours(8));
    FeedActs(stream, kPrivileged);
    EXPECT_THAT(stream.findings(), SizeIs(sessions == 12 ? 1 : 0));
  }
}

TEST(SensitiveActsTest, WhoDoesItFromTheFirstDayOnIsNoNews) {
  ActorStream stream = ActsStream();
  for (int i = 0; i < 12; ++i) {
    Work(stream, 1, kByProgram);
    FeedActs(stream, As(kByProgram, kPrivileged));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(SensitiveActsTest, WhatIsSomethingNewEachDaySurprisesLittle) {
  ActorStream stream = ActsStream();
  for (int i = 0; i < 12; ++i) {
    Work(stream, 1);
    FeedActs(stream, WriteObject("patch", "validatingwebhookconfigurations",
                                 "admissionregistration.k8s.io", "",
                                 absl::StrCat("w-", i)));
  }
  FeedActs(stream, WriteObject("patch", "validatingwebhookconfigurations",
                               "admissionregistration.k8s.io", "", "one-more"));
  for (const Finding& finding : stream.findings()) {
    EXPECT_EQ(finding.severity, Severity::kLow);
  }
}

TEST(SensitiveActsTest, FromOutsideAsNeverBeforeIsWorse) {
  auto severity_after = [](const Change& before) {
    ActorStream stream = ActsStream();
    for (int i = 0; i < 8; ++i) {
      FeedActs(stream, before);
      stream.Sleep(absl::Seconds(10));
    }
    FeedActs(stream, As(kActOutside, kDeletesEvents));
    return stream.findings().at(0).severity;
  };
  EXPECT_EQ(severity_after(kNoChange), Severity::kHigh);
  // Where everybody comes from outside it says nothing.
  EXPECT_EQ(severity_after(kActOutside), Severity::kMedium);
}

TEST(SensitiveActsTest, APersonWhoTravelsMayListAllSecrets) {
  const Change lists = [](EventBuilder& b) {
    b.Verb("list").Resource("secrets").Ns("").SourceIp("203.0.113.9");
  };
  auto severity_after = [&](int sessions) {
    ActorStream stream = ActsStream();
    Work(stream, sessions);
    FeedActs(stream, lists);
    Severity worst = Severity::kInfo;
    for (const Finding& finding : stream.findings()) {
      worst = std::max(worst, finding.severity);
    }
    return worst;
  };
  // That she never did so is not known so soon.
  EXPECT_EQ(severity_after(12), Severity::kInfo);
  EXPECT_EQ(severity_after(20), Severity::kLow);
  EXPECT_EQ(severity_after(26), Severity::kLow);
  EXPECT_EQ(severity_after(27), Severity::kHigh);
}

TEST(SensitiveActsTest, EventsDeletedOneByOneAreCountedWithinTenMinutes) {
  auto one = [](int i) {
    return WriteObject("delete", "events", "", "web", absl::StrCat("e", i));
  };
  ActorStream quick = ActsStream();
  for (int i = 0; i < 5; ++i) FeedActs(quick, one(i));
  EXPECT_THAT(quick.findings(), SizeIs(1));
  ActorStream slow = ActsStream();
  for (int i = 0; i < 12; ++i) {
    FeedActs(slow, one(i));
    slow.Sleep(absl::Minutes(5));
  }
  EXPECT_THAT(slow.findings(), IsEmpty());
}

TEST(SensitiveActsTest, OnlyWhoBrokeAWebhookIsBlamedForWhatItLetPass) {
  const Change open =
      As(WriteObject("create", "pods", "", "web", "x"), [](EventBuilder& b) {
        b.Annotations(R"({"failed-open.mutation.webhook.admission.)"
                      R"(k8s.io/round_0_index_0":"policy.example"})");
      });
  const Change webhook =
      WriteObject("update", "mutatingwebhookconfigurations",
                  "admissionregistration.k8s.io", "", "policy");
  const char* rule = "audit.evidence_removed";
  auto is_found = [&](ActorStream& stream) {
    for (const Finding& finding : stream.findings()) {
      if (finding.rule == rule) return true;
    }
    return false;
  };
  ActorStream honest = ActsStream();
  FeedActs(honest, open);
  EXPECT_FALSE(is_found(honest));
  ActorStream late = ActsStream();
  FeedActs(late, webhook);
  late.Sleep(absl::Minutes(31));
  FeedActs(late, open);
  EXPECT_FALSE(is_found(late));
  ActorStream own = ActsStream();
  FeedActs(own, webhook);
  own.Restart();
  FeedActs(own, open);
  EXPECT_TRUE(is_found(own));
}

TEST(SensitiveActsTest, StateGoesOnAfterARestart) {
  ActorStream stream = ActsStream();
  Work(stream, 12, kByProgram);
  stream.Restart();
  FeedActs(stream, As(kByProgram, kPrivileged));
  ASSERT_THAT(stream.reports(), SizeIs(1));
  stream.Restart();
  // The same act is told once, and the case ends.
  FeedActs(stream, As(kByProgram, kPrivileged));
  EXPECT_THAT(stream.reports(), SizeIs(1));
  stream.End();
  ASSERT_THAT(stream.reports(), SizeIs(2));
  EXPECT_EQ(stream.reports().back().state, FindingState::kFinal);
  EXPECT_EQ(stream.reports().back().id, stream.reports().front().id);
}

TEST(SensitiveActsTest, SecretsByNameAreComparedWithTheOwnPast) {
  auto get = [](const std::string& name) {
    return As(kByProgram, [=](EventBuilder& b) {
      b.Verb("get").Resource("secrets").Ns("shop").Name(name);
    });
  };
  ActorStream stream = ActsStream();
  // Its mounts, again and again.
  for (int i = 0; i < 12; ++i) {
    for (const char* own : {"a", "b", "c", "d", "e", "f"}) {
      FeedActs(stream, get(own));
    }
    stream.Sleep(absl::Hours(8));
  }
  EXPECT_THAT(stream.findings(), IsEmpty());
  stream.Restart();
  for (int i = 0; i < 5; ++i) FeedActs(stream, get(absl::StrCat("new-", i)));
  EXPECT_THAT(stream.findings(), IsEmpty());
  FeedActs(stream, get("new-5"));
  ASSERT_THAT(stream.findings(), SizeIs(1));
  EXPECT_EQ(stream.findings()[0].rule, "secrets.unusual_read");
  EXPECT_EQ(stream.findings()[0].severity, Severity::kMedium);
}

TEST(SensitiveActsTest, ActsAreBoundedForAnActor) {
  ActorStream stream = ActsStream();
  Work(stream, 6);
  // An attacker makes up names without end.
  for (int i = 0; i < 2000; ++i) {
    FeedActs(stream, WriteObject("delete", "validatingwebhookconfigurations",
                                 "admissionregistration.k8s.io", "",
                                 absl::StrCat("w-", i)));
  }
  EXPECT_THAT(stream.findings(), SizeIs(1));
  stream.Restart();  // the state is small, and whole
  stream.End();
  EXPECT_EQ(stream.reports().back().state, FindingState::kFinal);
}

TEST(SensitiveActsTest, NodesAndWhoHasNoCredentialAreLeftToOthers) {
  ActorStream stream = ActsStream();
  FeedActs(stream, [](EventBuilder& b) {
    kPrivileged(b);
    b.Node("n1");
  });
  FeedActs(stream, [](EventBuilder& b) {
    kDeletesEvents(b);
    b.Anonymous();
  });
  EXPECT_THAT(stream.findings(), IsEmpty());
}

}  // namespace
}  // namespace oddverb
