// `oddverb run` that follows a log of the test and tells receivers of the test,
// and attacks to be written into that log.
#ifndef ODDVERB_TESTS_E2E_RECEIVING_SERVICE_H_
#define ODDVERB_TESTS_E2E_RECEIVING_SERVICE_H_

#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tests/e2e/running_service.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"

namespace oddverb {

// An event that is a finding of its own: `user` asks the cloud's metadata
// service for credentials, in a pod of its own. User names as they stand in
// JSON.
inline std::string TheftBy(std::string_view user, absl::Time time,
                           uint64_t number = 0) {
  const std::string name(user);
  const std::string at =
      absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone());
  return absl::StrCat(
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)"
      R"("auditID":"00000000-0000-4000-8000-)",
      absl::StrFormat("%012d", number),
      R"(","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/)"
      R"(pods/web-)",
      number, R"(/exec?command=curl&command=http%3A%2F%2F169.254.169.254%2F",)",
      R"("verb":"create","user":{"username":")", name,
      R"(","groups":["system:authenticated"]},"sourceIPs":["10.0.0.1"],)"
      R"("userAgent":"kubectl/v1.30","objectRef":{"resource":"pods",)"
      R"("namespace":"shop","name":"web-)",
      number, R"(","apiVersion":"v1","subresource":"exec"},)",
      R"("responseStatus":{"metadata":{},"code":101},)",
      R"("requestReceivedTimestamp":")", at, R"(","stageTimestamp":")", at,
      "\"}\n");
}

class ReceivingService {
 public:
  ReceivingService() : log_(MakeFolder(folder_.path("log"))) {}

  // `outputs`: items of the list, besides a file of findings.
  void Start(const std::string& outputs, const std::string& more = "") {
    const std::string config = folder_.Write(
        "c.yaml",
        absl::StrCat(
            "cluster: lab\norder: arrival\nthreads: 1\nstate_dir: ",
            folder_.path("state"),
            "\nsources: [{name: log, type: tail, path: ", log_.path(),
            "}]\nlisteners:\n  - {name: open, address: "
            "\"127.0.0.1:0\", serve: [metrics, health, api]}\n"
            "outputs:\n  - {name: file, type: ndjson, path: ",
            findings_path_.empty() ? folder_.path("findings") : findings_path_,
            "}\n", outputs, more));
    service_ = std::make_unique<LoopbackService>(
        std::vector<std::string>{"run", "--config", config});
    service_->Started();
  }
  void Kill() {
    service_->process().Signal(SIGKILL);
    service_->process().Wait();
  }
  // Returns what it wrote to standard error.
  std::string Stop() {
    service_->process().Signal(SIGTERM);
    ChildResult result = service_->process().Wait();
    EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.errors;
    return result.errors;
  }
  // Before Start().
  void WriteFindingsTo(const std::string& path) { findings_path_ = path; }

  LoopbackService& service() { return *service_; }
  const TempFolder& folder() const { return folder_; }
  RotatingLog& log() { return log_; }

  std::string url() { return "http://" + service_->AddressOf("open"); }
  double Metric(const std::string& series) {
    return service_->Metric("open", series);
  }
  double Sum(const std::string& name, const std::string& label = "") {
    return service_->Sum("open", name, label);
  }
  // Of one output.
  double Attempts(const std::string& output, const std::string& outcome) {
    return Metric(absl::StrCat("oddverb_export_requests_total{exporter=\"",
                               output, "\",outcome=\"", outcome, "\"}"));
  }
  double Waiting(const std::string& output) {
    return Metric(
        absl::StrCat("oddverb_export_queue_depth{exporter=\"", output, "\"}"));
  }
  // Of whole lines: who reads while it writes sees parts of a line too.
  std::vector<nlohmann::json> Findings() const {
    const std::string path =
        findings_path_.empty() ? folder_.path("findings") : findings_path_;
    if (!std::filesystem::exists(path)) return {};
    std::string text = FileText(path);
    text.resize(text.rfind('\n') + 1);
    return FindingsIn(text);
  }

 private:
  static std::string MakeFolder(const std::string& path) {
    std::filesystem::create_directory(path);
    return path;
  }

  TempFolder folder_;
  RotatingLog log_;
  std::string findings_path_;
  std::unique_ptr<LoopbackService> service_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_E2E_RECEIVING_SERVICE_H_
