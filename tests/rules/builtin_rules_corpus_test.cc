// The rules that come with the program over the shared corpus: which of its
// scenarios they hit, and what they say of the traffic that is good. Findings
// are made as the detector rule_match makes them: one for each actor and rule.
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "model/finding.h"
#include "rules/correlation_engine.h"
#include "rules/live_rules.h"
#include "tests/support/builtin_rules.h"
#include "tests/support/corpus.h"
#include "tests/support/decoded_text.h"

namespace oddverb {
namespace {

using ::testing::IsEmpty;

struct Seen {
  RuleLevel level = RuleLevel::kUnspecified;
  uint64_t matches = 0;
  std::vector<std::string> evidence;  // audit IDs, the first ones
};
// By the name of the rule, and whom it is about.
using Findings = std::map<std::pair<std::string, std::string>, Seen>;

struct Outcome {
  Findings findings;
  uint64_t events = 0;
};

void Note(const Rule& rule, const std::string& who, std::string_view audit_id,
          Findings& findings) {
  Seen& seen = findings[{std::string(RuleHandle(rule)), who}];
  seen.level = rule.level;
  ++seen.matches;
  if (seen.evidence.size() < Finding::kMaxEvidence) {
    seen.evidence.emplace_back(audit_id);
  }
}

// Runs the correlations and remembers which events made their alerts.
class Correlator {
 public:
  explicit Correlator(const LoadedRules& loaded)
      : set_(loaded.correlations), engine_(set_, {}) {}

  void Observe(uint32_t rule, const AuditEvent& event) {
    std::vector<CorrelationInput> inputs;
    Arena arena;
    set_->Extract(rule, event, arena, inputs);
    for (CorrelationInput& input : inputs) {
      AddToChain(input.correlation, input, event.audit_id);
      engine_.Observe(std::move(input), alerts_);
    }
  }

  void Finish(Findings& findings) {
    engine_.AdvanceTo(absl::InfiniteFuture(), alerts_);
    for (const CorrelationAlert& alert : alerts_) {
      const Rule& rule = set_->correlations()[alert.correlation].rule;
      if (!rule.alerts) continue;
      std::string who = absl::StrJoin(alert.group, " ");
      std::vector<std::string> last;
      for (const auto& [time, id] : seen_[{alert.correlation, who}]) {
        if (time >= alert.since && time <= alert.time) last.push_back(id);
      }
      size_t skip = last.size() > Finding::kMaxEvidence
                        ? last.size() - Finding::kMaxEvidence
                        : 0;
      for (size_t i = skip; i < last.size(); ++i) {
        Note(rule, who, last[i], findings);
      }
    }
  }

 private:
  void AddToChain(uint32_t correlation, const CorrelationInput& input,
                  std::string_view audit_id) {
    seen_[{correlation, absl::StrJoin(input.group, " ")}].emplace_back(
        input.time, audit_id);
    for (const CorrelationSet::Use& use : set_->UsesOf(correlation)) {
      AddToChain(use.correlation, input, audit_id);
    }
  }

  std::shared_ptr<const CorrelationSet> set_;
  CorrelationEngine engine_;
  std::vector<CorrelationAlert> alerts_;
  std::map<std::pair<uint32_t, std::string>,
           std::vector<std::pair<absl::Time, std::string>>>
      seen_;
};

Outcome RunOver(const std::string& path) {
  LoadedRules loaded = LoadBuiltinRules();
  RuleMatcher matcher(loaded.rules);
  Correlator correlator(loaded);
  std::string text = ReadMaybeGzip(path);
  std::unique_ptr<EventBatch> batch = DecodeLines(text);
  std::set<std::string, std::less<>> judged;
  Outcome outcome;
  outcome.events = batch->events.size();
  const Rule* first = loaded.rules->rules().data();
  for (const AuditEvent& event : batch->events) {
    bool is_first = CarriesResponseStatus(event) &&
                    judged.insert(std::string(event.audit_id)).second;
    auto request = is_first ? RuleMatcher::Request::kFirstWithStatus
                            : RuleMatcher::Request::kOther;
    for (const Rule* rule : matcher.Match(event, request)) {
      auto number = static_cast<uint32_t>(rule - first);
      if (loaded.correlations->IsMember(number)) {
        correlator.Observe(number, event);
      }
      if (!rule->alerts) continue;
      Note(*rule, std::string(event.user.name), event.audit_id,
           outcome.findings);
    }
  }
  correlator.Finish(outcome.findings);
  return outcome;
}

struct Scenario {
  std::string name;
  bool is_low = false;
  std::set<std::string> found_by;
};
struct Truth {
  std::vector<Scenario> scenarios;
  std::map<std::string, std::set<size_t>, std::less<>> owners;  // by audit ID
  std::set<std::string> ignored;                                // users
};

Truth ReadTruth(const std::string& path) {
  auto json = nlohmann::json::parse(ReadMaybeGzip(path));
  Truth truth;
  for (const auto& scenario : json["scenarios"]) {
    for (const std::string id : scenario["auditIDs"]) {
      truth.owners[id].insert(truth.scenarios.size());
    }
    truth.scenarios.push_back({.name = scenario["name"],
                               .is_low = scenario["severity"] == "low",
                               .found_by = {}});
  }
  for (const auto& entry : json["ignore"]) {
    truth.ignored.insert(std::string(entry["user"]));
  }
  return truth;
}

// Scenarios that a finding cites, unless most of what it cites is good traffic.
std::set<size_t> HitBy(const Seen& seen, const Truth& truth) {
  std::set<size_t> hit;
  size_t attacks = 0;
  for (const std::string& id : seen.evidence) {
    auto it = truth.owners.find(id);
    if (it == truth.owners.end()) continue;
    ++attacks;
    hit.insert(it->second.begin(), it->second.end());
  }
  if (2 * attacks < seen.evidence.size()) hit.clear();
  return hit;
}

struct Verdict {
  std::vector<std::string> wrong;      // of medium and more
  std::map<std::string, int> hygiene;  // by rule: low and info
};

Verdict Judge(const Findings& findings, Truth& truth) {
  Verdict verdict;
  for (const auto& [key, seen] : findings) {
    const auto& [rule, who] = key;
    std::set<size_t> hit = HitBy(seen, truth);
    bool is_medium = seen.level >= RuleLevel::kMedium;
    for (size_t i : hit) {
      bool counts = is_medium || (truth.scenarios[i].is_low &&
                                  seen.level == RuleLevel::kLow);
      if (counts) truth.scenarios[i].found_by.insert(rule);
    }
    if (!hit.empty()) continue;
    if (!is_medium) {
      ++verdict.hygiene[rule];
    } else if (!truth.ignored.contains(who)) {
      verdict.wrong.push_back(rule + " " + who);
    }
  }
  return verdict;
}

// What the detectors of the program have no rule for.
constexpr const char* kForRules[] = {
    "audit-config-tamper",   "coredns-tamper",        "cronjob-persistence",
    "cryptominer-daemonset", "cve-2018-1002105",      "dashboard-exposed",
    "ephemeral-container",   "ephemeral-container-2", "events-deletion",
    "externalname-metadata", "networkpolicy-delete",  "old-client-scan",
    "podspec-metadata",      "port-forward",          "privileged-pods",
    "psa-label-removed",     "webhook-metadata"};

TEST(BuiltinRulesCorpusTest, FindsWhatDetectorsLeaveToRules) {
  auto log = CorpusPath("mixed.log.gz");
  auto truth_file = CorpusPath("truth.json");
  if (!log || !truth_file) GTEST_SKIP() << "no shared corpus";
  Truth truth = ReadTruth(*truth_file);
  Judge(RunOver(*log).findings, truth);
  std::set<std::string> found;
  for (const Scenario& scenario : truth.scenarios) {
    std::printf("%s: %s\n", scenario.name.c_str(),
                absl::StrJoin(scenario.found_by, ", ").c_str());
    if (!scenario.found_by.empty()) found.insert(scenario.name);
  }
  for (const char* name : kForRules) {
    EXPECT_TRUE(found.contains(name)) << name;
  }
}

TEST(BuiltinRulesCorpusTest, SaysLittleOfWhatIsGood) {
  if (!CorpusPath("truth.json")) GTEST_SKIP() << "no shared corpus";
  uint64_t events = 0;
  std::map<std::string, int> hygiene;
  std::vector<std::string> wrong;
  for (const char* name :
       {"benign.log.gz", "bootstrap.log.gz", "mixed.log.gz"}) {
    Truth truth = ReadTruth(*CorpusPath("truth.json"));
    Outcome outcome = RunOver(*CorpusPath(name));
    Verdict verdict = Judge(outcome.findings, truth);
    events += outcome.events;
    for (const auto& [rule, count] : verdict.hygiene) hygiene[rule] += count;
    wrong.insert(wrong.end(), verdict.wrong.begin(), verdict.wrong.end());
  }
  int sum = 0;
  for (const auto& [rule, count] : hygiene) {
    std::printf("%4d %s\n", count, rule.c_str());
    sum += count;
  }
  std::printf("%4d low and info findings in %d events\n", sum,
              static_cast<int>(events));
  EXPECT_LE(sum, 0.002 * static_cast<double>(events));
  EXPECT_THAT(wrong, IsEmpty());
}

}  // namespace
}  // namespace oddverb
