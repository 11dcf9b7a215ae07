#include "bench/detection/credential_attacks.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/detection/pod_life.h"

namespace oddverb {
namespace {

constexpr const char* kTools[] = {
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc", "curl/8.5.0",
    "python-requests/2.31.0"};
constexpr const char* kKubectl = kTools[0];
constexpr const char* kKubelet =
    "kubelet/v1.34.1 (linux/amd64) kubernetes/93248f9";

std::string Tool(Intruder& i) { return kTools[i.random().Below(3)]; }

// A thief who looks at the victim's client first uses its name.
void UseOwnersAgent(Intruder& i, Client* client) {
  client->agent = i.owner()->agent;
  client->Render();
}

void TokenOutside(Intruder& i) {
  Client* client = i.StealPod(i.cluster().PublicAddress(), Tool(i));
  if (i.random().Chance(0.3)) UseOwnersAgent(i, client);
  AskAllowed(i, client, i.random().Between(2, 12));
}

int OtherNode(Intruder& i) {
  const int own = i.owner()->node_number;
  const int step = i.random().Between(1, i.cluster().nodes() - 2);
  return (own + step) % (i.cluster().nodes() - 1);
}

void UseElsewhere(Intruder& i, Client* client, const std::string& address) {
  client->addresses = {address};
  client->Render();
  AskAllowed(i, client, i.random().Between(3, 12));
}

// From the host of another node. Where the cluster hides who calls, nobody can
// see that.
void TokenOnOtherNode(Intruder& i) {
  if (!i.cluster().shows_nodes()) return;
  Client* client = i.StealPod(kGatewayAddress, Tool(i));
  if (i.random().Chance(0.3)) UseOwnersAgent(i, client);
  UseElsewhere(i, client, i.cluster().node_address(OtherNode(i)));
}

// From another pod, where pods have addresses of their own.
void TokenInOtherPod(Intruder& i) {
  if (i.cluster().network() != PodNetwork::kDirect) return;
  Client* client = i.StealPod(kGatewayAddress, Tool(i));
  if (i.random().Chance(0.3)) UseOwnersAgent(i, client);
  UseElsewhere(i, client, i.cluster().AddressOnNode(OtherNode(i)));
}

// While its owner works, with the owner's rights.
void UseBesideOwner(Intruder& i, const Client* client) {
  const std::string home = i.victim().home;
  for (int turns = i.random().Between(4, 8); turns > 0; --turns) {
    for (int n = i.random().Between(1, 3); n > 0; --n) {
      i.traffic().AskAt(i.attack().end, i.owner(),
                        {"list", "", "v1", "pods", "", home});
      i.Pause(5, 60);
    }
    AskAllowed(i, client, i.random().Between(1, 3));
  }
}

constexpr std::string_view kRoamersOwnTools = "t02_roamer_own_tools";
constexpr std::string_view kRoamersClient = "t02_roamer_owners_client";

void CertificateWithOwnTools(Intruder& i) {
  Client* client = i.Steal(Actor::Kind::kPerson, i.NewAddress(), Tool(i));
  if (i.VictimRoams()) i.attack().kind = kRoamersOwnTools;
  if (client->agent == i.owner()->agent) {
    client->agent = kTools[1];
    client->Render();
  }
  UseBesideOwner(i, client);
}

void CertificateWithOwnersClient(Intruder& i) {
  Client* client = i.Steal(Actor::Kind::kPerson, i.NewAddress(), kKubectl);
  if (i.VictimRoams()) i.attack().kind = kRoamersClient;
  UseOwnersAgent(i, client);
  UseBesideOwner(i, client);
}

// Made with a stolen signing key, for a pod that there is.
void ForgedToken(Intruder& i) {
  std::string address = i.NewAddress();
  // From the pod's own place: only where it came from tells.
  const bool is_at_home = i.random().Chance(0.4);
  Client* client = i.StealPod(address, Tool(i));
  if (is_at_home) {
    client->addresses = {i.owner()->addresses[0]};
    i.attack().addresses.clear();
    UseOwnersAgent(i, client);
  }
  i.cluster().RenewToken(*client);
  AskAllowed(i, client, i.random().Between(3, 12));
}

void MintedByHand(Intruder& i) {
  // Whoever it is may make tokens.
  Client* minter = i.Steal(Actor::Kind::kPerson, i.NewAddress(), kKubectl);
  const int account =
      i.random().Pick(i.cluster().OfKind(Actor::Kind::kController));
  Client* token = i.cluster().NewUnboundToken(
      account, i.cluster().PublicAddress(), Tool(i));
  const std::string ns = i.ActorAt(account).home;
  i.Ask(minter,
        MintingOf(ns, AccountName(token->user), token->credential, nullptr),
        {Outcome::kAllowed, 201, ""});
  i.Pause(20, 1800);
  const Client* used = i.Take(*token);
  for (int n = i.random().Between(3, 10); n > 0; --n) {
    i.Ask(used, {"list", "", "v1", "pods"}, {});
    i.Pause(1, 60);
  }
}

Client* StealKubelet(Intruder& i, const std::string& address,
                     const std::string& agent) {
  auto any = [](const Actor&) { return true; };
  Actor* node = i.ChooseVictim(Actor::Kind::kNode, any);
  if (node == nullptr) return nullptr;
  return i.StealFrom(i.ClientOf(*node), address, agent);
}

// As the kubelet names itself, for what a kubelet may do.
void KubeletCertificateElsewhere(Intruder& i) {
  const bool is_in_pod =
      i.cluster().network() == PodNetwork::kDirect && i.random().Chance(0.5);
  const std::string address =
      is_in_pod ? i.cluster().AddressOnNode(0) : i.NewAddress();
  Client* client =
      StealKubelet(i, address, i.random().Chance(0.5) ? kKubelet : Tool(i));
  if (client == nullptr) return;
  for (int n = i.random().Between(4, 15); n > 0; --n) {
    Question pods{"list", "", "v1", "pods"};
    pods.query = "?fieldSelector=spec.nodeName%3D" + client->node;
    i.Ask(client, pods, {});
    i.Pause(1, 90);
  }
}

// On the node itself, by hand.
void KubeletByHand(Intruder& i) {
  Client* client = StealKubelet(i, "", kKubectl);
  if (client == nullptr) return;
  client->addresses = i.owner()->addresses;
  i.attack().addresses.clear();
  client->Render();
  const std::vector<Question> asks = {
      {"list", "", "v1", "secrets"},
      {"list", "", "v1", "pods"},
      {"list", "", "v1", "secrets", "", "kube-system"},
      {"create", "", "v1", "pods", "exec", i.random().Pick(i.Namespaces()),
       "api-0"},
      {"list", "", "v1", "namespaces"}};
  for (const Question& question : asks) {
    i.Ask(client, question, Refused());
    i.Pause(2, 40);
  }
}

// Secrets that no pod of the node mounts, asked for as the kubelet would.
void KubeletGuesses(Intruder& i) {
  Client* client = StealKubelet(i, "", kKubelet);
  if (client == nullptr) return;
  client->addresses = i.owner()->addresses;
  i.attack().addresses.clear();
  client->Render();
  for (int n = i.random().Between(8, 30); n > 0; --n) {
    i.Ask(client,
          {"get", "", "v1", "secrets", "", i.random().Pick(i.Namespaces()),
           "token-" + std::to_string(n)},
          Refused(Outcome::kNodeRace));
    i.Pause(0.5, 12);
  }
  Question all{"list", "", "v1", "secrets", "", "kube-system"};
  i.Ask(client, all, Refused(Outcome::kNodeRace));
}

void OtherNodesObjects(Intruder& i) {
  Client* client = StealKubelet(i, "", kKubelet);
  if (client == nullptr) return;
  client->addresses = i.owner()->addresses;
  i.attack().addresses.clear();
  client->Render();
  for (int n = i.random().Between(1, 4); n > 0; --n) {
    const std::string other =
        i.cluster().node_name(i.random().Between(0, i.cluster().nodes() - 1));
    i.Ask(client, {"patch", "", "v1", "nodes", "", "", other},
          Refused(Outcome::kAdmission,
                  "node \"" + client->node +
                      "\" is not allowed to modify node \"" + other + "\""));
    i.Pause(2, 60);
  }
}

// A token without a pod, of an account whose tokens all have one.
void AccountByHand(Intruder& i) {
  Client* client = i.StealPod(i.NewAddress(), kKubectl);
  client->pod.clear();
  client->pod_uid.clear();
  client->node.clear();
  i.cluster().RenewToken(*client);
  // Whoever made it did so in another way than a kubelet.
  i.Ask(i.Take(*i.cluster().Controller("kube-controller-manager")),
        MintingOf(i.victim().home, AccountName(client->user),
                  client->credential, nullptr),
        {Outcome::kAllowed, 201, ""});
  AskAllowed(i, client, i.random().Between(3, 12));
}

// Of pods that never call, at their own place.
void SilentAccount(Intruder& i) {
  auto any = [](const Actor&) { return true; };
  Actor* silent = i.ChooseVictim(Actor::Kind::kSilent, any);
  if (silent == nullptr) return;
  Client* owner = i.ClientOf(*silent);
  const bool is_at_home = i.random().Chance(0.6);
  Client* client = i.StealFrom(
      owner, is_at_home ? owner->addresses[0] : i.NewAddress(), Tool(i));
  if (i.random().Chance(0.6)) {
    i.Ask(client,
          {"create", "authorization.k8s.io", "v1", "selfsubjectrulesreviews"},
          {Outcome::kAllowed, 201, ""});
    i.Pause(1, 20);
  }
  AskAllowed(i, client, i.random().Between(1, 4));
  i.Ask(client, {"list", "", "v1", "secrets", "", silent->home}, {});
  i.Pause(1, 60);
  AskAllowed(i, client, i.random().Between(1, 6));
}

// The pod is replaced; the copy of its token goes on at its address.
void DeletedPod(Intruder& i) {
  Client* client = i.StealPod("", "");
  Client* owner = i.owner();
  client->addresses = owner->addresses;
  i.attack().addresses.clear();
  UseOwnersAgent(i, client);
  const Client* old = i.cluster().NewClient(*owner);
  i.cluster().ReplacePod(*owner);
  LogPodStart(i.traffic(), *owner, i.attack().start);
  LogPodEnd(i.traffic(), *old, i.attack().start + 5 * kSecond);
  i.attack().end += i.random().Between(150, 1800) * kSecond;
  AskAllowed(i, client, i.random().Between(3, 12));
}

constexpr std::array<AttackKind, 27> kKinds = {{
    {"t01_token_in_other_pod", TokenInOtherPod},
    {"t01_token_on_other_node", TokenOnOtherNode},
    {"t01_token_outside", TokenOutside},
    {"t02_certificate_own_tools", CertificateWithOwnTools},
    {"t02_certificate_owners_client", CertificateWithOwnersClient, false, 132},
    {"t03_forged_token", ForgedToken, false, 27},
    {"t03_long_lived_token", LongLivedToken, true},
    {"t03_minted_by_hand", MintedByHand},
    {"t04_kubelet_by_hand", KubeletByHand},
    {"t04_kubelet_certificate_elsewhere", KubeletCertificateElsewhere},
    {"t04_kubelet_guesses", KubeletGuesses},
    {"t04_other_nodes_objects", OtherNodesObjects},
    {"t05_bootstrap_token", BootstrapTokenAbuse},
    {"t05_certificate_of_a_node", CertificateOfANode, false, 2},
    {"t06_legacy_token", LegacyToken},
    {"t07_account_by_hand", AccountByHand},
    {"t07_silent_account", SilentAccount, false, 27},
    {"t08_minting_chain", MintingChain, false, 12},
    {"t09_impersonation", Impersonation},
    {"t10_rare_operations", RareOperations, false, 48},
    {"t11_deleted_pod", DeletedPod},
    {"t12_all_secrets", AllSecrets, false, 48},
    {"t12_secret_harvest", SecretHarvest},
    {"t13_token_read_in_exec", TokenReadInExec},
    {"t14_minted_certificate", MintedCertificate},
    {"t14_self_approved_certificate", SelfApprovedCertificate},
    {"t15_decoy_touched", DecoyTouched},
}};

}  // namespace

std::span<const AttackKind> CredentialAttacks() { return kKinds; }

std::vector<std::string_view> CredentialAttackNames() {
  std::vector<std::string_view> names = {kRoamersOwnTools, kRoamersClient};
  for (const AttackKind& kind : kKinds) names.push_back(kind.name);
  std::sort(names.begin(), names.end());
  return names;
}

void AskAllowed(Intruder& i, const Client* client, int count) {
  const std::string& home = i.victim().home;
  const std::vector<Question> kinds = {
      {"list", "", "v1", "pods", "", home},
      {"list", "", "v1", "services", "", home},
      {"get", "", "v1", "configmaps", "", home, "settings"},
      {"list", "apps", "v1", "deployments", "", home}};
  for (; count > 0; --count) {
    i.Ask(client, i.random().Pick(kinds), {});
    i.Pause(1, 90);
  }
}

}  // namespace oddverb
