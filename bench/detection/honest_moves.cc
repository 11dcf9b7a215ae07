// Honest people and pods from where, and with what, they never were seen:
// without them every new network and every new program would be a thief's.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/honest_refusals.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

constexpr size_t kMostClients = 5;

// The same program and certificate at another address, from now on among those
// of the person. Mistakes are made there as anywhere.
// Where a place has two ways out, connections take either.
void WorkFrom(Cluster& cluster, Actor& person, const std::string& address,
              const std::string& second_way_out = "") {
  Client client = *person.clients[0];
  client.addresses = {address};
  client.other_address = second_way_out;
  client.other_share = second_way_out.empty() ? 0 : 0.4;
  client.Render();
  Client* kept = cluster.NewClient(client);
  if (person.clients.size() < kMostClients) {
    person.clients.push_back(kept);
  } else {
    person.clients.back() = kept;
  }
}

// Somebody works from a place where he never was. Assumed: each person once in
// ten days, and in one place of a hundred to two providers at once.
class Travels final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    std::vector<int> people = cluster.OfKind(Actor::Kind::kPerson);
    Actor& person = cluster.actors()[static_cast<size_t>(random.Pick(people))];
    const std::string second_way_out =
        random.Chance(0.01) ? cluster.PublicAddress() : "";
    WorkFrom(cluster, person, cluster.PublicAddress(), second_way_out);
    return NextAtWork(random, now,
                      11 * 10 / static_cast<double>(people.size()));
  }
};

// Somebody in a pod of his own finds out why it does not work: one or two kinds
// of request, again and again, with the pod's token and address. Assumed: twice
// a day in a cluster.
class HandsInPod final : public Process {
 public:
  Micros Step(Traffic& traffic, Micros now) override {
    Random& random = traffic.random();
    Cluster& cluster = traffic.cluster();
    const Actor& owner = cluster.actors()[static_cast<size_t>(
        random.Pick(cluster.OfKind(Actor::Kind::kWorkload)))];
    bool kubectl = random.Chance(0.4);
    Client client = *random.Pick(owner.clients);
    if (!client.is_started) return NextAtWork(random, now, 5);
    client.agent = kubectl ? "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9"
                           : "curl/8.5.0";
    client.Render();
    const Client* kept = cluster.NewClient(client);
    Micros at = now;
    if (kubectl) {
      for (const char* path : {"/api", "/apis"}) {
        Question question;
        question.path = path;
        traffic.AskAt(at += 4000, kept, question);
      }
      if (random.Chance(0.2)) {
        Question review{"create", "authorization.k8s.io", "v1",
                        "selfsubjectaccessreviews"};
        traffic.AskAt(at += kSecond, kept, review,
                      {Outcome::kAllowed, 201, ""});
      }
    }
    std::vector<Question> all = {
        {"list", "", "v1", "pods", "", owner.home},
        {"list", "", "v1", "services", "", owner.home},
        {"list", "", "v1", "secrets", "", owner.home},
        {"get", "", "v1", "configmaps", "", owner.home, "settings"},
        {"list", "", "v1", "namespaces"},
        {"list", "discovery.k8s.io", "v1", "endpointslices", "", owner.home}};
    random.Shuffle(all);
    for (int kinds = random.Between(1, 2); kinds > 0; --kinds) {
      for (int times = random.Between(1, 4); times > 0; --times) {
        at += random.Between(2, 40) * kSecond;
        traffic.AskAt(at, kept, all[static_cast<size_t>(kinds)], Refused());
      }
    }
    return NextAtWork(random, now, 5);
  }
};

}  // namespace

void StartMoves(Traffic& traffic, Micros start) {
  Cluster& cluster = traffic.cluster();
  Random& random = traffic.random();
  for (int index : cluster.OfKind(Actor::Kind::kPerson)) {
    // Assumed: three in ten also work from home.
    if (!random.Chance(0.3)) continue;
    WorkFrom(cluster, cluster.actors()[static_cast<size_t>(index)],
             cluster.PublicAddress());
  }
  traffic.Start(std::make_unique<Travels>(), NextAtWork(random, start, 1));
  traffic.Start(std::make_unique<HandsInPod>(), NextAtWork(random, start, 5));
}

}  // namespace oddverb
