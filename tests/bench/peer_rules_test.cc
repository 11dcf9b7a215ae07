// The peers' rules, re-stated, do what their vendors' own tests ask of them.
// Elastic, Splunk, Sigma and Falco publish no test events for these rules that
// can be read without their data stores: of them, each condition and threshold
// of the text is tried.
#include "bench/detection/peer_rules.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/peer_conditions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Example {
  std::string_view name;
  bool (*matches)(const AuditEvent&);
  std::function<void(EventBuilder&)> make;
  bool expected = false;
};

void Secret(EventBuilder& event, std::string_view user, std::string_view verb,
            int code) {
  event.User(user).Verb(verb).Resource("secrets").Ns("production").Name("s");
  event.Code(code);
}

// The test events of Panther's three rules (rules/kubernetes_rules/
// k8s_multiple_403_public_ip, k8s_secret_access_denied, k8s_secret_enumeration)
// as facts: who, what, whence, which code; and what the rule has to say.
std::vector<Example> PantherExamples() {
  auto forbidden = peers::PantherForbiddenPublic;
  auto denied = peers::PantherSecretDenied;
  auto enumeration = peers::PantherSecretEnumeration;
  const char* coredns = "system:serviceaccount:kube-system:coredns";
  return {
      {"403 from a public address", forbidden,
       [=](EventBuilder& e) {
         e.User(coredns).Verb("watch").Resource("endpointslices");
         e.SourceIp("5.5.5.5").Code(403);
       },
       true},
      {"403 from a private address", forbidden,
       [=](EventBuilder& e) {
         e.User(coredns).Verb("watch").SourceIp("10.0.27.115").Code(403);
       },
       false},
      {"200", forbidden,
       [](EventBuilder& e) { e.SourceIp("5.5.5.5").Code(200); }, false},
      {"no address", forbidden,
       [](EventBuilder& e) { e.SourceIps({}).Code(403); }, false},
      {"get 403", denied,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "get", 403); },
       true},
      {"get 404", denied,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "get", 404); },
       true},
      {"get 401", denied,
       [](EventBuilder& e) { Secret(e, "user@example.com", "get", 401); },
       true},
      {"service account", denied,
       [](EventBuilder& e) {
         Secret(e, "system:serviceaccount:default:app-sa", "get", 403);
       },
       true},
      {"get 200", denied,
       [](EventBuilder& e) { Secret(e, "admin@example.com", "get", 200); },
       false},
      {"system namespace", denied,
       [](EventBuilder& e) {
         Secret(e, "system:serviceaccount:kube-system:controller", "get", 403);
         e.Ns("kube-system");
       },
       false},
      {"another resource", denied,
       [](EventBuilder& e) {
         Secret(e, "user@example.com", "get", 403);
         e.Resource("configmaps");
       },
       false},
      {"list", denied,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "list", 403); },
       false},
      {"read", enumeration,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "get", 200); },
       true},
      {"listed", enumeration,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "list", 200); },
       true},
      {"refused", enumeration,
       [](EventBuilder& e) { Secret(e, "attacker@example.com", "get", 403); },
       true},
      {"a controller", enumeration,
       [](EventBuilder& e) {
         Secret(e, "system:serviceaccount:kube-system:namespace-controller",
                "list", 200);
       },
       false},
      {"another resource", enumeration,
       [](EventBuilder& e) {
         Secret(e, "developer@example.com", "get", 200);
         e.Resource("configmaps");
       },
       false},
      {"a write", enumeration,
       [](EventBuilder& e) {
         Secret(e, "developer@example.com", "create", 201);
       },
       false},
  };
}

TEST(PeerRulesTest, PanthersOwnExamplesComeOutAsPantherSays) {
  for (const Example& example : PantherExamples()) {
    EventBuilder event;
    example.make(event);
    EXPECT_EQ(example.matches(event.Build()), example.expected) << example.name;
  }
}

// Names of the rules that alert, each as often as it does.
std::vector<std::string> AlertsOf(
    int count, const std::function<void(EventBuilder&, int)>& make) {
  PeerRules rules;
  std::vector<PeerAlert> alerts;
  for (int i = 0; i < count; ++i) {
    EventBuilder event;
    event.At(absl::FromUnixSeconds(1'700'000'000 + i));
    make(event, i);
    rules.See(event.Build(), alerts);
  }
  std::vector<std::string> names;
  for (const PeerAlert& alert : alerts) {
    names.emplace_back(PeerRuleRows()[alert.rule].name);
  }
  return names;
}

void Unsuspicious(EventBuilder& event) {
  // No rule but that of the test speaks: Elastic leaves this agent out, and
  // sigma.unauthorized is taken out by the tests.
  event.UserAgent("x kubernetes/$Format");
}

std::vector<std::string> WithoutSigma(std::vector<std::string> names) {
  std::erase(names, "sigma.unauthorized");
  std::erase(names, "falco.secret_get_failed");
  return names;
}

TEST(PeerRulesTest, SplunkWantsMoreThanFiveRefusalsOfAnAddress) {
  auto make = [](EventBuilder& event, int) {
    event.Anonymous().Verb("list").Resource("pods").Forbidden();
    Unsuspicious(event);
  };
  EXPECT_THAT(WithoutSigma(AlertsOf(5, make)), IsEmpty());
  EXPECT_THAT(WithoutSigma(AlertsOf(6, make)),
              ElementsAre("splunk.access_scanning"));
}

TEST(PeerRulesTest, PantherWantsTenRefusalsOfAPublicAddress) {
  auto make = [](EventBuilder& event, int) {
    event.SourceIp("5.5.5.5").Verb("list").Resource("pods").Forbidden();
    Unsuspicious(event);
  };
  EXPECT_THAT(WithoutSigma(AlertsOf(9, make)), IsEmpty());
  EXPECT_THAT(WithoutSigma(AlertsOf(30, make)),
              ElementsAre("panther.multiple_403_public"));
}

TEST(PeerRulesTest, PantherCountsFifteenDistinctSecrets) {
  auto make = [](int names) {
    return [names](EventBuilder& event, int i) {
      Secret(event, "a@example.com", "get", 200);
      event.Name("s" + std::to_string(i % names));
      Unsuspicious(event);
    };
  };
  EXPECT_THAT(AlertsOf(60, make(14)), IsEmpty());
  EXPECT_THAT(AlertsOf(60, make(15)),
              ElementsAre("panther.secret_enumeration"));
}

TEST(PeerRulesTest, ElasticAlertsOnceForANewAgentThatIsRefused) {
  auto make = [](EventBuilder& event, int) {
    event.Verb("list").Resource("pods").UserAgent("odd/1.0").Forbidden();
  };
  EXPECT_THAT(WithoutSigma(AlertsOf(20, make)),
              ElementsAre("elastic.forbidden_unusual_agent"));
}

TEST(PeerRulesTest, ElasticWantsBothAnswersOverManyEndpoints) {
  // 400 s, so that one run of the rule sees what was asked in the first 300.
  auto make = [](int resources) {
    return [resources](EventBuilder& event, int i) {
      bool probe = i < 40;
      event.User(probe ? "a@example.com" : "other@example.com");
      event.Verb("list").Ns("n" + std::to_string(i % 9));
      event.Resource("kind" + std::to_string(i % resources));
      if (probe && i % 2 == 0) {
        event.Forbidden();
      } else {
        event.Allowed();
      }
      Unsuspicious(event);
    };
  };
  EXPECT_THAT(WithoutSigma(AlertsOf(400, make(3))), IsEmpty());
  EXPECT_THAT(WithoutSigma(AlertsOf(400, make(4))),
              ElementsAre("elastic.endpoint_enumeration"));
}

}  // namespace
}  // namespace oddverb
