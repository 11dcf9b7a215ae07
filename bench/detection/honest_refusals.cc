#include "bench/detection/honest_refusals.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/pod_life.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

Question ListOf(const std::string& group, const std::string& resource,
                const std::string& ns = "") {
  Question question{"list", group, "v1", resource, "", ns};
  // As client-go's reflectors ask.
  question.query = "?limit=500&resourceVersion=0";
  return question;
}

// A program without the rights that it needs: its informers and its leader
// election fail, back off and try again, in the measured rhythm.
class BrokenOperator final : public Process {
 public:
  BrokenOperator(const Client* client, std::vector<Question> lists,
                 bool elects_leader, Micros end)
      : client_(client),
        lists_(std::move(lists)),
        elects_leader_(elects_leader),
        end_(end) {}

  Micros Step(Traffic& traffic, Micros now) override {
    if (now >= end_) return kNever;
    Random& random = traffic.random();
    Outcome outcome =
        client_->user.empty() ? Outcome::kUnauthenticated : Outcome::kRefused;
    if (elects_leader_ && random.Chance(0.54)) {
      Question lease{"get", "coordination.k8s.io", "v1",           "leases",
                     "",    "kube-system",         "operator-lock"};
      traffic.AskNow(*client_, lease, Refused(outcome), now);
    } else {
      Question question = lists_[next_ / 2 % lists_.size()];
      if (next_ % 2 == 1) question.verb = "watch";
      ++next_;
      traffic.AskNow(*client_, question, Refused(outcome), now);
    }
    // All informers start at once, and back off then.
    if (next_ < 2 * lists_.size()) return now + random.Between(1, 30) * 1000;
    // The one that was measured has two informers and a lease, which makes up
    // for some two more, and half of its time is its start, which backs off
    // less.
    double streams = static_cast<double>(lists_.size()) +
                     (elects_leader_ ? kLeaseStreams : 0);
    double gap = traffic.shapes().Of("refused").Gap(random) * 2 *
                 (2 + kLeaseStreams) / streams;
    return now + static_cast<Micros>(gap * kSecond) + 1;
  }

 private:
  static constexpr double kLeaseStreams = 2.35;

  const Client* client_;
  std::vector<Question> lists_;
  bool elects_leader_;
  Micros end_;
  size_t next_ = 0;
};

const std::vector<std::pair<std::string, std::string>>& CommonKinds() {
  static const std::vector<std::pair<std::string, std::string>> kKinds = {
      {"", "secrets"},
      {"", "configmaps"},
      {"", "services"},
      {"", "nodes"},
      {"", "namespaces"},
      {"apps", "statefulsets"},
      {"apps", "deployments"},
      {"batch", "cronjobs"},
      {"networking.k8s.io", "ingresses"},
      {"policy", "poddisruptionbudgets"},
      {"discovery.k8s.io", "endpointslices"},
      {"gateway.networking.k8s.io", "httproutes"},
      {"cert-manager.io", "certificates"},
      {"monitoring.coreos.com", "servicemonitors"},
      {"autoscaling", "horizontalpodautoscalers"},
      {"storage.k8s.io", "storageclasses"}};
  return kKinds;
}

std::vector<Question> SomeKinds(Random& random, int count,
                                const std::string& ns = "") {
  std::vector<std::pair<std::string, std::string>> kinds = CommonKinds();
  random.Shuffle(kinds);
  std::vector<Question> lists;
  for (int i = 0; i < count; ++i) {
    const auto& [group, resource] = kinds[static_cast<size_t>(i)];
    lists.push_back(ListOf(group, resource, ns));
  }
  return lists;
}

// The cluster-wide kinds of kube-state-metrics, given rights in one namespace.
std::vector<Question> ClusterWideMetrics() {
  std::vector<Question> lists;
  const std::pair<const char*, const char*> kinds[] = {
      {"", "namespaces"},
      {"", "nodes"},
      {"", "persistentvolumes"},
      {"storage.k8s.io", "storageclasses"},
      {"storage.k8s.io", "volumeattachments"},
      {"certificates.k8s.io", "certificatesigningrequests"},
      {"admissionregistration.k8s.io", "mutatingwebhookconfigurations"},
      {"admissionregistration.k8s.io", "validatingwebhookconfigurations"}};
  for (const auto& [group, resource] : kinds) {
    lists.push_back(ListOf(group, resource));
  }
  return lists;
}

Micros Sometime(Random& random, Micros start, Micros end) {
  return start + static_cast<Micros>(random.Uniform() *
                                     static_cast<double>(end - start));
}

void StartBrokenOperators(Traffic& traffic, Micros start, Micros end) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  std::vector<int> workloads = cluster.OfKind(Actor::Kind::kWorkload);
  std::vector<int> operators = cluster.OfKind(Actor::Kind::kOperator);
  auto broken = [&](int actor, std::vector<Question> lists, bool elects,
                    Micros from, Micros until) {
    Client* client = cluster.NewPod(
        actor, "operator/v0.3.1 (linux/amd64) kubernetes/$Format");
    StartPodKeeper(
        traffic, client, from - 5 * kSecond,
        from > start + kHour ? PodBirth::kInTheLog : PodBirth::kBeforeTheLog);
    traffic.Start(std::make_unique<BrokenOperator>(client, std::move(lists),
                                                   elects, until),
                  from);
  };
  // From before the log begins, to its end.
  for (int i = random.Between(1, 3); i > 0; --i) {
    broken(random.Pick(workloads), SomeKinds(random, random.Between(1, 4)),
           random.Chance(0.6), start + i * kMinute, end);
  }
  if (random.Chance(0.5)) {
    broken(random.Pick(operators), ClusterWideMetrics(), false,
           Sometime(random, start, end), end);
  }
  // A monitoring system that lacks its role in some namespaces.
  if (random.Chance(0.4)) {
    std::vector<Question> lists;
    for (int i = random.Between(1, 4); i > 0; --i) {
      const std::string& ns = random.Pick(cluster.namespaces());
      lists.push_back(ListOf("", "pods", ns));
      lists.push_back(ListOf("", "services", ns));
      lists.push_back(ListOf("discovery.k8s.io", "endpointslices", ns));
    }
    broken(random.Pick(operators), lists, false, Sometime(random, start, end),
           end);
  }
  // New releases that want more than their role gives, for a while.
  for (int i = random.Between(2, 6); i > 0; --i) {
    Micros from = Sometime(random, start, end);
    broken(random.Pick(operators), SomeKinds(random, random.Between(1, 4)),
           random.Chance(0.2), from,
           from + random.Between(3, 24 * 60) * kMinute);
  }
}

// Pods whose service account was deleted: their tokens are invalid.
void StartExpiredTokens(Traffic& traffic, Micros start, Micros end) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  for (int i = random.Between(0, 2); i > 0; --i) {
    Client client;
    client.addresses = {"10.244.77." + std::to_string(10 + i)};
    client.agent = "controller/v1.0.0 (linux/amd64) kubernetes/$Format";
    client.Render();
    Micros from = Sometime(random, start, end);
    traffic.Start(
        std::make_unique<BrokenOperator>(
            cluster.NewClient(client), SomeKinds(random, random.Between(1, 4)),
            random.Chance(0.3), from + random.Between(1, 12) * kHour),
        from);
  }
}

class RightsTaken final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Actor& actor = random.Pick(traffic.cluster().actors());
    bool eligible = actor.kind == Actor::Kind::kOperator ||
                    actor.kind == Actor::Kind::kWorkload ||
                    actor.kind == Actor::Kind::kPerson ||
                    actor.kind == Actor::Kind::kPipeline;
    if (eligible && now >= actor.lost_until) {
      actor.lost_from = now;
      actor.lost_until = now + random.Between(5, 12 * 60) * kMinute;
    }
    return now + static_cast<Micros>(random.Exponential(4) * kHour);
  }
};

class Restarts final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    int servers = traffic.cluster().servers();
    traffic.Restart(random.Between(0, servers - 1),
                    now + random.Between(5, 90) * kSecond);
    return now + static_cast<Micros>(random.Exponential(30) * kHour);
  }
};

// A kubelet asks for what a pod mounts before the authorizer has seen the pod.
class NodeRaces final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    if (nodes_.empty()) nodes_ = cluster.OfKind(Actor::Kind::kNode);
    const Actor& node =
        cluster.actors()[static_cast<size_t>(random.Pick(nodes_))];
    const Client* kubelet = node.clients[0];
    Question question{"get",
                      "",
                      "v1",
                      random.Chance(0.85) ? "configmaps" : "secrets",
                      "",
                      random.Pick(cluster.namespaces()),
                      "mounted-" + std::to_string(random.Below(30))};
    traffic.AskNow(*kubelet, question, Refused(Outcome::kNodeRace), now);
    traffic.AskAt(now + random.Between(200, 2000) * 1000, kubelet, question);
    return now + static_cast<Micros>(random.Exponential(60) * kSecond);
  }

 private:
  std::vector<int> nodes_;
};

// Quotas, namespaces that end, Pod Security: refused by admission, not RBAC.
class AdmissionStorms final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    if (left_ == 0) {
      left_ = random.Between(20, 400);
      ns_ = random.Pick(cluster.namespaces());
      static constexpr const char* kTexts[] = {
          "exceeded quota: compute, requested: pods=1, used: pods=50, limited: "
          "pods=50",
          "unable to create new content in namespace x because it is being "
          "terminated",
          "violates PodSecurity \\restricted:latest\\: runAsNonRoot"};
      text_ = kTexts[random.Below(3)];
      std::vector<int> controllers = cluster.OfKind(Actor::Kind::kController);
      client_ = cluster.actors()[static_cast<size_t>(random.Pick(controllers))]
                    .clients[0];
    }
    Question question{"create", "", "v1", "pods", "", ns_};
    traffic.AskNow(*client_, question, Refused(Outcome::kAdmission, text_),
                   now);
    if (--left_ == 0) {
      return now + static_cast<Micros>(random.Exponential(12) * kHour);
    }
    return now + random.Between(1, 60) * kSecond;
  }

 private:
  int left_ = 0;
  std::string ns_, text_;
  const Client* client_ = nullptr;
};

}  // namespace

void StartHonestRefusals(Traffic& traffic, Micros start, Micros end) {
  Random& random = traffic.random();
  StartBrokenOperators(traffic, start, end);
  StartExpiredTokens(traffic, start, end);
  // None of it in the first hours, so that there is something to lose.
  Micros later = start + 4 * kHour;
  traffic.Start(std::make_unique<RightsTaken>(), later);
  traffic.Start(std::make_unique<Restarts>(),
                later + static_cast<Micros>(random.Exponential(20) * kHour));
  traffic.Start(std::make_unique<NodeRaces>(), start + kMinute);
  traffic.Start(std::make_unique<AdmissionStorms>(), later);
  StartMistakes(traffic, start, end);
  StartMoves(traffic, start);
}

}  // namespace oddverb
