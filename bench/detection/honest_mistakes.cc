// What people, pipelines and strangers are refused now and then.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/honest_refusals.h"
#include "bench/detection/pod_life.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

// The measured share of a person's requests that is refused.
constexpr double kRefusedShare = 0.0041;
// A person makes some 55 requests a session and four sessions a day.
constexpr double kMistakesPerDay = kRefusedShare * 55 * 4;

std::vector<Question> MistakesOf(Random& random, const Actor& person,
                                 const std::vector<std::string>& namespaces) {
  const std::string& own = person.home;
  const std::string& other = random.Pick(namespaces);
  std::vector<Question> all = {
      {"list", "", "v1", "secrets", "", own},
      {"delete", "", "v1", "namespaces", "", own, own},
      {"list", "", "v1", "nodes"},
      {"list", "", "v1", "pods"},
      {"list", "", "v1", "namespaces"},
      {"list", "", "v1", "events"},
      {"list", "", "v1", "pods", "", other},
      {"get", "apps", "v1", "deployments", "", other, "api"},
      {"list", "", "v1", "services", "", other},
      {"create", "", "v1", "pods", "exec", other, "api-0"},
      {"get", "", "v1", "secrets", "", own, "db"},
      {"patch", "apps", "v1", "deployments", "scale", own, "api"},
      {"list", "apiextensions.k8s.io", "v1", "customresourcedefinitions"},
      {"list", "", "v1", "persistentvolumes"},
      {"get", "metrics.k8s.io", "v1beta1", "nodes"},
      {"create", "rbac.authorization.k8s.io", "v1", "rolebindings", "", own},
      {"list", "networking.k8s.io", "v1", "ingresses"},
      {"delete", "", "v1", "pods", "", other, "api-0"}};
  random.Shuffle(all);
  all.resize(5);
  return all;
}

class PersonsMistakes final : public Process {
 public:
  explicit PersonsMistakes(int actor) : actor_(actor) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Actor& person = cluster.actors()[static_cast<size_t>(actor_)];
    if (habits_.empty()) {
      habits_ = MistakesOf(random, person, cluster.namespaces());
    }
    const Client* client = random.Pick(person.clients);
    if (random.Chance(0.02)) {
      // The namespace that belongs to another team.
      GetAll(traffic, client, random.Pick(cluster.namespaces()), now);
    } else {
      Question question =
          random.Chance(0.75)
              ? random.Pick(habits_)
              : random.Pick(MistakesOf(random, person, cluster.namespaces()));
      // Tried twice as often as not.
      for (int i = random.Between(1, 3); i > 0; --i) {
        traffic.AskAt(now + i * 4 * kSecond, client, question, Refused());
      }
    }
    return NextAtWork(random, now, 11 / kMistakesPerDay * 2);
  }

 private:
  // `kubectl get all -n OTHER`.
  static void GetAll(Traffic& traffic, const Client* client,
                     const std::string& ns, Micros at) {
    const std::pair<const char*, const char*> kinds[] = {
        {"", "pods"},
        {"", "replicationcontrollers"},
        {"", "services"},
        {"apps", "daemonsets"},
        {"apps", "deployments"},
        {"apps", "replicasets"},
        {"apps", "statefulsets"},
        {"autoscaling", "horizontalpodautoscalers"},
        {"batch", "cronjobs"},
        {"batch", "jobs"}};
    for (const auto& [group, resource] : kinds) {
      Question question{"list", group, "v1", resource, "", ns};
      question.query = "?limit=500";
      traffic.AskAt(at += 9000, client, question, Refused());
    }
  }

  int actor_;
  std::vector<Question> habits_;
};

// A pipeline that is given a manifest with kinds that it may not touch: kubectl
// apply asks for each, and every later run does so again.
class NewManifest final : public Process {
 public:
  NewManifest(int actor, int kinds, bool escalates)
      : actor_(actor), kinds_(kinds), escalates_(escalates) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Actor& actor = cluster.actors()[static_cast<size_t>(actor_)];
    if (questions_.empty()) Choose(random, actor.spaces[0]);
    const Client* client = cluster.NewPod(
        actor_, "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9");
    Micros at = LogPodStart(traffic, *client, now);
    for (const Question& question : questions_) {
      traffic.AskAt(
          at += 15'000, client, question,
          Refused(escalates_ ? Outcome::kEscalation : Outcome::kRefused));
    }
    LogPodEnd(traffic, *client, at + kSecond);
    if (--runs_ == 0) return kNever;
    return NextAtWork(random, now, 2);
  }

 private:
  void Choose(Random& random, const std::string& ns) {
    runs_ = random.Between(2, 12);
    if (escalates_) {
      questions_.push_back({"create", "rbac.authorization.k8s.io", "v1",
                            "roles", "", ns, "app-reader"});
      if (kinds_ > 1) {
        questions_.push_back({"create", "rbac.authorization.k8s.io", "v1",
                              "roles", "", ns, "app-writer"});
      }
      return;
    }
    std::vector<Question> all = {
        {"get", "monitoring.coreos.com", "v1", "servicemonitors", "", ns, "x"},
        {"get", "networking.k8s.io", "v1", "ingresses", "", ns, "x"},
        {"get", "policy", "v1", "poddisruptionbudgets", "", ns, "x"},
        {"get", "cert-manager.io", "v1", "certificates", "", ns, "x"},
        {"get", "batch", "v1", "cronjobs", "", ns, "x"},
        {"get", "", "v1", "namespaces", "", ns, ns}};
    random.Shuffle(all);
    all.resize(static_cast<size_t>(kinds_));
    questions_ = all;
  }

  int actor_;
  int kinds_;
  bool escalates_;
  int runs_ = 0;
  std::vector<Question> questions_;
};

// A load balancer that asks for "/", and what the internet sends.
class Noise final : public Process {
 public:
  explicit Noise(bool from_internet) : from_internet_(from_internet) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    if (!from_internet_) {
      if (balancer_ == nullptr) {
        balancer_ = cluster.NewStranger("10.0.0.40", "ELB-HealthChecker/2.0");
      }
      Question root;
      root.path = "/";
      traffic.AskNow(*balancer_, root, Refused(), now);
      return now + 10 * kSecond;
    }
    static constexpr const char* kPaths[] = {
        "/",       "/favicon.ico", "/robots.txt", "/metrics",
        "/api",    "/login",       "/.env",       "/actuator/health",
        "/api/v1", "/index.html",  "/sitemap.xml"};
    const Client* stranger = cluster.NewStranger(
        cluster.PublicAddress(),
        random.Chance(0.5) ? "Mozilla/5.0 zgrab/0.x" : "Go-http-client/1.1");
    int paths = 1;
    while (paths < 6 && random.Chance(0.45)) ++paths;
    for (int i = 0; i < paths; ++i) {
      Question question;
      question.path = kPaths[random.Below(std::size(kPaths))];
      traffic.AskAt(now + i * kSecond, stranger, question, Refused());
    }
    return now + static_cast<Micros>(random.Exponential(30) * kMinute);
  }

 private:
  bool from_internet_;
  const Client* balancer_ = nullptr;
};

// A console that acts for people, and meets what they may not.
class Console final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    if (console_ == nullptr) {
      int actor = random.Pick(cluster.OfKind(Actor::Kind::kOperator));
      console_ = cluster.NewPod(actor, "rancher/v2.9 Go-http-client/2.0");
      StartPodKeeper(traffic, console_, now + kMinute, PodBirth::kBeforeTheLog);
      people_ = cluster.OfKind(Actor::Kind::kPerson);
    }
    const Actor& person =
        cluster.actors()[static_cast<size_t>(random.Pick(people_))];
    Client*& acting = acting_[static_cast<size_t>(random.Below(kKept))];
    const bool has_moved =
        acting != nullptr && (acting->pod_uid != console_->pod_uid ||
                              acting->addresses != console_->addresses);
    if (acting == nullptr || has_moved || random.Chance(0.2)) {
      Client client = *console_;
      client.impersonates = person.user;
      client.Render();
      acting = cluster.NewClient(client);
    }
    Question question{"list", "", "v1", "pods", "", person.home};
    traffic.AskNow(*acting, question, {}, now);
    if (random.Chance(0.01)) {
      Question nodes{"list", "",
                     "v1",   random.Chance(0.5) ? "nodes" : "secrets",
                     "",     person.home};
      traffic.AskAt(now + kSecond, acting, nodes, Refused());
    }
    return NextAtWork(random, now, 0.05);
  }

 private:
  static constexpr size_t kKept = 12;
  Client* console_ = nullptr;
  std::vector<int> people_;
  Client* acting_[kKept] = {};
};

// A person whose token has expired: the program tries for a while.
class ExpiredLogins final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Actor& person = cluster.actors()[static_cast<size_t>(
        random.Pick(cluster.OfKind(Actor::Kind::kPerson)))];
    Client client;
    client.addresses = person.clients[0]->addresses;
    client.agent = person.clients[0]->agent;
    client.Render();
    const Client* kept = cluster.NewClient(client);
    for (int i = random.Between(1, 6); i > 0; --i) {
      traffic.AskAt(now + i * 5 * kSecond, kept,
                    {"list", "", "v1", "pods", "", person.home},
                    Refused(Outcome::kUnauthenticated));
    }
    return NextAtWork(random, now, 1);
  }
};

}  // namespace

void StartMistakes(Traffic& traffic, Micros start, Micros end) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  for (int person : cluster.OfKind(Actor::Kind::kPerson)) {
    if (cluster.actors()[static_cast<size_t>(person)].is_sre) continue;
    traffic.Start(std::make_unique<PersonsMistakes>(person),
                  NextAtWork(random, start, 11 / kMistakesPerDay * 2));
  }
  for (int pipeline : cluster.OfKind(Actor::Kind::kPipeline)) {
    // About once in two weeks; more than three kinds at once are rare.
    double days = static_cast<double>(end - start) / static_cast<double>(kDay);
    if (!random.Chance(days / 14)) continue;
    bool escalates = random.Chance(0.2);
    int kinds = random.Chance(0.1) ? 4 : random.Between(1, 3);
    traffic.Start(std::make_unique<NewManifest>(pipeline, kinds, escalates),
                  NextAtWork(random, start + 8 * kHour, 12));
  }
  traffic.Start(std::make_unique<Noise>(false), start);
  if (cluster.is_public()) {
    traffic.Start(std::make_unique<Noise>(true), start);
  }
  if (random.Chance(0.4)) traffic.Start(std::make_unique<Console>(), start);
  traffic.Start(std::make_unique<ExpiredLogins>(),
                NextAtWork(random, start, 1));
}

}  // namespace oddverb
