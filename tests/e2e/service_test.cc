// The service as a whole, killed at random places: nothing lost, nothing shown
// twice, and the ids of an uninterrupted scan.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/e2e/running_service.h"
#include "tests/support/child_process.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

// What is open at the end of a scan gets its last state there; in a service,
// when its time has come. So the logs here end with events of a year later,
// which let all windows end in both.
std::vector<std::string> WithQuietEnd(std::vector<std::string> lines) {
  for (int minute = 10; minute < 40; ++minute) {
    std::string time = absl::StrCat("2027-12-31T00:", minute, ":00.000000Z");
    lines.push_back(absl::StrCat(
        R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
        R"("auditID":"quiet-)", minute, R"(","stage":"ResponseComplete",)",
        R"("requestURI":"/healthz","verb":"get","user":{"username":)",
        R"("system:kube-probe","groups":["system:authenticated"]},)",
        R"("sourceIPs":["127.0.0.1"],"userAgent":"kube-probe/1.34",)",
        R"("responseStatus":{"metadata":{},"code":200},)",
        R"("requestReceivedTimestamp":")", time, R"(","stageTimestamp":")",
        time, R"("})"));
  }
  return lines;
}

// What different actors' findings say at one moment comes in the order of
// shards, and so of the hash key, which a service has of its own. The states of
// one finding have their order everywhere.
std::vector<std::string> ById(std::vector<std::string> lines) {
  auto id_of = [](const std::string& line) {
    size_t at = line.find("\"id\":\"");
    return line.substr(std::min(at, line.size()), 40);
  };
  std::stable_sort(lines.begin(), lines.end(),
                   [&](const std::string& a, const std::string& b) {
                     return id_of(a) < id_of(b);
                   });
  return lines;
}

// A state directory, a folder of logs, a configuration and an output file.
class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() : log_(MakeLogFolder()) {
    config_ = folder_.Write("config.yaml",
                            absl::StrCat(R"(cluster: lab
state_dir: )",
                                         folder_.path("state"), R"(
checkpoint: {interval: 200ms}
sources:
  - {name: audit, type: tail, path: )",
                                         log_.path(), R"(, poll_interval: 100ms}
listeners:
  - {name: local, address: "127.0.0.1:0", serve: [metrics, health]}
outputs:
  - {name: file, type: ndjson, path: )",
                                         output(), R"(}
)"));
  }

  std::string MakeLogFolder() {
    std::filesystem::create_directory(folder_.path("log"));
    return folder_.path("log");
  }
  std::string output() const { return folder_.path("findings.ndjson"); }

  std::unique_ptr<ChildProcess> Start() {
    return std::make_unique<ChildProcess>(
        OddverbSetup({"run", "--config", config_}));
  }

  // What a stream of the same events shows, one line a state.
  static std::vector<std::string> Expected(
      const std::vector<std::string>& lines) {
    std::string input;
    for (const std::string& line : lines) absl::StrAppend(&input, line, "\n");
    ChildResult scan = Oddverb(
        {"scan", "-", "--format", "ndjson", "--cluster", "lab", "-q"}, input);
    return ById(LinesOf(scan.output));
  }

  // Waits until the output holds `wanted` lines, and a little longer: more
  // would be as wrong as fewer.
  std::vector<std::string> AwaitOutput(size_t wanted) {
    absl::Time deadline = absl::Now() + absl::Seconds(60);
    std::vector<std::string> lines;
    do {
      absl::SleepFor(absl::Milliseconds(20));
      lines = LinesOf(ReadFile(output()));
    } while (lines.size() < wanted && absl::Now() < deadline);
    absl::SleepFor(absl::Milliseconds(500));
    return ById(LinesOf(ReadFile(output())));
  }

  TempFolder folder_;
  RotatingLog log_;
  std::string config_;
};

TEST_F(ServiceTest, FollowsALogAndStopsCleanly) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(6000);
  lines = WithQuietEnd(std::move(lines));
  for (const std::string& line : lines) log_.Append(line + "\n");
  std::vector<std::string> expected = Expected(lines);
  ASSERT_GT(expected.size(), 10u);
  std::unique_ptr<ChildProcess> service = Start();
  EXPECT_EQ(AwaitOutput(expected.size()), expected);
  service->Signal(SIGTERM);
  ChildResult result = service->Wait();
  EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("msg=stopped"));
}

TEST_F(ServiceTest, TellsOfALogThatWasEmptiedUnderIt) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(1000);
  lines = WithQuietEnd(std::move(lines));
  for (const std::string& line : lines) log_.Append(line + "\n");
  std::vector<std::string> expected = Expected(lines);
  ASSERT_GT(expected.size(), 0u);
  std::unique_ptr<ChildProcess> service = Start();
  EXPECT_EQ(AwaitOutput(expected.size()), expected);
  log_.Truncate();
  std::vector<std::string> found = AwaitOutput(expected.size() + 1);
  ASSERT_EQ(found.size(), expected.size() + 1);
  EXPECT_THAT(found, ::testing::Contains(AllOf(
                         HasSubstr(R"("rule":"audit.gap")"),
                         HasSubstr(R"("severity":"high")"),
                         HasSubstr(R"("entity":"audit")"),
                         HasSubstr(log_.path() + " was emptied in place"))));
  // The same log is not told of again.
  service->Signal(SIGKILL);
  service->Wait();
  service = Start();
  EXPECT_EQ(AwaitOutput(found.size()), found);
}

TEST_F(ServiceTest, KillsLoseNothingAndShowNothingTwice) {
  std::vector<std::string> lines = WithQuietEnd(DemoLogLines());
  std::vector<std::string> expected = Expected(lines);
  ASSERT_GT(expected.size(), 20u);
  std::mt19937_64 random(11);
  std::unique_ptr<ChildProcess> service = Start();
  int kills = 0;
  std::string rotated;
  for (size_t i = 0; i < lines.size(); ++i) {
    log_.Append(lines[i] + "\n");
    if (i % 2500 == 2499) {
      // The last one is compressed while the service is at work.
      if (!rotated.empty()) {
        RotatingLog::CompressHalf(rotated);
        RotatingLog::CompressAll(rotated);
        RotatingLog::RemovePlain(rotated);
      }
      rotated = log_.Rotate();
    }
    if (i % 600 != 599) continue;
    absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(random() % 150)));
    service->Signal(SIGKILL);
    service->Wait();
    ++kills;
    service = Start();
  }
  EXPECT_GE(kills, 30);
  EXPECT_EQ(AwaitOutput(expected.size()), expected);
}

// Three hops: log -> forwarder -> receiver. Both are killed on the way.
TEST_F(ServiceTest, ForwardersAndReceiversLoseNothing) {
  std::vector<std::string> lines = DemoLogLines();
  lines.resize(8000);
  lines = WithQuietEnd(std::move(lines));
  std::vector<std::string> expected = Expected(lines);
  ASSERT_GT(expected.size(), 10u);
  std::string port = "0";
  auto start_judge = [&] {
    std::string config = folder_.Write(
        "judge.yaml",
        absl::StrCat("cluster: lab\nstate_dir: ", folder_.path("judge"),
                     "\nsources: [{type: webhook, listener: in}]\n"
                     "listeners: [{name: in, address: \"127.0.0.1:",
                     port,
                     "\", serve: [audit]}]\n"
                     "outputs: [{type: ndjson, path: ",
                     output(), "}]\n"));
    return std::make_unique<ChildProcess>(
        OddverbSetup({"run", "--config", config}));
  };
  std::unique_ptr<ChildProcess> judge = start_judge();
  port = PortOf(*judge);
  ASSERT_FALSE(port.empty()) << judge->errors();
  auto start_forwarder = [&] {
    return std::make_unique<ChildProcess>(
        OddverbSetup({"forward", "--config", config_, "--to",
                      absl::StrCat("http://127.0.0.1:", port, "/audit/lab")}));
  };
  std::unique_ptr<ChildProcess> forwarder = start_forwarder();
  for (size_t i = 0; i < lines.size(); ++i) {
    log_.Append(lines[i] + "\n");
    if (i % 1600 == 1599) {
      forwarder->Signal(SIGKILL);
      forwarder->Wait();
      forwarder = start_forwarder();
    }
    if (i % 2000 == 1999) {
      judge->Signal(SIGKILL);
      judge->Wait();
      judge = start_judge();
    }
    if (i % 200 == 199) absl::SleepFor(absl::Milliseconds(20));
  }
  std::vector<std::string> found = AwaitOutput(expected.size());
  EXPECT_EQ(found, expected) << forwarder->errors() << "\n" << judge->errors();
}

TEST_F(ServiceTest, RefusesABadConfigurationWithItsPlace) {
  std::string bad = folder_.Write("bad.yaml", "cluster: lab\nsuorces: []\n");
  ChildResult result = Oddverb({"run", "--config", bad});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("bad.yaml:2:1"));
  EXPECT_THAT(result.errors, HasSubstr("sources"));
}

TEST_F(ServiceTest, AnswersForHealthMetricsAndNothingElseHere) {
  log_.Append(DemoLogLines()[0] + "\n");
  std::unique_ptr<ChildProcess> service = Start();
  std::string port = PortOf(*service);
  ASSERT_FALSE(port.empty()) << service->errors();
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  std::string metrics;
  do {
    metrics = Get(port, "/metrics");
  } while (metrics.find("stage=\"ResponseComplete\"} 1\n") ==
               std::string::npos &&
           absl::Now() < deadline);
  EXPECT_THAT(metrics,
              HasSubstr("oddverb_source_last_event_timestamp_seconds{source="
                        "\"audit\"} 1795476"));
  EXPECT_THAT(metrics, HasSubstr("stage=\"ResponseComplete\"} 1\n"));
  for (const char* path :
       {"/-/healthy", "/healthz", "/livez", "/-/ready", "/readyz"}) {
    EXPECT_EQ(Get(port, path), "OK\n") << path;
  }
  // The listener does not serve the api.
  for (const char* path : {"/config", "/version", "/api/v1/findings"}) {
    EXPECT_EQ(Get(port, path), "") << path;
  }
}

TEST_F(ServiceTest, ShowsFiringAlertsAsAlertmanagerDoes) {
  std::string config = ReadFile(config_);
  config.replace(config.find("[metrics, health]"), 17, "[api]");
  config_ = folder_.Write("api.yaml", config);
  for (const std::string& line : DemoLogLines()) log_.Append(line + "\n");
  std::unique_ptr<ChildProcess> service = Start();
  std::string port = PortOf(*service);
  ASSERT_FALSE(port.empty()) << service->errors();
  absl::Time deadline = absl::Now() + absl::Seconds(60);
  nlohmann::json alerts;
  do {
    absl::SleepFor(absl::Milliseconds(20));
    std::string text = Get(port, "/api/v2/alerts?filter=cluster%3D%22lab%22");
    alerts = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  } while (alerts.size() < 10 && absl::Now() < deadline);
  ASSERT_GE(alerts.size(), 10u);
  // The link of an alert leads to its finding.
  std::string id = alerts[0]["annotations"]["finding_id"];
  nlohmann::json found =
      nlohmann::json::parse(Get(port, "/api/v1/findings?id=" + id));
  ASSERT_GE(found.size(), 1u);
  EXPECT_EQ(found[0]["id"], id);
  EXPECT_EQ(found[0]["entity"], alerts[0]["labels"]["subject"]);
}

TEST_F(ServiceTest, IsNotReadyWhileItsLogCannotBeRead) {
  log_.Delete();
  std::filesystem::remove_all(log_.path().substr(0, log_.path().rfind('/')));
  std::unique_ptr<ChildProcess> service = Start();
  std::string port = PortOf(*service);
  ASSERT_FALSE(port.empty()) << service->errors();
  absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!Get(port, "/-/ready").empty() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(Get(port, "/-/ready"), "");
  EXPECT_EQ(Get(port, "/-/healthy"), "OK\n") << "a restart would not help";
}

TEST_F(ServiceTest, OneStateDirectoryServesOneProcess) {
  std::unique_ptr<ChildProcess> first = Start();
  ASSERT_TRUE(first->ReadErrors("msg=started")) << first->errors();
  ChildResult second = Oddverb({"run", "--config", config_});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.errors, HasSubstr("uses this state directory"));
}

}  // namespace
}  // namespace oddverb
