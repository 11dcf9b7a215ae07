#include "bench/detection/scoring.h"

#include <algorithm>
#include <utility>

namespace oddverb {
namespace {

// A statement this long after an attack may still be about it: some rules look
// back an hour.
constexpr Micros kAftermath = kHour;
constexpr size_t kTop = 20;

bool TellsOf(const std::vector<std::string>& addresses,
             const std::string& summary) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& address) {
                       return summary.find(address) != std::string::npos;
                     });
}

}  // namespace

Scorer::Scorer(const std::vector<Attack>& attacks) : attacks_(attacks) {}

// Whom an attack is about is known from its beginning on.
void Scorer::Match(const Statement& statement, std::vector<size_t>& out) const {
  auto names = [](const std::vector<std::string>& list,
                  const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (size_t i = 0; i < attacks_.size(); ++i) {
    const Attack& attack = attacks_[i];
    if (statement.last < attack.start) continue;
    const bool is_over = statement.first > attack.end + kAftermath;
    if (is_over && !(statement.is_of_credential &&
                     TellsOf(attack.addresses, statement.summary))) {
      continue;
    }
    if (names(attack.users, statement.user) ||
        names(attack.addresses, statement.address)) {
      out.push_back(i);
    }
  }
}

void Scorer::Say(std::string_view name, const Statement& statement) {
  auto at = systems_.find(name);
  if (at == systems_.end()) {
    at = systems_.emplace(std::string(name), System()).first;
    at->second.found.resize(attacks_.size());
  }
  System& system = at->second;
  std::vector<size_t> matched;
  Match(statement, matched);
  for (size_t i : matched) {
    Found& found = system.found[i];
    if (found.is_found) continue;
    const std::vector<Micros>& requests = attacks_[i].requests;
    found.is_found = true;
    found.requests = static_cast<size_t>(
        std::count_if(requests.begin(), requests.end(),
                      [&](Micros time) { return time <= statement.last; }));
    found.seconds = static_cast<double>(statement.last - attacks_[i].start) /
                    static_cast<double>(kSecond);
  }
  auto [kept, is_new] = system.findings.try_emplace(statement.id);
  if (is_new) kept->second.statement = statement;
  Statement& known = kept->second.statement;
  known.rank = std::max(known.rank, statement.rank);
  known.score = std::max(known.score, statement.score);
  kept->second.is_true |= !matched.empty();
}

std::map<std::string, SystemScore> Scorer::Finish() {
  std::map<std::string, SystemScore> scores;
  for (auto& [name, system] : systems_) {
    SystemScore& score = scores[name];
    score.found = system.found;
    score.findings = system.findings.size();
    std::vector<const Kept*> ranked;
    for (const auto& [id, kept] : system.findings) {
      ranked.push_back(&kept);
      if (kept.is_true) continue;
      score.false_findings.push_back(
          {kept.statement.rule, kept.statement.user, kept.statement.address,
           kept.statement.summary, kept.statement.first});
    }
    std::stable_sort(
        ranked.begin(), ranked.end(), [](const Kept* a, const Kept* b) {
          const Statement& x = a->statement;
          const Statement& y = b->statement;
          return std::pair(x.rank, x.score) > std::pair(y.rank, y.score);
        });
    if (ranked.size() > kTop) ranked.resize(kTop);
    if (ranked.empty()) continue;
    auto right = std::count_if(ranked.begin(), ranked.end(),
                               [](const Kept* kept) { return kept->is_true; });
    score.precision_at_20 =
        static_cast<double>(right) / static_cast<double>(ranked.size());
  }
  return scores;
}

double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  auto at =
      static_cast<size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

}  // namespace oddverb
