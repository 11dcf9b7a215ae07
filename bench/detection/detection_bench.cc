// Question: which attacks are found, how soon, and how often is an honest
// identity accused, by us and by the public rules of others?
//
//   detection_bench [--seeds 67-72] [--days 4] [--each 4] [--variants yes|no]
//                   [--shapes FILE] [--out DIRECTORY] [--document FILE]
//
// Makes the log of a cluster for each seed, with --each attacks of every kind,
// and runs everything over it. Writes tables to --out, prints the short one,
// and puts that between the two marks <!-- detection_bench --> of --document.
// --minutes N: no seed is begun after that; the tables are those of the others.
// --print yes: writes the log of the first seed instead, and the attacks in it
// to the standard error.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/detection/detection_lab.h"
#include "bench/detection/report.h"

namespace oddverb {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "detection_bench: %s\n", message.c_str());
  std::exit(1);
}

std::map<std::string, std::string> Arguments(int argc, char** argv) {
  std::map<std::string, std::string> options = {
      {"--seeds", "67-72"},
      {"--days", "4"},
      {"--each", "4"},
      {"--variants", "yes"},
      {"--shapes", "bench/detection/traffic_shapes.tsv"},
      {"--print", "no"},
      {"--minutes", "0"},
      {"--out", ""},
      {"--document", ""}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (options.count(argv[i]) == 0) Die(std::string("no option ") + argv[i]);
    options[argv[i]] = argv[i + 1];
  }
  if (argc % 2 == 0) Die("each option needs a value");
  return options;
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) Die("cannot write " + path);
}

void PutIntoDocument(const std::string& path, const std::string& table) {
  const std::string mark = "<!-- detection_bench -->\n";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string document = text.str();
  size_t first = document.find(mark);
  size_t last = document.rfind(mark);
  if (first == std::string::npos || first == last) {
    Die(path + " lacks the two marks <!-- detection_bench -->");
  }
  first += mark.size();
  document.replace(first, last - first, "\n" + table + "\n");
  Write(path, document);
}

void Print(const ClusterLog::Options& options, const TrafficShapes& shapes) {
  ClusterLog log(options, shapes);
  std::string text;
  for (bool more = true; more; text.clear()) {
    more = log.Append(size_t{1} << 20, text);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  for (const Attack& attack : log.attacks()) {
    std::fprintf(stderr, "%s %lld %lld %s %s\n",
                 std::string(attack.kind).c_str(),
                 static_cast<long long>(attack.start),
                 static_cast<long long>(attack.end),
                 attack.users.empty() ? "-" : attack.users[0].c_str(),
                 attack.addresses.empty() ? "-" : attack.addresses[0].c_str());
  }
}

// A seed a thread, in their order, until `deadline`; one at least. Each result
// depends on its seed alone.
std::vector<LabResult> RunSeeds(const ClusterLog::Options& options,
                                size_t seeds, const TrafficShapes& shapes,
                                Variants variants, absl::Time deadline) {
  std::vector<LabResult> results(seeds);
  std::atomic<size_t> next{0};
  auto claim = [&] {
    const bool is_late = next > 0 && absl::Now() >= deadline;
    return is_late ? results.size() : next++;
  };
  auto work = [&] {
    for (size_t i = claim(); i < results.size(); i = claim()) {
      ClusterLog::Options one = options;
      one.seed += i;
      absl::StatusOr<LabResult> result = RunLab(one, shapes, variants);
      if (!result.ok()) Die(result.status().ToString());
      Total total = TotalOf({*result}, std::string(kDefault));
      std::fprintf(
          stderr,
          "seed %llu: %llu honest events, %zu of %zu found, %zu false\n",
          static_cast<unsigned long long>(one.seed),
          static_cast<unsigned long long>(result->honest_events), total.found,
          total.attacks, total.false_findings);
      results[i] = *std::move(result);
    }
  };
  std::vector<std::thread> threads;
  size_t wanted = std::max(1U, std::thread::hardware_concurrency());
  while (threads.size() < std::min(wanted, results.size())) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  results.resize(std::min<size_t>(next, results.size()));
  return results;
}

int Main(int argc, char** argv) {
  std::map<std::string, std::string> arguments = Arguments(argc, argv);
  std::vector<std::string> ends = absl::StrSplit(arguments["--seeds"], '-');
  uint64_t first = 0, last = 0;
  int minutes = 0;
  ClusterLog::Options options;
  if (!absl::SimpleAtoi(ends.front(), &first) ||
      !absl::SimpleAtoi(ends.back(), &last) || first > last ||
      !absl::SimpleAtod(arguments["--days"], &options.days) ||
      !absl::SimpleAtoi(arguments["--minutes"], &minutes) ||
      !absl::SimpleAtoi(arguments["--each"], &options.attacks_each)) {
    Die("expected --seeds FIRST-LAST --days NUMBER --each NUMBER");
  }
  absl::StatusOr<TrafficShapes> shapes =
      TrafficShapes::Load(arguments["--shapes"]);
  if (!shapes.ok()) Die(shapes.status().ToString());
  options.seed = first;
  if (arguments["--print"] == "yes") {
    Print(options, *shapes);
    return 0;
  }
  Variants variants =
      arguments["--variants"] == "yes" ? Variants::kAll : Variants::kNone;
  absl::Duration allowed =
      minutes > 0 ? absl::Minutes(minutes) : absl::InfiniteDuration();
  std::vector<LabResult> results =
      RunSeeds(options, static_cast<size_t>(last - first + 1), *shapes,
               variants, absl::Now() + allowed);
  std::string table = Markdown(results);
  std::fputs(table.c_str(), stdout);
  const std::string& out = arguments["--out"];
  if (!out.empty()) {
    Write(out + "/seeds.csv", SeedsCsv(results));
    Write(out + "/attack_kinds.csv", KindsCsv(results));
    Write(out + "/false_findings.csv", FalseFindingsCsv(results));
    Write(out + "/missed_attacks.csv", MissedCsv(results));
  }
  if (!arguments["--document"].empty()) {
    PutIntoDocument(arguments["--document"], table);
  }
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
