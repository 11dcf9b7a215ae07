#include "tests/support/prometheus_process.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/strings.h"
#include "gtest/gtest.h"
#include "tests/support/free_port.h"
#include "tests/support/peer_program.h"

namespace oddverb {
namespace {

constexpr absl::Duration kAnswerTimeout = absl::Seconds(20);

std::string ConfigFor(const PrometheusProcess::Setup& setup) {
  std::string config = absl::StrCat(
      "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
      "scrape_configs:\n"
      "  - job_name: ",
      setup.job, "\n    static_configs: [{targets: [\"", setup.target,
      "\"]}]\nrule_files:\n");
  for (const std::string& file : setup.rule_files) {
    absl::StrAppend(&config, "  - ", file, "\n");
  }
  return config;
}

std::string UrlEncoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

PrometheusProcess::PrometheusProcess(const Setup& setup) {
  HttpClientOptions options;
  options.max_response_bytes = 64 << 20;
  auto client = HttpClient::Make(options);
  EXPECT_TRUE(client.ok()) << client.status();
  client_ = *std::move(client);
  std::string config = folder_.Write("prometheus.yaml", ConfigFor(setup));
  for (int tries = 0; tries < 3; ++tries) {
    if (Start(config) && AwaitFirstScrape()) return;
  }
  ADD_FAILURE() << "Prometheus does not start:\n" << log();
  process_.reset();
}

PrometheusProcess::~PrometheusProcess() {
  if (process_ == nullptr) return;
  process_->Signal(SIGTERM);
  process_->Wait();
}

bool PrometheusProcess::Start(const std::string& config) {
  std::string address = absl::StrCat("127.0.0.1:", FreePort());
  ChildSetup setup;
  setup.program = PeerProgram("prometheus");
  setup.arguments = {"--config.file=" + config,
                     "--storage.tsdb.path=" + folder_.path("data"),
                     "--web.listen-address=" + address};
  setup.folder = folder_.path();
  process_ = std::make_unique<ChildProcess>(setup);
  url_ = "http://" + address;
  return process_->ReadErrors("Server is ready to receive web requests");
}

// It looks for targets about five seconds after its start.
bool PrometheusProcess::AwaitFirstScrape() {
  const absl::Time deadline = absl::Now() + ChildProcess::kPatience;
  while (absl::Now() < deadline) {
    absl::StatusOr<nlohmann::json> up = Query("up == 1");
    if (up.ok() && !up->empty()) return true;
    absl::SleepFor(absl::Milliseconds(50));
  }
  return false;
}

std::string PrometheusProcess::log() const {
  return process_ == nullptr ? "" : process_->errors();
}

absl::StatusOr<nlohmann::json> PrometheusProcess::Get(std::string_view path) {
  std::string url = absl::StrCat(url_, "/api/v1/", A(path));
  auto result = client_->Send({.method = "GET", .url = url}, kAnswerTimeout);
  if (!result.ok()) return result.status();
  nlohmann::json answer = nlohmann::json::parse(result->body, /*cb=*/nullptr,
                                                /*allow_exceptions=*/false);
  if (!answer.is_object()) return absl::DataLossError(result->body);
  if (answer.value("status", "") != "success") {
    return absl::InvalidArgumentError(answer.value("error", result->body));
  }
  return answer["data"];
}

absl::StatusOr<nlohmann::json> PrometheusProcess::Query(
    std::string_view expression) {
  absl::StatusOr<nlohmann::json> data =
      Get("query?query=" + UrlEncoded(expression));
  if (!data.ok()) return data.status();
  if (data->value("resultType", "") == "scalar") {
    return nlohmann::json::array({{{"value", (*data)["result"]}}});
  }
  return (*data)["result"];
}

}  // namespace oddverb
