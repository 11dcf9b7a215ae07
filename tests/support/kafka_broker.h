// A real Apache Kafka broker (KRaft, one node, or one of a KafkaCluster) as a
// peer of tests: on loopback, at free ports, in a folder of its own, ended by
// its process id.
// tests/peers/kafka/fetch makes what it is started from.
#ifndef ODDVERB_TESTS_SUPPORT_KAFKA_BROKER_H_
#define ODDVERB_TESTS_SUPPORT_KAFKA_BROKER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/input_files.h"
#include "tests/support/test_certificates.h"

namespace oddverb {

// The last line of the 3rd and of the 4th generation; `dev` fetches both.
inline constexpr std::string_view kKafka3 = "3.9.2";
inline constexpr std::string_view kKafka4 = "4.3.1";

// One thread.
class KafkaBroker {
 public:
  // kSecured: two more listeners, SASL over TLS for the users below and TLS
  // with client certificates of the test's authority; who comes over them may
  // do nothing but what an ACL allows, except kAdmin.
  enum class Listeners : uint8_t { kPlain, kSecured };
  struct Options {
    std::string version = std::string(kKafka4);
    Listeners listeners = Listeners::kPlain;
    std::vector<std::string> settings = {};  // lines of server.properties
    // Of a cluster: which of its nodes this is, from 1, and where their
    // controllers are. It is not started before Launch().
    int node = 1;
    std::vector<int> controller_ports = {};
  };
  // Users of SASL PLAIN; kAdmin is one of SCRAM, too.
  static constexpr char kAdmin[] = "admin";
  static constexpr char kAdminPassword[] = "admin-secret";
  static constexpr char kGuest[] = "guest";
  static constexpr char kGuestPassword[] = "guest-secret";

  // Empty, or why there is no such broker and what to do about it.
  static std::string WhyMissing(std::string_view version);

  explicit KafkaBroker(const Options& options);
  ~KafkaBroker();

  bool is_running() const { return process_ != nullptr; }
  std::string address() const;         // everybody may do everything
  std::string sasl_address() const;    // kSecured
  std::string mutual_address() const;  // kSecured: TLS with certificates
  const std::string& ca_file() const { return authority_.ca_file(); }
  const CertificateFiles& client() const { return client_; }

  // SIGTERM: it hands back what it holds. The data stay.
  void Stop();
  void Kill();
  // With the same data at the same addresses; the first time, too.
  void Start();
  // The same in two steps: nodes of a cluster start only together.
  void Launch();
  void AwaitStart();

 private:
  bool IsOfCluster() const { return !options_.controller_ports.empty(); }
  std::string ServerProperties() const;
  std::string SecuredProperties() const;
  std::string Log() const;

  const Options options_;
  TempFolder folder_;
  TestAuthority authority_;
  CertificateFiles client_;
  const int port_, controller_port_, sasl_port_, mutual_port_;
  std::unique_ptr<ChildProcess> process_;
};

// Skips its tests where there is no broker, but fails them in CI, which must
// have one. Under ThreadSanitizer they are skipped everywhere (sanitizers.h).
class KafkaTest : public ::testing::Test {
 protected:
  explicit KafkaTest(std::string_view version = kKafka4) : version_(version) {}
  void SetUp() override;

  const std::string version_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_KAFKA_BROKER_H_
