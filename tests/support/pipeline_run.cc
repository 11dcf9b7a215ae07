#include "tests/support/pipeline_run.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "app/build.h"
#include "tests/support/memory_source.h"

namespace oddverb {
namespace {

template <class T>
T ValueOrDie(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    std::abort();
  }
  return *std::move(result);
}

}  // namespace

PartFactory AllParts(std::shared_ptr<LiveRules> rules) {
  Settings settings;
  settings.rules = std::move(rules);
  return ValueOrDie(MakePartFactory(settings));
}

std::string FindingsOf(const std::vector<std::string>& lines,
                       const RunSetup& setup) {
  PipelineOptions options;
  options.threads = setup.threads;
  options.max_entities = setup.max_entities;
  options.entity_budget = setup.entity_budget;
  options.hash = setup.hash;
  Settings settings;
  settings.hash = setup.hash;
  settings.rules = setup.rules;
  std::unique_ptr<Pipeline> pipeline = ValueOrDie(
      Pipeline::Make(options, ValueOrDie(MakePartFactory(settings)), nullptr));
  MemorySource source(lines, setup.records_per_batch);
  CapturingExporter exporter;
  Delivery delivery({}, {&exporter});
  std::atomic<bool> stop{false};
  absl::Status status = pipeline->Run(
      {{"lines", &source}}, delivery, [](size_t, const Rejected&) {}, stop);
  if (status.ok()) status = delivery.Finish();
  if (!status.ok()) return status.ToString();
  return exporter.Ndjson();
}

}  // namespace oddverb
