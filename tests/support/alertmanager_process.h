// Debian's Alertmanager as a peer of tests: on loopback, on a port that the
// kernel chose, in a folder of its own, telling everything at once to a webhook
// of the test. And amtool, its client.
#ifndef ODDVERB_TESTS_SUPPORT_ALERTMANAGER_PROCESS_H_
#define ODDVERB_TESTS_SUPPORT_ALERTMANAGER_PROCESS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/input_files.h"

namespace oddverb {

// Whether both programs are there (package prometheus-alertmanager, installed
// or unpacked into build/peers).
bool HasAlertmanager();
inline constexpr std::string_view kNoAlertmanager =
    "needs Alertmanager: apt-get install prometheus-alertmanager (unpacked "
    "alone, it lacks its templates)";

class AlertmanagerProcess {
 public:
  // Notifications go to `webhook_url`, each alert in one of its own. Returns
  // when it listens; use is_running().
  explicit AlertmanagerProcess(std::string webhook_url);
  ~AlertmanagerProcess();

  bool is_running() const { return process_ != nullptr; }
  const std::string& url() const { return url_; }
  // Ends it; the port is free then.
  void Stop();
  // The same address again, knowing nothing of before.
  void StartAgain();

 private:
  void Start(const std::string& address);

  const std::string webhook_url_;
  std::unique_ptr<TempFolder> folder_;
  std::unique_ptr<ChildProcess> process_;
  std::string url_;
};

ChildResult Amtool(const std::string& alertmanager_url,
                   std::vector<std::string> arguments);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_ALERTMANAGER_PROCESS_H_
