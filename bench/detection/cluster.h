// Who lives in a made-up cluster: nodes, pods with their service accounts,
// operators, people, pipelines. Built from a seed alone; sizes, networks and
// clients differ from seed to seed. One thread.
#ifndef ODDVERB_BENCH_DETECTION_CLUSTER_H_
#define ODDVERB_BENCH_DETECTION_CLUSTER_H_

#include <deque>
#include <string>
#include <vector>

#include "bench/detection/audit_text.h"
#include "bench/detection/random.h"

namespace oddverb {

// How pods' addresses look to the API server.
enum class PodNetwork : uint8_t { kDirect, kNodeAddress, kGateway };

struct Actor {
  enum class Kind : uint8_t {
    kNode,
    kControlPlane,
    kController,
    kOperator,
    kWorkload,
    kPipeline,
    kPerson,
    kAnonymous,
  };
  Kind kind = Kind::kWorkload;
  std::string user;
  std::string home;                 // namespace
  std::vector<std::string> spaces;  // namespaces that it may use; home first
  bool is_sre = false;              // a person who may read the whole cluster
  // One for each pod, or for each program of a person.
  std::vector<Client*> clients;
  // Its rights are taken away: [lost_from, lost_until).
  Micros lost_from = 0, lost_until = 0;
  bool is_victim = false;  // an attack has its credential
};

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
  // The token is renewed, as every hour.
  void RenewToken(Client& client);
  // An anonymous caller.
  Client* NewStranger(const std::string& address, const std::string& agent);
  std::string PublicAddress();
  // Of a machine outside, where a thief may sit.
  std::string OfficeAddress();

  Random& random() { return random_; }

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
  std::string Uuid();
  std::string Hex(int digits);

  Random random_;
  int servers_ = 1;
  bool is_public_ = false;
  bool people_share_gateway_ = false;
  PodNetwork network_ = PodNetwork::kDirect;
  std::vector<std::string> namespaces_;
  std::vector<std::string> node_names_, node_addresses_;
  std::vector<Actor> actors_;
  std::deque<Client> clients_;  // pointers into it stay good
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_CLUSTER_H_
