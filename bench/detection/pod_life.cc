#include "bench/detection/pod_life.h"

#include <memory>
#include <utility>
#include <vector>

#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

// A kubelet renews at four fifths of a token's hour
// (kubernetes: pkg/kubelet/token/token_manager.go).
class PodKeeper final : public Process {
 public:
  PodKeeper(Client* pod, PodBirth birth) : pod_(pod), birth_(birth) {}

  Micros Step(Traffic& traffic, Micros now) override {
    if (birth_ == PodBirth::kInTheLog) {
      birth_ = PodBirth::kBeforeTheLog;
      pod_->is_started = true;
      LogPodStart(traffic, *pod_, now);
    } else {
      RenewPodToken(traffic, *pod_, now);
    }
    return now + traffic.random().Between(47 * 60, 50 * 60) * kSecond;
  }

 private:
  Client* pod_;
  PodBirth birth_;
};

bool HasPods(const Actor& actor) {
  return !actor.clients.empty() && !actor.clients[0]->pod_uid.empty() &&
         actor.kind != Actor::Kind::kPipeline;
}

// A new release: all pods of an account are replaced, one after the other.
// Assumed: each account once in two days.
class Releases final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    std::vector<Actor>& actors = traffic.cluster().actors();
    if (with_pods_.empty()) {
      for (size_t i = 0; i < actors.size(); ++i) {
        if (HasPods(actors[i])) with_pods_.push_back(i);
      }
    }
    Actor& actor = actors[random.Pick(with_pods_)];
    const bool is_upgrade =
        actor.kind == Actor::Kind::kOperator && random.Chance(0.3);
    const std::string version = "v1.2." + std::to_string(random.Between(1, 9));
    for (Client* pod : actor.clients) {
      if (!pod->is_started) continue;
      Client* old = traffic.cluster().NewClient(*pod);
      traffic.cluster().ReplacePod(*pod);
      if (is_upgrade) {
        const size_t slash = pod->agent.find('/');
        const size_t blank = pod->agent.find(' ');
        if (slash < blank && blank != std::string::npos) {
          pod->agent.replace(slash + 1, blank - slash - 1, version);
        }
        pod->Render();
      }
      LogPodStart(traffic, *pod, now);
      LogPodEnd(traffic, *old, now + random.Between(4, 20) * kSecond);
    }
    const double mean = 48.0 / static_cast<double>(with_pods_.size());
    return now + static_cast<Micros>(random.Exponential(mean) * kHour);
  }

 private:
  std::vector<size_t> with_pods_;
};

// A node starts again: its pods keep their uids and get other addresses.
// Assumed: one node of a cluster a day.
class NodeRestarts final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const int node = random.Between(0, cluster.nodes() - 2);
    for (Actor& actor : cluster.actors()) {
      if (!HasPods(actor)) continue;
      for (Client* pod : actor.clients) {
        if (pod->node_number != node || !pod->is_started) continue;
        cluster.MovePod(*pod);
        LogPodStatus(traffic, *pod, now + random.Between(100, 900) * 1000);
      }
    }
    return now + static_cast<Micros>(random.Exponential(24) * kHour);
  }
};

}  // namespace

std::string AccountName(const std::string& user) {
  return user.substr(user.rfind(':') + 1);
}

Question MintingOf(const std::string& ns, const std::string& account,
                   const std::string& credential, const Client* pod,
                   int seconds) {
  Question minting{"create", "", "v1", "serviceaccounts", "token", ns, account};
  std::string bound;
  if (pod != nullptr) {
    bound = R"(,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":)" +
            Quoted(pod->pod) + ",\"uid\":" + Quoted(pod->pod_uid) + "}";
  }
  minting.body =
      R"({"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1",)"
      R"("metadata":{},"spec":{"audiences":null,"expirationSeconds":)" +
      std::to_string(seconds) + bound +
      "},\"status\":{\"token\":\"\",\"expirationTimestamp\":null}}";
  minting.annotations =
      "\"authentication.kubernetes.io/issued-credential-id\":" +
      Quoted(credential);
  return minting;
}

void LogPodStatus(Traffic& traffic, const Client& pod, Micros at) {
  Cluster& cluster = traffic.cluster();
  const std::string& ns = cluster.actors()[static_cast<size_t>(pod.actor)].home;
  Question status{"patch", "", "v1", "pods", "status", ns, pod.pod};
  status.body =
      "{\"metadata\":{\"uid\":" + Quoted(pod.pod_uid) +
      "},\"status\":{\"phase\":\"Running\",\"podIP\":" + Quoted(pod.pod_ip) +
      ",\"podIPs\":[{\"ip\":" + Quoted(pod.pod_ip) + "}]}}";
  // Both addresses of a pod that is seen with both.
  if (cluster.is_dual_stack() && pod.addresses[0] == pod.pod_ip) {
    status.body.insert(status.body.size() - 3,
                       ",{\"ip\":" + Quoted(pod.other_address) + "}");
  }
  traffic.AskAt(at, cluster.kubelet(pod.node_number), status);
}

Micros LogPodStart(Traffic& traffic, const Client& pod, Micros now) {
  Random& random = traffic.random();
  Cluster& cluster = traffic.cluster();
  const Actor& actor = cluster.actors()[static_cast<size_t>(pod.actor)];
  const Client* kubelet = cluster.kubelet(pod.node_number);
  const std::string& ns = actor.home;
  traffic.AskAt(now, cluster.Controller(":replicaset-controller"),
                {"create", "", "v1", "pods", "", ns},
                {Outcome::kAllowed, 201, ""});
  traffic.AskAt(now + 20'000, cluster.Controller("kube-scheduler"),
                {"create", "", "v1", "pods", "binding", ns, pod.pod},
                {Outcome::kAllowed, 201, ""});
  Micros at = now + random.Between(100, 400) * 1000;
  traffic.AskAt(at, kubelet, {"get", "", "v1", "pods", "", ns, pod.pod});
  traffic.AskAt(at += random.Between(50, 300) * 1000, kubelet,
                MintingOf(ns, AccountName(pod.user), pod.credential, &pod),
                {Outcome::kAllowed, 201, ""});
  LogPodStatus(traffic, pod, at += random.Between(500, 2500) * 1000);
  return at + kSecond;
}

void LogPodEnd(Traffic& traffic, const Client& pod, Micros now) {
  Random& random = traffic.random();
  Cluster& cluster = traffic.cluster();
  const Actor& actor = cluster.actors()[static_cast<size_t>(pod.actor)];
  const std::string& ns = actor.home;
  Question asked{"delete", "", "v1", "pods", "", ns, pod.pod};
  asked.body =
      R"({"kind":"DeleteOptions","apiVersion":"meta.k8s.io/__internal"})";
  traffic.AskAt(now, cluster.Controller(":replicaset-controller"), asked);
  // Most programs end at once, some use their whole grace period.
  Micros at = now + random.Between(200, 900) * 1000;
  if (actor.kind != Actor::Kind::kSilent && random.Chance(0.3)) {
    for (int i = random.Between(1, 3); i > 0; --i) {
      traffic.AskAt(at += random.Between(1, 9) * kSecond,
                    traffic.cluster().NewClient(pod),
                    {"get", "", "v1", "configmaps", "", ns, "settings"});
    }
  }
  LogPodStatus(traffic, pod, at += kSecond);
  Question gone = asked;
  gone.body =
      R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,)"
      R"("preconditions":{"uid":)" +
      Quoted(pod.pod_uid) + "}}";
  traffic.AskAt(at + 30'000, cluster.kubelet(pod.node_number), gone);
}

void RenewPodToken(Traffic& traffic, Client& pod, Micros now) {
  Cluster& cluster = traffic.cluster();
  const Actor& actor = cluster.actors()[static_cast<size_t>(pod.actor)];
  const bool is_bound = !pod.pod_uid.empty();
  cluster.RenewToken(pod);
  traffic.AskNow(is_bound ? *cluster.kubelet(pod.node_number)
                          : *cluster.Controller("kube-controller-manager"),
                 MintingOf(actor.home, AccountName(pod.user), pod.credential,
                           is_bound ? &pod : nullptr),
                 {Outcome::kAllowed, 201, ""}, now);
}

void StartPodKeeper(Traffic& traffic, Client* pod, Micros at, PodBirth birth) {
  pod->is_started = birth == PodBirth::kBeforeTheLog;
  traffic.Start(std::make_unique<PodKeeper>(pod, birth), at);
}

void StartPodLife(Traffic& traffic, Micros start) {
  Random& random = traffic.random();
  traffic.Start(std::make_unique<Releases>(), start + 20 * kMinute);
  traffic.Start(std::make_unique<NodeRestarts>(),
                start + random.Between(2, 20) * kHour);
}

}  // namespace oddverb
