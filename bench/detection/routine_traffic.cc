#include "bench/detection/routine_traffic.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "bench/detection/pod_life.h"

namespace oddverb {
namespace {

// The log that was measured condenses days into ten minutes: the roles keep
// their rhythm, but pause longer. Chosen so that a cluster has some 20 events a
// second, of which most are machines', as in real ones.
double PaceOf(Actor::Kind kind) {
  switch (kind) {
    case Actor::Kind::kNode:
      return 0.3;
    case Actor::Kind::kController:
      return 0.1;
    case Actor::Kind::kControlPlane:
      return 0.2;
    default:
      return 0.3;
  }
}

std::string RoleName(Actor::Kind kind) {
  switch (kind) {
    case Actor::Kind::kNode:
      return "node";
    case Actor::Kind::kControlPlane:
      return "control_plane";
    case Actor::Kind::kController:
      return "controller";
    case Actor::Kind::kOperator:
      return "operator";
    case Actor::Kind::kPipeline:
      return "ci";
    case Actor::Kind::kPerson:
      return "person";
    case Actor::Kind::kAnonymous:
      return "anonymous";
    case Actor::Kind::kWorkload:
    case Actor::Kind::kSilent:
      break;
  }
  return "workload";
}

// What pod_life.h logs, where it belongs to a pod that there is.
bool IsOfPodLife(Actor::Kind kind, const Question& question) {
  return question.subresource == "token" ||
         (kind == Actor::Kind::kNode && question.resource == "pods" &&
          (question.subresource == "status" || question.verb == "delete"));
}

// A program that does the same few kinds of thing for ever.
class Machine final : public Process {
 public:
  Machine(Client* client, const Actor& actor, const RoleShape& shape,
          Random& random)
      : client_(client),
        kind_(actor.kind),
        home_(actor.home),
        pods_(std::max<double>(1, static_cast<double>(actor.clients.size()))),
        shape_(shape) {
    size_t wanted = static_cast<size_t>(
        actor.kind == Actor::Kind::kNode ? 24 : random.Between(4, 14));
    for (size_t tries = 0; repertoire_.size() < wanted && tries < 60; ++tries) {
      const RequestKind& kind = shape.Kind(random);
      const bool is_told =
          kind.code < 400 || kind.code == 404 || kind.code == 409;
      if (is_told && !IsOfPodLife(actor.kind, kind.question)) {
        repertoire_.push_back(&kind);
      }
    }
  }

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    if (spaces_.empty()) ChooseSpaces(traffic);
    const RequestKind& kind = *random.Pick(repertoire_);
    traffic.AskNow(*client_, QuestionOf(kind, random.Pick(spaces_), random),
                   {Outcome::kAllowed, kind.code, ""}, now);
    double gap = shape_.PacedGap(random, PaceOf(kind_) / pods_);
    return now + static_cast<Micros>(gap * kSecond) + 1;
  }

 private:
  // Controllers work in all namespaces, a kubelet in those of its pods.
  void ChooseSpaces(Traffic& traffic) {
    spaces_ = {home_};
    if (kind_ == Actor::Kind::kWorkload || kind_ == Actor::Kind::kOperator) {
      return;
    }
    spaces_ = traffic.cluster().namespaces();
    if (kind_ != Actor::Kind::kNode) return;
    traffic.random().Shuffle(spaces_);
    spaces_.resize(std::min<size_t>(spaces_.size(), 8));
  }

  Client* client_;
  Actor::Kind kind_;
  std::string home_;
  std::vector<std::string> spaces_;
  double pods_;
  const RoleShape& shape_;
  std::vector<const RequestKind*> repertoire_;
};

// Sessions of one person.
class Person final : public Process {
 public:
  explicit Person(int actor) : actor_(actor) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    const Actor& actor =
        traffic.cluster().actors()[static_cast<size_t>(actor_)];
    const Client* client = random.Pick(actor.clients);
    const std::string& ns =
        random.Chance(0.7) ? actor.home : random.Pick(actor.spaces);
    Micros at = Greet(traffic, client, now);
    int requests = 6 + static_cast<int>(random.Exponential(45));
    const RoleShape& shape = traffic.shapes().Of("person");
    int patience = random.Between(1, 5);
    for (int i = 0; i < requests; ++i) {
      const RequestKind& kind = shape.Kind(random);
      bool open = kind.namespaced || !kind.question.path.empty() ||
                  kind.question.resource.starts_with("selfsubject");
      if (kind.code == 403 || (!open && !actor.is_sre)) continue;
      // A person from whom everything was taken soon gives up.
      if (at >= actor.lost_from && at < actor.lost_until && --patience < 0) {
        break;
      }
      traffic.AskAt(at, client, QuestionOf(kind, ns, random),
                    {Outcome::kAllowed, kind.code, ""});
      at += static_cast<Micros>(shape.Gap(random) * kSecond);
    }
    return NextAtWork(random, std::max(at, now), 2.5);
  }

 private:
  // What a program asks before its user does.
  Micros Greet(Traffic& traffic, const Client* client, Micros at) {
    Random& random = traffic.random();
    for (const char* path : {"/version", "/api", "/apis"}) {
      if (random.Chance(0.3)) continue;
      Question question;
      question.path = path;
      traffic.AskAt(at += 4000, client, question);
    }
    if (client->agent.starts_with("kubectl")) return at;
    // Consoles ask which views to show.
    Question review{"create", "authorization.k8s.io", "v1",
                    "selfsubjectaccessreviews"};
    for (int i = random.Between(2, 14); i > 0; --i) {
      traffic.AskAt(at += 3000, client, review, {Outcome::kAllowed, 201, ""});
    }
    return at;
  }

  int actor_;
};

// Runs of a pipeline: each has a new pod with a new token.
class Pipeline final : public Process {
 public:
  explicit Pipeline(int actor) : actor_(actor) {}

  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Client* client = cluster.NewPod(
        actor_, random.Chance(0.5) ? "helm/v3.16.2"
                                   : "kubectl/v1.34.1 (linux/amd64) "
                                     "kubernetes/93248f9");
    Actor& actor = cluster.actors()[static_cast<size_t>(actor_)];
    // Only the first is asked for later, for its uid.
    if (actor.clients.size() > 8) actor.clients.resize(8);
    const std::string& ns = random.Pick(actor.spaces);
    const RoleShape& shape = traffic.shapes().Of("ci");
    Micros at = LogPodStart(traffic, *client, now);
    int patience = random.Between(1, 3);
    for (int i = random.Between(15, 60); i > 0; --i) {
      const RequestKind& kind = shape.Kind(random);
      if (kind.code == 403) continue;
      // A run ends with its first failed step.
      bool lost = at >= actor.lost_from && at < actor.lost_until;
      if (lost && --patience < 0) break;
      traffic.AskAt(at, client, QuestionOf(kind, ns, random),
                    {Outcome::kAllowed, kind.code, ""});
      at += static_cast<Micros>(shape.Gap(random) * kSecond);
    }
    // kubectl apply and helm look for a secret before they make it.
    if (random.Chance(0.3)) {
      Question secret{"get",
                      "",
                      "v1",
                      "secrets",
                      "",
                      ns,
                      "release-" + std::to_string(random.Below(1000))};
      traffic.AskAt(at, client, secret, {Outcome::kAllowed, 404, ""});
      secret.verb = "create";
      traffic.AskAt(at + 20'000, client, secret, {Outcome::kAllowed, 201, ""});
    }
    LogPodEnd(traffic, *client, at + kSecond);
    return NextAtWork(random, at, 3);
  }

 private:
  int actor_;
};

// Health checks of load balancers and nodes.
class Prober final : public Process {
 public:
  explicit Prober(const Client* client) : client_(client) {}
  Micros Step(Traffic& traffic, Micros now) override {
    const RoleShape& shape = traffic.shapes().Of("anonymous");
    traffic.AskNow(*client_, shape.Kind(traffic.random()).question, {}, now);
    double gap = shape.PacedGap(traffic.random(), 0.5);
    return now + static_cast<Micros>(gap * kSecond) + 1;
  }

 private:
  const Client* client_;
};

}  // namespace

Micros NextAtWork(Random& random, Micros now, double mean_hours) {
  constexpr Micros kFirst = 7 * kHour, kLast = 18 * kHour;
  auto wait = static_cast<Micros>(random.Exponential(mean_hours) *
                                  static_cast<double>(kHour));
  while (true) {
    Micros midnight = now - now % kDay;
    Micros from = std::max(now, midnight + kFirst);
    Micros left = midnight + kLast - from;
    if (left > wait) return from + wait;
    if (left > 0) wait -= left;
    now = midnight + kDay;
  }
}

Question QuestionOf(const RequestKind& kind, const std::string& ns,
                    Random& random) {
  Question question = kind.question;
  if (kind.namespaced) question.ns = ns;
  if (kind.named) {
    question.name = question.resource + "-" + std::to_string(random.Below(12));
  }
  // Statistics, by far the most: the table has no paths behind a proxy.
  if (question.subresource == "proxy") question.query = "/stats/summary";
  return question;
}

void StartMachine(Traffic& traffic, int actor, Client* client, Micros at) {
  const Actor& who = traffic.cluster().actors()[static_cast<size_t>(actor)];
  traffic.Start(std::make_unique<Machine>(
                    client, who, traffic.shapes().Of(RoleName(who.kind)),
                    traffic.random()),
                at);
}

void StartRoutineTraffic(Traffic& traffic, Micros start) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  std::vector<Actor>& actors = cluster.actors();
  for (size_t i = 0; i < actors.size(); ++i) {
    Actor& actor = actors[i];
    int index = static_cast<int>(i);
    if (actor.kind == Actor::Kind::kPerson) {
      traffic.Start(std::make_unique<Person>(index),
                    NextAtWork(random, start, 2.5));
      continue;
    }
    if (actor.kind == Actor::Kind::kPipeline) {
      traffic.Start(std::make_unique<Pipeline>(index),
                    NextAtWork(random, start, 3));
      continue;
    }
    // The last node joins later (honest_credentials.cc).
    const bool is_late =
        actor.kind == Actor::Kind::kNode &&
        actor.clients[0] == cluster.kubelet(cluster.nodes() - 1);
    if (is_late) continue;
    Micros begin = start;
    // Some are deployed later; of these, a few before their roles are.
    if (actor.kind == Actor::Kind::kWorkload && random.Chance(0.12)) {
      begin += static_cast<Micros>(random.Between(1.0, 60.0) * kHour);
      if (random.Chance(0.3)) {
        actor.lost_from = begin;
        actor.lost_until = begin + random.Between(10, 180) * kSecond;
      }
    }
    for (Client* client : actor.clients) {
      if (client->credential.starts_with("JTI=")) {
        const bool is_new = begin > start;
        const int age = is_new ? 0 : random.Between(0, 47 * 60);
        StartPodKeeper(traffic, client, begin + age * kSecond,
                       is_new ? PodBirth::kInTheLog : PodBirth::kBeforeTheLog);
      }
      if (actor.kind == Actor::Kind::kSilent) continue;
      StartMachine(traffic, index, client,
                   begin + 5 * kSecond + random.Between(0, 30'000'000));
    }
  }
  StartPodLife(traffic, start);
  for (int i = random.Between(2, 4); i > 0; --i) {
    traffic.Start(std::make_unique<Prober>(cluster.NewStranger(
                      "10.0.0." + std::to_string(20 + i), "kube-probe/1.34")),
                  start + i * kSecond);
  }
}

}  // namespace oddverb
