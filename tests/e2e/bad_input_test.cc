// What the world does to a running service: each case is told, counted, and
// survived.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/e2e/running_service.h"
#include "tests/support/demo_log.h"
#include "tests/support/input_files.h"
#include "tests/support/raw_client.h"
#include "tests/support/rotating_log.h"
#include "tests/support/small_disk.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ListOf(const std::vector<std::string>& lines, size_t from,
                   size_t count) {
  std::string items;
  for (size_t i = from; i < from + count; ++i) {
    absl::StrAppend(&items, items.empty() ? "" : ",", lines[i]);
  }
  return absl::StrCat(
      R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},)"
      R"("items":[)",
      items, "]}");
}

class BadInputTest : public ::testing::Test {
 protected:
  BadInputTest() : lines_(DemoLogLines()) {
    std::filesystem::create_directory(folder_.path("log"));
    log_ = std::make_unique<RotatingLog>(folder_.path("log"));
  }

  // A tail and a webhook; `state` is its state directory.
  std::unique_ptr<LoopbackService> Run(const std::string& state,
                                       const std::string& more = "") {
    std::string config = folder_.Write(
        "c.yaml",
        absl::StrCat(
            "cluster: lab\nstate_dir: ", state,
            "\ncheckpoint: {interval: 100ms}\nsources:\n"
            "  - {name: log, type: tail, poll_interval: 100ms, path: ",
            log_->path(),
            "}\n  - {name: hook, type: webhook, listener: in}\n"
            "listeners:\n"
            "  - {name: in, address: \"127.0.0.1:0\", serve: [audit]}\n"
            "  - {name: open, address: \"127.0.0.1:0\", serve: "
            "[metrics, health]}\n"
            "outputs: [{type: ndjson, path: ",
            folder_.path("findings"), "}]\n", more));
    auto service = std::make_unique<LoopbackService>(
        std::vector<std::string>{"run", "--config", config});
    service->Started();
    return service;
  }
  static double Events(LoopbackService& service, const std::string& source) {
    return service.Sum("open", "oddverb_events_total",
                       absl::StrCat("source=\"", source, "\""));
  }

  TempFolder folder_;
  std::vector<std::string> lines_;
  std::unique_ptr<RotatingLog> log_;
};

TEST_F(BadInputTest, AFullDiskIsWaitedOutAndTold) {
  SmallDisk disk(folder_.path("disk"), "8m");
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a tmpfs";
  auto service = Run(folder_.path("disk/state"));
  for (size_t i = 0; i < 500; ++i) log_->Append(lines_[i] + "\n");
  ASSERT_TRUE(BecomesTrue([&] { return Events(*service, "log") == 500; }));
  EXPECT_EQ(service->Get("open", "/readyz").status, 200);
  EXPECT_EQ(service->Metric("open", "oddverb_state_writable"), 1);
  EXPECT_TRUE(BecomesTrue([&] {
    return service->Metric("open", "oddverb_checkpoints_total") >= 1;
  }));
  EXPECT_GE(service->Metric("open", "oddverb_checkpoint_age_seconds"), 0);
  EXPECT_GT(service->Metric("open", "oddverb_state_bytes"), 4096);

  disk.Fill();
  for (size_t i = 500; i < 6000; ++i) log_->Append(lines_[i] + "\n");
  ASSERT_TRUE(BecomesTrue(
      [&] { return service->Get("open", "/readyz").status == 503; }));
  EXPECT_THAT(service->Get("open", "/readyz").body,
              AllOf(HasSubstr("nothing can be kept"), HasSubstr("free space")));
  EXPECT_EQ(service->Get("open", "/livez").status, 200)
      << "a restart would not help";
  EXPECT_EQ(service->Metric("open", "oddverb_state_writable"), 0);
  EXPECT_GE(service->Metric("open", "oddverb_state_write_failures_total"), 1);
  HttpResult refused;
  ASSERT_TRUE(BecomesTrue([&] {
    refused = service->Post("in", "/audit/lab", ListOf(lines_, 6000, 20));
    return refused.status == 503;
  }));
  EXPECT_EQ(refused.retry_after, "10");
  EXPECT_GE(service->Metric("open",
                            "oddverb_refused_requests_total{reason="
                            "\"state_full\",source=\"hook\"}") +
                service->Metric("open",
                                "oddverb_refused_requests_total{reason="
                                "\"not_durable\",source=\"hook\"}"),
            1);
  EXPECT_TRUE(service->process().ReadErrors("nothing is lost"));

  disk.Free();
  ASSERT_TRUE(BecomesTrue(
      [&] { return service->Get("open", "/readyz").status == 200; }));
  EXPECT_TRUE(service->process().ReadErrors("going on"));
  ASSERT_TRUE(BecomesTrue([&] {
    return service->Post("in", "/audit/lab", ListOf(lines_, 6000, 20)).status ==
           204;
  }));
  EXPECT_TRUE(BecomesTrue([&] { return Events(*service, "log") == 6000; }));
  EXPECT_TRUE(BecomesTrue([&] { return Events(*service, "hook") == 20; }));
  service->process().Signal(SIGTERM);
  EXPECT_THAT(service->process().Wait().errors, HasSubstr("msg=stopped"));
}

TEST_F(BadInputTest, GarbageIsToldCountedAndKept) {
  auto service = Run(folder_.path("state"));
  EXPECT_EQ(service->Post("in", "/audit/lab", "hello").status, 400);
  EXPECT_EQ(service->Post("in", "/audit/other", "{}").status, 404);
  // Looks like JSON, so it is taken first and found out later.
  std::string list = ListOf(lines_, 0, 20);
  EXPECT_EQ(service->Post("in", "/audit/lab", list.substr(0, list.size() - 30))
                .status,
            204);
  log_->Append("no json\n");
  log_->Append("{\"kind\":\"Pod\"}\n");
  auto count = [&](const char* reason, const char* source) {
    return service->Metric(
        "open", absl::StrCat("oddverb_parse_errors_total{reason=\"", reason,
                             "\",source=\"", source, "\"}"));
  };
  EXPECT_TRUE(BecomesTrue([&] { return count("torn", "hook") == 1; }));
  EXPECT_TRUE(BecomesTrue([&] { return count("not_json", "log") == 1; }));
  EXPECT_EQ(count("not_audit_event", "log"), 1);
  for (const char* reason : {"not_json", "wrong_path"}) {
    EXPECT_EQ(service->Metric(
                  "open", absl::StrCat("oddverb_refused_requests_total{reason="
                                       "\"",
                                       reason, "\",source=\"hook\"}")),
              1)
        << reason;
  }
  EXPECT_TRUE(BecomesTrue([&] {
    return service->Metric("open", "oddverb_dead_letter_bytes") > 0;
  }));
  EXPECT_EQ(Events(*service, "hook"), 19);
  EXPECT_EQ(service->Metric("open", "oddverb_spool_oldest_seconds"), 0);
}

TEST_F(BadInputTest, AVanishedFileIsCountedWithItsBytes) {
  for (size_t i = 0; i < 50; ++i) log_->Append(lines_[i] + "\n");
  auto service = Run(folder_.path("state"));
  ASSERT_TRUE(BecomesTrue([&] { return Events(*service, "log") == 50; }));
  service->process().Signal(SIGTERM);
  service->process().Wait();
  // Rotated, written to and deleted while nobody looks.
  for (size_t i = 50; i < 80; ++i) log_->Append(lines_[i] + "\n");
  std::string rotated = log_->Rotate();
  log_->Append(lines_[80] + "\n");
  std::filesystem::remove(rotated);
  service = Run(folder_.path("state"));
  EXPECT_TRUE(BecomesTrue([&] {
    return service->Metric("open",
                           "oddverb_lost_files_total{source=\"log\"}") == 1;
  }));
  EXPECT_TRUE(service->process().ReadErrors(
      "was deleted or emptied before it was read"));
  EXPECT_EQ(service->Metric("open", "oddverb_source_up{source=\"log\"}"), 1);
}

TEST_F(BadInputTest, AFileOfRootIsToldWithBothCures) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give up its rights";
  log_->Append(lines_[0] + "\n");
  ::chmod(folder_.path().c_str(), 0755);
  ::chmod(log_->path().c_str(), 0600);
  std::string config = folder_.Write(
      "c.yaml",
      absl::StrCat("state_dir: ", folder_.path("state"),
                   "\nsources: [{name: log, type: tail, path: ", log_->path(),
                   "}]\nlisteners: [{name: open, address: \"127.0.0.1:0\","
                   " serve: [metrics, health]}]\n"));
  std::filesystem::create_directory(folder_.path("state"));
  ASSERT_EQ(::chown(folder_.path("state").c_str(), 65534, 65534), 0);
  ChildSetup setup =
      OddverbSetup({"--reuid=65534", "--regid=65534", "--clear-groups",
                    ODDVERB_BINARY, "run", "--config", config});
  setup.program = "/usr/bin/setpriv";
  if (::access(setup.program.c_str(), X_OK) != 0) {
    GTEST_SKIP() << "needs setpriv";
  }
  LoopbackService service(setup);
  ASSERT_TRUE(service.Started());
  ASSERT_TRUE(BecomesTrue(
      [&] { return service.Get("open", "/readyz").status == 503; }));
  EXPECT_THAT(service.Get("open", "/readyz").body,
              AllOf(HasSubstr("source log"), HasSubstr("permission denied"),
                    HasSubstr("CAP_DAC_READ_SEARCH"), HasSubstr("chgrp")));
  EXPECT_EQ(service.Metric("open", "oddverb_source_up{source=\"log\"}"), 0);
  ::chmod(log_->path().c_str(), 0644);
  EXPECT_TRUE(BecomesTrue(
      [&] { return service.Get("open", "/readyz").status == 200; }));
  EXPECT_EQ(service.Metric("open", "oddverb_source_up{source=\"log\"}"), 1);
}

// 100 connections that drip a byte now and then, 50 that say nothing.
TEST_F(BadInputTest, SlowAndSilentClientsDoNotDelayAGoodOne) {
  auto service = Run(folder_.path("state"));
  std::string address = service->AddressOf("in");
  std::vector<std::unique_ptr<RawClient>> slow, silent;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<RawClient>(address));
    slow.back()->Send(
        "POST /audit/lab HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{");
  }
  for (int i = 0; i < 50; ++i) {
    silent.push_back(std::make_unique<RawClient>(address));
  }
  std::atomic<bool> done{false};
  std::thread drip([&] {
    while (!done) {
      for (auto& client : slow) client->Send(" ");
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(
        service->Post("in", "/audit/lab", ListOf(lines_, 20 * i, 20)).status,
        204);
  }
  done = true;
  drip.join();
  EXPECT_TRUE(BecomesTrue([&] { return Events(*service, "hook") == 200; }));
}

TEST_F(BadInputTest, ABodyOverTheLimitIsToldAndCounted) {
  auto service = Run(folder_.path("state"),
                     "memory: {http_body: 1MiB, http_bodies: 2MiB}\n");
  std::string body =
      absl::StrCat("{\"a\":\"", std::string(1 << 20, 'x'), "\"}");
  HttpResult result = service->Post("in", "/audit/lab", body);
  EXPECT_EQ(result.status, 413);
  EXPECT_THAT(result.body, HasSubstr("1048576 bytes"));
}

}  // namespace
}  // namespace oddverb
