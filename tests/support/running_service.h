// `oddverb run` with all that it works on: a folder for everything, a log to
// follow, a receiver, a state directory, a file of findings; to be killed,
// stopped and started again as often as a test likes.
#ifndef ODDVERB_TESTS_SUPPORT_RUNNING_SERVICE_H_
#define ODDVERB_TESTS_SUPPORT_RUNNING_SERVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/input_files.h"
#include "tests/support/test_certificates.h"

namespace oddverb {

// Of the listener `probes` of an oddverb that has written this log; "" for
// none.
std::string MetricsUrlIn(std::string_view log);
// Sum over all labels; 0 if there is no answer.
uint64_t MetricAt(const std::string& metrics_url, std::string_view name);
// Until the metric is at least `wanted`, or for `patience`; returns it.
uint64_t AwaitMetricAt(const std::string& metrics_url, std::string_view name,
                       uint64_t wanted, absl::Duration patience);

// One thread.
class RunningService {
 public:
  static constexpr char kCluster[] = "lab";

  // kPlain: without TLS, for all clients. kTls: for those with a certificate of
  // the test's authority.
  enum class Webhook : uint8_t { kNone, kPlain, kTls };
  struct Options {
    std::string program;
    bool tail = false;
    Webhook webhook = Webhook::kNone;
    std::string settings = {};  // lines of configuration
  };

  explicit RunningService(const Options& options);

  // The first time too.
  void Start();
  void Kill();
  // Expects a clean end within `patience`.
  void Stop(absl::Duration patience = ChildProcess::kPatience);
  // Fails the test if that does not come.
  void AwaitStarted();

  std::string log_folder() const { return folder_.path("log"); }
  std::string log_path() const { return folder_.path("log/audit.log"); }
  const TempFolder& folder() const { return folder_; }
  int webhook_port() const { return webhook_port_; }
  // Of the receiver at this port, which may be a proxy's; and the file for a
  // client of it.
  std::string WebhookUrl(int port) const;
  std::string Kubeconfig(int port) const;
  // What it has said since the last start.
  const std::string& errors() const { return process_->errors(); }

  // The lines of the file of findings.
  std::vector<std::string> Findings() const;
  // Until there are so many, or for `patience`.
  void AwaitFindings(size_t wanted, absl::Duration patience) const;
  // Sum over all labels, since the last start.
  uint64_t Metric(std::string_view name);
  // As AwaitMetricAt.
  uint64_t AwaitMetric(std::string_view name, uint64_t wanted,
                       absl::Duration patience);

  // What the state holds; from a copy, so that nothing is mended by the look.
  struct Durable {
    uint64_t records_judged = 0;
    size_t findings_to_show = 0;
  };
  // While it does not run.
  Durable ReadState() const;

 private:
  const std::string& MetricsUrl();

  TempFolder folder_;
  TestAuthority authority_;
  const Options options_;
  const int webhook_port_;
  CertificateFiles client_;
  std::string config_;
  std::string metrics_url_;  // since the last start, once asked for
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_RUNNING_SERVICE_H_
