// The proof for the webhook: kube-apiserver's own client posts its batches over
// TLS through a network that cuts, loses and hangs, to a receiver that is
// killed and restarted. All events are judged, each once, and each finding is
// told once.
#include <iostream>
#include <random>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/proof.h"
#include "tests/support/faulty_proxy.h"

namespace oddverb {
namespace {

// Small, so that few of them meet with a fault, and none with five: then the
// API server gives it up.
constexpr int kFaultBatch = 40;

class WebhookFaultsTest : public ProofTest {
 protected:
  // Every other time a clean stop.
  static int RestartUntil(RunningService& service, absl::Time end) {
    std::mt19937_64 random(30);
    std::uniform_int_distribution<int> pause_ms(1000, 6000);
    int restarts = 0;
    for (;; ++restarts) {
      absl::SleepFor(absl::Milliseconds(pause_ms(random)));
      if (absl::Now() > end) return restarts;
      restarts % 2 == 0 ? service.Kill() : service.Stop();
      service.Start();
    }
  }
};

TEST_F(WebhookFaultsTest, LosesNothingAndTellsNothingTwice) {
  AuditStory story = StoryInBatches(Loaded(70, 20), kFaultBatch);
  RunningService service(
      {.program = ODDVERB_BINARY, .webhook = RunningService::Webhook::kTls});
  service.Start();
  service.AwaitStarted();
  FaultyProxy proxy(
      {.to_port = service.webhook_port(),
       .seed = 31,
       .least_bytes_before = 100'000,
       .most_bytes_before = 4'000'000,
       // Once the client's own 30 s are over, if there is the time for that.
       .hang = Load() < 1 ? absl::Seconds(3) : absl::Seconds(33)});
  ChildProcess server(ApiServer::SetupOf(
      kApiServer, story,
      ApiServer::Webhook{service.Kubeconfig(proxy.port()), kFaultBatch},
      kRate));
  int restarts =
      RestartUntil(service, absl::Now() + absl::Seconds(story.events) / kRate);
  proxy.Heal();
  ApiServer::ExpectHandedOverAll(server, kPatience);
  service.Stop();

  const FaultyProxy::Counts& faults = proxy.counts();
  std::cout << story.events << " events, " << restarts << " restarts, "
            << faults.connections << " connections: " << faults.refused
            << " refused, " << faults.cut << " cut, " << faults.answers_lost
            << " answers lost, " << faults.hung << " hung\n";
  EXPECT_GE(faults.cut, 1u);
  EXPECT_GE(faults.answers_lost, 1u);
  EXPECT_GE(faults.hung, 1u);
  EXPECT_EQ(IdsToldOnce(service.Findings()), IdsIn(story));
  ExpectAllJudged(service, story, kFaultBatch);
  EXPECT_EQ(IdsToldOnce(service.Findings()), IdsIn(story));
}

}  // namespace
}  // namespace oddverb
