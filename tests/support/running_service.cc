#include "tests/support/running_service.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_client.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/api_server.h"
#include "tests/support/free_port.h"
#include "tests/support/state_probe.h"

namespace oddverb {
namespace {

std::string ConfigOf(const RunningService::Options& options,
                     const TempFolder& folder, int webhook_port) {
  bool has_webhook = options.webhook != RunningService::Webhook::kNone;
  std::string config = absl::StrCat("cluster: ", RunningService::kCluster,
                                    "\nstate_dir: ", folder.path("state"),
                                    "\ncheckpoint: {interval: 200ms}\n",
                                    options.settings, "sources:\n");
  if (options.tail) {
    absl::StrAppend(&config, "  - {name: log, type: tail, path: ",
                    folder.path("log/audit.log"), ", poll_interval: 100ms}\n");
  }
  if (has_webhook) {
    absl::StrAppend(&config,
                    "  - {name: hook, type: webhook, listener: audit}\n");
  }
  absl::StrAppend(&config,
                  "listeners:\n"
                  "  - {name: probes, address: \"127.0.0.1:0\", "
                  "serve: [metrics, health]}\n");
  if (has_webhook) {
    absl::StrAppend(&config,
                    "  - name: audit\n    address: \"127.0.0.1:", webhook_port,
                    "\"\n    serve: [audit]\n");
  }
  if (options.webhook == RunningService::Webhook::kTls) {
    absl::StrAppend(&config,
                    "    tls: {certificate_file: ", folder.path("server.crt"),
                    ", key_file: ", folder.path("server.key"),
                    ", client_ca_file: ", folder.path("test.ca.crt"), "}\n");
  }
  absl::StrAppend(&config, "outputs:\n  - {name: file, type: ndjson, path: ",
                  folder.path("findings.ndjson"), "}\n");
  return config;
}

}  // namespace

std::string MetricsUrlIn(std::string_view log) {
  constexpr std::string_view kBefore = "listener=probes address=";
  size_t begin = log.find(kBefore);
  if (begin == std::string_view::npos) return "";
  begin += kBefore.size();
  const size_t end = log.find_first_of(" \n", begin);
  return absl::StrCat("http://", std::string(log.substr(begin, end - begin)),
                      "/metrics");
}

uint64_t MetricAt(const std::string& metrics_url, std::string_view name) {
  auto client = HttpClient::Make(HttpClientOptions());
  if (!client.ok()) return 0;
  auto result =
      (*client)->Send({.method = "GET", .url = metrics_url}, absl::Seconds(20));
  if (!result.ok() || result->status != 200) return 0;
  double sum = 0;
  for (const std::string& line : LinesOf(result->body)) {
    if (!line.starts_with(name)) continue;
    char next = line[std::min(name.size(), line.size() - 1)];
    double value = 0;
    bool is_number = absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value);
    if ((next == '{' || next == ' ') && is_number) sum += value;
  }
  return static_cast<uint64_t>(sum);
}

uint64_t AwaitMetricAt(const std::string& metrics_url, std::string_view name,
                       uint64_t wanted, absl::Duration patience) {
  absl::Time deadline = absl::Now() + patience;
  uint64_t value = MetricAt(metrics_url, name);
  while (value < wanted && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(50));
    value = MetricAt(metrics_url, name);
  }
  return value;
}

RunningService::RunningService(const Options& options)
    : authority_(folder_, "test"),
      options_(options),
      webhook_port_(FreePort()) {
  std::filesystem::create_directory(log_folder());
  authority_.Issue("server", {});
  client_ = authority_.Issue("client", {.common_names = {"kube-apiserver"}});
  config_ =
      folder_.Write("config.yaml", ConfigOf(options_, folder_, webhook_port_));
}

void RunningService::Start() {
  ChildSetup setup;
  setup.program = options_.program;
  setup.arguments = {"run", "--config", config_};
  metrics_url_.clear();
  process_ = std::make_unique<ChildProcess>(setup);
}

void RunningService::Kill() {
  process_->Signal(SIGKILL);
  ChildResult result = process_->Wait();
  EXPECT_EQ(result.exit_code, 128 + SIGKILL)
      << "ended by itself: " << result.errors;
}

void RunningService::Stop(absl::Duration patience) {
  // Before that it may not have its handlers yet.
  AwaitStarted();
  process_->Signal(SIGTERM);
  ChildResult result = process_->Wait(patience);
  EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.errors;
  EXPECT_THAT(result.errors, testing::HasSubstr("msg=stopped"));
}

void RunningService::AwaitStarted() {
  EXPECT_TRUE(process_->ReadErrors("msg=started")) << process_->errors();
}

std::string RunningService::WebhookUrl(int port) const {
  return absl::StrCat(options_.webhook == Webhook::kTls ? "https" : "http",
                      "://127.0.0.1:", port, "/audit/", kCluster);
}

std::string RunningService::Kubeconfig(int port) const {
  return folder_.Write(
      absl::StrCat("kubeconfig-", port),
      KubeconfigOf({WebhookUrl(port), authority_.ca_file(),
                    client_.certificate_file, client_.key_file}));
}

std::vector<std::string> RunningService::Findings() const {
  std::ifstream file(folder_.path("findings.ndjson"), std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file),
                   std::istreambuf_iterator<char>()};
  return LinesOf(text);
}

void RunningService::AwaitFindings(size_t wanted,
                                   absl::Duration patience) const {
  absl::Time deadline = absl::Now() + patience;
  while (Findings().size() < wanted && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(50));
  }
}

const std::string& RunningService::MetricsUrl() {
  if (metrics_url_.empty()) {
    AwaitStarted();
    metrics_url_ = MetricsUrlIn(process_->errors());
  }
  return metrics_url_;
}

uint64_t RunningService::Metric(std::string_view name) {
  return MetricAt(MetricsUrl(), name);
}

uint64_t RunningService::AwaitMetric(std::string_view name, uint64_t wanted,
                                     absl::Duration patience) {
  return AwaitMetricAt(MetricsUrl(), name, wanted, patience);
}

RunningService::Durable RunningService::ReadState() const {
  namespace fs = std::filesystem;
  TempFolder copy;
  std::error_code error;
  fs::copy(folder_.path("state"), copy.path("state"),
           fs::copy_options::recursive, error);
  // Killed before it had made any.
  if (!fs::exists(copy.path("state/oddverb.db"))) return {};
  FixedClock clock;
  std::unique_ptr<SqliteCheckpoint> state =
      OpenState(copy.path("state"), clock);
  if (state == nullptr) return {};
  EXPECT_EQ(state->notice(), "");
  absl::StatusOr<std::optional<Restored>> restored = state->Restore();
  EXPECT_TRUE(restored.ok()) << restored.status();
  if (!restored.ok() || !restored->has_value()) return {};
  return {(*restored)->records_judged, (*restored)->outbox.size()};
}

}  // namespace oddverb
