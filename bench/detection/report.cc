#include "bench/detection/report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/strings.h"

namespace oddverb {
namespace {

using std::string_view;

bool IsOurs(string_view name) {
  return name.starts_with("oddverb") || name.starts_with("without.");
}

std::string Share(double part) { return absl::StrFormat("%.3f", part); }

void AppendRow(const std::string& system, const Total& total,
               std::string& out) {
  absl::StrAppendFormat(
      &out, "%s,%d,%d,%.4f,%d,%.2f,%.3f,%.0f,%.0f,%.1f,%.1f\n", system,
      total.attacks, total.found, total.recall(), total.false_findings,
      total.false_per_10m(), total.precision_at_20,
      Quantile(total.requests, 0.5), Quantile(total.requests, 0.95),
      Quantile(total.seconds, 0.5), Quantile(total.seconds, 0.95));
}

constexpr string_view kColumns =
    "system,attacks,found,recall,false_findings,false_per_10m_honest_events,"
    "precision_at_20,requests_p50,requests_p95,seconds_p50,seconds_p95\n";

constexpr string_view kTogether = ".together";

// How the peer whose recall is nearest to ours compares.
std::string ClosestPeer(const std::vector<LabResult>& results) {
  Total ours = TotalOf(results, std::string(kDefault));
  std::string closest;
  Total best;
  for (const std::string& system : SystemNames(results)) {
    if (!system.ends_with(kTogether)) continue;
    Total total = TotalOf(results, system);
    if (closest.empty() || std::abs(total.recall() - ours.recall()) <
                               std::abs(best.recall() - ours.recall())) {
      closest = system;
      best = total;
    }
  }
  if (closest.empty()) return "";
  return absl::StrFormat(
      "\nThe peer of the closest recall, %s, has %d false findings, ours %d.\n",
      closest, best.false_findings, ours.false_findings);
}

std::string Seconds(double seconds) {
  if (seconds < 120) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 7200) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.0f h", seconds / 3600);
}

// By all detectors together.
std::string CredentialsMarkdown(const std::vector<LabResult>& results) {
  std::string out =
      "\n| stolen credential | attacks | recall | requests, p50 / p95 | time, "
      "p50 / p95 |\n| --- | --- | --- | --- | --- |\n";
  auto row = [&](string_view kind) {
    Total total = TotalOf(results, std::string(kAllDetectors), kind);
    if (total.attacks == 0) return;
    absl::StrAppendFormat(
        &out, "| %s | %d | %s | %.0f / %.0f | %s / %s |\n", A(kind),
        total.attacks, Share(total.recall()), Quantile(total.requests, 0.5),
        Quantile(total.requests, 0.95), Seconds(Quantile(total.seconds, 0.5)),
        Seconds(Quantile(total.seconds, 0.95)));
  };
  for (string_view kind : AttackKinds()) {
    if (IsCredentialAttack(kind)) row(kind);
  }
  // D1 and D2 together.
  row("human_12_tries");
  return out;
}

}  // namespace

double Total::recall() const {
  return attacks == 0
             ? 0
             : static_cast<double>(found) / static_cast<double>(attacks);
}

double Total::false_per_10m() const {
  return honest_events == 0
             ? 0
             : static_cast<double>(false_findings) * 1e7 / honest_events;
}

Total TotalOf(const std::vector<LabResult>& results, const std::string& system,
              string_view kind) {
  Total total;
  for (const LabResult& result : results) {
    total.honest_events += static_cast<double>(result.honest_events);
    auto score = result.systems.find(system);
    bool silent = score == result.systems.end();
    for (size_t i = 0; i < result.kinds.size(); ++i) {
      const string_view name = result.kinds[i];
      const bool is_asked_for =
          kind.empty() ? !IsCredentialAttack(name) : name.starts_with(kind);
      if (!is_asked_for) continue;
      ++total.attacks;
      if (silent || !score->second.found[i].is_found) continue;
      ++total.found;
      total.requests.push_back(
          static_cast<double>(score->second.found[i].requests));
      total.seconds.push_back(score->second.found[i].seconds);
    }
    if (silent) continue;
    total.false_findings += score->second.false_findings.size();
    total.precision_at_20 +=
        score->second.precision_at_20 / static_cast<double>(results.size());
  }
  return total;
}

std::vector<std::string> SystemNames(const std::vector<LabResult>& results) {
  std::set<std::string> names;
  for (const LabResult& result : results) {
    for (const auto& [name, score] : result.systems) names.insert(name);
  }
  std::vector<std::string> sorted(names.begin(), names.end());
  std::stable_partition(sorted.begin(), sorted.end(),
                        [](const std::string& name) { return IsOurs(name); });
  return sorted;
}

std::string SeedsCsv(const std::vector<LabResult>& results) {
  std::string out = absl::StrCat("seed,honest_events,", A(kColumns));
  for (const LabResult& result : results) {
    for (const std::string& system : SystemNames(results)) {
      absl::StrAppend(&out, result.seed, ",", result.honest_events, ",");
      AppendRow(system, TotalOf({result}, system), out);
    }
  }
  return out;
}

std::string KindsCsv(const std::vector<LabResult>& results) {
  std::string out =
      "kind,system,attacks,found,recall,requests_p50,requests_p95,seconds_p50,"
      "seconds_p95\n";
  for (string_view kind : AttackKinds()) {
    for (const std::string& system : SystemNames(results)) {
      Total total = TotalOf(results, system, kind);
      absl::StrAppendFormat(
          &out, "%s,%s,%d,%d,%.4f,%.0f,%.0f,%.1f,%.1f\n", A(kind), system,
          total.attacks, total.found, total.recall(),
          Quantile(total.requests, 0.5), Quantile(total.requests, 0.95),
          Quantile(total.seconds, 0.5), Quantile(total.seconds, 0.95));
    }
  }
  return out;
}

std::string FalseFindingsCsv(const std::vector<LabResult>& results) {
  std::string out = "seed,rule,user,address,first_seen,summary\n";
  for (const LabResult& result : results) {
    auto score = result.systems.find(std::string(kAllDetectors));
    if (score == result.systems.end()) continue;
    for (const FalseFinding& found : score->second.false_findings) {
      absl::StrAppend(&out, result.seed, ",", found.rule, ",", found.user, ",",
                      found.address, ",",
                      absl::FormatTime(absl::FromUnixMicros(found.first),
                                       absl::UTCTimeZone()),
                      ",\"", absl::StrReplaceAll(found.summary, {{"\"", "'"}}),
                      "\"\n");
    }
  }
  return out;
}

std::string MissedCsv(const std::vector<LabResult>& results) {
  std::string out = "seed,kind,user,address,start\n";
  for (const LabResult& result : results) {
    auto score = result.systems.find(std::string(kAllDetectors));
    for (size_t i = 0; i < result.attacks.size(); ++i) {
      const Attack& attack = result.attacks[i];
      const bool is_found =
          score != result.systems.end() && score->second.found[i].is_found;
      if (is_found) continue;
      absl::StrAppend(&out, result.seed, ",", A(attack.kind), ",",
                      attack.users.empty() ? "" : attack.users.front(), ",",
                      attack.addresses.empty() ? "" : attack.addresses.front(),
                      ",",
                      absl::FormatTime(absl::FromUnixMicros(attack.start),
                                       absl::UTCTimeZone()),
                      "\n");
    }
  }
  return out;
}

std::string Markdown(const std::vector<LabResult>& results) {
  double honest = 0;
  for (const LabResult& result : results) {
    honest += static_cast<double>(result.honest_events);
  }
  const size_t attacks = TotalOf(results, std::string(kDefault)).attacks;
  size_t kinds = 0;
  for (string_view kind : AttackKinds()) kinds += !IsCredentialAttack(kind);
  std::string out = absl::StrFormat(
      "Seeds %d to %d: %.1f million honest events, %d attacks of %d kinds.\n\n"
      "| system | recall | false findings per 10 million honest events | "
      "precision at 20 | attack requests to the finding, p50 / p95 | time, p50 "
      "/ "
      "p95 |\n| --- | --- | --- | --- | --- | --- |\n",
      results.front().seed, results.back().seed, honest / 1e6, attacks, kinds);
  for (const std::string& system : SystemNames(results)) {
    // Of the peers, each vendor's rules together; one by one in the tables.
    if (!IsOurs(system) && !system.ends_with(kTogether)) continue;
    Total total = TotalOf(results, system);
    absl::StrAppendFormat(
        &out, "| %s | %s | %.2f | %s | %.0f / %.0f | %s / %s |\n", system,
        Share(total.recall()), total.false_per_10m(),
        Share(total.precision_at_20), Quantile(total.requests, 0.5),
        Quantile(total.requests, 0.95), Seconds(Quantile(total.seconds, 0.5)),
        Seconds(Quantile(total.seconds, 0.95)));
  }
  out += ClosestPeer(results);
  absl::StrAppend(
      &out,
      "\n| kind of attack | recall | recall from low | requests, p50 "
      "/ p95 |\n| --- | --- | --- | --- |\n");
  for (string_view kind : AttackKinds()) {
    if (IsCredentialAttack(kind)) continue;
    Total total = TotalOf(results, std::string(kDefault), kind);
    Total low = TotalOf(results, std::string(kFromLow), kind);
    absl::StrAppendFormat(&out, "| %s | %s | %s | %.0f / %.0f |\n", A(kind),
                          Share(total.recall()), Share(low.recall()),
                          Quantile(total.requests, 0.5),
                          Quantile(total.requests, 0.95));
  }
  return out + CredentialsMarkdown(results);
}

}  // namespace oddverb
