// Where the clients of a made-up cluster call from, and with which credential.
#include <utility>

#include "bench/detection/cluster.h"

namespace oddverb {
namespace {

constexpr int kPoolSize = 16;
// Hosts of a node's network that pods have from the start; the later ones are
// given out in a circle, as host-local IPAM does.
constexpr int kFirstLaterHost = 120, kLastHost = 250;

}  // namespace

std::vector<std::string> GroupsOfAccount(const std::string& ns) {
  return {"system:serviceaccounts", "system:serviceaccounts:" + ns,
          "system:authenticated"};
}

std::string NodeAddressV6(int node) {
  return "fd00:10:1::" + std::to_string(10 + node);
}

std::string Cluster::PublicAddress() {
  return std::to_string(random_.Between(31, 99)) + "." +
         std::to_string(random_.Between(1, 254)) + "." +
         std::to_string(random_.Between(1, 254)) + "." +
         std::to_string(random_.Between(1, 254));
}

std::string Cluster::OfficeAddress() {
  return "10.8." + std::to_string(random_.Between(0, 3)) + "." +
         std::to_string(random_.Between(2, 250));
}

std::string Cluster::PoolAddress() {
  return "10.0.254." + std::to_string(random_.Between(1, kPoolSize));
}

std::string Cluster::FreePodAddress(int node) {
  int& host = last_host_[static_cast<size_t>(node)];
  if (++host > kLastHost) host = kFirstLaterHost;
  return "10.244." + std::to_string(node) + "." + std::to_string(host);
}

bool Cluster::IsHonest(const std::string& address) {
  return address.starts_with("10.0.") || address.starts_with("10.244.") ||
         address.starts_with("10.8.") || address.starts_with("fd00:");
}

std::string Cluster::AddressOnNode(int node) {
  return SeenAs(FreePodAddress(node), node);
}

std::string Cluster::SeenAs(const std::string& pod_ip, int node) {
  switch (network_) {
    case PodNetwork::kDirect:
    case PodNetwork::kTranslated:
      return pod_ip;
    case PodNetwork::kNodeAddress:
      return node_address(node);
    case PodNetwork::kPool:
      return PoolAddress();
    case PodNetwork::kGateway:
    case PodNetwork::kOneAddress:
      break;
  }
  return kGatewayAddress;
}

void Cluster::PlacePod(Client& client, bool on_host_network) {
  const int node = client.node_number;
  client.other_address.clear();
  client.other_share = 0;
  if (on_host_network && network_ != PodNetwork::kOneAddress) {
    client.pod_ip = node_address(node);
    client.addresses = {client.pod_ip};
    if (is_dual_stack_) client.other_address = NodeAddressV6(node);
  } else {
    client.pod_ip = FreePodAddress(node);
    client.addresses = {SeenAs(client.pod_ip, node)};
    if (network_ == PodNetwork::kTranslated) {
      client.other_address = node_address(node);
    } else if (network_ == PodNetwork::kPool) {
      client.other_address = PoolAddress();
    } else if (is_dual_stack_) {
      client.other_address =
          network_ == PodNetwork::kNodeAddress
              ? NodeAddressV6(node)
              : "fd00:10:244:" + std::to_string(node) +
                    "::" + client.pod_ip.substr(client.pod_ip.rfind('.') + 1);
    }
  }
  Reconnect(client);
}

void Cluster::Reconnect(Client& client) {
  if (client.other_address.empty()) return;
  if (network_ == PodNetwork::kPool && !client.pod_uid.empty()) {
    client.addresses = {PoolAddress()};
    client.other_address = PoolAddress();
    client.Render();
  }
  // Most programs have one connection, some a second one.
  const double kind = random_.Uniform();
  client.other_share = kind < 0.45 ? 0 : kind < 0.7 ? 1 : 0.3;
}

void Cluster::RenewToken(Client& client) {
  client.credential = "JTI=" + Uuid();
  client.Render();
}

void Cluster::RenewCertificate(Client& client) {
  client.credential = "X509SHA256=" + Hex(64);
  client.Render();
}

Client* Cluster::NewPod(int actor, const std::string& agent) {
  Actor& owner = actors_[static_cast<size_t>(actor)];
  Client client;
  client.actor = actor;
  client.user = owner.user;
  // The same in all pods of the account.
  client.uid = owner.clients.empty() ? Uuid() : owner.clients[0]->uid;
  client.groups = GroupsOfAccount(owner.home);
  client.agent = agent;
  if (owner.on_host_network) {
    client.node_number = static_cast<int>(owner.clients.size()) % (nodes() - 1);
  }
  Client* kept = NewClient(client);
  owner.clients.push_back(kept);
  ReplacePod(*kept);
  return kept;
}

void Cluster::ReplacePod(Client& client) {
  const Actor& owner = actors_[static_cast<size_t>(client.actor)];
  client.pod = owner.user.substr(owner.user.rfind(':') + 1) + "-" + Hex(9) +
               "-" + Hex(5);
  client.pod_uid = Uuid();
  if (!owner.on_host_network || client.node_number < 0) {
    client.node_number = static_cast<int>(
        random_.Below(static_cast<size_t>(schedulable_nodes_)));
  }
  client.node = node_name(client.node_number);
  PlacePod(client, owner.on_host_network);
  RenewToken(client);
}

void Cluster::MovePod(Client& client) {
  PlacePod(client, actors_[static_cast<size_t>(client.actor)].on_host_network);
  client.Render();
}

Client* Cluster::NewUnboundToken(int actor, const std::string& address,
                                 const std::string& agent) {
  const Actor& owner = actors_[static_cast<size_t>(actor)];
  Client client;
  client.actor = actor;
  client.user = owner.user;
  client.uid = owner.clients.empty() ? Uuid() : owner.clients[0]->uid;
  client.groups = GroupsOfAccount(owner.home);
  client.addresses = {address};
  client.agent = agent;
  RenewToken(client);
  return NewClient(client);
}

int Cluster::FindActor(std::string_view user) const {
  for (size_t i = 0; i < actors_.size(); ++i) {
    if (actors_[i].user == user) return static_cast<int>(i);
  }
  return -1;
}

Client* Cluster::Controller(std::string_view name) {
  for (Actor& actor : actors_) {
    const bool is_of_plane = actor.kind == Actor::Kind::kControlPlane ||
                             actor.kind == Actor::Kind::kController;
    if (is_of_plane && actor.user.ends_with(name)) return actor.clients[0];
  }
  return nullptr;
}

}  // namespace oddverb
