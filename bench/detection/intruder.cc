#include "bench/detection/intruder.h"

#include <algorithm>
#include <set>
#include <string>

namespace oddverb {

std::vector<Question> Intruder::Wishes(const std::string& home, int count) {
  static const std::vector<Question> kKinds = {
      {"list", "", "v1", "secrets"},
      {"list", "", "v1", "pods"},
      {"list", "", "v1", "configmaps"},
      {"list", "", "v1", "serviceaccounts"},
      {"list", "", "v1", "nodes"},
      {"list", "", "v1", "namespaces"},
      {"list", "", "v1", "services"},
      {"list", "", "v1", "events"},
      {"list", "", "v1", "persistentvolumes"},
      {"list", "apps", "v1", "deployments"},
      {"list", "apps", "v1", "daemonsets"},
      {"list", "batch", "v1", "cronjobs"},
      {"list", "networking.k8s.io", "v1", "networkpolicies"},
      {"list", "rbac.authorization.k8s.io", "v1", "roles"},
      {"list", "rbac.authorization.k8s.io", "v1", "rolebindings"},
      {"list", "rbac.authorization.k8s.io", "v1", "clusterroles"},
      {"list", "rbac.authorization.k8s.io", "v1", "clusterrolebindings"},
      {"list", "apiextensions.k8s.io", "v1", "customresourcedefinitions"},
      {"list", "certificates.k8s.io", "v1", "certificatesigningrequests"},
      {"list", "admissionregistration.k8s.io", "v1",
       "mutatingwebhookconfigurations"},
      {"get", "", "v1", "secrets", "", "", "admin-token"},
      {"get", "", "v1", "pods", "log", "", "api-0"},
      {"create", "", "v1", "pods"},
      {"create", "", "v1", "pods", "exec", "", "api-0"},
      {"create", "", "v1", "serviceaccounts", "token", "", "default"},
      {"create", "apps", "v1", "deployments"},
      {"patch", "apps", "v1", "deployments", "", "", "api"},
      {"delete", "", "v1", "pods", "", "", "api-0"}};
  std::vector<Question> wishes;
  while (static_cast<int>(wishes.size()) < count) {
    Question question = random_.Pick(kKinds);
    double where = random_.Uniform();
    if (where < 0.4 || question.verb == "create") {
      question.ns = home;
    } else if (where < 0.65 || question.verb != "list") {
      question.ns = random_.Pick(Namespaces());
    }
    bool known =
        std::any_of(wishes.begin(), wishes.end(), [&](const Question& other) {
          return other.verb == question.verb && other.ns == question.ns &&
                 other.resource == question.resource &&
                 other.subresource == question.subresource;
        });
    // He seldom asks the same twice.
    if (!known || random_.Chance(0.1)) wishes.push_back(question);
  }
  return wishes;
}

Actor* Intruder::ChooseVictim(Actor::Kind kind, bool (*fits)(const Actor&)) {
  std::vector<int> actors = cluster_.OfKind(kind);
  std::erase_if(actors, [&](int i) {
    const Actor& actor = ActorAt(i);
    return actor.is_victim || ClientOf(actor) == nullptr || !fits(actor);
  });
  if (actors.empty()) return nullptr;
  victim_ = &ActorAt(random_.Pick(actors));
  victim_->is_victim = true;
  return victim_;
}

Client* Intruder::ClientOf(const Actor& actor) {
  std::vector<Client*> clients = actor.clients;
  std::erase_if(clients, [](const Client* c) { return !c->is_started; });
  return clients.empty() ? nullptr : random_.Pick(clients);
}

Client* Intruder::Steal(Actor::Kind kind, const std::string& address,
                        const std::string& agent) {
  auto any = [](const Actor&) { return true; };
  // A small cluster may have no workload left without a thief: then one of the
  // other service accounts.
  const bool is_found = ChooseVictim(kind, any) != nullptr ||
                        ChooseVictim(Actor::Kind::kOperator, any) != nullptr ||
                        ChooseVictim(Actor::Kind::kController, any) != nullptr;
  if (!is_found) RobAgain(kind);
  return StealFrom(ClientOf(*victim_), address, agent);
}

Client* Intruder::StealPod(const std::string& address,
                           const std::string& agent) {
  auto has_pods = [](const Actor& actor) {
    return !actor.clients[0]->pod_uid.empty() && !actor.on_host_network;
  };
  const bool is_found =
      ChooseVictim(Actor::Kind::kWorkload, has_pods) != nullptr ||
      ChooseVictim(Actor::Kind::kOperator, has_pods) != nullptr;
  if (!is_found) RobAgain(Actor::Kind::kWorkload);
  return StealFrom(ClientOf(*victim_), address, agent);
}

void Intruder::RobAgain(Actor::Kind kind) {
  victim_ = &ActorAt(cluster_.OfKind(kind).front());
  attack_.shares_victim = true;
}

bool Intruder::VictimRoams() const {
  std::set<std::string> networks;
  for (const Client* client : victim_->clients) {
    for (const std::string& address : client->addresses) {
      networks.insert(address.substr(0, address.rfind('.')));
    }
  }
  return networks.size() >= kNetworksOfRoamer;
}

Client* Intruder::StealFrom(Client* owner, const std::string& address,
                            const std::string& agent) {
  owner_ = owner;
  Client client = *owner;
  client.addresses = {address};
  client.other_address.clear();
  client.agent = agent;
  client.is_off = false;
  return Take(std::move(client));
}

Client* Intruder::Take(Client client) {
  client.actor = -1;  // what is refused is said with each request
  attack_.users.push_back(client.user);
  // Where honest ones are seen as well, only the identity is an attacker's.
  if (!cluster_.IsHonest(client.addresses.back())) {
    attack_.addresses.push_back(client.addresses.back());
  }
  return Keep(std::move(client));
}

}  // namespace oddverb
