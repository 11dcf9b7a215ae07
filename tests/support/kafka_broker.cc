#include "tests/support/kafka_broker.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/strings.h"
#include "tests/support/free_port.h"
#include "tests/support/peer_program.h"
#include "tests/support/sanitizers.h"

namespace oddverb {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(120);
// Of data/meta.properties, as it was formatted.
constexpr char kFormattedNode[] = "node.id=1\n";
constexpr char kFormattedFolder[] = "directory.id=";

std::string FolderOf(std::string_view version) {
  return absl::StrCat(ODDVERB_SOURCE_DIR "/build/peers/kafka-", A(version));
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

std::string KafkaBroker::WhyMissing(std::string_view version) {
  if (PeerProgram("java").empty()) {
    return "needs Java 17 for a Kafka broker (openjdk-17-jre-headless)";
  }
  if (!std::filesystem::exists(FolderOf(version) + "/complete")) {
    return absl::StrCat("needs Kafka ", A(version),
                        ": ./dev setup peers fetches it (with Java and Maven)");
  }
  return "";
}

KafkaBroker::KafkaBroker(const Options& options)
    : options_(options),
      authority_(folder_, "kafka"),
      client_(authority_.Issue("client", {.common_names = {"client"}})),
      port_(FreePort()),
      controller_port_(options.controller_ports.empty()
                           ? FreePort()
                           : options.controller_ports.at(
                                 static_cast<size_t>(options.node) - 1)),
      sasl_port_(FreePort()),
      mutual_port_(FreePort()) {
  CertificateFiles server =
      authority_.Issue("server", {.common_names = {"server"}});
  // Kafka wants key and certificate in one file.
  folder_.Write("server.pem", ContentOf(server.key_file) +
                                  ContentOf(server.certificate_file));
  std::filesystem::copy(FolderOf(options_.version) + "/formatted",
                        folder_.path("data"));
  folder_.Write("server.properties", ServerProperties());
  if (!IsOfCluster()) {
    Start();
    return;
  }
  const std::string node = std::to_string(options_.node);
  // No two nodes have a folder of the same id: any other letter will do.
  std::string formatted = absl::StrReplaceAll(
      ContentOf(folder_.path("data/meta.properties")),
      {{kFormattedNode, absl::StrCat("node.id=", node, "\n")}});
  const size_t id = formatted.find(kFormattedFolder);
  if (id == std::string::npos) {
    ADD_FAILURE() << "formatted by another Kafka: " << formatted;
    return;
  }
  formatted[id + sizeof(kFormattedFolder) - 1] = node[0];
  folder_.Write("data/meta.properties", formatted);
}

KafkaBroker::~KafkaBroker() { Kill(); }

std::string KafkaBroker::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

std::string KafkaBroker::sasl_address() const {
  return absl::StrCat("127.0.0.1:", sasl_port_);
}

std::string KafkaBroker::mutual_address() const {
  return absl::StrCat("127.0.0.1:", mutual_port_);
}

std::string KafkaBroker::ServerProperties() const {
  bool secured = options_.listeners == Listeners::kSecured;
  std::string open = absl::StrCat("PLAINTEXT://127.0.0.1:", port_);
  if (secured) {
    absl::StrAppend(&open, ",SASL_SSL://127.0.0.1:", sasl_port_,
                    ",SSL://127.0.0.1:", mutual_port_);
  }
  std::string controller =
      absl::StrCat("127.0.0.1:", std::to_string(controller_port_));
  std::vector<int> controllers = options_.controller_ports;
  if (controllers.empty()) controllers = {controller_port_};
  std::vector<std::string> voters;
  for (size_t i = 0; i < controllers.size(); ++i) {
    voters.push_back(absl::StrCat(i + 1, "@127.0.0.1:", controllers[i]));
  }
  // Quick to start, quick to forget, and nothing made by accident.
  return absl::StrCat(
      "process.roles=broker,controller\nnode.id=", options_.node,
      "\ncontroller.quorum.voters=", absl::StrJoin(voters, ","),
      "\nlisteners=", open, ",CONTROLLER://", controller,
      "\nadvertised.listeners=", open,
      "\ncontroller.listener.names=CONTROLLER\n"
      "inter.broker.listener.name=PLAINTEXT\n"
      "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,"
      "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL\n"
      "log.dirs=",
      folder_.path("data"),
      "\noffsets.topic.replication.factor=1\n"
      "offsets.topic.num.partitions=4\n"
      "transaction.state.log.replication.factor=1\n"
      "transaction.state.log.min.isr=1\n"
      "transaction.state.log.num.partitions=4\n"
      "group.initial.rebalance.delay.ms=0\n"
      "auto.create.topics.enable=false\n"
      "num.network.threads=2\nnum.io.threads=4\n"
      "log.cleaner.enable=false\n",
      secured ? SecuredProperties() : "",
      absl::StrJoin(options_.settings, "\n"), "\n");
}

std::string KafkaBroker::SecuredProperties() const {
  constexpr char kScram[] =
      ".sasl.jaas.config=org.apache.kafka.common.security.scram."
      "ScramLoginModule required;\n";
  return absl::StrCat(
      "authorizer.class.name=org.apache.kafka.metadata.authorizer."
      "StandardAuthorizer\n"
      "super.users=User:ANONYMOUS;User:",
      kAdmin,
      "\nsasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n"
      "listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common."
      "security.plain.PlainLoginModule required user_",
      kAdmin, "=\"", kAdminPassword, "\" user_", kGuest, "=\"", kGuestPassword,
      "\";\nlistener.name.sasl_ssl.scram-sha-256", kScram,
      "listener.name.sasl_ssl.scram-sha-512", kScram,
      "ssl.keystore.type=PEM\nssl.keystore.location=",
      folder_.path("server.pem"),
      "\nssl.truststore.type=PEM\nssl.truststore.location=", ca_file(),
      "\nlistener.name.ssl.ssl.client.auth=required\n");
}

std::string KafkaBroker::Log() const { return ContentOf(folder_.path("log")); }

void KafkaBroker::Start() {
  Launch();
  AwaitStart();
}

void KafkaBroker::Launch() {
  // What the broker said before it ended says nothing of the next one, which
  // opens the file anew only in its own time.
  std::error_code none;  // the first time there is no file
  std::filesystem::remove(folder_.path("log"), none);
  ChildSetup setup;
  // A pipe that nobody drains would stop the broker, so its log is a file; and
  // what has closed both outputs counts as ended. C1 alone and the serial
  // collector are what starts fastest.
  setup.program = "/bin/sh";
  const std::string classes = FolderOf(options_.version) + "/classes.jsa";
  setup.arguments = {
      "-c",
      absl::StrCat("exec ", PeerProgram("java"),
                   " -Xms64m -Xmx256m -XX:+UseSerialGC "
                   "-XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xshare:auto "
                   "-Djava.awt.headless=true -Djava.net.preferIPv4Stack=true ",
                   std::filesystem::exists(classes)
                       ? absl::StrCat("-XX:SharedArchiveFile='", classes, "' ")
                       : "",
                   "-cp '", FolderOf(options_.version),
                   "/libs/*' kafka.Kafka server.properties 2>log")};
  setup.folder = folder_.path();
  process_ = std::make_unique<ChildProcess>(setup);
}

void KafkaBroker::AwaitStart() {
  absl::Time deadline = absl::Now() + kPatience;
  while (Log().find("Kafka Server started") == std::string::npos) {
    if (!process_->Running() || absl::Now() > deadline) {
      std::string log = Log();
      ADD_FAILURE() << "Kafka does not start:\n"
                    << log.substr(log.size() -
                                  std::min<size_t>(log.size(), size_t{4000}));
      process_.reset();
      return;
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

void KafkaBroker::Stop() {
  if (process_ == nullptr) return;
  process_->Signal(SIGTERM);
  process_->Wait();
  process_.reset();
}

void KafkaBroker::Kill() {
  if (process_ == nullptr) return;
  process_->Signal(SIGKILL);
  process_->Wait();
  process_.reset();
}

void KafkaTest::SetUp() {
  if (UnderThreadSanitizer()) GTEST_SKIP() << kNoKafkaClient;
  std::string missing = KafkaBroker::WhyMissing(version_);
  if (missing.empty()) return;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") FAIL() << missing;
  GTEST_SKIP() << missing;
}

}  // namespace oddverb
