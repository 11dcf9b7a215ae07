// Who lives in a made-up cluster: nodes, pods with their service accounts,
// operators, people, pipelines. Built from a seed alone; sizes, networks and
// clients differ from seed to seed. Who calls from where is in
// cluster_network.cc. One thread.
#ifndef ODDVERB_BENCH_DETECTION_CLUSTER_H_
#define ODDVERB_BENCH_DETECTION_CLUSTER_H_

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "bench/detection/audit_text.h"
#include "bench/detection/random.h"

namespace oddverb {

// How pods' addresses look to the API server.
enum class PodNetwork : uint8_t {
  kDirect,       // each its own
  kNodeAddress,  // the node translates
  kTranslated,   // the node translates for some connections
  kGateway,      // one address for all pods
  kPool,         // a NAT with sixteen
  kOneAddress,   // one for kubelets, too: a tunnel (konnectivity) or balancer
};

struct Actor {
  enum class Kind : uint8_t {
    kNode,
    kControlPlane,
    kController,
    kOperator,
    kWorkload,
    kSilent,  // its pods never call, though kubelets mint tokens for them
    kPipeline,
    kPerson,
    kAnonymous,
  };
  Kind kind = Kind::kWorkload;
  std::string user;
  std::string home;                 // namespace
  std::vector<std::string> spaces;  // namespaces that it may use; home first
  bool is_sre = false;              // a person who may read the whole cluster
  bool on_host_network = false;     // its pods have their nodes' addresses
  // One for each pod, or for each program of a person.
  std::vector<Client*> clients;
  // Its rights are taken away: [lost_from, lost_until).
  Micros lost_from = 0, lost_until = 0;
  bool is_victim = false;  // an attack has its credential
};

// Of a service account in that namespace.
std::vector<std::string> GroupsOfAccount(const std::string& ns);
// Behind which a cluster hides its pods.
inline constexpr const char* kGatewayAddress = "10.0.255.1";
std::string NodeAddressV6(int node);

class Cluster {
 public:
  explicit Cluster(uint64_t seed);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  int servers() const { return servers_; }
  bool is_public() const { return is_public_; }  // API server on the internet
  const std::vector<std::string>& namespaces() const { return namespaces_; }
  std::vector<Actor>& actors() { return actors_; }
  std::vector<int> OfKind(Actor::Kind kind) const;

  // Kept as long as the cluster; Render()ed by the caller after changes.
  Client* NewClient(const Client& like);
  // A client of a service account, with a fresh bound token.
  Client* NewPod(int actor, const std::string& agent);
  // Another pod of the same account takes the place of the client's.
  void ReplacePod(Client& client);
  // The pod starts again on its node: another address, the same uid.
  void MovePod(Client& client);
  // The token is renewed, as every hour.
  void RenewToken(Client& client);
  void RenewCertificate(Client& client);
  // A token of the account that is bound to no pod, used at `address`.
  Client* NewUnboundToken(int actor, const std::string& address,
                          const std::string& agent);
  // Another connection of a client: its other family, or another address of the
  // NAT before it.
  void Reconnect(Client& client);
  // An anonymous caller.
  Client* NewStranger(const std::string& address, const std::string& agent);
  std::string PublicAddress();
  std::string OfficeAddress();
  // Where a pod, or a person in it, on that node is seen.
  std::string AddressOnNode(int node);

  PodNetwork network() const { return network_; }
  bool has_bodies() const { return has_bodies_; }  // in its log
  bool is_dual_stack() const { return is_dual_stack_; }
  // Pods are told apart by where they call from, at least by node.
  bool shows_nodes() const {
    return network_ == PodNetwork::kDirect ||
           network_ == PodNetwork::kNodeAddress ||
           network_ == PodNetwork::kTranslated;
  }
  int nodes() const { return static_cast<int>(node_names_.size()); }
  const std::string& node_name(int node) const {
    return node_names_[static_cast<size_t>(node)];
  }
  const std::string& node_address(int node) const {
    return node_addresses_[static_cast<size_t>(node)];
  }
  // Of a node, a pod, a gateway or a person at work.
  static bool IsHonest(const std::string& address);
  Client* kubelet(int node) { return kubelets_[static_cast<size_t>(node)]; }
  // The last node joins while the log is written; pods come to it from then on.
  void JoinLastNode() { schedulable_nodes_ = nodes(); }
  // Of the control plane, by the end of its user name.
  Client* Controller(std::string_view name);
  // Its actor, -1 = none.
  int FindActor(std::string_view user) const;

  Random& random() { return random_; }
  std::string Uuid();
  std::string Hex(int digits);

 private:
  void MakeNodes();
  void MakeControlPlane();
  void MakeOperators();
  void MakeWorkloads();
  void MakePeople();
  void MakePipelines();
  int AddActor(Actor::Kind kind, std::string user, std::string home);
  int AddServiceAccount(Actor::Kind kind, const std::string& ns,
                        const std::string& name);
  Client* NewMachine(int actor, std::vector<std::string> groups,
                     const std::string& address, const std::string& agent);
  // Gives the pod of `client` an address on its node.
  void PlacePod(Client& client, bool on_host_network);
  std::string PoolAddress();
  std::string SeenAs(const std::string& pod_ip, int node);
  std::string FreePodAddress(int node);

  Random random_;
  int servers_ = 1;
  bool is_public_ = false;
  bool people_share_gateway_ = false;
  bool is_dual_stack_ = false;
  bool has_bodies_ = false;
  PodNetwork network_ = PodNetwork::kDirect;
  std::vector<std::string> namespaces_;
  std::vector<std::string> node_names_, node_addresses_;
  std::vector<Client*> kubelets_;  // by node
  int schedulable_nodes_ = 0;
  std::vector<int> last_host_;  // given to a pod, by node
  std::vector<Actor> actors_;
  std::deque<Client> clients_;  // pointers into it stay good
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_CLUSTER_H_
