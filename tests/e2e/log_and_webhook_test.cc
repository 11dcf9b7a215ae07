// One API server that writes its log and calls its webhook: each event comes
// twice, and is judged once.
#include <iostream>
#include <random>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/proof.h"

namespace oddverb {
namespace {

constexpr int kBatch = 400;

class LogAndWebhookTest : public ProofTest {
 protected:
  LogAndWebhookTest()
      : service_({.program = ODDVERB_BINARY,
                  .tail = true,
                  .webhook = RunningService::Webhook::kTls}) {}

  // Both back ends with the same events at the same time.
  void StartBoth(const AuditStory& story) {
    service_.Start();
    service_.AwaitStarted();
    log_ = std::make_unique<ChildProcess>(ApiServer::SetupOf(
        kApiServer, story, ApiServer::Log{service_.log_path()}, kRate));
    webhook_ = std::make_unique<ChildProcess>(ApiServer::SetupOf(
        kApiServer, story,
        ApiServer::Webhook{service_.Kubeconfig(service_.webhook_port()),
                           kBatch},
        kRate));
  }

  void AwaitBoth() {
    ApiServer::ExpectHandedOverAll(*log_, kPatience);
    ApiServer::ExpectHandedOverAll(*webhook_, kPatience);
  }

  RunningService service_;
  std::unique_ptr<ChildProcess> log_, webhook_;
};

TEST_F(LogAndWebhookTest, OfTheSameEventsAreJudgedOnce) {
  AuditStory story = StoryInBatches(1, kBatch);
  auto events = static_cast<uint64_t>(story.events);
  StartBoth(story);
  AwaitBoth();
  EXPECT_EQ(service_.AwaitMetric("oddverb_events_total", 2 * events, kPatience),
            2 * events);
  // Counted after the events of their batch.
  EXPECT_EQ(service_.AwaitMetric("oddverb_duplicates_total", events, kPatience),
            events);
  service_.Stop();
  EXPECT_EQ(IdsToldOnce(service_.Findings()), IdsIn(story));
}

TEST_F(LogAndWebhookTest, AreJudgedOnceThroughKills) {
  AuditStory story = StoryInBatches(Loaded(5, 1), kBatch);
  StartBoth(story);
  std::mt19937_64 random(50);
  std::uniform_int_distribution<int> pause_ms(500, 4000);
  int kills = 0;
  for (absl::Time end = absl::Now() + absl::Seconds(story.events) / kRate;
       absl::Now() < end; ++kills) {
    absl::SleepFor(absl::Milliseconds(pause_ms(random)));
    service_.Kill();
    service_.Start();
  }
  std::cout << kills << " kills\n";
  AwaitBoth();
  service_.AwaitFindings(static_cast<size_t>(story.attackers), kPatience);
  service_.Stop();
  EXPECT_EQ(IdsToldOnce(service_.Findings()), IdsIn(story));
  ExpectAllJudged(service_, story, kBatch);
}

}  // namespace
}  // namespace oddverb
