// Plans one attack: takes the credential of a victim, and says what is asked
// with it and when. One thread.
#ifndef ODDVERB_BENCH_DETECTION_INTRUDER_H_
#define ODDVERB_BENCH_DETECTION_INTRUDER_H_

#include <string>
#include <utility>
#include <vector>

#include "bench/detection/attacks.h"

namespace oddverb {

class Intruder {
 public:
  Intruder(Traffic& traffic, Attack& attack, int index)
      : traffic_(traffic),
        cluster_(traffic.cluster()),
        random_(traffic.random()),
        attack_(attack),
        index_(index) {}

  // What a thief tries, over kinds and namespaces, in no order.
  std::vector<Question> Wishes(const std::string& home, int count);
  // The token of a pod, its certificate or whatever it is, in his hands.
  Client* Steal(Actor::Kind kind, const std::string& address,
                const std::string& agent);
  // The token of a pod of a workload, else of an operator, likewise.
  Client* StealPod(const std::string& address, const std::string& agent);
  // Makes a victim of one of that kind; what `fits` not is left alone. Null if
  // there is none.
  Actor* ChooseVictim(Actor::Kind kind, bool (*fits)(const Actor&));
  // One of its clients that is in use.
  Client* ClientOf(const Actor& actor);
  // A client of the victim, which goes on working with it; the last that was
  // stolen from.
  Client* owner() { return owner_; }
  // The owner's credential at `address`.
  Client* StealFrom(Client* owner, const std::string& address,
                    const std::string& agent);
  // What is not the owner's, but is used by this attack alone.
  Client* Take(Client client);
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
  Cluster& cluster() { return cluster_; }
  Actor& ActorAt(int i) { return cluster_.actors()[static_cast<size_t>(i)]; }
  const Actor& victim() const { return *victim_; }
  // Has been seen in three networks or more: whoever joins such a person from
  // one more looks as another journey does.
  bool VictimRoams() const;
  Traffic& traffic() { return traffic_; }
  Random& random() { return random_; }
  Attack& attack() { return attack_; }

 private:
  static constexpr size_t kNetworksOfRoamer = 3;

  // There is nobody left who is no victim yet.
  void RobAgain(Actor::Kind kind);

  Traffic& traffic_;
  Cluster& cluster_;
  Random& random_;
  Attack& attack_;
  int index_;
  Actor* victim_ = nullptr;
  Client* owner_ = nullptr;
};

// A kind of attack.
struct AttackKind {
  std::string_view name;
  void (*plan)(Intruder&);
  bool is_slow = false;  // takes days: begins early
  // Hours of the log before it, for what is known only by then.
  double hours_before = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_INTRUDER_H_
