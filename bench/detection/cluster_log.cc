#include "bench/detection/cluster_log.h"

#include <algorithm>

#include "bench/detection/honest_credentials.h"
#include "bench/detection/honest_refusals.h"
#include "bench/detection/routine_traffic.h"

namespace oddverb {
namespace {

// Monday, 2 March 2026, 00:00 UTC.
constexpr Micros kMonday = 1772409600 * kSecond;
// How far an API server is behind at times.
constexpr Micros kStall = 45 * kSecond;

}  // namespace

ClusterLog::ClusterLog(const Options& options, const TrafficShapes& shapes)
    : options_(options),
      start_(kMonday),
      end_(kMonday +
           static_cast<Micros>(options.days * static_cast<double>(kDay))),
      cluster_(options.seed),
      random_(options.seed * 7919 + 5),
      traffic_(cluster_, shapes, options.seed * 104729 + 3, *this),
      servers_(static_cast<size_t>(cluster_.servers())),
      level_(cluster_.has_bodies() ? "Request" : "Metadata") {
  StartRoutineTraffic(traffic_, start_);
  StartHonestRefusals(traffic_, start_, end_);
  StartHonestCredentials(traffic_, start_, end_);
  // The first hours are quiet, so that there is something to compare with.
  Micros first = start_ + std::min<Micros>(6 * kHour, (end_ - start_) / 8);
  PlanAttacks(traffic_, first, end_, options.attacks_each, attacks_);
}

void ClusterLog::Stall(int server, Micros until) {
  servers_[static_cast<size_t>(server)].stalls.push_back(until);
}

void ClusterLog::Take(const Client& client, const Question& question,
                      const Answer& answer, Micros time) {
  Deliver(time);
  EventMark mark;
  mark.time = {time, time + random_.Between(500, 20'000)};
  mark.id_high = client.fixed_id != 0 ? client.fixed_id : random_.Next();
  mark.id_low = client.fixed_id != 0 ? client.fixed_id : random_.Next();
  mark.level = level_;
  mark.is_other =
      !client.other_address.empty() && random_.Chance(client.other_share);
  if (client.attack >= 0) {
    attacks_[static_cast<size_t>(client.attack)].requests.push_back(
        mark.time.stage);
  }
  if (question.verb == "watch") {
    mark.stage = "ResponseStarted";
    Write(client, question, answer, mark);
    if (answer.code < 400) {
      // Its end is minutes away; an earlier one ends now.
      mark.time.received -= random_.Between(300, 599) * kSecond;
      mark.id_high = random_.Next();
    }
    mark.stage = "ResponseComplete";
  }
  Write(client, question, answer, mark);
}

void ClusterLog::Write(const Client& client, const Question& question,
                       const Answer& answer, const EventMark& mark) {
  ++(client.attack >= 0 ? attack_events_ : honest_events_);
  AppendAuditEvent(client, question, answer, mark,
                   servers_[static_cast<size_t>(client.server)].lines);
}

void ClusterLog::Deliver(Micros now) {
  for (Server& server : servers_) {
    if (now < server.arrives) continue;
    bool stalled = std::any_of(
        server.stalls.begin(), server.stalls.end(),
        [&](Micros until) { return now >= until - kStall && now < until; });
    if (stalled) continue;
    arrived_ += server.lines;
    server.lines.clear();
    // A backend writes in batches of about a second.
    server.arrives = now + random_.Between(100, 1500) * 1000;
  }
}

bool ClusterLog::Append(size_t bytes, std::string& out) {
  bool more = true;
  while (more && arrived_.size() < bytes) {
    more = traffic_.Next() && traffic_.now() < end_ &&
           (options_.max_events == 0 || honest_events_ < options_.max_events);
  }
  if (!more) {
    for (Server& server : servers_) arrived_ += server.lines;
  }
  out += arrived_;
  arrived_.clear();
  return more;
}

}  // namespace oddverb
