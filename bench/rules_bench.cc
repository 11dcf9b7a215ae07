// What do rules cost?
//
// rules_bench FILE [RULES...]: medians of CPU time on one thread over
// alternating runs of reading the file and decoding it, and of matching every
// event with 0, 100, 1,000 and 10,000 rules in the manner of published packs (a
// few requests' fields each, a quarter of them with texts to search for). Gives
// the ratios "with rules / without" of read + decode + match, the strictest
// comparison: a pipeline with detectors spends more beside the rules. With
// RULES (files of Sigma's or Falco's) a line for those as well.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decoder.h"
#include "rules/rule_loader.h"

namespace oddverb {
namespace {

constexpr int kRuns = 7;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
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
  if (loaded.rules->rules().size() != count) {
    std::fprintf(stderr, "not all rules are good\n");
    std::exit(1);
  }
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

std::vector<std::string> ReadBlocks(const char* path) {
  std::vector<std::string> blocks(1);
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (blocks.back().size() + line.size() > RawBatch::kTargetBytes) {
      blocks.emplace_back();
    }
    blocks.back() += line + "\n";
  }
  return blocks;
}

RawBatch Frame(std::string_view block, RawBatch batch) {
  batch.bytes->Append(block);
  for (size_t at = 0; at < block.size();) {
    size_t end = block.find('\n', at);
    batch.records.push_back(
        {static_cast<uint32_t>(at), static_cast<uint32_t>(end - at)});
    batch.positions.push_back({});
    at = end + 1;
  }
  batch.source_bytes = block.size();
  return batch;
}

struct Totals {
  uint64_t events = 0;
  uint64_t matches = 0;
};

// nullptr: without rules.
double Run(const std::vector<std::string>& blocks, Decoder& decoder,
           RuleMatcher* matcher, Totals& totals) {
  double start = CpuSeconds();
  totals = {};
  RawBatch raw;
  for (const std::string& block : blocks) {
    std::unique_ptr<EventBatch> batch =
        decoder.Decode(Frame(block, std::move(raw)));
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
  return CpuSeconds() - start;
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rules_bench FILE [RULES...]\n");
    return 2;
  }
#ifndef NDEBUG
  std::printf("warning: built with assertions\n");
#endif
  std::vector<std::string> blocks = ReadBlocks(argv[1]);
  Decoder decoder({});
  struct Series {
    size_t rules = 0;
    std::unique_ptr<RuleMatcher> matcher = {};
    std::vector<double> seconds = {};
    Totals totals = {};
  };
  std::vector<Series> all;
  for (size_t count : {0, 100, 1000, 10000}) {
    Series& series = all.emplace_back(Series{.rules = count});
    if (count == 0) continue;
    double start = CpuSeconds();
    series.matcher = std::make_unique<RuleMatcher>(LoadRules(count));
    std::printf("loading %5zu rules: %.2f s\n", count, CpuSeconds() - start);
  }
  if (argc > 2) {
    auto rules = ReadRules(argc - 2, argv + 2);
    Series& series = all.emplace_back(Series{.rules = rules->rules().size()});
    series.matcher = std::make_unique<RuleMatcher>(std::move(rules));
  }
  for (int run = 0; run <= kRuns; ++run) {
    for (Series& series : all) {
      double seconds =
          Run(blocks, decoder, series.matcher.get(), series.totals);
      if (run > 0) series.seconds.push_back(seconds);  // the first warms up
    }
  }
  double none = Median(all[0].seconds);
  for (const Series& series : all) {
    double seconds = Median(series.seconds);
    auto events = static_cast<double>(series.totals.events);
    std::printf(
        "%5zu rules  %7.4f s CPU  %6.0f ns/event  ratio %.2f  "
        "%llu matches\n",
        series.rules, seconds, seconds / events * 1e9, seconds / none,
        static_cast<unsigned long long>(series.totals.matches));
  }
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
