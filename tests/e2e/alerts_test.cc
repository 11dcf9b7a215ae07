// From an attack in a log to what people are told: `oddverb run` and Debian's
// Alertmanager, with a webhook that counts its notifications.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/receiving_service.h"
#include "tests/support/alertmanager_process.h"
#include "tests/support/demo_log.h"
#include "tests/support/recording_server.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class AlertsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasAlertmanager()) GTEST_SKIP() << kNoAlertmanager;
    alertmanager_ = std::make_unique<AlertmanagerProcess>(webhook_.url());
    ASSERT_TRUE(alertmanager_->is_running());
  }

  std::string Output(const std::string& hold) const {
    return absl::StrCat("  - {name: alerts, type: alertmanager, urls: [",
                        alertmanager_->url(), "], hold: ", hold,
                        ", resend_interval: 1s}\n",
                        "delivery: {retry: 100ms, max_retry: 1s}\n");
  }

  // How often people were told about a subject, by status.
  std::map<std::string, int> Notified(const std::string& status) const {
    std::map<std::string, int> notified;
    for (const RecordedRequest& request : webhook_.requests()) {
      const json body = json::parse(request.body);
      for (const json& alert : body["alerts"]) {
        if (alert["status"] != status) continue;
        ++notified[alert["labels"].value("subject", "")];
      }
    }
    return notified;
  }
  // Everybody is sent again a few times.
  void AwaitResends() {
    const double sent = run_.Attempts("alerts", "success");
    EXPECT_TRUE(BecomesTrue(
        [&] { return run_.Attempts("alerts", "success") >= sent + 3; }));
  }

  // What amtool lists, by fingerprint, without times and receivers.
  static std::map<std::string, json> Listed(
      const std::string& url, std::vector<std::string> filters = {}) {
    filters.insert(filters.begin(), {"alert", "query", "-o", "json"});
    const ChildResult result = Amtool(url, std::move(filters));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    std::map<std::string, json> listed;
    for (const json& alert : json::parse(result.output)) {
      listed[alert["fingerprint"]] = {alert["labels"], alert["annotations"]};
    }
    return listed;
  }

  RecordingServer webhook_;
  std::unique_ptr<AlertmanagerProcess> alertmanager_;
  ReceivingService run_;
};

TEST_F(AlertsTest, AnAttackFiresAnAlertThatIsResolvedAfterItsHold) {
  run_.Start(Output("3s"));
  std::vector<absl::Duration> delays;
  for (uint64_t i = 0; i < 5; ++i) {
    const std::string thief = absl::StrCat("thief-", i);
    const absl::Time begin = absl::Now();
    run_.log().Append(TheftBy(thief, begin, i));
    ASSERT_TRUE(BecomesTrue([&] {
      return Notified("firing").count(thief) > 0;
    })) << run_.service().process().errors();
    delays.push_back(absl::Now() - begin);
  }
  std::sort(delays.begin(), delays.end());
  std::cout << "from the event in the log to Alertmanager's notification: "
            << absl::FormatDuration(delays[2]) << " (median), "
            << absl::FormatDuration(delays.back()) << " (longest)\n";
  ASSERT_TRUE(BecomesTrue([&] { return Notified("resolved").size() == 5; }));
  AwaitResends();
  EXPECT_THAT(Notified("firing"), AllOf(SizeIs(5), Each(Pair(testing::_, 1))));
  EXPECT_THAT(Notified("resolved"),
              AllOf(SizeIs(5), Each(Pair(testing::_, 1))));
  EXPECT_THAT(Listed(alertmanager_->url()), IsEmpty());
}

TEST_F(AlertsTest, AmtoolListsTheSameAlertsHereAndAtAlertmanager) {
  run_.Start(Output("1h"));
  const absl::Time begin = absl::Now();
  const std::vector<std::string> lines = DemoLogLinesUntil(begin);
  run_.log().Append(absl::StrCat(absl::StrJoin(lines, "\n"), "\n"));
  run_.log().Append(TheftBy("quote\\\" \\\\ \\u0007 \\n<b>", begin, 1));
  run_.log().Append(TheftBy(std::string(5000, 'x'), begin, 2));
  ASSERT_TRUE(BecomesTrue([&] {
    return run_.Sum("oddverb_events_total") ==
               static_cast<double>(lines.size() + 2) &&
           run_.Metric("oddverb_queue_depth{queue=\"judge\"}") == 0;
  }));
  auto all_told = [&] {
    auto ours = Listed(run_.url());
    return ours.size() >= 5 && run_.Waiting("alerts") == 0 &&
           ours == Listed(alertmanager_->url());
  };
  EXPECT_TRUE(BecomesTrue(all_told));
  std::cout << Listed(run_.url()).size()
            << " alerts of the bundled log listed by amtool\n";
  for (const char* filter : {"severity=critical", "severity!=critical",
                             "subject=~quote.*", "alertname=nothing"}) {
    EXPECT_TRUE(Listed(run_.url(), {filter}) ==
                Listed(alertmanager_->url(), {filter}))
        << filter;
  }
  EXPECT_THAT(Listed(run_.url(), {"subject=~quote.*"}), SizeIs(1));
  // The gauge counts the same.
  EXPECT_EQ(run_.Sum("oddverb_alerts_active"), Listed(run_.url()).size());
}

// Nobody could be told during the attack; the service is killed, too.
TEST_F(AlertsTest, DownForTheWholeAttackEveryAlertArrivesOnce) {
  alertmanager_->Stop();
  run_.Start(Output("3s"));
  constexpr uint64_t kBeforeKill = 25, kThieves = 40;
  for (uint64_t i = 0; i < kThieves; ++i) {
    if (i == kBeforeKill) {
      ASSERT_TRUE(BecomesTrue([&] {
        return run_.Findings().size() == kBeforeKill &&
               run_.Attempts("alerts", "retry") >= 3;
      }));
      run_.Kill();
      run_.Start(Output("3s"));
    }
    run_.log().Append(TheftBy(absl::StrCat("thief-", i), absl::Now(), i));
  }
  ASSERT_TRUE(BecomesTrue([&] { return run_.Findings().size() == kThieves; }));
  // The attack is long over when somebody listens.
  EXPECT_TRUE(BecomesTrue([&] { return Listed(run_.url()).empty(); }));
  EXPECT_EQ(run_.Waiting("alerts"), kThieves);
  EXPECT_THAT(webhook_.requests(), IsEmpty());
  run_.Kill();
  run_.Start(Output("3s"));

  alertmanager_->StartAgain();
  ASSERT_TRUE(alertmanager_->is_running());
  ASSERT_TRUE(BecomesTrue([&] {
    return Notified("resolved").size() == kThieves;
  })) << run_.service().process().errors();
  AwaitResends();
  EXPECT_THAT(Notified("firing"),
              AllOf(SizeIs(kThieves), Each(Pair(testing::_, 1))));
  EXPECT_THAT(Notified("resolved"),
              AllOf(SizeIs(kThieves), Each(Pair(testing::_, 1))));
  EXPECT_EQ(run_.Waiting("alerts"), 0);
}

// ODDVERB_PROOF_LOAD=1: 10,000 findings.
TEST_F(AlertsTest, ABurstIsFewNotificationsAndAllOfItIsCounted) {
  const char* load = std::getenv("ODDVERB_PROOF_LOAD");
  const uint64_t made = load != nullptr && std::atof(load) >= 1 ? 10'000 : 2000;
  constexpr uint64_t kTold = 60;  // of each rule in ten minutes
  const uint64_t suppressed = made / 10;
  run_.Start(Output("1h"),
             "suppress: [{name: drill, matchers: {entity: \"drill-*\"}, "
             "reason: the test, expires: 2099-01-01}]\n");
  // All within ten minutes of event time that the limit counts together.
  const absl::Time start = absl::FromUnixSeconds(1'700'000'400);
  std::string burst;
  for (uint64_t i = 0; i < made; ++i) {
    burst += TheftBy(absl::StrCat(i % 10 == 3 ? "drill-" : "thief-", i),
                     start + absl::Milliseconds(i), i);
  }
  run_.log().Append(burst);
  // Ends the ten minutes.
  run_.log().Append(TheftBy("after", start + absl::Minutes(11), made));
  const std::string folded_series =
      "oddverb_findings_suppressed_total{detector=\"metadata_access\","
      "reason=\"rate_limited\"}";
  const std::string suppressed_series =
      "oddverb_findings_suppressed_total{detector=\"metadata_access\","
      "reason=\"suppressed\"}";
  ASSERT_TRUE(BecomesTrue([&] { return Notified("firing").size() == 62; }))
      << run_.service().process().errors();
  EXPECT_TRUE(BecomesTrue([&] { return run_.Waiting("alerts") == 0; }));
  EXPECT_TRUE(BecomesTrue([&] { return run_.Waiting("file") == 0; }));

  // 60, one that counts the rest, and the one after.
  const double opened = run_.Sum("oddverb_findings_total");
  EXPECT_EQ(opened, kTold + 2);
  const double sent = opened - 2;
  EXPECT_EQ(sent + run_.Metric(folded_series) + run_.Metric(suppressed_series),
            made);
  EXPECT_EQ(run_.Metric(suppressed_series), suppressed);
  std::set<std::string> ids;
  json summary;
  for (const json& finding : run_.Findings()) {
    ids.insert(finding["id"]);
    if (finding["rule"] == "metadata.exec.overflow") summary = finding;
  }
  EXPECT_THAT(ids, SizeIs(kTold + 2));
  EXPECT_EQ(summary["state"], "final");
  EXPECT_EQ(summary["count"], run_.Metric(folded_series));

  AwaitResends();
  EXPECT_THAT(Notified("firing"),
              AllOf(SizeIs(kTold + 2), Each(Pair(testing::_, 1))));
  EXPECT_THAT(Listed(alertmanager_->url()), SizeIs(kTold + 2));
  std::cout << made << " findings: " << sent << " sent, "
            << run_.Metric(folded_series) << " folded into one, " << suppressed
            << " suppressed; " << webhook_.count() << " notifications\n";
}

}  // namespace
}  // namespace oddverb
