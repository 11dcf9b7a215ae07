// Pipelines outside of the cluster, whose runs share one credential from ever
// other addresses.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/honest_credentials.h"
#include "bench/detection/pod_life.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

constexpr const char* kAgents[] = {
    "helm/v3.16.2", "kubectl/v1.33.4 (linux/amd64) kubernetes/3f1c2b9",
    "Terraform/1.9.5 terraform-provider-kubernetes/2.31.0"};

class SharedCredential final : public Process {
 public:
  // A certificate, a long token of a service account, a token from a secret.
  enum class Kind : uint8_t { kCertificate, kLongToken, kSecretToken };

  SharedCredential(Kind kind, int number, Traffic& traffic) : kind_(kind) {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const std::string id = std::to_string(number);
    if (kind == Kind::kCertificate) {
      client_.user = "ci-bot-" + id;
      client_.groups = {"deployers", "system:authenticated"};
      client_.credential = "X509SHA256=" + cluster.Hex(64);
    } else {
      client_.user = "system:serviceaccount:ci:external-" + id;
      client_.uid = cluster.Uuid();
      client_.groups = GroupsOfAccount("ci");
      if (kind == Kind::kLongToken) cluster.RenewToken(client_);
    }
    // Runners of one's own, or hosted ones, which are others each time. A token
    // from a secret belongs to no hosted one.
    is_hosted_ = kind != Kind::kSecretToken && random.Chance(0.5);
    runners_ = random.Between(4, 40);
    agent_ = kAgents[random.Below(std::size(kAgents))];
    for (int i = random.Between(1, 4); i > 0; --i) {
      spaces_.push_back(random.Pick(cluster.namespaces()));
    }
  }

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Client run = client_;
    run.addresses = {
        is_hosted_
            ? traffic.cluster().PublicAddress()
            : "10.6.0." + std::to_string(10 + random.Between(1, runners_))};
    run.agent = random.Chance(0.9) ? agent_ : kAgents[random.Below(3)];
    run.Render();
    const Client* kept = traffic.cluster().NewClient(run);
    const RoleShape& shape = traffic.shapes().Of("ci");
    const std::string& ns = random.Pick(spaces_);
    Micros at = now;
    for (int i = random.Between(10, 40); i > 0; --i) {
      const RequestKind& kind = shape.Kind(random);
      if (kind.code == 403 || kind.question.subresource == "token") continue;
      Question question = QuestionOf(kind, ns, random);
      if (kind_ == Kind::kSecretToken) {
        question.annotations =
            R"("authentication.k8s.io/legacy-token-manual-secret":"ci/external")";
      }
      traffic.AskAt(at, kept, question, {Outcome::kAllowed, kind.code, ""});
      at += static_cast<Micros>(shape.Gap(random) * 4 * kSecond);
    }
    // Runs come in crowds: each merge starts several.
    return random.Chance(0.5) ? now + random.Between(5, 200) * kSecond
                              : NextAtWork(random, now, 1);
  }

 private:
  Kind kind_;
  Client client_;
  bool is_hosted_ = false;
  int runners_ = 0;
  std::string agent_;
  std::vector<std::string> spaces_;
};

}  // namespace

// Assumed: up to three in a cluster.
void StartSharedCredentials(Traffic& traffic, Micros start) {
  using Kind = SharedCredential::Kind;
  int number = 0;
  for (Kind kind : {Kind::kCertificate, Kind::kLongToken, Kind::kSecretToken}) {
    if (!traffic.random().Chance(0.5)) continue;
    traffic.Start(std::make_unique<SharedCredential>(kind, number++, traffic),
                  NextAtWork(traffic.random(), start, 1));
  }
}

}  // namespace oddverb
