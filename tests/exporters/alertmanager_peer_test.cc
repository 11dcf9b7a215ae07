// Against the real Alertmanager of Debian, with a webhook that counts what
// people would be told.
#include <map>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "exporters/alertmanager_exporter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "nlohmann/json.hpp"
#include "tests/exporters/alert_findings.h"
#include "tests/support/alertmanager_process.h"
#include "tests/support/random_finding.h"
#include "tests/support/recording_server.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

class AlertmanagerPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasAlertmanager()) GTEST_SKIP() << kNoAlertmanager;
    alertmanager_ = std::make_unique<AlertmanagerProcess>(webhook_.url());
    ASSERT_TRUE(alertmanager_->is_running());
  }

  std::unique_ptr<AlertmanagerExporter> Make(std::vector<std::string> urls) {
    options_.urls = std::move(urls);
    absl::StatusOr<std::unique_ptr<AlertmanagerExporter>> made =
        AlertmanagerExporter::Make(options_, clock_);
    EXPECT_THAT(made, IsOk());
    return *std::move(made);
  }
  static absl::Status Export(AlertmanagerExporter& exporter,
                             const std::vector<Finding>& findings) {
    return exporter.Export(findings, absl::InfiniteFuture());
  }
  absl::Status Work(AlertmanagerExporter& exporter) {
    return exporter.Work(clock_.Now(), absl::InfiniteFuture());
  }

  // How often people were told about a subject, by status.
  std::map<std::string, int> Notified(const std::string& status) const {
    std::map<std::string, int> notified;
    for (const RecordedRequest& request : webhook_.requests()) {
      nlohmann::json body = nlohmann::json::parse(request.body);
      for (const nlohmann::json& alert : body["alerts"]) {
        if (alert["status"] != status) continue;
        ++notified[alert["labels"].value("subject", "")];
      }
    }
    return notified;
  }
  bool AwaitNotified(const std::string& status, size_t subjects) const {
    return Eventually([&] { return Notified(status).size() >= subjects; });
  }

  static nlohmann::json AlertsAt(const AlertmanagerProcess& peer) {
    auto client = HttpClient::Make({});
    EXPECT_THAT(client, IsOk());
    auto answer =
        (*client)->Send({.method = "GET", .url = peer.url() + "/api/v2/alerts"},
                        absl::Seconds(30));
    EXPECT_THAT(answer, IsOk());
    return nlohmann::json::parse(answer->body);
  }

  SystemClock clock_;
  RecordingServer webhook_;
  AlertmanagerOptions options_;
  std::unique_ptr<AlertmanagerProcess> alertmanager_;
};

TEST_F(AlertmanagerPeerTest, AnAlertArrivesIsToldOnceAndResolvesAfterItsHold) {
  options_.alerts.hold = absl::Seconds(1);
  options_.resend_interval = absl::Milliseconds(100);
  options_.alerts.form.external_url = "https://oddverb.example";
  auto exporter = Make({alertmanager_->url()});
  Finding finding = FindingOf("system:serviceaccount:web:frontend");
  ASSERT_THAT(Export(*exporter, {finding}), IsOk());
  // Its group may be gone before it is told, if the end came first.
  ASSERT_TRUE(AwaitNotified("firing", 1));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(Work(*exporter), IsOk());
    return !Notified("resolved").empty();
  }));
  EXPECT_EQ(Notified("firing")[finding.entity], 1);
  EXPECT_EQ(Notified("resolved")[finding.entity], 1);
  nlohmann::json told = nlohmann::json::parse(webhook_.requests()[0].body);
  nlohmann::json alert = told["alerts"][0];
  EXPECT_EQ(alert["labels"]["alertname"], "ForbiddenProbingBurst");
  EXPECT_EQ(alert["annotations"]["summary"], finding.summary);
  EXPECT_EQ(alert["generatorURL"],
            "https://oddverb.example/api/v1/findings?id=" + finding.id.ToHex());
  EXPECT_EQ(std::stoull(alert["fingerprint"].get<std::string>(), nullptr, 16),
            AlertFingerprint(MakeAlert(finding, {}).labels));
}

TEST_F(AlertmanagerPeerTest, DownForTheWholeAttackEveryAlertArrivesOnce) {
  options_.alerts.hold = absl::Milliseconds(200);  // long over when it is back
  options_.resend_interval = absl::Milliseconds(200);
  auto exporter = Make({alertmanager_->url()});
  alertmanager_->Stop();
  std::vector<Finding> attack;
  for (int i = 0; i < 100; ++i) {
    attack.push_back(FindingOf(absl::StrCat("s", i)));
    EXPECT_THAT(Export(*exporter, {attack.back()}),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("connect")));
  }
  absl::SleepFor(absl::Seconds(1));
  EXPECT_THAT(Work(*exporter), StatusIs(absl::StatusCode::kUnavailable, _));

  options_.alerts.hold = absl::Minutes(15);
  StateWriter saved;
  exporter->Save(saved);
  exporter = Make({alertmanager_->url()});  // a restart in between
  StateReader in(saved.bytes());
  ASSERT_THAT(exporter->Load(in), IsOk());
  alertmanager_->StartAgain();
  ASSERT_TRUE(alertmanager_->is_running());
  EXPECT_TRUE(Eventually([&] { return Work(*exporter).ok(); }));
  ASSERT_THAT(Export(*exporter, attack), IsOk()) << "the queue's retry";
  ASSERT_TRUE(AwaitNotified("firing", 100));
  for (int i = 0; i < 3; ++i) {
    absl::SleepFor(options_.resend_interval);
    EXPECT_THAT(Work(*exporter), IsOk());
  }
  for (const auto& [subject, times] : Notified("firing")) {
    EXPECT_EQ(times, 1) << subject;
  }
  EXPECT_EQ(Notified("firing").size(), 100u);
  EXPECT_TRUE(Notified("resolved").empty());
}

TEST_F(AlertmanagerPeerTest,
       ToldToBothInstancesByBothReplicasItIsOneAlertEach) {
  RecordingServer other_webhook;
  AlertmanagerProcess second(other_webhook.url());
  ASSERT_TRUE(second.is_running());
  std::mt19937_64 random(17);
  std::vector<Finding> findings;
  for (int i = 0; i < 40; ++i) findings.push_back(RandomFinding(random));
  auto one = Make({alertmanager_->url(), second.url()});
  auto two = Make({second.url(), alertmanager_->url()});
  ASSERT_THAT(Export(*one, findings), IsOk());
  for (const Finding& finding : findings) {
    ASSERT_THAT(Export(*two, {finding}), IsOk());
  }
  size_t expected = one->alerts().FiringAt(clock_.Now()).size();
  ASSERT_GT(expected, 20u);
  for (const AlertmanagerProcess* peer : {alertmanager_.get(), &second}) {
    EXPECT_TRUE(Eventually([&] { return AlertsAt(*peer).size() == expected; }))
        << AlertsAt(*peer).size() << " instead of " << expected;
  }
}

// What an attacker writes arrives as it was meant, and Alertmanager refuses
// nothing of it.
TEST_F(AlertmanagerPeerTest, HostileTextIsTakenAndKeptAsItIs) {
  std::mt19937_64 random(23);
  std::vector<Finding> findings;
  for (int i = 0; i < 120; ++i) findings.push_back(RandomFinding(random));
  Finding huge = FindingOf(std::string(1 << 20, 'x'));
  huge.summary = std::string(1 << 20, '"');
  huge.rule = "user.name={}\n" + std::string(1 << 20, '.');
  huge.why[0].value = std::string(1 << 20, '\x01');
  findings.push_back(huge);
  options_.alerts.form.labels = {{"team", "quote\" and\nline"}};
  auto exporter = Make({alertmanager_->url()});
  ASSERT_THAT(Export(*exporter, findings), IsOk());
  EXPECT_EQ(exporter->instances()[0]->counters().refused, 0u);

  std::map<uint64_t, const Alert*> sent;
  std::vector<ActiveAlert> firing = exporter->alerts().FiringAt(clock_.Now());
  for (const ActiveAlert& active : firing) {
    sent[AlertFingerprint(active.alert->labels)] = active.alert.get();
  }
  ASSERT_TRUE(Eventually(
      [&] { return AlertsAt(*alertmanager_).size() == sent.size(); }));
  for (const nlohmann::json& kept : AlertsAt(*alertmanager_)) {
    auto found = sent.find(
        std::stoull(kept["fingerprint"].get<std::string>(), nullptr, 16));
    ASSERT_NE(found, sent.end()) << kept.dump();
    for (const auto& [name, texts] :
         {std::pair<const char*, const AlertTexts*>{"labels",
                                                    &found->second->labels},
          {"annotations", &found->second->annotations}}) {
      EXPECT_EQ(kept[name].size(), texts->size());
      for (const AlertText& text : *texts) {
        EXPECT_EQ(kept[name].value(text.name, ""), text.value);
      }
    }
  }
}

TEST_F(AlertmanagerPeerTest, ARestartKeepsTheStartAndResolvesLater) {
  options_.alerts.hold = absl::Seconds(2);
  options_.resend_interval = absl::Milliseconds(200);
  auto exporter = Make({alertmanager_->url()});
  Finding finding = FindingOf("a");
  ASSERT_THAT(Export(*exporter, {finding}), IsOk());
  ASSERT_TRUE(AwaitNotified("firing", 1));
  std::string starts_at = AlertsAt(*alertmanager_)[0]["startsAt"];
  StateWriter saved;
  exporter->Save(saved);

  exporter = Make({alertmanager_->url()});
  StateReader in(saved.bytes());
  ASSERT_THAT(exporter->Load(in), IsOk());
  ASSERT_THAT(Work(*exporter), IsOk());
  ASSERT_EQ(AlertsAt(*alertmanager_).size(), 1u);
  EXPECT_EQ(AlertsAt(*alertmanager_)[0]["startsAt"], starts_at);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(Work(*exporter), IsOk());
    return !Notified("resolved").empty();
  }));
  EXPECT_EQ(Notified("firing")[finding.entity], 1);
}

}  // namespace
}  // namespace oddverb
