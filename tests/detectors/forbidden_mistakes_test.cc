// Honest refusals that come many at once, as the detection benchmark showed
// them: none is told as an attack, and the attack that looks most alike is.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

Severity WorstOf(const ForbiddenStream& stream) {
  Severity worst = Severity::kInfo;
  for (const Finding& finding : stream.findings()) {
    worst = std::max(worst, finding.severity);
  }
  return worst;
}

// A person who has worked for hours with `kinds` kinds of request.
void WorkBefore(ForbiddenStream& stream, int kinds) {
  for (int i = 0; i < kinds; ++i) {
    EventBuilder event;
    event.Verb("list").Resource(absl::StrCat("r", i)).Ns("own").Allowed();
    stream.Feed(event.At(kForbiddenStart - absl::Hours(9)));
  }
}

constexpr const char* kAll[] = {"pods",         "replicationcontrollers",
                                "services",     "daemonsets",
                                "deployments",  "replicasets",
                                "statefulsets", "cronjobs",
                                "jobs",         "horizontalpodautoscalers"};

void ListAll(ForbiddenStream& stream, absl::Duration gap) {
  absl::Time time = kForbiddenStart;
  for (const char* resource : kAll) {
    EventBuilder event;
    event.Verb("list").Resource(resource).Ns("other").Forbidden();
    event.AuditId(resource);
    stream.Feed(event.At(time += gap));
  }
}

TEST(ForbiddenMistakesTest, PersonGetsAllOfANamespaceThatIsAnothers) {
  for (int kinds : {0, 20, 60}) {
    ForbiddenStream stream;
    WorkBefore(stream, kinds);
    ListAll(stream, absl::Milliseconds(9));
    EXPECT_LT(WorstOf(stream), Severity::kMedium) << kinds;
  }
}

TEST(ForbiddenMistakesTest, PersonWhoAsksForTheSameOneByOneIsFound) {
  ForbiddenStream stream;
  WorkBefore(stream, 20);
  ListAll(stream, absl::Seconds(5));
  EXPECT_EQ(WorstOf(stream), Severity::kHigh);
}

TEST(ForbiddenMistakesTest, PersonWhoSweepsNamespacesAtOnceIsFound) {
  ForbiddenStream stream;
  WorkBefore(stream, 20);
  for (int i = 0; i < 12; ++i) {
    EventBuilder event;
    event.Verb("list").Resource(kAll[i % 3]).Ns(absl::StrCat("n", i));
    event.AuditId(absl::StrCat(i)).Forbidden();
    stream.Feed(event.At(kForbiddenStart + absl::Milliseconds(20 * i)));
  }
  EXPECT_EQ(WorstOf(stream), Severity::kHigh);
}

// `kubectl apply` of a pipeline: five kinds that it may not touch.
TEST(ForbiddenMistakesTest, PipelineAppliesKindsThatItMayNotTouch) {
  ForbiddenStream stream;
  for (int i = 0; i < 25; ++i) {
    EventBuilder event;
    event.ServiceAccount("ci", "deployer").Verb("get");
    event.Resource(absl::StrCat("r", i)).Ns("web").Name("x").Allowed();
    stream.Feed(event.At(kForbiddenStart - absl::Hours(9)));
  }
  for (int i = 0; i < 5; ++i) {
    EventBuilder event;
    event.ServiceAccount("ci", "deployer").Verb("get").Resource(kAll[i]);
    event.Ns("web").Name("x").AuditId(kAll[i]).Forbidden();
    stream.Feed(event.At(kForbiddenStart + absl::Milliseconds(15 * i)));
  }
  EXPECT_LT(WorstOf(stream), Severity::kMedium);
}

// While an API server starts it refuses all that a controller does everywhere.
TEST(ForbiddenMistakesTest, ControllerOfManyNamespacesIsRefusedForAMinute) {
  ForbiddenStream stream;
  for (int i = 0; i < 2 * 450; ++i) {
    bool refused = i >= 450;
    EventBuilder event;
    event.ServiceAccount("kube-system", "job-controller").Verb("list");
    event.Resource(absl::StrCat("r", i % 15)).AuditId(absl::StrCat(i));
    event.Ns(absl::StrCat("n", i % 450 / 15));
    if (refused) {
      event.Forbidden();
    } else {
      event.Allowed();
    }
    stream.Feed(event.At(After(refused ? 40'000 + i / 20 : i)));
  }
  EXPECT_LT(WorstOf(stream), Severity::kMedium);
}

// An informer of the account ops/watcher, which has run for hours in its pod,
// is refused `resources` in `spaces` namespaces.
Severity WorstOfInformers(int spaces, std::vector<std::string> resources,
                          const std::string& ip) {
  ForbiddenStream stream;
  EventBuilder before;
  before.ServiceAccount("ops", "watcher").Verb("list").SourceIp("10.244.1.7");
  before.Resource("nodes").Allowed();
  stream.Feed(before.At(kForbiddenStart - absl::Hours(9)));
  for (int i = 0; i < spaces; ++i) {
    for (const std::string& resource : resources) {
      for (const char* verb : {"list", "watch"}) {
        EventBuilder event;
        std::string ns = absl::StrCat("n", i);
        event.ServiceAccount("ops", "watcher").Verb(verb).SourceIp(ip);
        event.Resource(resource).Ns(ns).AuditId(
            absl::StrCat(verb, i, resource));
        event.Uri(absl::StrCat("/api/v1/namespaces/", ns, "/", resource,
                               "?limit=500&resourceVersion=0"));
        stream.Feed(event.Forbidden().At(After(i)));
      }
    }
  }
  return WorstOf(stream);
}

TEST(ForbiddenMistakesTest, MonitoringWithoutItsRoleInManyNamespaces) {
  for (int spaces : {4, 12, 40}) {
    EXPECT_LT(WorstOfInformers(spaces, {"pods", "services", "endpoints"},
                               "10.244.1.7"),
              Severity::kMedium)
        << spaces;
  }
}

TEST(ForbiddenMistakesTest, WhoPosesAsAnInformerAndLooksForMoreIsFound) {
  EXPECT_GE(WorstOfInformers(40, {"secrets"}, "10.244.1.7"), Severity::kMedium);
  EXPECT_GE(WorstOfInformers(40, {"pods"}, "203.0.113.5"), Severity::kMedium);
}

// A console asks with its people's rights; `kinds` of request by each of
// `people`, one each five minutes.
Severity WorstOfConsole(int people, int kinds) {
  ForbiddenStream stream;
  for (int i = 0; i < 25; ++i) {
    EventBuilder event;
    event.ServiceAccount("console", "console").Verb("list");
    event.Resource(absl::StrCat("r", i)).Ns("console").Allowed();
    stream.Feed(event.At(kForbiddenStart - absl::Hours(9)));
  }
  for (int i = 0; i < people; ++i) {
    for (int k = 0; k < kinds; ++k) {
      EventBuilder event;
      event.ServiceAccount("console", "console").Verb("list");
      event.Impersonated(absl::StrCat("person-", i));
      event.Resource(absl::StrCat("things", k)).Ns(absl::StrCat("n", i));
      event.AuditId(absl::StrCat(i, "-", k)).Forbidden();
      stream.Feed(event.At(After(300 * (i * kinds + k))));
    }
  }
  return WorstOf(stream);
}

TEST(ForbiddenMistakesTest, ConsoleWhosePeopleLackOneRightInManyNamespaces) {
  EXPECT_LT(WorstOfConsole(60, 1), Severity::kMedium);
}

TEST(ForbiddenMistakesTest, ConsoleTokenThatTriesManyKindsForOthersIsFound) {
  EXPECT_GE(WorstOfConsole(2, 40), Severity::kMedium);
}

// A person who could list two things and read others by name in a namespace
// asks for twelve kinds there that are refused. Between them, behind the third,
// two are refused that worked before: lists, or objects by name.
Severity WorstAmongRefused(bool loses_lists, bool loses_names) {
  auto known = [](std::string_view verb, std::string_view resource,
                  EventBuilder& event) {
    event.Verb(verb).Resource(resource).Ns("web").AuditId(resource);
    if (verb == "get") event.Name("settings");
  };
  const std::pair<std::string_view, std::string_view> kinds[] = {
      {"list", "pods"},
      {"list", "services"},
      {"get", "configmaps"},
      {"get", "endpoints"}};
  ForbiddenStream stream;
  WorkBefore(stream, 20);
  for (const auto& [verb, resource] : kinds) {
    EventBuilder event;
    known(verb, resource, event);
    stream.Feed(event.Allowed().At(kForbiddenStart - absl::Hours(9)));
  }
  for (int i = 0; i < 12; ++i) {
    if (i == 3) {
      for (const auto& [verb, resource] : kinds) {
        if (verb == "list" ? !loses_lists : !loses_names) continue;
        EventBuilder event;
        known(verb, resource, event);
        stream.Feed(event.Forbidden().At(After(2 * i)));
        stream.Restart();
      }
    }
    EventBuilder event;
    event.Verb("list").Resource(absl::StrCat("things", i)).Ns("web");
    event.AuditId(absl::StrCat(i)).Forbidden();
    stream.Feed(event.At(After(2 * i)));
  }
  EXPECT_TRUE(stream.restarts_ok());
  return WorstOf(stream);
}

// As while an API server starts, or a binding is taken away.
TEST(ForbiddenMistakesTest, WhoHasLostTheRightsInANamespace) {
  EXPECT_LT(WorstAmongRefused(true, false), Severity::kMedium);
}

// A right to some objects by name makes the others look as if it were lost.
TEST(ForbiddenMistakesTest, WhoHasLostNothingThereIsFound) {
  EXPECT_EQ(WorstAmongRefused(false, false), Severity::kHigh);
  EXPECT_EQ(WorstAmongRefused(false, true), Severity::kHigh);
}

// A program that was deployed before its role, over days.
TEST(ForbiddenMistakesTest, ManyNamesOfOneOrdinaryKindAreOneMissingRight) {
  for (std::string_view resource : {"configmaps", "secrets"}) {
    ForbiddenStream stream;
    for (int i = 0; i < 30; ++i) {
      EventBuilder event;
      event.ServiceAccount("media", "cron").Verb("get").Resource(resource);
      event.Ns("media").Name(absl::StrCat("x", i)).AuditId(absl::StrCat(i));
      stream.Feed(event.Forbidden().At(After(3600 * i)));
    }
    EXPECT_EQ(WorstOf(stream) >= Severity::kMedium, resource == "secrets")
        << resource;
  }
}

// Forty pods read by name, then the role is taken away.
TEST(ForbiddenMistakesTest, NamesThatCouldBeReadBeforeAreNotGuessed) {
  for (std::string_view resource : {"pods", "secrets"}) {
    ForbiddenStream stream;
    for (int i = 0; i < 40; ++i) {
      EventBuilder event;
      event.Verb("get").Resource(resource).Ns("own");
      event.Name(absl::StrCat("x", i)).AuditId(absl::StrCat(i));
      if (i < 5) {
        event.Allowed();
      } else {
        event.Forbidden();
      }
      stream.Feed(event.At(After(i)));
    }
    // One secret may be allowed by its name, so the rest are guesses still.
    EXPECT_EQ(WorstOf(stream) >= Severity::kMedium, resource == "secrets")
        << resource;
  }
}

}  // namespace
}  // namespace oddverb
