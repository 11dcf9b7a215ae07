// What do rules cost?
//
// rules_bench FILE [RULES...]: medians of CPU time on one thread over
// alternating runs of reading a log, decoding it, and matching every event with
// 0, 100, 1,000 and 10,000 rules in the manner of published packs (a few
// requests' fields each, a quarter of them with texts to search for). Gives the
// ratios "with rules / without" of read + decode + match, and of decode + match
// alone; no detectors run, beside which rules would weigh less. With RULES
// (files of Sigma's or Falco's) a line for those as well.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bench/measure.h"
#include "ingest/decoder.h"
#include "ingest/merged_source.h"
#include "rules/rule_loader.h"

namespace oddverb {
namespace {

constexpr int kRuns = 7;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

// Rules over the requests of a cluster; one in four looks into a text, one in
// eight into the body, one in sixteen excludes users.
std::string MakeRules(size_t count) {
  constexpr std::string_view kVerbs[] = {"create", "delete", "get",  "list",
                                         "patch",  "update", "watch"};
  constexpr std::string_view kResources[] = {
      "pods",        "secrets",      "configmaps", "deployments",
      "daemonsets",  "cronjobs",     "jobs",       "serviceaccounts",
      "roles",       "rolebindings", "nodes",      "namespaces",
      "services",    "ingresses",    "endpoints",  "events",
      "replicasets", "leases"};
  std::mt19937 random(1);
  auto below = [&random](size_t n) { return random() % n; };
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    std::string n = std::to_string(i);
    text += "---\ntitle: Rule " + n + "\nid: id-" + n +
            "\nlogsource: {product: kubernetes, service: audit}\n"
            "detection:\n  sel:\n    verb: [" +
            std::string(kVerbs[below(std::size(kVerbs))]) + ", " +
            std::string(kVerbs[below(std::size(kVerbs))]) +
            "]\n    objectRef.resource: " +
            std::string(kResources[below(std::size(kResources))]) + "\n";
    if (i % 3 == 0) {
      text += "    objectRef.namespace: tenant-" + std::to_string(below(200)) +
              "\n";
    }
    if (i % 5 == 0) text += "    responseStatus.code: [401, 403]\n";
    if (i % 4 == 0)
      text += "    userAgent|contains: [tool-" + n + ", x" + n + "y]\n";
    if (i % 7 == 0) text += "    objectRef.name|startswith: name-" + n + "\n";
    if (i % 8 == 0) {
      text +=
          "    requestObject.spec.containers.image|contains: image-" + n + "\n";
    }
    if (i % 16 == 0) {
      text +=
          "  not_by:\n    user.username|startswith: 'system:'\n"
          "  condition: sel and not not_by\n";
    } else {
      text += "  condition: sel\n";
    }
  }
  return text;
}

std::shared_ptr<const RuleSet> LoadRules(size_t count) {
  RuleLoader loader({});
  loader.Add("made", MakeRules(count));
  LoadedRules loaded = std::move(loader).Finish();
  if (loaded.rules->rules().size() != count) Die("not all rules are good");
  return loaded.rules;
}

std::shared_ptr<const RuleSet> ReadRules(int count, char** paths) {
  RuleLoader loader({});
  for (int i = 0; i < count; ++i) {
    std::ifstream file(paths[i], std::ios::binary);
    loader.Add(paths[i], std::string(std::istreambuf_iterator<char>(file), {}));
  }
  LoadedRules loaded = std::move(loader).Finish();
  for (const RuleDiagnostic& diagnostic : loaded.diagnostics.kept()) {
    std::fprintf(stderr, "%s\n", diagnostic.ToString().c_str());
  }
  return loaded.rules;
}

struct Totals {
  uint64_t events = 0;
  uint64_t matches = 0;
};

// CPU time of a run.
struct Seconds {
  double all = 0;
  double reading = 0;
};

// nullptr: without rules.
Seconds Run(const char* path, Decoder& decoder, RuleMatcher* matcher,
            Totals& totals) {
  Seconds seconds;
  totals = {};
  RawBatch raw;
  const double start = CpuSecondsOfThread();
  auto source = OpenFiles({path}, FileSourceOptions());
  if (!source.ok()) Die(source.status().ToString());
  for (bool is_end = false; !is_end;) {
    const double before = CpuSecondsOfThread();
    absl::Status status = (*source)->Read(absl::InfiniteFuture(), raw);
    seconds.reading += CpuSecondsOfThread() - before;
    is_end = absl::IsOutOfRange(status);
    if (!status.ok() && !is_end) Die(status.ToString());
    std::unique_ptr<EventBatch> batch = decoder.Decode(std::move(raw));
    totals.events += batch->events.size();
    if (matcher != nullptr) {
      for (const AuditEvent& event : batch->events) {
        totals.matches +=
            matcher->Match(event, RuleMatcher::Request::kFirstWithStatus)
                .size();
      }
    }
    raw = decoder.Recycle(std::move(batch));
  }
  seconds.all = CpuSecondsOfThread() - start;
  return seconds;
}

struct Series {
  size_t rules = 0;
  std::unique_ptr<RuleMatcher> matcher = {};
  std::vector<double> seconds = {};
  std::vector<double> without_reading = {};
  Totals totals = {};
};

void Print(const Series& series, const Series& none) {
  const double seconds = Median(series.seconds);
  const auto events = static_cast<double>(series.totals.events);
  std::printf(
      "%5zu rules  %7.4f s CPU  %6.0f ns/event  ratio %.2f  without reading "
      "%.2f  %llu matches\n",
      series.rules, seconds, seconds / events * 1e9,
      seconds / Median(none.seconds),
      Median(series.without_reading) / Median(none.without_reading),
      static_cast<unsigned long long>(series.totals.matches));
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rules_bench FILE [RULES...]\n");
    return 2;
  }
#ifndef NDEBUG
  std::printf("warning: built with assertions\n");
#endif
  Decoder decoder({});
  std::vector<Series> all;
  for (size_t count : {0, 100, 1000, 10000}) {
    Series& series = all.emplace_back(Series{.rules = count});
    if (count == 0) continue;
    double start = CpuSecondsOfThread();
    series.matcher = std::make_unique<RuleMatcher>(LoadRules(count));
    std::printf("loading %5zu rules: %.2f s\n", count,
                CpuSecondsOfThread() - start);
  }
  if (argc > 2) {
    auto rules = ReadRules(argc - 2, argv + 2);
    Series& series = all.emplace_back(Series{.rules = rules->rules().size()});
    series.matcher = std::make_unique<RuleMatcher>(std::move(rules));
  }
  for (int run = 0; run <= kRuns; ++run) {
    for (Series& series : all) {
      Seconds seconds =
          Run(argv[1], decoder, series.matcher.get(), series.totals);
      if (run == 0) continue;  // it warms up
      series.seconds.push_back(seconds.all);
      series.without_reading.push_back(seconds.all - seconds.reading);
    }
  }
  for (const Series& series : all) Print(series, all[0]);
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
