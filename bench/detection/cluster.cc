#include "bench/detection/cluster.h"

#include <utility>

namespace oddverb {
namespace {

constexpr const char* kTeams[] = {
    "web",     "payments", "orders", "search",  "media",   "billing",
    "catalog", "ledger",   "mail",   "routing", "pricing", "stock",
    "reviews", "identity", "export", "ads",     "fraud",   "chat",
    "geo",     "batch",    "feeds",  "studio",  "risk",    "claims"};
constexpr const char* kParts[] = {"api",   "worker", "frontend",  "cache",
                                  "jobs",  "sync",   "gateway",   "indexer",
                                  "queue", "cron",   "scheduler", "store"};
constexpr const char* kOperators[] = {"cert-manager",
                                      "ingress-nginx",
                                      "prometheus",
                                      "kube-state-metrics",
                                      "velero",
                                      "external-dns",
                                      "argocd-server",
                                      "fluent-bit",
                                      "keda",
                                      "sealed-secrets",
                                      "external-secrets",
                                      "istiod",
                                      "kyverno",
                                      "postgres-operator",
                                      "strimzi",
                                      "cilium",
                                      "crossplane",
                                      "flux",
                                      "metrics-server"};
constexpr const char* kControllers[] = {"deployment-controller",
                                        "replicaset-controller",
                                        "job-controller",
                                        "endpoint-controller",
                                        "endpointslice-controller",
                                        "namespace-controller",
                                        "node-controller",
                                        "cronjob-controller",
                                        "generic-garbage-collector",
                                        "horizontal-pod-autoscaler",
                                        "resourcequota-controller",
                                        "statefulset-controller"};
constexpr const char* kPeopleAgents[] = {
    "kubectl/v1.33.4 (linux/amd64) kubernetes/3f1c2b9",
    "kubectl/v1.34.1 (darwin/arm64) kubernetes/93248f9",
    "kubectl/v1.30.2 (windows/amd64) kubernetes/3968350",
    "k9s/v0.50.9 (darwin/arm64) kubernetes/$Format",
    "Lens/2025.8 (win32)",
    "OpenAPI-Generator/33.1.0/python",
    "python-requests/2.32.4"};

}  // namespace

Cluster::Cluster(uint64_t seed) : random_(seed * 0x51ed27 + 11) {
  // Some audit policies log bodies as well, which Elastic's rule on anonymous
  // enumeration asks for.
  has_bodies_ = seed % 2 != 0;
  servers_ = random_.Between(1, 3);
  is_public_ = random_.Chance(0.4);
  people_share_gateway_ = random_.Chance(0.25);
  double network = random_.Uniform();
  network_ = network < 0.4   ? PodNetwork::kDirect
             : network < 0.6 ? PodNetwork::kNodeAddress
             : network < 0.7 ? PodNetwork::kTranslated
             : network < 0.8 ? PodNetwork::kGateway
             : network < 0.9 ? PodNetwork::kPool
                             : PodNetwork::kOneAddress;
  is_dual_stack_ =
      random_.Chance(0.3) &&
      (network_ == PodNetwork::kDirect || network_ == PodNetwork::kNodeAddress);
  size_t teams = static_cast<size_t>(random_.Between(12, 24));
  for (size_t i = 0; i < teams; ++i) {
    namespaces_.emplace_back(kTeams[i]);
    if (random_.Chance(0.5)) {
      namespaces_.push_back(std::string(kTeams[i]) + "-staging");
    }
  }
  MakeNodes();
  MakeControlPlane();
  MakeOperators();
  MakeWorkloads();
  MakePeople();
  MakePipelines();
}

std::vector<int> Cluster::OfKind(Actor::Kind kind) const {
  std::vector<int> found;
  for (size_t i = 0; i < actors_.size(); ++i) {
    if (actors_[i].kind == kind) found.push_back(static_cast<int>(i));
  }
  return found;
}

int Cluster::AddActor(Actor::Kind kind, std::string user, std::string home) {
  Actor actor;
  actor.kind = kind;
  actor.user = std::move(user);
  actor.home = home;
  if (!home.empty()) actor.spaces = {std::move(home)};
  actors_.push_back(std::move(actor));
  return static_cast<int>(actors_.size()) - 1;
}

int Cluster::AddServiceAccount(Actor::Kind kind, const std::string& ns,
                               const std::string& name) {
  return AddActor(kind, "system:serviceaccount:" + ns + ":" + name, ns);
}

std::string Cluster::Hex(int digits) {
  std::string text;
  while (digits-- > 0) text += "0123456789abcdef"[random_.Below(16)];
  return text;
}

std::string Cluster::Uuid() {
  return Hex(8) + "-" + Hex(4) + "-4" + Hex(3) + "-a" + Hex(3) + "-" + Hex(12);
}

Client* Cluster::NewClient(const Client& like) {
  clients_.push_back(like);
  clients_.back().server =
      static_cast<int>(random_.Below(static_cast<size_t>(servers_)));
  return &clients_.back();
}

Client* Cluster::NewMachine(int actor, std::vector<std::string> groups,
                            const std::string& address,
                            const std::string& agent) {
  Client client;
  client.actor = actor;
  client.user = actors_[static_cast<size_t>(actor)].user;
  client.groups = std::move(groups);
  client.credential = "X509SHA256=" + Hex(64);
  client.addresses = {address};
  client.agent = agent;
  client.Render();
  Client* kept = NewClient(client);
  actors_[static_cast<size_t>(actor)].clients.push_back(kept);
  return kept;
}

Client* Cluster::NewStranger(const std::string& address,
                             const std::string& agent) {
  Client client;
  client.user = "system:anonymous";
  client.groups = {"system:unauthenticated"};
  client.addresses = {address};
  client.agent = agent;
  client.Render();
  return NewClient(client);
}

void Cluster::MakeNodes() {
  int count = random_.Between(10, 22);
  for (int i = 0; i < count; ++i) {
    node_names_.push_back("worker-" + std::to_string(i));
    node_addresses_.push_back("10.0.1." + std::to_string(10 + i));
    int actor =
        AddActor(Actor::Kind::kNode, "system:node:" + node_names_.back(), "");
    const bool is_hidden = network_ == PodNetwork::kOneAddress;
    Client* kubelet =
        NewMachine(actor, {"system:nodes", "system:authenticated"},
                   is_hidden ? kGatewayAddress : node_addresses_.back(),
                   "kubelet/v1.34.1 (linux/amd64) kubernetes/93248f9");
    kubelet->node = node_names_.back();
    kubelet->node_number = i;
    if (is_dual_stack_) {
      kubelet->other_address = NodeAddressV6(i);
      Reconnect(*kubelet);
    }
    kubelet->Render();
    kubelets_.push_back(kubelet);
    last_host_.push_back(1);
  }
  schedulable_nodes_ = count - 1;
}

void Cluster::MakeControlPlane() {
  const std::pair<const char*, const char*> parts[] = {
      {"system:kube-controller-manager", "kube-controller-manager/v1.34.1"},
      {"system:kube-scheduler", "kube-scheduler/v1.34.1"},
      {"system:apiserver", "kube-apiserver/v1.34.1"}};
  for (const auto& [user, agent] : parts) {
    NewMachine(AddActor(Actor::Kind::kControlPlane, user, ""),
               {"system:authenticated"}, "10.0.0.4",
               std::string(agent) + " (linux/amd64) kubernetes/93248f9");
  }
  for (const char* name : kControllers) {
    int actor =
        AddServiceAccount(Actor::Kind::kController, "kube-system", name);
    Client* client =
        NewMachine(actor, GroupsOfAccount("kube-system"), "10.0.0.4",
                   "kube-controller-manager/v1.34.1 (linux/amd64) "
                   "kubernetes/93248f9/system:serviceaccount:kube-system:" +
                       std::string(name));
    RenewToken(*client);
  }
}

void Cluster::MakeOperators() {
  for (const char* name : kOperators) {
    if (random_.Chance(0.2)) continue;
    int actor = AddServiceAccount(Actor::Kind::kOperator, name, name);
    const bool is_network = std::string_view(name) == "cilium";
    const bool is_on_each =
        is_network || std::string_view(name) == "fluent-bit";
    actors_[static_cast<size_t>(actor)].on_host_network = is_network;
    for (int i = is_on_each ? nodes() - 1 : 1; i > 0; --i) {
      NewPod(actor,
             std::string(name) + "/v1.2.0 (linux/amd64) kubernetes/$Format");
    }
  }
}

void Cluster::MakeWorkloads() {
  for (const std::string& ns : namespaces_) {
    int accounts = random_.Between(4, 8);
    size_t first = random_.Below(std::size(kParts));
    for (int i = 0; i < accounts; ++i) {
      const char* part =
          kParts[(first + static_cast<size_t>(i)) % std::size(kParts)];
      int actor = AddServiceAccount(Actor::Kind::kWorkload, ns, part);
      int pods = random_.Between(1, 3);
      const char* agent = random_.Chance(0.6)   ? "Go-http-client/2.0"
                          : random_.Chance(0.5) ? "okhttp/4.12.0"
                                                : "python-requests/2.32.4";
      for (int pod = 0; pod < pods; ++pod) NewPod(actor, agent);
    }
    int silent = AddServiceAccount(Actor::Kind::kSilent, ns, "default");
    for (int pod = random_.Between(1, 3); pod > 0; --pod) {
      NewPod(silent, "Go-http-client/2.0");
    }
  }
}

void Cluster::MakePeople() {
  int count = random_.Between(50, 110);
  for (int i = 0; i < count; ++i) {
    std::string user = "person-" + std::to_string(i) + "@corp.example";
    int index = AddActor(Actor::Kind::kPerson, user, random_.Pick(namespaces_));
    Actor& person = actors_[static_cast<size_t>(index)];
    person.is_sre = random_.Chance(0.12);
    for (int more = random_.Between(0, 3); more > 0; --more) {
      person.spaces.push_back(random_.Pick(namespaces_));
    }
    std::string address =
        people_share_gateway_ ? "10.0.255.7" : OfficeAddress();
    int programs = random_.Chance(0.3) ? 2 : 1;
    for (int program = 0; program < programs; ++program) {
      size_t agent = random_.Below(std::size(kPeopleAgents));
      NewMachine(index, {person.is_sre ? "sre" : "dev", "system:authenticated"},
                 address, kPeopleAgents[agent]);
    }
  }
}

void Cluster::MakePipelines() {
  int count = random_.Between(6, 12);
  for (int i = 0; i < count; ++i) {
    int actor = AddServiceAccount(Actor::Kind::kPipeline, "ci",
                                  "deployer-" + std::to_string(i));
    Actor& pipeline = actors_[static_cast<size_t>(actor)];
    pipeline.spaces = {random_.Pick(namespaces_), random_.Pick(namespaces_)};
  }
}

}  // namespace oddverb
