// Runs the whole pipeline with all detectors over lines in memory.
#ifndef ODDVERB_TESTS_SUPPORT_PIPELINE_RUN_H_
#define ODDVERB_TESTS_SUPPORT_PIPELINE_RUN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"
#include "rules/live_rules.h"
#include "tests/support/capturing_exporter.h"

namespace oddverb {

// Aborts if a detector cannot be built.
PartFactory AllParts(std::shared_ptr<LiveRules> rules = nullptr);

struct RunSetup {
  int threads = 1;
  size_t records_per_batch = 190;
  uint32_t max_entities = 1'000'000;
  std::optional<EntityBudget> entity_budget{};
  KeyedHash hash{};                    // of entities and tuples
  std::shared_ptr<LiveRules> rules{};  // null = none
};

// Findings as NDJSON, each once in its last state.
std::string FindingsOf(const std::vector<std::string>& lines,
                       const RunSetup& setup);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_PIPELINE_RUN_H_
