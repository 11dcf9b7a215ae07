// A receiver that is updated (told to stop, started again) while events come
// loses nothing: the real client of kube-apiserver and `oddverb forward` keep
// what they are told to bring later.
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/proof.h"
#include "tests/support/faulty_proxy.h"
#include "tests/support/raw_client.h"

namespace oddverb {
namespace {

// Small, so that some are on their way at each stop.
constexpr int kRestartBatch = 40;

class RollingRestartTest : public ProofTest {
 protected:
  // Each time when it has worked for a while, however long its start took.
  void RestartOften(int restarts) {
    std::mt19937_64 random(40);
    std::uniform_int_distribution<int> work_ms(1000, 4000);
    for (int i = 0; i < restarts; ++i) {
      receiver_.AwaitStarted();
      absl::SleepFor(absl::Milliseconds(work_ms(random)));
      receiver_.Stop();
      receiver_.Start();
    }
  }

  // Until a client that waited has been served: its tries are numbered.
  void AwaitServed(ChildProcess& client) {
    while (client.Running() && receiver_.Metric("oddverb_events_total") == 0) {
      absl::SleepFor(absl::Milliseconds(50));
    }
  }

  void SetUp() override {
    ProofTest::SetUp();
    if (IsSkipped()) return;
    receiver_.Start();
    receiver_.AwaitStarted();
    proxy_.emplace(FaultyProxy::Options{.to_port = receiver_.webhook_port()});
  }

  void TellWhatHappened(int restarts) {
    std::cout << restarts << " restarts, " << proxy_->counts().connections
              << " connections, " << proxy_->counts().refused << " refused, "
              << proxy_->counts().told_to_come_later
              << " times told to come later\n";
  }

  RunningService receiver_{
      {.program = ODDVERB_BINARY, .webhook = RunningService::Webhook::kPlain}};
  std::optional<FaultyProxy> proxy_;
};

TEST_F(RollingRestartTest, OfTheReceiverOfARealClientLosesNothing) {
  AuditStory story = StoryInBatches(Loaded(60, 12), kRestartBatch);
  int restarts = story.events / kRate * 2 / 5;
  ChildProcess server(ApiServer::SetupOf(
      kApiServer, story,
      ApiServer::Webhook{receiver_.Kubeconfig(proxy_->port()), kRestartBatch},
      kRate));
  RestartOften(restarts);
  ApiServer::ExpectHandedOverAll(server, kPatience);
  receiver_.Stop();
  TellWhatHappened(restarts);
  EXPECT_EQ(IdsToldOnce(receiver_.Findings()), IdsIn(story));
  ExpectAllJudged(receiver_, story, kRestartBatch);
}

// There is always a request on its way, so a stop meets one.
TEST_F(RollingRestartTest, TellsABlockingClientToComeLater) {
  AuditStory story;
  story.events = Loaded(9'000, 4'000);
  ChildProcess server(ApiServer::SetupOf(
      kApiServer, story,
      ApiServer::Webhook{receiver_.Kubeconfig(proxy_->port()), 0,
                         absl::Seconds(2)},
      kRate));
  int restarts = 0;
  // A stop between two requests only closes the connection.
  while (server.Running() && proxy_->counts().told_to_come_later == 0) {
    RestartOften(1);
    ++restarts;
    AwaitServed(server);
  }
  ApiServer::ExpectHandedOverAll(server, kPatience);
  receiver_.Stop();
  TellWhatHappened(restarts);
  EXPECT_GE(proxy_->counts().told_to_come_later, 1u);
  EXPECT_EQ(IdsToldOnce(receiver_.Findings()), IdsIn(story));
  ExpectAllJudged(receiver_, story, kRestartBatch);
}

// While a stop waits for it the port is closed, and others give up.
TEST_F(RollingRestartTest, IsNotHeldUpByARequestThatHasStalled) {
  RawClient stalled(absl::StrCat("127.0.0.1:", receiver_.webhook_port()));
  ASSERT_TRUE(stalled.connected());
  ASSERT_TRUE(stalled.Send(
      "POST /audit/lab HTTP/1.1\r\nHost: lab\r\nContent-Length: 100\r\n\r\n{"));
  // Its head has arrived when a request behind it is answered.
  EXPECT_EQ(receiver_.Metric("oddverb_events_total"), 0u);
  receiver_.Stop(absl::Seconds(12));
}

TEST_F(RollingRestartTest, OfTheReceiverOfAForwarderLosesNothing) {
  AuditStory story;
  story.events = Loaded(60'000, 10'000);
  int restarts = story.events / kRate / 4;
  ChildProcess server(ApiServer::SetupOf(
      kApiServer, story, ApiServer::Log{receiver_.log_path()}, kRate));
  ChildSetup forward;
  forward.program = ODDVERB_BINARY;
  forward.arguments = {
      "forward", "--config",
      receiver_.folder().Write(
          "forward.yaml",
          absl::StrCat("state_dir: ", receiver_.folder().path("forward"),
                       "\nsources: [{name: log, type: tail, path: ",
                       receiver_.log_path(),
                       ", poll_interval: 100ms}]\n"
                       "listeners: [{name: probes, address: \"127.0.0.1:0\", "
                       "serve: [metrics]}]\n")),
      "--to", receiver_.WebhookUrl(proxy_->port())};
  ChildProcess forwarder(forward);
  RestartOften(restarts);
  ApiServer::ExpectHandedOverAll(server, kPatience);
  std::vector<std::string> expected =
      WithoutLast(Scan({"-"}, ContentOfLog(receiver_.log_folder())));
  EXPECT_EQ(IdsToldOnce(expected).size(), static_cast<size_t>(story.attackers));
  receiver_.AwaitFindings(expected.size(), kPatience);
  // The log goes on behind the last attack, and after a restart the forwarder
  // may wait for longer than any pause that would look like the end.
  ASSERT_TRUE(forwarder.ReadErrors("msg=forwarding")) << forwarder.errors();
  const auto events = static_cast<uint64_t>(story.events);
  EXPECT_EQ(AwaitMetricAt(MetricsUrlIn(forwarder.errors()),
                          "oddverb_forwarded_events_total", events, kPatience),
            events);
  TellWhatHappened(restarts);
  EXPECT_EQ(WithoutLast(receiver_.Findings()), expected) << forwarder.errors();
  receiver_.Stop();
  ExpectAllJudged(receiver_, story, kRestartBatch);
}

}  // namespace
}  // namespace oddverb
