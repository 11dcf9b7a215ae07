#include "detectors/forbidden_weight.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

double Weight(EventBuilder& event, IdentityClass identity,
              uint32_t failures = 0, uint32_t successes = 0) {
  const AuditEvent& built = event.Build();
  return FirstContactWeight(built, TupleOf(built), identity, failures,
                            successes);
}

TEST(ForbiddenWeightTest, ComesFromTheClassAndTheActorsPast) {
  struct Case {
    IdentityClass identity;
    uint32_t failures;
    uint32_t successes;
    double rate;
  };
  const Case kCases[] = {
      {IdentityClass::kServiceAccount, 0, 0, 1.0 / 20},
      {IdentityClass::kNode, 0, 0, 1.0 / 20},
      {IdentityClass::kControlPlane, 0, 0, 1.0 / 20},
      {IdentityClass::kHuman, 0, 0, 3.0 / 20},
      {IdentityClass::kHuman, 2, 30, 5.0 / 50},
      {IdentityClass::kServiceAccount, 0, 10000, 0.02},
      {IdentityClass::kHuman, 10000, 0, 0.5},
  };
  for (const Case& c : kCases) {
    EventBuilder event;
    event.Verb("list").Resource("pods").Ns("web").Forbidden();
    EXPECT_NEAR(Weight(event, c.identity, c.failures, c.successes),
                std::log(0.8 / c.rate), 1e-12);
  }
}

TEST(ForbiddenWeightTest, CircumstancesTakeWeightOff) {
  EventBuilder plain;
  plain.Verb("list").Resource("secrets").Forbidden();
  double full = Weight(plain, IdentityClass::kServiceAccount);
  EXPECT_NEAR(full, 1.5 * std::log(16.0), 1e-12);

  EventBuilder watch;
  watch.Verb("watch").Resource("secrets").Forbidden();
  EXPECT_NEAR(Weight(watch, IdentityClass::kServiceAccount), 0.35 * full,
              1e-12);
  EventBuilder cached;
  cached.Verb("list").Resource("secrets").Forbidden();
  cached.Uri("/api/v1/secrets?limit=500&resourceVersion=0");
  EXPECT_NEAR(Weight(cached, IdentityClass::kControlPlane), 0.35 * full, 1e-12);
  // Informers of one namespace ask alike.
  EventBuilder one;
  one.Verb("watch").Resource("secrets").Ns("web").Forbidden();
  EXPECT_NEAR(Weight(one, IdentityClass::kServiceAccount), 0.35 * full, 1e-12);
  // A person, another version: no reflector.
  EXPECT_GT(Weight(cached, IdentityClass::kHuman), 0.35 * full);
  EventBuilder later;
  later.Verb("list").Resource("secrets").Forbidden();
  later.Uri("/api/v1/secrets?resourceVersion=01&x=resourceVersion=0");
  EXPECT_NEAR(Weight(later, IdentityClass::kServiceAccount), full, 1e-12);

  EventBuilder race;
  race.Verb("list").Resource("secrets").Forbidden().AuthorizationReason(
      "no relationship found between node 'w' and this object");
  EXPECT_NEAR(Weight(race, IdentityClass::kNode), 0.1 * full, 1e-12);
  EXPECT_NEAR(Weight(race, IdentityClass::kServiceAccount), full, 1e-12);

  double person = Weight(plain, IdentityClass::kHuman);
  EXPECT_NEAR(Weight(plain, IdentityClass::kAnonymous), 0.5 * person, 1e-12);
  EventBuilder console;
  console.Verb("list").Resource("secrets").Impersonated("bob").Forbidden();
  EXPECT_NEAR(Weight(console, IdentityClass::kServiceAccount), 0.2 * full,
              1e-12);
}

TEST(ForbiddenWeightTest, HealthProbesAreTheirPathAndAgentTogether) {
  auto is_probe = [](const char* path, const char* agent) {
    EventBuilder event;
    event.NonResource(path).UserAgent(agent);
    return IsHealthProbe(event.Build(), TupleOf(event.Build()));
  };
  EXPECT_TRUE(is_probe("/healthz", "kube-probe/1.30"));
  EXPECT_TRUE(is_probe("/readyz/etcd?verbose", "kube-probe/1.30"));
  EXPECT_FALSE(is_probe("/metrics", "kube-probe/1.30"));
  EXPECT_FALSE(is_probe("/healthz", "curl/8"));
  EventBuilder resource;
  resource.Resource("secrets").UserAgent("kube-probe/1.30");
  EXPECT_FALSE(IsHealthProbe(resource.Build(), TupleOf(resource.Build())));
}

}  // namespace
}  // namespace oddverb
