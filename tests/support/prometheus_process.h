// Debian's Prometheus as a peer of tests: on loopback, with storage in a folder
// of its own, scraping and evaluating every second.
#ifndef ODDVERB_TESTS_SUPPORT_PROMETHEUS_PROCESS_H_
#define ODDVERB_TESTS_SUPPORT_PROMETHEUS_PROCESS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/http_client.h"
#include "nlohmann/json.hpp"
#include "tests/support/child_process.h"
#include "tests/support/input_files.h"

namespace oddverb {

class PrometheusProcess {
 public:
  struct Setup {
    std::string job;
    std::string target;  // HOST:PORT
    std::vector<std::string> rule_files;
  };

  // Returns when it has scraped the target once; use is_running(). REQUIRES:
  // PeerProgram("prometheus") is there.
  explicit PrometheusProcess(const Setup& setup);
  ~PrometheusProcess();
  PrometheusProcess(const PrometheusProcess&) = delete;
  PrometheusProcess& operator=(const PrometheusProcess&) = delete;

  bool is_running() const { return process_ != nullptr; }
  // What it wrote to standard error.
  std::string log() const;

  // The samples of an instant query, now: [{"metric": {...}, "value": ...}].
  // InvalidArgument with its words: it refuses the expression.
  absl::StatusOr<nlohmann::json> Query(std::string_view expression);
  // "data" of GET /api/v1/PATH.
  absl::StatusOr<nlohmann::json> Get(std::string_view path);

 private:
  // False if the port was taken meanwhile.
  bool Start(const std::string& config);
  bool AwaitFirstScrape();

  TempFolder folder_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<ChildProcess> process_;
  std::string url_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_PROMETHEUS_PROCESS_H_
