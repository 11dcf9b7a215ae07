// The proof for the log: kube-apiserver's own writer rotates and compresses,
// `oddverb run` is killed again and again, and what is found is what an
// uninterrupted `oddverb scan` finds in the same files. And the proof of this
// proof: a service whose checkpoint is torn in two does not pass.
#include <filesystem>
#include <iostream>
#include <random>
#include <set>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/proof.h"

namespace oddverb {
namespace {

struct Kills {
  int wanted = 0;
  int made = 0;
  int inside_attack = 0;     // that the state knows a part of
  int with_untold = 0;       // findings committed, not known to be written
  int before_any_state = 0;  // the first commit was not there
};

class LogKillsTest : public ProofTest {
 protected:
  // As the API server writes, kills the service at random moments, so often
  // that the last kill comes at about the last event.
  void WriteAndKill(RunningService& service, const AuditStory& story,
                    Kills& kills) {
    std::mt19937_64 random(20);
    double mean_ms = 1000.0 * story.events / kRate / kills.wanted;
    std::uniform_real_distribution<double> pause_ms(0, 2 * mean_ms);
    ChildProcess server(ApiServer::SetupOf(
        kApiServer, story, ApiServer::Log{service.log_path()}, kRate));
    service.Start();
    while (server.Running() || kills.made < kills.wanted) {
      absl::SleepFor(absl::Milliseconds(pause_ms(random)));
      service.Kill();
      ++kills.made;
      RunningService::Durable durable = service.ReadState();
      kills.inside_attack +=
          story.AttackGoesOnAfter(durable.records_judged) ? 1 : 0;
      kills.with_untold += durable.findings_to_show > 0 ? 1 : 0;
      kills.before_any_state += durable.records_judged == 0 ? 1 : 0;
      if (testing::Test::HasFatalFailure()) return;
      judged_at_last_kill_ = durable.records_judged;
      service.Start();
    }
    ApiServer::ExpectHandedOverAll(server, absl::Seconds(60));
    std::cout << kills.made << " kills, " << kills.inside_attack
              << " of them inside an attack, " << kills.with_untold
              << " with findings not told, " << kills.before_any_state
              << " before the first commit\n";
  }

  // Lets the service read to the end and stops it; how many records were judged
  // since the very first start.
  uint64_t JudgeTheRest(RunningService& service, const AuditStory& story) {
    uint64_t missing =
        static_cast<uint64_t>(story.events) - judged_at_last_kill_;
    service.AwaitMetric("oddverb_events_total", missing, absl::Seconds(60));
    service.Stop();
    return service.ReadState().records_judged;
  }

  static size_t Rotations(const RunningService& service) {
    std::set<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(service.log_folder())) {
      std::string name = entry.path().filename().string();
      names.insert(name.substr(0, name.find(".gz")));
    }
    return names.size() - 1;  // the active one
  }

  // What a stream of the log shows, in order.
  static std::vector<std::string> Streamed(const RunningService& service) {
    return WithoutLast(Scan({"-"}, ContentOfLog(service.log_folder())));
  }

  uint64_t judged_at_last_kill_ = 0;
};

TEST_F(LogKillsTest, LosesNothingAndTellsNothingTwice) {
  // Attacks take two thirds of the time, so that kills fall into them.
  AuditStory story;
  story.events = Loaded(75'000, 10'000);
  story.attempt_spacing = story.events * 2 / (25 * 3 * story.attempts);
  Kills kills = {.wanted = Loaded(60, 10)};
  RunningService service({.program = ODDVERB_BINARY, .tail = true});
  ASSERT_NO_FATAL_FAILURE(WriteAndKill(service, story, kills));
  EXPECT_EQ(JudgeTheRest(service, story), static_cast<uint64_t>(story.events));

  std::cout << Rotations(service) << " rotations\n";
  EXPECT_GE(Rotations(service), static_cast<size_t>(Loaded(90, 12)));
  EXPECT_GE(kills.inside_attack, 1);
  std::vector<std::string> expected = Streamed(service);
  EXPECT_EQ(IdsToldOnce(expected).size(), static_cast<size_t>(story.attackers));
  EXPECT_EQ(WithoutLast(service.Findings()), expected);
  EXPECT_EQ(IdsToldOnce(service.Findings()),
            IdsToldOnce(Scan({service.log_folder()})));
}

TEST_F(LogKillsTest, SeesThatACheckpointInTwoTransactionsLosesFindings) {
  AuditStory story;
  story.events = Loaded(50'000, 10'000);
  Kills kills = {.wanted = Loaded(50, 10)};
  RunningService service(
      {.program = ODDVERB_TEST_PROGRAMS "/split_commit_service", .tail = true});
  ASSERT_NO_FATAL_FAILURE(WriteAndKill(service, story, kills));
  JudgeTheRest(service, story);
  std::vector<std::string> expected = Streamed(service);
  EXPECT_EQ(IdsToldOnce(expected).size(), static_cast<size_t>(story.attackers));
  std::vector<std::string> found = WithoutLast(service.Findings());
  std::cout << found.size() << " of " << expected.size() << " findings\n";
  EXPECT_NE(found, expected);
}

}  // namespace
}  // namespace oddverb
