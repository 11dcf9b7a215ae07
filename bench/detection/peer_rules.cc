#include "bench/detection/peer_rules.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "absl/time/time.h"
#include "bench/detection/peer_conditions.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr int64_t kSecondMicros = 1'000'000;

constexpr std::array<PeerRuleRow, 16> kRows = {{
    {"elastic", "elastic.denied_service_account", PeerMechanism::kNewAgent,
     peers::ElasticDeniedServiceAccount},
    {"elastic", "elastic.forbidden_unusual_agent", PeerMechanism::kNewAgent,
     peers::ElasticForbiddenAgent},
    {"elastic", "elastic.forbidden_creation", PeerMechanism::kEachEvent,
     peers::ElasticForbiddenCreation},
    {"elastic", "elastic.self_subject_review", PeerMechanism::kNewAgent,
     peers::ElasticSelfReview},
    {"elastic", "elastic.anonymous_allowed", PeerMechanism::kNewAgent,
     peers::ElasticAnonymousAllowed},
    // Fewer than `threshold` requests, more than five URIs, more than three
    // resources; what was refused is asked in Rule.
    {"elastic", "elastic.endpoint_enumeration", PeerMechanism::kEndpoints,
     peers::ElasticEndpoints, nullptr, nullptr, 360, 75},
    {"elastic", "elastic.anonymous_enumeration", PeerMechanism::kEndpoints,
     peers::ElasticAnonymousEndpoints, nullptr, nullptr, 360, 50},
    {"panther", "panther.multiple_403_public", PeerMechanism::kThreshold,
     peers::PantherForbiddenPublic, peers::FirstAddress, nullptr, 1800, 10},
    {"panther", "panther.secret_denied", PeerMechanism::kThreshold,
     peers::PantherSecretDenied, peers::UserAndNamespace, nullptr, 900, 20},
    {"panther", "panther.secret_enumeration", PeerMechanism::kThreshold,
     peers::PantherSecretEnumeration, peers::UserAndAgent, peers::ObjectName,
     1800, 15},
    // A search every hour over an hour; `count > 5`.
    {"splunk", "splunk.access_scanning", PeerMechanism::kThreshold,
     peers::SplunkScanning, peers::FirstAddress, nullptr, 3600, 6},
    {"sigma", "sigma.unauthorized", PeerMechanism::kEachEvent,
     peers::SigmaUnauthorized},
    {"sigma", "sigma.rules_review", PeerMechanism::kEachEvent,
     peers::SigmaRulesReview},
    {"sigma", "sigma.secrets_list", PeerMechanism::kEachEvent,
     peers::SigmaSecretsList},
    {"falco", "falco.secret_get_failed", PeerMechanism::kEachEvent,
     peers::FalcoSecretGetFailed},
    {"falco", "falco.anonymous_allowed", PeerMechanism::kEachEvent,
     peers::FalcoAnonymousAllowed},
}};

size_t HashOf(string_view text) { return std::hash<string_view>()(text); }

}  // namespace

std::span<const PeerRuleRow> PeerRuleRows() { return kRows; }

class PeerRules::Rule {
 public:
  Rule(size_t index, const PeerRuleRow& row) : index_(index), row_(row) {}

  void See(const AuditEvent& event, int64_t now,
           std::vector<PeerAlert>& alerts) {
    if (row_.mechanism == PeerMechanism::kEndpoints) Evaluate(now, alerts);
    if (!row_.matches(event)) return;
    switch (row_.mechanism) {
      case PeerMechanism::kEachEvent:
        Alert(event, now, alerts);
        return;
      case PeerMechanism::kNewAgent:
        SeeAgent(event, now, alerts);
        return;
      case PeerMechanism::kThreshold:
        Count(event, now, alerts);
        return;
      case PeerMechanism::kEndpoints:
        Remember(event, now);
        return;
    }
  }

 private:
  struct Group {
    int64_t since = 0;
    size_t count = 0;
    std::unordered_set<std::string> values;
    bool alerted = false;
  };
  struct Seen {
    int64_t micros = 0;
    size_t who = 0, uri = 0, resource = 0;
    Decision decision = Decision::kAbsent;
    int code = 0;
  };
  struct Who {
    std::string user, address;
  };
  struct Sum {
    size_t requests = 0;
    std::unordered_set<size_t> uris, resources;
    bool allowed = false, forbidden = false;
    size_t failed = 0, not_found = 0;
    int64_t last = 0;
  };

  void Alert(const AuditEvent& event, int64_t now,
             std::vector<PeerAlert>& alerts) const {
    string_view address = event.source_ip;
    // A group by address says that address.
    if (row_.group == peers::FirstAddress) address = event.source_ips[0];
    alerts.push_back(
        {index_, std::string(event.user.name), std::string(address), now});
  }

  void SeeAgent(const AuditEvent& event, int64_t now,
                std::vector<PeerAlert>& alerts) {
    constexpr int64_t kHistory = 7 * 86400 * kSecondMicros;
    auto [found, is_new] =
        agents_.try_emplace(std::string(event.user_agent), now);
    if (is_new || now - found->second > kHistory) Alert(event, now, alerts);
    found->second = std::max(found->second, now);
  }

  void Count(const AuditEvent& event, int64_t now,
             std::vector<PeerAlert>& alerts) {
    key_.clear();
    row_.group(event, key_);
    Group& group = groups_[key_];
    if (now - group.since > row_.window_seconds * kSecondMicros) {
      group = Group();
      group.since = now;
    }
    ++group.count;
    if (row_.unique != nullptr) {
      std::string value;
      row_.unique(event, value);
      group.values.insert(value);
      group.count = group.values.size();
    }
    if (group.count < row_.threshold || group.alerted) return;
    group.alerted = true;
    Alert(event, now, alerts);
  }

  void Remember(const AuditEvent& event, int64_t now) {
    bool anonymous = row_.matches == peers::ElasticAnonymousEndpoints;
    size_t who = HashOf(anonymous ? event.user_agent : event.user.name) * 31 +
                 HashOf(event.source_ip);
    who_.try_emplace(
        who, Who{std::string(event.user.name), std::string(event.source_ip)});
    seen_.push_back(
        {now, who, HashOf(event.request_uri),
         event.object.resource.empty() ? 0 : HashOf(event.object.resource),
         event.decision, event.response_code});
  }

  // Every five minutes, over the last `window_seconds`.
  void Evaluate(int64_t now, std::vector<PeerAlert>& alerts) {
    constexpr int64_t kInterval = 300 * kSecondMicros;
    if (next_run_ == 0) next_run_ = now + kInterval;
    if (now < next_run_) return;
    int64_t from = next_run_ - row_.window_seconds * kSecondMicros;
    std::unordered_map<size_t, Sum> sums;
    for (const Seen& seen : seen_) {
      if (seen.micros < from) continue;
      Sum& sum = sums[seen.who];
      ++sum.requests;
      sum.uris.insert(seen.uri);
      if (seen.resource != 0) sum.resources.insert(seen.resource);
      sum.allowed |= seen.decision == Decision::kAllow;
      sum.forbidden |= seen.decision == Decision::kForbid;
      if (seen.decision == Decision::kAbsent &&
          (seen.code == 401 || seen.code == 403)) {
        ++sum.failed;
      }
      if (seen.decision == Decision::kAbsent && seen.code == 404) {
        ++sum.not_found;
      }
      sum.last = std::max(sum.last, seen.micros);
    }
    std::vector<std::pair<size_t, int64_t>> hits;
    for (const auto& [who, sum] : sums) {
      if (IsEnumeration(sum)) hits.emplace_back(who, sum.last);
    }
    // The map has no order that repeats elsewhere.
    std::sort(hits.begin(), hits.end());
    for (auto [who, last] : hits) {
      alerts.push_back({index_, who_[who].user, who_[who].address, last});
    }
    int64_t keep = next_run_ - 60 * kSecondMicros;
    while (!seen_.empty() && seen_.front().micros < keep) seen_.pop_front();
    while (next_run_ <= now) next_run_ += kInterval;
  }

  bool IsEnumeration(const Sum& sum) const {
    if (sum.uris.size() <= 5 || sum.resources.size() <= 3 ||
        sum.requests >= row_.threshold) {
      return false;
    }
    if (row_.matches == peers::ElasticAnonymousEndpoints) {
      return sum.forbidden || sum.failed >= 1 || sum.not_found >= 3;
    }
    return sum.allowed && sum.forbidden;
  }

  size_t index_;
  PeerRuleRow row_;
  std::unordered_map<std::string, int64_t> agents_;
  std::unordered_map<std::string, Group> groups_;
  std::string key_;
  std::deque<Seen> seen_;
  std::unordered_map<size_t, Who> who_;
  int64_t next_run_ = 0;
};

PeerRules::PeerRules() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    rules_.push_back(std::make_unique<Rule>(i, kRows[i]));
  }
}
PeerRules::~PeerRules() = default;

void PeerRules::See(const AuditEvent& event, std::vector<PeerAlert>& alerts) {
  if (event.response_code == 0) return;
  int64_t now = absl::ToUnixMicros(event.stage_time);
  for (const std::unique_ptr<Rule>& rule : rules_) {
    rule->See(event, now, alerts);
  }
}

}  // namespace oddverb
