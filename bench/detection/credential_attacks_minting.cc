// Thieves who give themselves credentials that last: certificates, long tokens.
#include <string>
#include <utility>
#include <vector>

#include "bench/detection/certificate_text.h"
#include "bench/detection/credential_attacks.h"
#include "bench/detection/honest_credentials.h"
#include "bench/detection/pod_life.h"

namespace oddverb {
namespace {

constexpr const char* kAdminKubectl =
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc";
constexpr int kTenYears = 10 * 365 * 24 * 3600;

// The certificate of `order` in the hands of who asked for it.
Client* TakeMinted(Intruder& i, const CertificateOrder& order,
                   const Client& like, const std::string& credential) {
  Client minted;
  minted.user = order.common_name;
  if (!order.organization.empty()) minted.groups = {order.organization};
  minted.groups.emplace_back("system:authenticated");
  minted.credential = credential;
  minted.addresses = like.addresses;
  minted.agent = like.agent;
  return i.Take(std::move(minted));
}

// Whose credential asks for a node's certificate: a new node's, or another
// node's kubelet, from anywhere.
Client* NodeRequester(Intruder& i, const std::string& agent) {
  auto any = [](const Actor&) { return true; };
  if (i.random().Chance(0.6)) {
    Client token = BootstrapToken(i.cluster().Hex(6), i.NewAddress());
    token.agent = agent;
    return i.Take(std::move(token));
  }
  Actor* other = i.ChooseVictim(Actor::Kind::kNode, any);
  if (other == nullptr) return nullptr;
  Client* owner = i.ClientOf(*other);
  const bool is_at_home = i.random().Chance(0.5);
  // Where no body says whose certificate it is, that is how the kubelet renews
  // its own.
  const bool is_seen =
      !is_at_home || agent != owner->agent || i.cluster().has_bodies();
  if (!is_seen) return nullptr;
  return i.StealFrom(owner, is_at_home ? owner->addresses[0] : i.NewAddress(),
                     agent);
}

}  // namespace

// Of a node that there is, and that works on.
void CertificateOfANode(Intruder& i) {
  const std::string agent =
      i.random().Chance(0.6) ? i.cluster().kubelet(0)->agent : kAdminKubectl;
  Client* asking = NodeRequester(i, agent);
  if (asking == nullptr) return;
  // Others may be after the same one: there are few nodes.
  std::vector<int> nodes = i.cluster().OfKind(Actor::Kind::kNode);
  std::erase_if(nodes, [&](int index) {
    const Client& kubelet = *i.ActorAt(index).clients[0];
    // The last one may not be there yet.
    return kubelet.node_number == i.cluster().nodes() - 1 ||
           kubelet.user == asking->user;
  });
  const Actor* node = &i.ActorAt(i.random().Pick(nodes));
  const CertificateOrder order{"node-csr-" + i.cluster().Hex(12), node->user,
                               "system:nodes"};
  i.Ask(asking, CreationOf(order), {Outcome::kAllowed, 201, ""});
  // kube-controller-manager approves those of bootstrap tokens alone.
  if (!asking->user.starts_with("system:bootstrap:")) return;
  const Micros at = i.attack().end;
  i.traffic().AskAt(at + 100'000,
                    i.cluster().Controller("kube-controller-manager"),
                    ApprovalOf(order));
  const std::string credential =
      LogSigning(i.traffic(), order, asking->user, at + 200'000);
  i.Pause(1, 5);
  Question mine{"get", "certificates.k8s.io", "v1",
                "certificatesigningrequests"};
  mine.name = order.name;
  i.Ask(asking, mine, {});
  i.Pause(5, 300);
  const Client* minted = TakeMinted(i, order, *asking, credential);
  for (int n = i.random().Between(4, 15); n > 0; --n) {
    Question pods{"list", "", "v1", "pods"};
    pods.query = "?fieldSelector=spec.nodeName%3D" + node->clients[0]->node;
    i.Ask(minted, pods, {});
    i.Pause(1, 90);
  }
}

// At the owner's place, with the owner's client: only that it lives for ten
// years is odd. Used for a day and a half.
void LongLivedToken(Intruder& i) {
  auto is_sre = [](const Actor& actor) { return actor.is_sre; };
  if (i.ChooseVictim(Actor::Kind::kPerson, is_sre) == nullptr) return;
  Client* owner = i.ClientOf(i.victim());
  const Client* minter = i.StealFrom(owner, owner->addresses[0], owner->agent);
  const std::string account = "robot-" + i.cluster().Hex(4);
  const std::string& home = i.victim().home;
  Client token;
  token.user = "system:serviceaccount:" + home + ":" + account;
  token.uid = i.cluster().Uuid();
  token.groups = GroupsOfAccount(home);
  token.addresses = minter->addresses;
  token.agent = minter->agent;
  i.cluster().RenewToken(token);
  i.Ask(minter, MintingOf(home, account, token.credential, nullptr, kTenYears),
        {Outcome::kAllowed, 201, ""});
  i.Pause(20, 1800);
  const Client* used = i.Take(std::move(token));
  for (int n = i.random().Between(20, 30); n > 0; --n) {
    i.Ask(used, {"list", "", "v1", "pods", "", home}, {});
    i.Pause(3000, 7000);
  }
}

// A certificate for a name with rights, asked for, approved and used by one who
// may do both. The API server refuses the group system:masters.
void MintedCertificate(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kPerson, i.NewAddress(), kAdminKubectl);
  const std::vector<std::pair<std::string, std::string>> subjects = {
      {"cluster-ops", "kubeadm:cluster-admins"},
      {"kubernetes-admin", "ops"},
      {"system:kube-controller-manager", ""},
      {i.victim().user, "dev"}};
  const auto& [name, group] = i.random().Pick(subjects);
  const CertificateOrder order{"renew-" + i.cluster().Hex(4), name, group,
                               kClientSignerName};
  i.Ask(client, CreationOf(order), {Outcome::kAllowed, 201, ""});
  i.Pause(1, 60);
  i.Ask(client, ApprovalOf(order), {});
  const std::string credential =
      LogSigning(i.traffic(), order, client->user, i.attack().end + 200'000);
  i.Pause(2, 20);
  Question get{"get", "certificates.k8s.io", "v1",
               "certificatesigningrequests"};
  get.name = order.name;
  i.Ask(client, get, {});
  i.Pause(10, 600);
  const Client* minted = TakeMinted(i, order, *client, credential);
  for (int n = i.random().Between(2, 8); n > 0; --n) {
    i.Ask(minted, {"list", "", "v1", "secrets", "", "kube-system"}, {});
    i.Pause(1, 60);
  }
}

}  // namespace oddverb
