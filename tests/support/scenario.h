// Scenarios as data: one file of tests/pipeline/scenarios/ is a small piece of
// an audit log and what must be found in it. README.md there says how one is
// written. Plain values; one thread.
#ifndef ODDVERB_TESTS_SUPPORT_SCENARIO_H_
#define ODDVERB_TESTS_SUPPORT_SCENARIO_H_

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/finding.h"
#include "nlohmann/json.hpp"

namespace oddverb {

// From the least on.
inline const std::vector<std::string> kAuditLevels = {"Metadata", "Request",
                                                      "RequestResponse"};

struct Expected {
  std::string rule;
  Severity at_least = Severity::kInfo;
  std::string from;  // the audit level that it needs
};

struct Scenario {
  std::string name;
  std::string kind;
  std::string trap;     // "L1", or empty
  std::string surface;  // "S1", or empty
  std::vector<Expected> expect;
  Severity most = Severity::kInfo;     // of what is not expected
  std::vector<nlohmann::json> events;  // at level RequestResponse
};

// Sorted.
std::vector<std::filesystem::path> ScenarioFiles();
// Mistakes in the file fail the running test.
Scenario ReadScenario(const std::filesystem::path& path);

// The log, one line an event, as an API server writes it at `level`.
std::vector<std::string> LinesAt(const Scenario& scenario,
                                 const std::string& level);
// All detectors' findings in `lines`: rule and gravest severity.
std::map<std::string, Severity> FoundIn(const std::vector<std::string>& lines);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SCENARIO_H_
