#include "tests/support/builtin_rules.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "gtest/gtest.h"
#include "rules/builtin_rules.h"
#include "tests/support/decoded_text.h"

namespace oddverb {

LoadedRules LoadBuiltinRules() {
  RuleLoader loader({});
  for (const BuiltinRuleFile& file : BuiltinRuleFiles()) {
    loader.Add(file.name, file.text);
  }
  return std::move(loader).Finish();
}

std::vector<RuleCase> BuiltinRuleCases() {
  std::vector<std::string> paths;
  std::filesystem::path folder =
      std::filesystem::path(ODDVERB_SOURCE_DIR) / "rules/content/cases";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<RuleCase> cases;
  RuleDiagnostics diagnostics;
  for (const std::string& path : paths) {
    std::ifstream stream(path);
    std::stringstream text;
    text << stream.rdbuf();
    std::string name = std::filesystem::path(path).filename();
    for (RuleCase& c : ReadRuleCases(name, text.str(), diagnostics)) {
      cases.push_back(std::move(c));
    }
  }
  for (const RuleDiagnostic& diagnostic : diagnostics.kept()) {
    ADD_FAILURE() << diagnostic.ToString();
  }
  return cases;
}

CaseDecoder DecoderForCases() {
  return [](std::string_view json,
            const std::function<void(const AuditEvent&)>& use) {
    std::unique_ptr<EventBatch> batch = DecodeLines(json);
    if (batch->events.size() != 1) {
      return absl::InvalidArgumentError("not one event");
    }
    use(batch->events[0]);
    return absl::OkStatus();
  };
}

}  // namespace oddverb
