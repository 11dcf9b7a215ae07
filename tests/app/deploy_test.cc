// The files of deploy/ are what the program and its peers understand.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "app/service_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::filesystem::path kDeploy = ODDVERB_SOURCE_DIR "/deploy";

std::string DeployedText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::string> NoVariables(std::string_view) {
  return std::nullopt;
}

// The document of this kind in the Kubernetes manifest.
YamlNode Manifest(std::string_view kind) {
  std::filesystem::path path = kDeploy / "kubernetes/oddverb.yaml";
  absl::StatusOr<std::vector<YamlNode>> documents =
      YamlNode::ParseAll(DeployedText(path), path.string());
  EXPECT_THAT(documents, IsOk());
  if (!documents.ok()) return YamlNode();
  for (const YamlNode& document : *documents) {
    if (document.Get("kind").AsString().value_or("") == kind) return document;
  }
  ADD_FAILURE() << "no " << kind;
  return YamlNode();
}

std::string Text(const YamlNode& node) { return node.AsString().value_or("?"); }

// What a control-plane node's configuration should be.
void ExpectNodeConfig(const ServiceConfig& config) {
  ASSERT_EQ(config.sources.size(), 1u);
  EXPECT_EQ(config.sources[0].type, SourceConfig::Type::kTail);
  EXPECT_EQ(config.sources[0].path, "/var/log/kubernetes/audit/audit.log");
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].address, "0.0.0.0:9642");
  EXPECT_THAT(config.listeners[0].serve,
              ElementsAre(Served::kMetrics, Served::kHealth));
  EXPECT_EQ(config.listeners[1].address, "127.0.0.1:9643");
  EXPECT_THAT(config.listeners[1].serve, ElementsAre(Served::kApi));
  ASSERT_EQ(config.outputs.size(), 1u);
  EXPECT_EQ(config.outputs[0].path, "-");
}

TEST(DeployTest, EveryYamlFileIsYaml) {
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(kDeploy)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    EXPECT_THAT(
        YamlNode::ParseAll(DeployedText(entry.path()), entry.path().string()),
        IsOk());
  }
  EXPECT_GE(files, 2u);
}

TEST(DeployTest, TheExampleConfigurationLoads) {
  absl::StatusOr<ServiceConfig> config =
      LoadServiceConfig((kDeploy / "oddverb.yaml").string(), &NoVariables);
  ASSERT_THAT(config, IsOk());
  ExpectNodeConfig(*config);
  EXPECT_EQ(config->state_dir, "/var/lib/oddverb");
}

// What is commented out is meant to be used.
TEST(DeployTest, TheExampleConfigurationLoadsWithAllItsExamples) {
  std::istringstream lines(DeployedText(kDeploy / "oddverb.yaml"));
  // A key, maybe of a list's item; a sentence begins otherwise.
  const std::regex example("^( *)# ( *(- )?[a-z_]+:( .*)?)$");
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    line = std::regex_replace(line, example, "$1$2");
    if (line.find("tokens_file") != line.npos) line = "    tokens: abc";
    text += line + "\n";
  }
  absl::StatusOr<ServiceConfig> config =
      ParseServiceConfig(text, "oddverb.yaml", &NoVariables);
  ASSERT_THAT(config, IsOk()) << text;
  EXPECT_EQ(config->sources.size(), 2u);
  EXPECT_EQ(config->listeners.size(), 3u);
  EXPECT_EQ(config->threads, 2);
  EXPECT_EQ(config->trusted_proxies.size(), 1u);
  EXPECT_TRUE(config->detectors.present());
}

TEST(DeployTest, TheConfigMapHoldsAConfiguration) {
  YamlNode data = Manifest("ConfigMap").Get("data");
  absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
      Text(data.Get("oddverb.yaml")), "oddverb.yaml", &NoVariables);
  ASSERT_THAT(config, IsOk());
  ExpectNodeConfig(*config);
}

TEST(DeployTest, TheDaemonSetHasNoRightsButToReadTheLog) {
  YamlNode pod = Manifest("DaemonSet").Get("spec").Get("template").Get("spec");
  EXPECT_EQ(Text(pod.Get("automountServiceAccountToken")), "false");
  EXPECT_THAT(pod.Get("nodeSelector").Keys(),
              Contains("node-role.kubernetes.io/control-plane"));
  for (const char* absent :
       {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"}) {
    EXPECT_FALSE(pod.Get(absent).present()) << absent;
  }
  std::vector<YamlNode> containers = pod.Get("containers").Items();
  ASSERT_EQ(containers.size(), 1u);
  YamlNode security = containers[0].Get("securityContext");
  EXPECT_EQ(Text(security.Get("readOnlyRootFilesystem")), "true");
  EXPECT_EQ(Text(security.Get("allowPrivilegeEscalation")), "false");
  EXPECT_FALSE(security.Get("privileged").present());
  YamlNode capabilities = security.Get("capabilities");
  EXPECT_THAT(capabilities.Get("drop").AsStrings().value(), ElementsAre("ALL"));
  EXPECT_THAT(capabilities.Get("add").AsStrings().value(),
              ElementsAre("DAC_READ_SEARCH"));
}

TEST(DeployTest, TheDaemonSetMountsWhatTheConfigurationNames) {
  YamlNode pod = Manifest("DaemonSet").Get("spec").Get("template").Get("spec");
  absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
      Text(Manifest("ConfigMap").Get("data").Get("oddverb.yaml")),
      "oddverb.yaml", &NoVariables);
  ASSERT_THAT(config, IsOk());
  YamlNode container = pod.Get("containers").Items().at(0);
  // Path in the container -> whether it can be written.
  std::vector<std::string> read_only, writable;
  for (const YamlNode& mount : container.Get("volumeMounts").Items()) {
    bool is_read_only = mount.Get("readOnly").AsBool(false).value();
    (is_read_only ? read_only : writable)
        .push_back(Text(mount.Get("mountPath")));
  }
  std::filesystem::path log = config->sources[0].path;
  EXPECT_THAT(read_only, ElementsAre("/etc/oddverb", log.parent_path()));
  EXPECT_THAT(
      writable,
      ElementsAre(
          std::filesystem::path(config->state_dir).parent_path().string()));
  // A folder of the host, never the file: rotation renames the file.
  for (const YamlNode& volume : pod.Get("volumes").Items()) {
    YamlNode host = volume.Get("hostPath");
    if (!host.present()) continue;
    EXPECT_THAT(Text(host.Get("type")), HasSubstr("Directory"));
    EXPECT_THAT(Text(host.Get("path")), Not(HasSubstr(".log")));
  }
  // Probes and scrapes go where health and metrics are served.
  YamlNode port = container.Get("ports").Items().at(0);
  EXPECT_EQ("0.0.0.0:" + Text(port.Get("containerPort")),
            config->listeners[0].address);
  for (const char* probe :
       {"startupProbe", "livenessProbe", "readinessProbe"}) {
    EXPECT_EQ(Text(container.Get(probe).Get("httpGet").Get("port")),
              Text(port.Get("name")))
        << probe;
  }
  EXPECT_THAT(
      container.Get("command").AsStrings().value(),
      ElementsAre("oddverb", "run", "--config", "/etc/oddverb/oddverb.yaml"));
}

TEST(DeployTest, TheUnitRunsAsTheUserThatSysusersMakes) {
  std::string unit = DeployedText(kDeploy / "oddverb.service");
  for (const char* line :
       {"Type=notify", "WatchdogSec=30", "User=oddverb",
        "StateDirectory=oddverb", "NoNewPrivileges=yes", "ProtectSystem=strict",
        "CapabilityBoundingSet=CAP_DAC_READ_SEARCH",
        "RestartPreventExitStatus=2", "ExecReload=/bin/kill -HUP $MAINPID"}) {
    EXPECT_THAT(unit, HasSubstr("\n" + std::string(line) + "\n"));
  }
  EXPECT_THAT(DeployedText(kDeploy / "oddverb.sysusers.conf"),
              HasSubstr("\nu oddverb "));
}

}  // namespace
}  // namespace oddverb
