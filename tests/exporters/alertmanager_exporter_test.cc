// Against receivers that answer whatever a receiver may answer. The real one:
// alertmanager_peer_test.cc.
#include "exporters/alertmanager_exporter.h"

#include <functional>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/exporters/alert_findings.h"
#include "tests/support/raw_server.h"
#include "tests/support/recording_server.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kFiringStart = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

std::vector<nlohmann::json> AlertsIn(const RecordedRequest& request) {
  return nlohmann::json::parse(request.body).get<std::vector<nlohmann::json>>();
}

std::vector<std::string> SubjectsIn(const RecordedRequest& request) {
  std::vector<std::string> subjects;
  for (const nlohmann::json& alert : AlertsIn(request)) {
    subjects.push_back(alert["labels"]["subject"]);
  }
  return subjects;
}

class AlertmanagerExporterTest : public ::testing::Test {
 protected:
  void Make(std::vector<std::string> urls) {
    options_.urls = std::move(urls);
    absl::StatusOr<std::unique_ptr<AlertmanagerExporter>> made =
        AlertmanagerExporter::Make(options_, clock_);
    ASSERT_THAT(made, IsOk());
    exporter_ = *std::move(made);
  }
  absl::Status Export(const std::vector<Finding>& findings) {
    return exporter_->Export(findings, absl::InfiniteFuture());
  }
  absl::Status Export(const Finding& finding) {
    return exporter_->Export({&finding, 1}, absl::InfiniteFuture());
  }
  absl::Status Work() {
    return exporter_->Work(clock_.Now(), absl::InfiniteFuture());
  }

  ManualClock clock_{kFiringStart};
  AlertmanagerOptions options_;
  std::unique_ptr<AlertmanagerExporter> exporter_;
};

TEST_F(AlertmanagerExporterTest, PostsWhatApiV2AsksFor) {
  RecordingServer server;
  options_.headers = {{"X-Scope-OrgID", "a"}};
  options_.bearer_token = "secret";
  options_.alerts.form.external_url = "http://oddverb.example";
  Make({server.url() + "/am/"});
  Finding finding = FindingOf("system:serviceaccount:web:frontend");
  ASSERT_THAT(Export(finding), IsOk());
  ASSERT_THAT(server.requests(), SizeIs(1));
  RecordedRequest request = server.requests()[0];
  EXPECT_EQ(request.head.method, "POST");
  EXPECT_EQ(request.head.path, "/am/api/v2/alerts");
  EXPECT_EQ(request.head.Header("Content-Type"), "application/json");
  EXPECT_EQ(request.head.Header("Authorization"), "Bearer secret");
  EXPECT_EQ(request.head.Header("X-Scope-OrgID"), "a");
  ASSERT_THAT(AlertsIn(request), SizeIs(1));
  nlohmann::json alert = AlertsIn(request)[0];
  EXPECT_EQ(alert["labels"]["alertname"], "ForbiddenProbingBurst");
  EXPECT_EQ(alert["annotations"]["summary"], finding.summary);
  EXPECT_EQ(alert["startsAt"], "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(alert["endsAt"], "2027-01-15T08:04:00.000Z");
  EXPECT_EQ(alert["generatorURL"],
            "http://oddverb.example/api/v1/findings?id=" + finding.id.ToHex());
}

TEST_F(AlertmanagerExporterTest, ResendsEachMinuteAndThenTellsTheEnd) {
  RecordingServer server;
  Make({server.url()});
  EXPECT_EQ(exporter_->next_work(), absl::InfiniteFuture());
  ASSERT_THAT(Export(FindingOf("a")), IsOk());
  std::vector<std::string> story;
  size_t seen = server.count();
  for (int i = 0; i < 30; ++i) {
    if (exporter_->next_work() == absl::InfiniteFuture()) break;
    ASSERT_GT(exporter_->next_work(), clock_.Now()) << "no busy loop";
    clock_.Advance(exporter_->next_work() - clock_.Now());
    ASSERT_THAT(Work(), IsOk());
    std::vector<RecordedRequest> requests = server.requests();
    for (; seen < requests.size(); ++seen) {
      nlohmann::json alert = AlertsIn(requests[seen])[0];
      EXPECT_EQ(alert["startsAt"], "2027-01-15T08:00:00.000Z");
      story.push_back(alert["endsAt"].get<std::string>().substr(11, 5));
    }
  }
  EXPECT_EQ(exporter_->next_work(), absl::InfiniteFuture()) << "all told";
  std::vector<std::string> expected;
  for (int minute = 1; minute < 15; ++minute) {
    expected.push_back(absl::StrFormat("08:%02d", minute + 4));
  }
  // Resolved at 08:15: told at once and, as a resend is due, with all others;
  // then until it is forgotten.
  for (int i = 0; i < 6; ++i) expected.push_back("08:15");
  EXPECT_EQ(story, expected);
}

TEST_F(AlertmanagerExporterTest, TellsAllOfThemAndIsFineIfOneTakesIt) {
  RecordingServer one;
  RecordingServer two;
  Make({one.url(), two.url()});
  ASSERT_THAT(Export(FindingOf("a")), IsOk());
  EXPECT_EQ(one.count(), 1u);
  EXPECT_EQ(two.count(), 1u);
  EXPECT_EQ(one.requests()[0].body, two.requests()[0].body);

  one.AnswerWithStatus(500);
  ASSERT_THAT(Export(FindingOf("b")), IsOk());
  one.AnswerWithStatus(200);
  ASSERT_THAT(Export(FindingOf("c")), IsOk());  // one rests meanwhile
  EXPECT_EQ(one.count(), 2u);
  EXPECT_EQ(exporter_->instances()[0]->counters().failures, 1u);
  EXPECT_EQ(exporter_->instances()[1]->counters().failures, 0u);
  EXPECT_EQ(exporter_->instances()[1]->counters().taken, 3u);

  // It is back: everything that fires.
  clock_.Advance(exporter_->next_work() - clock_.Now());
  EXPECT_EQ(clock_.Now(), kFiringStart + absl::Seconds(5));
  ASSERT_THAT(Work(), IsOk());
  EXPECT_THAT(SubjectsIn(one.requests().back()), ElementsAre("a", "b", "c"));
  EXPECT_EQ(two.count(), 3u);
}

TEST_F(AlertmanagerExporterTest, FailsWhileNoneTakesItAndLosesNothing) {
  RecordingServer one;
  RecordingServer two;
  one.AnswerWithStatus(503);
  two.AnswerWithStatus(429);
  Make({one.url(), two.url()});
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Export(FindingOf("a")),
                StatusIs(kUnavailable, HasSubstr("503")));
    clock_.Advance(absl::Hours(1));  // far longer than the hold
    EXPECT_THAT(Work(), StatusIs(kUnavailable, HasSubstr("50")));
  }
  one.AnswerWithStatus(200);
  two.AnswerWithStatus(200);
  clock_.Advance(absl::Minutes(1));
  ASSERT_THAT(Work(), IsOk());
  for (RecordingServer* server : {&one, &two}) {
    nlohmann::json alert = AlertsIn(server->requests().back())[0];
    EXPECT_EQ(alert["labels"]["subject"], "a");
    EXPECT_EQ(alert["startsAt"], "2027-01-15T08:00:00.000Z");
  }
  EXPECT_THAT(exporter_->alerts().FiringAt(clock_.Now()), SizeIs(1));
  clock_.Advance(absl::Minutes(15));
  ASSERT_THAT(Work(), IsOk());
  EXPECT_THAT(exporter_->alerts().FiringAt(clock_.Now()), IsEmpty());
}

TEST_F(AlertmanagerExporterTest, OneThatIsBackGetsAtOnceWhatItHasMissed) {
  RecordingServer server;
  server.AnswerWithStatus(500);
  Make({server.url()});
  EXPECT_THAT(Export(FindingOf("a")), StatusIs(kUnavailable, _));
  server.AnswerWithStatus(200);
  ASSERT_THAT(Export(FindingOf("b")), IsOk());
  EXPECT_LE(exporter_->next_work(), clock_.Now());
  ASSERT_THAT(Work(), IsOk());
  EXPECT_THAT(SubjectsIn(server.requests().back()), ElementsAre("a", "b"));
  EXPECT_EQ(exporter_->next_work(), clock_.Now() + absl::Minutes(1));
}

TEST_F(AlertmanagerExporterTest, HasAnErrorForEveryAnswer) {
  struct Case {
    const char* name;
    int status;
    absl::StatusCode code;
  } cases[] = {{"ok", 200, absl::StatusCode::kOk},
               {"accepted", 202, absl::StatusCode::kOk},
               {"bad", 400, absl::StatusCode::kInvalidArgument},
               {"unauthorized", 401, kUnavailable},
               {"not found", 404, kUnavailable},
               {"too large", 413, absl::StatusCode::kInvalidArgument},
               {"media type", 415, absl::StatusCode::kInvalidArgument},
               {"too many", 429, kUnavailable},
               {"internal", 500, kUnavailable},
               {"bad gateway", 502, kUnavailable},
               {"moved", 302, absl::StatusCode::kInvalidArgument}};
  RecordingServer server;
  for (const Case& c : cases) {
    Make({server.url()});
    server.AnswerWith([&c](const RecordedRequest&) {
      HttpResponse response;
      response.status = c.status;
      response.body = "<html>\x1b[2J";
      response.retry_after = absl::Seconds(7);
      return response;
    });
    absl::Status status = Export(FindingOf("a"));
    EXPECT_EQ(status.code(), c.code) << c.name << status;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("\x1b")));
    if (c.status == 429) {
      EXPECT_EQ(RetryAfterOf(status), absl::Seconds(7));
    }
    if (!status.ok()) {
      EXPECT_THAT(exporter_->alerts().All(), SizeIs(1)) << "is not lost";
    }
  }
}

TEST_F(AlertmanagerExporterTest, SurvivesWhatIsNoHttpServer) {
  struct Case {
    const char* name;
    std::string bytes;
    RawServer::Then then;
  } cases[] = {
      {"nothing", "", RawServer::Then::kClose},
      {"garbage", std::string(10'000, '\xff'), RawServer::Then::kClose},
      {"another protocol", "220 mail ESMTP\r\n", RawServer::Then::kClose},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-", RawServer::Then::kClose},
      {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
       RawServer::Then::kClose},
      {"silence", "", RawServer::Then::kHang},
      {"a body that hangs", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
       RawServer::Then::kHang}};
  options_.timeout = absl::Milliseconds(300);
  for (const Case& c : cases) {
    RawServer server(c.bytes, c.then);
    Make({server.url()});
    EXPECT_THAT(Export(FindingOf("a")), StatusIs(kUnavailable, _)) << c.name;
    EXPECT_GE(server.connections(), 1) << c.name;
  }
}

TEST_F(AlertmanagerExporterTest, ASilentOneDoesNotTakeTheTimeOfTheOthers) {
  RawServer silent("", RawServer::Then::kHang);
  RecordingServer works;
  options_.timeout = absl::Milliseconds(300);
  Make({silent.url(), works.url()});
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Export(FindingOf(absl::StrCat("s", i))), IsOk());
  }
  EXPECT_EQ(works.count(), 20u);
  EXPECT_EQ(exporter_->instances()[0]->counters().failures, 1u);
}

// As Alertmanager 0.25 does: it keeps the good ones and answers 400.
TEST_F(AlertmanagerExporterTest, FindsTheAlertThatIsRefused) {
  RecordingServer server;
  std::set<std::string> kept;
  server.AnswerWith([&kept](const RecordedRequest& request) {
    bool has_bad = false;
    std::vector<std::string> subjects = SubjectsIn(request);
    for (const std::string& subject : subjects) {
      if (subject == "s13") has_bad = true;
    }
    if (!has_bad) kept.insert(subjects.begin(), subjects.end());
    return HttpResponse{.status = has_bad ? 400 : 200};
  });
  Make({server.url()});
  std::vector<Finding> findings;
  for (int i = 0; i < 100; ++i) {
    findings.push_back(FindingOf(absl::StrCat("s", i)));
  }
  EXPECT_THAT(Export(findings), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("refuses 1 of 100 alerts")));
  EXPECT_EQ(kept.size(), 99u);
  EXPECT_LE(server.count(), 2u + 2 * 6);
  EXPECT_EQ(exporter_->instances()[0]->counters().taken, 99u);
  EXPECT_EQ(exporter_->instances()[0]->counters().refused, 1u);
}

TEST_F(AlertmanagerExporterTest, BoundsBatchesAndTheSearchForRefusedAlerts) {
  RecordingServer server;
  options_.alerts.max_per_detector = 400;
  Make({server.url()});
  std::vector<Finding> findings;
  for (int i = 0; i < 300; ++i) {
    findings.push_back(FindingOf(absl::StrCat("s", i)));
  }
  ASSERT_THAT(Export(findings), IsOk());
  std::set<std::string> sent;
  for (const RecordedRequest& request : server.requests()) {
    EXPECT_LE(AlertsIn(request).size(), 64u);
    for (std::string& subject : SubjectsIn(request)) sent.insert(subject);
  }
  EXPECT_EQ(sent.size(), 300u);
  EXPECT_EQ(server.count(), 5u);

  server.AnswerWithStatus(413);
  EXPECT_THAT(Export(findings),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("300")));
  EXPECT_LE(server.count(), 5u + 5 + 2 * 64);
}

TEST_F(AlertmanagerExporterTest, ContinuesAfterARestart) {
  RecordingServer server;
  Make({server.url()});
  ASSERT_THAT(Export(FindingOf("a")), IsOk());
  StateWriter saved;
  exporter_->Save(saved);

  clock_.Advance(absl::Minutes(10));
  Make({server.url()});
  StateReader in(saved.bytes());
  ASSERT_THAT(exporter_->Load(in), IsOk());
  EXPECT_LE(exporter_->next_work(), clock_.Now()) << "resends at once";
  ASSERT_THAT(Work(), IsOk());
  nlohmann::json alert = AlertsIn(server.requests().back())[0];
  EXPECT_EQ(alert["startsAt"], "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(alert["endsAt"], "2027-01-15T08:14:00.000Z");
  clock_.Advance(absl::Minutes(5));
  ASSERT_THAT(Work(), IsOk());
  alert = AlertsIn(server.requests().back())[0];
  EXPECT_EQ(alert["endsAt"], "2027-01-15T08:15:00.000Z");
}

TEST_F(AlertmanagerExporterTest, RefusesOptionsThatCannotWork) {
  struct Case {
    std::function<void(AlertmanagerOptions&)> change;
    const char* mistake;
  };
  auto urls = [](std::vector<std::string> given) {
    return [given](AlertmanagerOptions& options) { options.urls = given; };
  };
  using Options = AlertmanagerOptions;
  const Case cases[] = {
      {urls({}), "urls: between 1 and 32"},
      {urls(std::vector<std::string>(33, "http://a")), "urls: between"},
      {urls({"am:9093"}), "http://HOST:PORT"},
      {urls({"ftp://u:secret@am"}), "http://HOST:PORT"},
      {urls({"http://"}), "http://HOST:PORT"},
      {urls({"http:///x"}), "http://HOST:PORT"},
      {urls({"http://am?x=secret"}), "http://HOST:PORT"},
      {[](Options& o) { o.timeout = absl::ZeroDuration(); }, "timeout"},
      {[](Options& o) { o.resend_interval = -absl::Seconds(1); },
       "resend_interval"},
      {[](Options& o) { o.alerts.hold = absl::ZeroDuration(); }, "hold"},
      {[](Options& o) { o.alerts.max_per_detector = 0; }, "max_per_detector"},
      {[](Options& o) {
         o.alerts.form.labels = {{"severity", "x"}};
       },
       "severity"}};
  for (const Case& c : cases) {
    AlertmanagerOptions options;
    options.urls = {"http://am:9093"};
    c.change(options);
    auto made = AlertmanagerExporter::Make(options, clock_);
    EXPECT_THAT(
        made, StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(c.mistake), Not(HasSubstr("secret")))));
  }
}

TEST_F(AlertmanagerExporterTest, MessagesNameTheInstanceWithoutSecrets) {
  RecordingServer server;
  server.AnswerWithStatus(500);
  std::string host = server.url().substr(std::string("http://").size());
  Make({"http://user:secret@" + host + "/hidden"});
  EXPECT_THAT(Export(FindingOf("a")),
              StatusIs(kUnavailable,
                       AllOf(HasSubstr(server.url()), Not(HasSubstr("secret")),
                             Not(HasSubstr("hidden")))));
}

}  // namespace
}  // namespace oddverb
