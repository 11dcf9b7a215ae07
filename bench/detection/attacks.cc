#include "bench/detection/attacks.h"

#include <algorithm>
#include <array>
#include <utility>

namespace oddverb {
namespace {

constexpr const char* kKubectl =
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc";

// Schedules one attack.
class Intruder {
 public:
  Intruder(Traffic& traffic, Attack& attack, int index)
      : traffic_(traffic),
        cluster_(traffic.cluster()),
        random_(traffic.random()),
        attack_(attack),
        index_(index) {}

  // What a thief tries, over kinds and namespaces, in no order.
  std::vector<Question> Wishes(const std::string& home, int count) {
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

  // The token of a pod, its certificate or whatever it is, in his hands.
  Client* Steal(Actor::Kind kind, const std::string& address,
                const std::string& agent) {
    std::vector<int> actors = cluster_.OfKind(kind);
    std::erase_if(actors, [&](int i) { return ActorAt(i).is_victim; });
    Actor& victim = ActorAt(random_.Pick(actors));
    victim.is_victim = true;
    victim_ = &victim;
    Client client = *random_.Pick(victim.clients);
    client.addresses = {address};
    client.agent = agent;
    client.actor = -1;  // what is refused is said with each request
    attack_.users.push_back(victim.user);
    attack_.addresses = {address};
    return Keep(client);
  }
  Client* Keep(Client client) {
    client.attack = index_;
    client.Render();
    return cluster_.NewClient(client);
  }
  Client* Stranger(const std::string& agent, bool authenticated) {
    std::string address = NewAddress();
    Client client = *cluster_.NewStranger(address, agent);
    if (authenticated) {
      client.user.clear();
      client.groups.clear();
    }
    attack_.addresses = {address};
    return Keep(client);
  }

  // Asks all, with pauses between `least` and `most` seconds.
  void AskAll(const Client* client, const std::vector<Question>& questions,
              double least, double most) {
    for (const Question& question : questions) {
      Ask(client, question, AnswerTo(question));
      Pause(least, most);
    }
  }
  void Ask(const Client* client, Question question, Answer answer) {
    traffic_.AskAt(attack_.end, client, std::move(question), std::move(answer));
  }
  void Pause(double least, double most) {
    attack_.end += static_cast<Micros>(random_.Between(least, most) * kSecond);
  }
  // Some of what is near to the victim is allowed.
  Answer AnswerTo(const Question& question) {
    bool reads = question.verb == "get" || question.verb == "list";
    bool harmless =
        question.resource == "pods" || question.resource == "services" ||
        question.resource == "configmaps" || question.resource == "deployments";
    if (reads && harmless && question.ns == victim_->home &&
        question.subresource.empty() && random_.Chance(0.5)) {
      return {};
    }
    return Refused();
  }

  std::string NewAddress() {
    std::string address =
        random_.Chance(0.6)
            ? cluster_.PublicAddress()
            : "10.9." + std::to_string(random_.Between(0, 255)) + "." +
                  std::to_string(random_.Between(2, 250));
    return address;
  }
  const std::vector<std::string>& Namespaces() { return cluster_.namespaces(); }
  Actor& ActorAt(int i) { return cluster_.actors()[static_cast<size_t>(i)]; }
  const Actor& victim() const { return *victim_; }
  Traffic& traffic() { return traffic_; }
  Random& random() { return random_; }
  Attack& attack() { return attack_; }

 private:
  Traffic& traffic_;
  Cluster& cluster_;
  Random& random_;
  Attack& attack_;
  int index_;
  Actor* victim_ = nullptr;
};

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
  i.random().Shuffle(tries);
  tries.resize(static_cast<size_t>(i.random().Between(3, 5)));
  for (const Question& question : tries) {
    i.Ask(client, question,
          Refused(i.random().Chance(0.7) ? Outcome::kEscalation
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

struct KindRow {
  std::string_view name;
  void (*plan)(Intruder&);
  bool is_slow = false;  // takes days: begins early
};

constexpr std::array<KindRow, 18> kRows = {{
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

constexpr std::array<std::string_view, kRows.size()> Names() {
  std::array<std::string_view, kRows.size()> names;
  for (size_t i = 0; i < kRows.size(); ++i) names[i] = kRows[i].name;
  return names;
}
constexpr std::array<std::string_view, kRows.size()> kNames = Names();

}  // namespace

std::span<const std::string_view> AttackKinds() { return kNames; }

std::vector<Attack> PlanAttacks(Traffic& traffic, Micros start, Micros end,
                                int each) {
  std::vector<Attack> attacks;
  attacks.reserve(kRows.size() * static_cast<size_t>(each));
  for (int round = 0; round < each; ++round) {
    for (const KindRow& row : kRows) {
      Attack& attack = attacks.emplace_back();
      attack.kind = row.name;
      Micros latest = row.is_slow ? start + (end - start) / 3
                                  : std::max(start, end - 8 * kHour);
      double part = traffic.random().Uniform();
      attack.start = start + static_cast<Micros>(
                                 part * static_cast<double>(latest - start));
      attack.end = attack.start;
      Intruder intruder(traffic, attack, static_cast<int>(attacks.size()) - 1);
      row.plan(intruder);
    }
  }
  return attacks;
}

}  // namespace oddverb
