// SIGHUP and POST /-/reload: what takes effect at once, what is told to need a
// restart, and what is refused.
#include <signal.h>

#include <fstream>
#include <memory>
#include <thread>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ServiceReloadTest : public ::testing::Test {
 protected:
  ServiceReloadTest() {
    folder_.Write("tokens", "first-token-of-this-test\n");
    folder_.Write("audit.log", "");
    text_ = absl::StrCat(
        "cluster: lab\nstate_dir: ", folder_.path("state"),
        "\nthreads: 1\nlog: {level: info}\ncheckpoint: {interval: 100ms}\n"
        "sources: [{name: log, type: tail, poll_interval: 100ms, path: ",
        folder_.path("audit.log"),
        "}]\nlisteners:\n  - {name: api, address: \"127.0.0.1:0\", serve: "
        "[api], tokens_file: ",
        folder_.path("tokens"),
        "}\n  - {name: open, address: \"127.0.0.1:0\", serve: [metrics, "
        "health]}\noutputs: [{name: file, type: ndjson, min_severity: info, "
        "path: ",
        folder_.path("findings"), "}]\n");
    config_ = folder_.Write("c.yaml", text_);
    service_ = std::make_unique<LoopbackService>(
        std::vector<std::string>{"run", "--config", config_});
    service_->Started();
  }
  void Change(const std::string& text, const std::string& by) {
    EXPECT_THAT(text_, HasSubstr(text));
    text_ = absl::StrReplaceAll(text_, {{text, by}});
    folder_.Write("c.yaml", text_);
  }
  HttpResult Reload(const std::string& token) {
    HttpClientRequest request;
    request.url = "/-/reload";
    request.headers = {{"Authorization", absl::StrCat("Bearer ", token)}};
    return service_->Send("api", request);
  }
  int StatusOf(const std::string& token) {
    return service_->Get("api", "/config", token).status;
  }
  std::string FindingsText() const {
    std::ifstream in(folder_.path("findings"));
    return {std::istreambuf_iterator<char>(in),
            std::istreambuf_iterator<char>()};
  }

  static constexpr char kFirst[] = "first-token-of-this-test";
  static constexpr char kSecond[] = "second-token-of-this-test";

  TempFolder folder_;
  std::string text_;
  std::string config_;
  std::unique_ptr<LoopbackService> service_;
};

TEST_F(ServiceReloadTest, TokensOfTheFileCountAtOnce) {
  EXPECT_EQ(StatusOf(kFirst), 200);
  EXPECT_EQ(StatusOf(kSecond), 401);
  folder_.Write("tokens", absl::StrCat(kSecond, "\n"));
  service_->process().Signal(SIGHUP);
  EXPECT_TRUE(BecomesTrue([&] { return StatusOf(kSecond) == 200; }));
  EXPECT_EQ(StatusOf(kFirst), 401);
  ASSERT_TRUE(service_->process().ReadErrors("configuration reloaded"));
  EXPECT_THAT(
      service_->process().errors(),
      AllOf(HasSubstr("in_effect=listeners.api.tokens_file"),
            HasSubstr("needs_restart=nothing"), Not(HasSubstr(kSecond))));
}

TEST_F(ServiceReloadTest, SaysWhichKeysCountAndWhichWait) {
  Change("threads: 1", "threads: 2");
  Change("level: info", "level: debug");
  Change("min_severity: info", "min_severity: critical");
  HttpResult result = Reload(kFirst);
  EXPECT_EQ(result.status, 200);
  EXPECT_THAT(
      result.body,
      AllOf(HasSubstr("in effect now: log.level, outputs.file.min_severity;"),
            HasSubstr("needs a restart: threads;")));
  // The effective configuration says so, too.
  std::string config = service_->Get("api", "/config", kFirst).body;
  EXPECT_THAT(config, AllOf(HasSubstr("\"level\":\"debug\""),
                            HasSubstr("\"min_severity\":\"critical\""),
                            HasSubstr("\"threads\":1")));
  // What is taken back needs no restart any more.
  Change("threads: 2", "threads: 1");
  EXPECT_THAT(Reload(kFirst).body,
              AllOf(HasSubstr("in effect now: nothing;"),
                    HasSubstr("needs a restart: nothing;")));
}

TEST_F(ServiceReloadTest, TheSeverityOfAnOutputCountsAtOnce) {
  Change("min_severity: info", "min_severity: critical");
  ASSERT_EQ(Reload(kFirst).status, 200);
  {
    std::ofstream log(folder_.path("audit.log"), std::ios::app);
    for (const std::string& line : DemoLogLines()) log << line << "\n";
  }
  EXPECT_TRUE(BecomesTrue(
      [&] { return FindingsText().find("critical") != std::string::npos; }));
  service_->process().Signal(SIGTERM);
  service_->process().Wait();
  EXPECT_THAT(FindingsText(), Not(HasSubstr("\"severity\":\"high\"")));
}

TEST_F(ServiceReloadTest, ABadConfigurationIsRefusedAndTheOldOneStays) {
  folder_.Write("tokens", absl::StrCat(kSecond, "\n"));
  Change("threads: 1", "threads: many");
  HttpResult result = Reload(kFirst);
  EXPECT_EQ(result.status, 400);
  EXPECT_THAT(result.body, HasSubstr("c.yaml:3:10"));
  EXPECT_EQ(StatusOf(kFirst), 200) << "no part of it counts";
  EXPECT_EQ(service_->Metric("open", "oddverb_config_last_reload_successful"),
            0);
  Change("threads: many", "threads: 1");
  EXPECT_EQ(Reload(kFirst).status, 200);
  EXPECT_EQ(service_->Metric("open", "oddverb_config_last_reload_successful"),
            1);
  EXPECT_EQ(StatusOf(kSecond), 200);
}

// SIGHUP must not end a forwarder, as it ends a program that knows none.
TEST(ForwardReloadTest, TokensOfListenersCountAtOnceAndAMistakeIsRefused) {
  TempFolder folder;
  const std::string first = "first-token-of-this-test";
  const std::string second = "second-token-of-this-test";
  folder.Write("tokens", first + "\n");
  auto write = [&](const std::string& threads) {
    return folder.Write(
        "c.yaml",
        absl::StrCat("cluster: lab\nthreads: ", threads,
                     "\nstate_dir: ", folder.path("state"),
                     "\nsources: [{name: hook, type: webhook, listener: in}]\n"
                     "listeners:\n"
                     "  - {name: in, address: \"127.0.0.1:0\", serve: "
                     "[audit]}\n"
                     "  - {name: api, address: \"127.0.0.1:0\", serve: [api], "
                     "tokens_file: ",
                     folder.path("tokens"), "}\n"));
  };
  LoopbackService forwarder({"forward", "--config", write("1"), "--to",
                             "http://127.0.0.1:1/audit/lab"});
  ASSERT_TRUE(forwarder.Started("msg=forwarding"));
  auto status_of = [&](const std::string& token) {
    return forwarder.Get("api", "/config", token).status;
  };
  EXPECT_EQ(status_of(first), 200);
  folder.Write("tokens", second + "\n");
  write("many");
  forwarder.process().Signal(SIGHUP);
  ASSERT_TRUE(forwarder.Started("configuration refused, the old one stays"));
  EXPECT_EQ(status_of(first), 200);
  write("2");
  forwarder.process().Signal(SIGHUP);
  ASSERT_TRUE(forwarder.Started("configuration reloaded"));
  EXPECT_EQ(status_of(first), 401);
  EXPECT_EQ(status_of(second), 200);
  EXPECT_THAT(forwarder.process().errors(),
              AllOf(HasSubstr("in_effect=listeners.api.tokens_file"),
                    HasSubstr("needs_restart=threads")));
  forwarder.process().Signal(SIGTERM);
  EXPECT_THAT(forwarder.process().Wait().errors, HasSubstr("msg=stopped"));
}

// A forwarder that stops with a request that nobody took.
TEST(ForwardStopTest, PendingRequestsAreToComeAgain) {
  TempFolder folder;
  std::string config = folder.Write(
      "c.yaml",
      absl::StrCat("cluster: lab\nstate_dir: ", folder.path("state"),
                   "\nsources: [{name: hook, type: webhook, listener: in}]\n"
                   "listeners:\n"
                   "  - {name: in, address: \"127.0.0.1:0\", serve: [audit, "
                   "metrics]}\n"));
  // Nobody listens on port 1.
  LoopbackService forwarder(
      {"forward", "--config", config, "--to", "http://127.0.0.1:1/audit/lab"});
  ASSERT_TRUE(forwarder.Started("msg=forwarding"));
  const std::string address = forwarder.AddressOf("in");
  HttpResult result;
  std::thread sender([&] {
    const std::string body = absl::StrCat("{\"kind\":\"EventList\",\"items\":[",
                                          DemoLogLines().front(), "]}");
    HttpClientRequest request;
    request.url = "/audit/lab";
    request.body = body;
    result = LoopbackService::SendTo(address, request);
  });
  EXPECT_TRUE(forwarder.Started("does not take events"));
  forwarder.process().Signal(SIGTERM);
  sender.join();
  EXPECT_EQ(result.status, 503);
  EXPECT_EQ(result.retry_after, "10");
  EXPECT_THAT(forwarder.process().Wait().errors, HasSubstr("msg=stopped"));
}

}  // namespace
}  // namespace oddverb
