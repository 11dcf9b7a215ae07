#include "bench/detection/intruder.h"

#include <algorithm>

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

Client* Intruder::Steal(Actor::Kind kind, const std::string& address,
                        const std::string& agent) {
  std::vector<int> actors;
  // A small cluster may have no workload left without a thief: then one of the
  // other service accounts.
  for (Actor::Kind next :
       {kind, Actor::Kind::kOperator, Actor::Kind::kController}) {
    if (!actors.empty()) break;
    actors = cluster_.OfKind(next);
    std::erase_if(actors, [&](int i) {
      return ActorAt(i).is_victim || ActorAt(i).clients.empty();
    });
  }
  if (actors.empty()) actors = cluster_.OfKind(kind);
  Actor& victim = ActorAt(random_.Pick(actors));
  victim.is_victim = true;
  victim_ = &victim;
  Client client = *random_.Pick(victim.clients);
  client.addresses = {address};
  client.other_address.clear();
  client.agent = agent;
  client.actor = -1;  // what is refused is said with each request
  attack_.users.push_back(victim.user);
  attack_.addresses = {address};
  return Keep(client);
}

}  // namespace oddverb
