#include "bench/detection/attacks.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "bench/detection/credential_attacks.h"
#include "bench/detection/intruder.h"

namespace oddverb {
namespace {

constexpr const char* kKubectl =
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc";

Question Review(const char* resource) {
  return {"create", "authorization.k8s.io", "v1", resource};
}

void AnonymousEnumeration(Intruder& i) {
  const Client* client =
      i.Stranger(i.random().Chance(0.5) ? "curl/8.5.0" : "nuclei", false);
  for (const Question& question :
       i.Wishes("default", i.random().Between(14, 30))) {
    i.Ask(client, question, Refused());
    i.Pause(0.1, 3);
  }
  for (const char* path : {"/metrics", "/logs", "/debug/pprof", "/pods"}) {
    Question question;
    question.path = path;
    i.Ask(client, question, Refused());
    i.Pause(0.1, 3);
  }
}

void DistributedIdentities(Intruder& i) {
  std::string address = i.NewAddress();
  std::vector<std::pair<const Client*, Question>> asks;
  for (int victims = i.random().Between(4, 6); victims > 0; --victims) {
    const Client* client =
        i.Steal(Actor::Kind::kWorkload, address, "curl/8.5.0");
    for (const Question& question :
         i.Wishes(i.victim().home, i.random().Between(3, 4))) {
      asks.emplace_back(client, question);
    }
  }
  i.random().Shuffle(asks);
  for (const auto& [client, question] : asks) {
    i.Ask(client, question, Refused());
    i.Pause(5, 30);
  }
}

void EscalationDenied(Intruder& i) {
  bool person = i.random().Chance(0.5);
  const Client* client =
      i.Steal(person ? Actor::Kind::kPerson : Actor::Kind::kWorkload,
              i.NewAddress(), kKubectl);
  std::vector<Question> tries = {{"create", "rbac.authorization.k8s.io", "v1",
                                  "clusterroles", "", "", "x"},
                                 {"create", "rbac.authorization.k8s.io", "v1",
                                  "clusterrolebindings", "", "", "x"},
                                 {"create", "rbac.authorization.k8s.io", "v1",
                                  "roles", "", i.victim().home, "x"},
                                 {"create", "rbac.authorization.k8s.io", "v1",
                                  "rolebindings", "", i.victim().home, "x"},
                                 {"patch", "rbac.authorization.k8s.io", "v1",
                                  "clusterroles", "", "", "view"}};
  // Who may write roles meets the check of escalation; cluster-wide ones are
  // out of reach for half of the victims.
  bool everywhere = i.random().Chance(0.5);
  for (const Question& question : tries) {
    i.Ask(client, question,
          Refused(everywhere || !question.ns.empty() ? Outcome::kEscalation
                                                     : Outcome::kRefused));
    i.Pause(2, 40);
  }
}

void FakeResources(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), "python-requests/2.31.0");
  for (int n = i.random().Between(20, 60); n > 0; --n) {
    i.Ask(client,
          {"list", "", "v1", "things" + std::to_string(n), "",
           i.random().Chance(0.5) ? i.victim().home : ""},
          Refused());
    i.Pause(0.05, 1);
  }
}

// A fixed audit ID, claimed addresses in front, three API servers of which one
// is behind: what others key on.
void HiddenOrigin(Intruder& i) {
  std::string address = i.NewAddress();
  Client* first = i.Steal(Actor::Kind::kWorkload, address, "curl/8.5.0");
  first->addresses = {"10.0.0.1", "127.0.0.1", address};
  first->fixed_id = i.random().Next() | 1;
  std::vector<const Client*> clients;
  for (int server = 0; server < i.traffic().cluster().servers(); ++server) {
    Client* client = i.Keep(*first);
    client->server = server;
    clients.push_back(client);
  }
  i.traffic().sink().Stall(0, i.attack().start + 45 * kSecond);
  for (const Question& question :
       i.Wishes(i.victim().home, i.random().Between(25, 50))) {
    i.Ask(i.random().Pick(clients), question, i.AnswerTo(question));
    i.Pause(0.1, 2);
  }
}

void Human12Tries(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kPerson, i.NewAddress(), kKubectl);
  i.AskAll(client, i.Wishes(i.victim().home, 12), 10, 90);
}

void HumanScript(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kPerson, i.NewAddress(), "python-requests/2.31.0");
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(30, 60)), 0.1,
           1);
}

void HumanSlow(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kPerson, i.NewAddress(), kKubectl);
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(30, 40)),
           20 * 60, 60 * 60);
}

void ImpersonationSpray(Intruder& i) {
  const Client* client = i.Steal(
      i.random().Chance(0.5) ? Actor::Kind::kPerson : Actor::Kind::kWorkload,
      i.NewAddress(), kKubectl);
  std::vector<std::string> names = {
      "system:admin",
      "kubernetes-admin",
      "admin@corp.example",
      "system:kube-controller-manager",
      "root",
      "system:serviceaccount:kube-system:default"};
  i.random().Shuffle(names);
  for (int n = i.random().Between(3, 6); n > 0; --n) {
    i.Ask(client, {"list", "", "v1", "secrets"},
          Refused(Outcome::kImpersonation, names[static_cast<size_t>(n - 1)]));
    i.Pause(1, 20);
  }
}

// Asks as an informer does, with the name of one.
void InformerDisguise(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(),
              "controller/v0.0.0 (linux/amd64) kubernetes/$Format");
  for (Question question :
       i.Wishes(i.victim().home, i.random().Between(40, 60))) {
    if (question.verb != "list") continue;
    question.ns.clear();
    question.query = "?limit=500&resourceVersion=0";
    i.Ask(client, question, Refused());
    i.Pause(0.1, 1);
    question.verb = "watch";
    i.Ask(client, question, Refused());
    i.Pause(0.1, 1);
  }
}

void ObjectGuessing(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), "curl/8.5.0");
  // Half of the victims may read secrets, only not those.
  Answer answer = Refused();
  if (i.random().Chance(0.5)) answer = {Outcome::kAllowed, 404, ""};
  int count = i.random().Between(40, 80);
  for (int n = 0; n < count; ++n) {
    i.Ask(client,
          {"get", "", "v1", "secrets", "", i.victim().home,
           "db-password-" + std::to_string(n)},
          answer);
    i.Pause(0.05, 2);
  }
}

void PermissionProbing(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(),
              i.random().Chance(0.5) ? kKubectl : "curl/8.5.0");
  bool rules = i.random().Chance(0.4);
  int count = rules ? i.random().Between(4, 8) : i.random().Between(30, 150);
  for (; count > 0; --count) {
    i.Ask(
        client,
        Review(rules ? "selfsubjectrulesreviews" : "selfsubjectaccessreviews"),
        {Outcome::kAllowed, 201, ""});
    i.Pause(0.05, 1);
  }
}

void SaCurlScript(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), "curl/8.5.0");
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(25, 60)), 0.05,
           0.4);
}

void SaKubectl(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), kKubectl);
  for (const char* path : {"/api", "/apis"}) {
    Question question;
    question.path = path;
    i.Ask(client, question, {});
    i.Pause(0.01, 0.1);
  }
  if (i.random().Chance(0.5)) {
    i.Ask(client, Review("selfsubjectrulesreviews"),
          {Outcome::kAllowed, 201, ""});
    i.Pause(2, 20);
  }
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(15, 35)), 1, 8);
}

void SaSlowHours(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), kKubectl);
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(26, 40)),
           35 * 60, 75 * 60);
}

void SaSlowMinutes(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), "curl/8.5.0");
  i.AskAll(client, i.Wishes(i.victim().home, i.random().Between(24, 40)), 180,
           540);
}

void TokenSpray(Intruder& i) {
  const char* agents[] = {"curl/8.5.0", "python-requests/2.31.0",
                          "Fuzz Faster U Fool v2.1.0", "Go-http-client/1.1"};
  const Client* client = i.Stranger(agents[i.random().Below(4)], true);
  for (int n = i.random().Between(40, 300); n > 0; --n) {
    i.Ask(client, {"list", "", "v1", "namespaces"},
          Refused(Outcome::kUnauthenticated));
    i.Pause(0.05, 1);
  }
}

void WriteProbe(Intruder& i) {
  const Client* client =
      i.Steal(Actor::Kind::kWorkload, i.NewAddress(), kKubectl);
  int count = i.random().Between(12, 25);
  std::vector<Question> wishes = i.Wishes(i.victim().home, 8 * count);
  std::erase_if(wishes, [](const Question& question) {
    return question.verb == "list" || question.verb == "get";
  });
  if (static_cast<int>(wishes.size()) > count) {
    wishes.resize(static_cast<size_t>(count));
  }
  i.AskAll(client, wishes, 1, 20);
}

constexpr std::array<AttackKind, 18> kRefusalAttacks = {{
    {"anonymous_enumeration", AnonymousEnumeration},
    {"distributed_identities", DistributedIdentities},
    {"escalation_denied", EscalationDenied},
    {"fake_resources", FakeResources},
    {"hidden_origin", HiddenOrigin},
    {"human_12_tries", Human12Tries},
    {"human_script", HumanScript},
    {"human_slow", HumanSlow, true},
    {"impersonation_spray", ImpersonationSpray},
    {"informer_disguise", InformerDisguise},
    {"object_guessing", ObjectGuessing},
    {"permission_probing", PermissionProbing},
    {"sa_curl_script", SaCurlScript},
    {"sa_kubectl", SaKubectl},
    {"sa_slow_hours", SaSlowHours, true},
    {"sa_slow_minutes", SaSlowMinutes},
    {"token_spray", TokenSpray},
    {"write_probe", WriteProbe},
}};

// The thief takes what the victim has at that moment.
class Beginning final : public Process {
 public:
  Beginning(void (*plan)(Intruder&), Attack& attack, int index)
      : plan_(plan), attack_(attack), index_(index) {}

  Micros Step(Traffic& traffic, Micros) override {
    Intruder intruder(traffic, attack_, index_);
    plan_(intruder);
    return kNever;
  }

 private:
  void (*plan_)(Intruder&);
  Attack& attack_;
  int index_;
};

std::vector<AttackKind> AllKinds() {
  std::vector<AttackKind> kinds(kRefusalAttacks.begin(), kRefusalAttacks.end());
  const std::span<const AttackKind> credentials = CredentialAttacks();
  kinds.insert(kinds.end(), credentials.begin(), credentials.end());
  return kinds;
}

}  // namespace

bool IsCredentialAttack(std::string_view kind) {
  return kind.size() > 1 && kind[0] == 't' && kind[1] >= '0' && kind[1] <= '9';
}

std::vector<std::string_view> AttackKinds() {
  std::vector<std::string_view> names;
  for (const AttackKind& kind : kRefusalAttacks) names.push_back(kind.name);
  for (std::string_view name : CredentialAttackNames()) names.push_back(name);
  return names;
}

void PlanAttacks(Traffic& traffic, Micros start, Micros end, int each,
                 std::vector<Attack>& attacks) {
  const std::vector<AttackKind> kinds = AllKinds();
  attacks.resize(kinds.size() * static_cast<size_t>(each));
  for (size_t i = 0; i < attacks.size(); ++i) {
    const AttackKind& row = kinds[i % kinds.size()];
    Attack& attack = attacks[i];
    attack.kind = row.name;
    // In a shorter log at its end.
    const Micros earliest =
        std::min(start + static_cast<Micros>(row.hours_before) * kHour,
                 std::max(start, end - 12 * kHour));
    const Micros latest = std::max(
        earliest, row.is_slow ? start + (end - start) / 3 : end - 8 * kHour);
    double part = traffic.random().Uniform();
    attack.start =
        earliest +
        static_cast<Micros>(part * static_cast<double>(latest - earliest));
    attack.end = attack.start;
    traffic.Start(
        std::make_unique<Beginning>(row.plan, attack, static_cast<int>(i)),
        attack.start);
  }
}

}  // namespace oddverb
