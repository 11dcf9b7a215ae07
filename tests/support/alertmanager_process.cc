#include "tests/support/alertmanager_process.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/peer_program.h"

namespace oddverb {
namespace {

constexpr char kAlertmanager[] = "prometheus-alertmanager";
constexpr char kAmtool[] = "amtool";
constexpr std::string_view kListening = "msg=\"Listening on\" address=";

// Each alert is a group, told at once, and again only if it changes.
std::string ConfigFor(const std::string& webhook_url) {
  return absl::StrCat(R"(route:
  receiver: test
  group_by: ['...']
  group_wait: 0s
  group_interval: 200ms
  repeat_interval: 1h
receivers:
- name: test
  webhook_configs:
  - url: ')",
                      webhook_url, R"('
    send_resolved: true
)");
}

}  // namespace

bool HasAlertmanager() {
  // Debian's reads its templates from there, wherever it lies itself.
  constexpr char kTemplates[] =
      "/usr/share/prometheus/alertmanager/default.tmpl";
  return !PeerProgram(kAlertmanager).empty() && !PeerProgram(kAmtool).empty() &&
         ::access(kTemplates, R_OK) == 0;
}

AlertmanagerProcess::AlertmanagerProcess(std::string webhook_url)
    : webhook_url_(std::move(webhook_url)) {
  Start("127.0.0.1:0");
}

AlertmanagerProcess::~AlertmanagerProcess() { Stop(); }

void AlertmanagerProcess::Start(const std::string& address) {
  folder_ = std::make_unique<TempFolder>();
  std::string config =
      folder_->Write("alertmanager.yml", ConfigFor(webhook_url_));
  ChildSetup setup;
  setup.program = PeerProgram(kAlertmanager);
  setup.arguments = {
      "--config.file=" + config, "--storage.path=" + folder_->path("data"),
      "--web.listen-address=" + address, "--cluster.listen-address="};
  setup.folder = folder_->path();
  process_ = std::make_unique<ChildProcess>(setup);
  if (!process_->ReadErrors("TLS is disabled")) {
    ADD_FAILURE() << "Alertmanager does not start:\n" << process_->errors();
    process_.reset();
    return;
  }
  const std::string& log = process_->errors();
  size_t begin = log.find(kListening);
  ASSERT_NE(begin, std::string::npos) << log;
  begin += kListening.size();
  url_ = "http://" + log.substr(begin, log.find_first_of(" \n", begin) - begin);
}

void AlertmanagerProcess::Stop() {
  if (process_ == nullptr) return;
  process_->Signal(SIGTERM);
  process_->Wait();
  process_.reset();
}

void AlertmanagerProcess::StartAgain() {
  Stop();
  Start(url_.substr(std::string("http://").size()));
}

ChildResult Amtool(const std::string& alertmanager_url,
                   std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--alertmanager.url=" + alertmanager_url);
  return RunPeer(kAmtool, std::move(arguments));
}

}  // namespace oddverb
