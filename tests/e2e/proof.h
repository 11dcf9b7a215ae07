// What the tests of the running service with real peers share: their size, and
// what is to be found. ODDVERB_PROOF_LOAD=1 is the full size, some ten minutes;
// the default is what CI can bear.
#ifndef ODDVERB_TESTS_E2E_PROOF_H_
#define ODDVERB_TESTS_E2E_PROOF_H_

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/api_server.h"
#include "tests/support/running_service.h"

namespace oddverb {

class ProofTest : public ::testing::Test {
 protected:
  static constexpr char kApiServer[] = ODDVERB_TEST_PROGRAMS "/auditgen";
  // Events a second that the API servers write; nothing but the time that a
  // test takes depends on it.
  static constexpr int kRate = 1000;
  static constexpr absl::Duration kPatience = absl::Minutes(2);

  void SetUp() override {
    if (!ApiServer::IsBuilt(kApiServer)) {
      GTEST_SKIP() << "tests/peers/auditgen was not built: no Go";
    }
    RecordProperty("load", absl::StrCat(Load()));
  }

  static double Load() {
    const char* text = std::getenv("ODDVERB_PROOF_LOAD");
    double load = text == nullptr ? 0 : std::atof(text);
    return load > 0 ? load : 0.2;
  }
  // `full` at the full size, else in proportion.
  static int Loaded(int full, int least) {
    return std::max(least, static_cast<int>(full * Load()));
  }

  static std::vector<std::string> Scan(std::vector<std::string> arguments,
                                       std::string_view input = "") {
    arguments.insert(arguments.begin(), "scan");
    arguments.insert(arguments.end(), {"--format", "ndjson", "--cluster",
                                       RunningService::kCluster, "--quiet"});
    ChildResult scan = Oddverb(std::move(arguments), input);
    EXPECT_EQ(scan.exit_code, 0) << scan.errors;
    return LinesOf(scan.output);
  }

  // A story whose attacks lie within one batch of the webhook each: batches go
  // side by side and come in any order.
  static AuditStory StoryInBatches(int batches_between, int batch_size) {
    AuditStory story;
    story.events = (story.attackers + 1) * batches_between * batch_size;
    story.attempt_spacing = batch_size / story.attempts;
    return story;
  }

  // The ids of what is to be found in these events, whichever way they came.
  static std::set<std::string> IdsIn(const AuditStory& story) {
    TempFolder folder;
    ChildProcess server(ApiServer::SetupOf(
        kApiServer, story, ApiServer::Log{folder.path("audit.log")}, 0));
    ApiServer::ExpectHandedOverAll(server, kPatience);
    std::set<std::string> ids = IdsToldOnce(Scan({folder.path()}));
    EXPECT_EQ(ids.size(), static_cast<size_t>(story.attackers));
    return ids;
  }

  // Posts all events of the story once more. Each of them must be one that the
  // service remembers to have judged.
  static void ExpectAllJudged(RunningService& service, const AuditStory& story,
                              int batch_size) {
    auto events = static_cast<uint64_t>(story.events);
    service.Start();
    service.AwaitStarted();
    ChildProcess server(ApiServer::SetupOf(
        kApiServer, story,
        ApiServer::Webhook{service.Kubeconfig(service.webhook_port()),
                           batch_size},
        0));
    ApiServer::ExpectHandedOverAll(server, kPatience);
    constexpr std::string_view kDuplicates = "oddverb_duplicates_total";
    EXPECT_GE(service.AwaitMetric(kDuplicates, events, kPatience), events);
    // The rest of a log may be on its way.
    absl::Time deadline = absl::Now() + absl::Seconds(20);
    uint64_t judged_now = 0;
    do {
      uint64_t duplicates = service.Metric(kDuplicates);
      judged_now = service.Metric("oddverb_events_total") - duplicates;
    } while (judged_now > 0 && absl::Now() < deadline);
    EXPECT_EQ(judged_now, 0u);
    service.Stop();
  }

  // Without the last state of a finding, which comes when its input ends: that
  // of a service does not.
  static std::vector<std::string> WithoutLast(std::vector<std::string> lines) {
    std::erase_if(lines, [](const std::string& line) {
      return line.find("\"state\":\"final\"") != std::string::npos;
    });
    return lines;
  }

  // Whatever was told, was told once.
  static std::set<std::string> IdsToldOnce(
      const std::vector<std::string>& lines) {
    EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(),
              lines.size());
    std::set<std::string> ids;
    for (const nlohmann::json& one : FindingsIn(absl::StrJoin(lines, "\n"))) {
      ids.insert(one.value("id", "none"));
    }
    return ids;
  }
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_E2E_PROOF_H_
