#include "bench/detection/honest_credentials.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/certificate_text.h"
#include "bench/detection/pod_life.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

constexpr const char* kSigning = "certificates.k8s.io";
constexpr const char* kRequests = "certificatesigningrequests";
constexpr const char* kKubectl =
    "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9";

// A VPN gives another address with each login. Assumed: two logins a day, and
// addresses that others had before.
class VpnLogins final : public Process {
 public:
  explicit VpnLogins(int actor) : actor_(actor) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Cluster& cluster = traffic.cluster();
    const std::string address = cluster.OfficeAddress();
    for (Client* client :
         cluster.actors()[static_cast<size_t>(actor_)].clients) {
      if (!client->addresses[0].starts_with("10.8.")) continue;
      client->addresses = {address};
      client->Render();
    }
    return NextAtWork(traffic.random(), now, 5.5);
  }

 private:
  int actor_;
};

// Programs that have two addresses connect anew: when an API server restarts,
// or a balancer drops them. Assumed: each twice a day.
class Reconnects final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    if (clients_.empty()) {
      for (Actor& actor : cluster.actors()) {
        for (Client* client : actor.clients) {
          if (!client->other_address.empty()) clients_.push_back(client);
        }
      }
    }
    if (clients_.empty()) return kNever;
    cluster.Reconnect(*random.Pick(clients_));
    const double mean = 12.0 / static_cast<double>(clients_.size());
    return now + static_cast<Micros>(random.Exponential(mean) * kHour) + 1;
  }

 private:
  std::vector<Client*> clients_;
};

// A kubelet renews its certificate; what it has under way ends with the old
// one.
class CertificateRotation final : public Process {
 public:
  explicit CertificateRotation(int node) : node_(node) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    Client* kubelet = cluster.kubelet(node_);
    if (!is_asked_) {
      is_asked_ = true;
      const CertificateOrder order{"csr-" + cluster.Hex(5), kubelet->user,
                                   "system:nodes"};
      traffic.AskNow(*kubelet, CreationOf(order), {Outcome::kAllowed, 201, ""},
                     now);
      traffic.AskAt(now + 100'000,
                    cluster.Controller("kube-controller-manager"),
                    ApprovalOf(order));
      credential_ = LogSigning(traffic, order, kubelet->user, now + 150'000);
      traffic.AskAt(now + 300'000, kubelet,
                    {"watch", kSigning, "v1", kRequests});
      return now + 5 * kSecond;
    }
    const Client* old = cluster.NewClient(*kubelet);
    kubelet->credential = credential_;
    kubelet->Render();
    for (int i = random.Between(1, 6); i > 0; --i) {
      traffic.AskAt(
          now + random.Between(1, 120) * kSecond, old,
          {"get", "", "v1", "nodes", "", "", cluster.node_name(node_)});
    }
    return kNever;
  }

 private:
  int node_;
  bool is_asked_ = false;
  std::string credential_;
};

// A node is added as kubeadm does it. Assumed: half of them were there before,
// and are installed anew under their old name.
class NodeJoins final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Client* kubelet = traffic.cluster().kubelet(traffic.cluster().nodes() - 1);
    if (step_ == 0) {
      was_there_ = random.Chance(0.5);
      if (was_there_) StartMachine(traffic, kubelet->actor, kubelet, now);
      step_ = 1;
      return now + random.Between(1, 40) * kHour;
    }
    if (step_ == 1) {
      kubelet->is_off = was_there_;
      step_ = 2;
      return now + random.Between(4 * 60, 15 * 60) * kSecond;
    }
    kubelet->is_off = false;
    Join(traffic, kubelet, now);
    return kNever;
  }

 private:
  void Join(Traffic& traffic, Client* kubelet, Micros now) const {
    Cluster& cluster = traffic.cluster();
    const int node = cluster.nodes() - 1;
    Client token = BootstrapToken(cluster.Hex(6), kubelet->addresses[0]);
    token.agent = "kubeadm/v1.34.1 (linux/amd64) kubernetes/93248f9";
    token.Render();
    const Client* joining = cluster.NewClient(token);
    for (const char* map : {"kubeadm-config", "kubelet-config"}) {
      traffic.AskAt(now += 200'000, joining,
                    {"get", "", "v1", "configmaps", "", "kube-system", map});
    }
    traffic.AskAt(now += 100'000, joining,
                  {"get", "", "v1", "nodes", "", "", cluster.node_name(node)},
                  {Outcome::kAllowed, 404, ""});
    token.agent = kubelet->agent;
    token.Render();
    joining = cluster.NewClient(token);
    const CertificateOrder order{"node-csr-" + cluster.Hex(12), kubelet->user,
                                 "system:nodes"};
    traffic.AskAt(now += kSecond, joining, CreationOf(order),
                  {Outcome::kAllowed, 201, ""});
    traffic.AskAt(now + 100'000, cluster.Controller("kube-controller-manager"),
                  ApprovalOf(order));
    kubelet->credential =
        LogSigning(traffic, order, joining->user, now + 200'000);
    kubelet->Render();
    traffic.AskAt(now += kSecond, joining,
                  {"get", kSigning, "v1", kRequests, "", "", order.name});
    traffic.AskAt(
        now += kSecond, kubelet,
        {"create", "", "v1", "nodes", "", "", cluster.node_name(node)},
        {Outcome::kAllowed, 201, ""});
    cluster.JoinLastNode();
    if (was_there_) return;
    StartMachine(traffic, kubelet->actor, kubelet, now + kSecond);
  }

  int step_ = 0;
  bool was_there_ = false;
};

// An administrator makes a token for a dashboard, and uses it at his place.
// Assumed: twice a week.
class DashboardTokens final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Client* person = RandomSre(traffic);
    const std::string ns = "dashboard";
    Client token;
    token.user = "system:serviceaccount:" + ns + ":viewer";
    token.uid = "4d2f8c1e-77aa-4f0b-a3c4-0f5be1d2c3a4";
    token.groups = GroupsOfAccount(ns);
    token.addresses = person->addresses;
    token.agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0";
    cluster.RenewToken(token);
    traffic.AskNow(*person, MintingOf(ns, "viewer", token.credential, nullptr),
                   {Outcome::kAllowed, 201, ""}, now);
    const Client* used = cluster.NewClient(token);
    Micros at = now;
    for (int i = random.Between(5, 40); i > 0; --i) {
      at += random.Between(1, 30) * kSecond;
      traffic.AskAt(at, used,
                    {"list", "", "v1", random.Chance(0.5) ? "pods" : "services",
                     "", random.Pick(cluster.namespaces())});
    }
    return NextAtWork(random, now, 38);
  }

  static const Client* RandomSre(Traffic& traffic) {
    std::vector<const Client*> all;
    for (int i : traffic.cluster().OfKind(Actor::Kind::kPerson)) {
      const Actor& person = traffic.cluster().actors()[static_cast<size_t>(i)];
      if (person.is_sre || all.empty()) all.push_back(person.clients[0]);
    }
    return traffic.random().Pick(all);
  }
};

// `kubectl --as`: finds out why somebody is refused. Assumed: once in two days.
class ActsForOthers final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    Client acting = *DashboardTokens::RandomSre(traffic);
    acting.agent = kKubectl;
    const Actor& other = cluster.actors()[static_cast<size_t>(
        random.Pick(cluster.OfKind(Actor::Kind::kPerson)))];
    acting.impersonates = other.user;
    acting.Render();
    const Client* kept = cluster.NewClient(acting);
    for (int i = random.Between(1, 4); i > 0; --i) {
      traffic.AskAt(now + i * 7 * kSecond, kept,
                    {"list", "", "v1", "pods", "", other.home});
    }
    return NextAtWork(random, now, 22);
  }
};

}  // namespace

Client BootstrapToken(const std::string& id, const std::string& address) {
  Client client;
  client.user = "system:bootstrap:" + id;
  client.groups = {"system:bootstrappers",
                   "system:bootstrappers:kubeadm:default-node-token",
                   "system:authenticated"};
  client.addresses = {address};
  return client;
}

void StartHonestCredentials(Traffic& traffic, Micros start, Micros end) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  for (int person : cluster.OfKind(Actor::Kind::kPerson)) {
    // Assumed: half of the people are behind the VPN.
    if (!random.Chance(0.5)) continue;
    traffic.Start(std::make_unique<VpnLogins>(person),
                  NextAtWork(random, start, 5.5));
  }
  traffic.Start(std::make_unique<Reconnects>(), start + kMinute);
  for (int node = 0; node + 1 < cluster.nodes(); ++node) {
    // A certificate lives for months, at most some of them end in these days.
    if (!random.Chance(0.3)) continue;
    traffic.Start(
        std::make_unique<CertificateRotation>(node),
        start + static_cast<Micros>(random.Uniform() *
                                    static_cast<double>(end - start)));
  }
  traffic.Start(std::make_unique<NodeJoins>(), start + 5 * kSecond);
  traffic.Start(std::make_unique<DashboardTokens>(),
                NextAtWork(random, start, 20));
  traffic.Start(std::make_unique<ActsForOthers>(),
                NextAtWork(random, start, 10));
  StartSharedCredentials(traffic, start);
}

}  // namespace oddverb
