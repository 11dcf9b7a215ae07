// Refusals that configuration allows: exact, with an end, and mistakes named
// with their place.
#include "detectors/forbidden_allow.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/detectors/forbidden_stream.h"
#include "tests/support/event_builder.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

absl::StatusOr<ForbiddenBurst::Options> OptionsFrom(const std::string& text) {
  auto node = YamlNode::Parse(text, "c.yaml");
  if (!node.ok()) return node.status();
  return ForbiddenBurst::Options::FromYaml(*node);
}

constexpr char kEntry[] =
    "{actor: \"system:serviceaccount:shop:web\", verb: list, "
    "resource: thingN, namespace: shop, reason: ticket, expires: 2024-01-31}";

// Allows `kinds` kinds of request.
std::string Allow(int kinds) {
  std::string text = "allow:\n";
  for (int i = 0; i < kinds; ++i) {
    std::string entry = kEntry;
    entry.replace(entry.find('N'), 1, absl::StrCat(i));
    absl::StrAppend(&text, "- ", entry, "\n");
  }
  return text;
}

void ProbeAllowed(ForbiddenStream& stream, const std::string& account,
                  const std::string& ns, absl::Time from) {
  for (int i = 0; i < 12; ++i) {
    EventBuilder event;
    event.ServiceAccount("shop", account).Verb("list").Ns(ns).Forbidden();
    event.Resource(absl::StrCat("thing", i)).At(from + absl::Seconds(i));
    stream.Feed(event);
  }
}

TEST(ForbiddenAllowTest, KnownRefusalsOfThisActorWeighNothing) {
  auto options = OptionsFrom(Allow(12));
  ASSERT_THAT(options, IsOk());
  ForbiddenStream stream(*options);
  ProbeAllowed(stream, "web", "shop", kForbiddenStart);
  EXPECT_THAT(stream.findings(), IsEmpty());
}

TEST(ForbiddenAllowTest, CountsWhatEachEntryExcusedAndWhichNeverDid) {
  auto options = OptionsFrom(
      Allow(14) +
      // Of two for one thing, the one that ends last.
      "- {actor: 'system:serviceaccount:shop:web', verb: list, resource: "
      "thing3, namespace: shop, reason: r, expires: 2024-02-28}\n");
  ASSERT_THAT(options, IsOk());
  ForbiddenStream stream(*options);
  ProbeAllowed(stream, "web", "shop", kForbiddenStart);
  ProbeAllowed(stream, "web", "shop", kForbiddenStart + absl::Minutes(1));
  std::map<uint32_t, uint64_t> expected;
  for (uint32_t i = 0; i < 15; ++i) {
    expected[i] = i == 3 || i == 12 || i == 13 ? 0 : 2;
  }
  EXPECT_EQ(stream.out().counts.allowed_refusals, expected);
}

TEST(ForbiddenAllowTest, AnotherActorNamespaceOrTimeIsNotMeant) {
  auto options = OptionsFrom(Allow(12));
  ASSERT_THAT(options, IsOk());
  absl::Time later =
      absl::FromCivil(absl::CivilDay(2024, 2, 1), absl::UTCTimeZone());
  ForbiddenStream actor(*options), space(*options), expired(*options);
  ProbeAllowed(actor, "other", "shop", kForbiddenStart);
  ProbeAllowed(space, "web", "bank", kForbiddenStart);
  ProbeAllowed(expired, "web", "shop", later);
  for (const ForbiddenStream* stream : {&actor, &space, &expired}) {
    EXPECT_THAT(Of(*stream, "forbidden.fanout"), Not(IsEmpty()));
  }
}

TEST(ForbiddenAllowTest, SubresourcesGroupsAndPathsAreKindsOfTheirOwn) {
  auto options = OptionsFrom(
      "allow:\n"
      "- {actor: a, verb: create, resource: pods/exec, namespace: x, reason: "
      "r, expires: 2030-01-01}\n"
      "- {actor: a, verb: watch, resource: widgets, group: example.com, "
      "reason: r, expires: 2030-01-01T10:00:00Z}\n"
      "- {actor: a, verb: get, path: /metrics, reason: r, expires: "
      "2030-01-01}\n");
  ASSERT_THAT(options, IsOk());
  KeyedHash hash;
  AllowedRefusals allowed(hash, options->allow);
  HashInput scratch;
  auto is_allowed = [&](EventBuilder& event) {
    const AuditEvent& built = event.Build();
    return allowed
        .Find(built.user.name, HashTuple(hash, TupleOf(built), scratch),
              kForbiddenStart)
        .has_value();
  };
  EventBuilder exec, pods, watch, list, core, path, other;
  exec.User("a").Verb("create").Resource("pods").Sub("exec").Ns("x");
  EXPECT_TRUE(is_allowed(exec));
  pods.User("a").Verb("create").Resource("pods").Ns("x");
  EXPECT_FALSE(is_allowed(pods));
  watch.User("a").Verb("watch").Resource("widgets", "example.com");
  EXPECT_TRUE(is_allowed(watch));
  // An informer does both: one kind.
  list.User("a").Verb("list").Resource("widgets", "example.com");
  EXPECT_TRUE(is_allowed(list));
  core.User("a").Verb("watch").Resource("widgets");
  EXPECT_FALSE(is_allowed(core));
  path.User("a").Verb("get").NonResource("/metrics");
  EXPECT_TRUE(is_allowed(path));
  other.User("a").Verb("get").NonResource("/logs");
  EXPECT_FALSE(is_allowed(other));
}

struct Mistake {
  const char* text;
  const char* message;
};

class ForbiddenAllowMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ForbiddenAllowMistakeTest, IsNamedWithItsPlace) {
  auto options = OptionsFrom(GetParam().text);
  ASSERT_FALSE(options.ok());
  EXPECT_THAT(std::string(options.status().message()),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, ForbiddenAllowMistakeTest,
    ::testing::Values(
        Mistake{"allow: yes", "c.yaml:1:8: expected a list"},
        Mistake{"allow: [web]", "c.yaml:1:9: expected an entry"},
        Mistake{"allow:\n- {verb: get}", "needs \"actor\""},
        Mistake{"allow:\n- {actor: a, verb: get, reason: r, expires: "
                "2030-01-01}",
                "c.yaml:2:3: an entry of allow needs either"},
        Mistake{"allow:\n- {actor: a, verb: get, resource: pods, path: /x, "
                "reason: r, expires: 2030-01-01}",
                "needs either"},
        Mistake{"allow:\n- {actor: a, verb: get, resource: pods, expires: "
                "2030-01-01}",
                "needs \"reason\""},
        Mistake{"allow:\n- {actor: a, verb: get, resource: pods, reason: r}",
                "needs \"expires\""},
        Mistake{"allow:\n- actor: a\n  verb: get\n  resource: pods\n  reason: "
                "r\n  expires: soon",
                "c.yaml:6:12: expected a date"},
        Mistake{"allow:\n- actor: \"system:*\"\n  verb: get\n  resource: pods\n"
                "  reason: r\n  expires: 2030-01-01",
                "c.yaml:2:10: an entry of allow is exact"},
        Mistake{"allow:\n- {actor: a, verb: get, path: metrics, reason: r, "
                "expires: 2030-01-01}",
                "a path begins with /"},
        Mistake{"allow:\n- {actor: a, verb: get, resource: pods, reason: r, "
                "expires: 2030-01-01, agent: curl}",
                "agent"}));

}  // namespace
}  // namespace oddverb
