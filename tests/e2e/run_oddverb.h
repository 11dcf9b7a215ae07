// Runs the program of this build.
#ifndef ODDVERB_TESTS_E2E_RUN_ODDVERB_H_
#define ODDVERB_TESTS_E2E_RUN_ODDVERB_H_

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/child_process.h"

namespace oddverb {

inline ChildSetup OddverbSetup(std::vector<std::string> arguments) {
  ChildSetup setup;
  setup.program = ODDVERB_BINARY;
  setup.arguments = std::move(arguments);
  return setup;
}

inline ChildResult Oddverb(std::vector<std::string> arguments,
                           std::string_view input = "") {
  return RunChild(OddverbSetup(std::move(arguments)), input);
}

// Path of a file of tests/e2e/data.
inline std::string Sample(std::string_view name) {
  return ODDVERB_SOURCE_DIR "/tests/e2e/data/" + std::string(name);
}

inline std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

// One object for each line.
inline std::vector<nlohmann::json> FindingsIn(std::string_view ndjson) {
  std::vector<nlohmann::json> findings;
  for (const std::string& line : LinesOf(ndjson)) {
    findings.push_back(nlohmann::json::parse(line, /*cb=*/nullptr,
                                             /*allow_exceptions=*/false));
    EXPECT_TRUE(findings.back().is_object()) << line;
  }
  return findings;
}

// The ids of lines of findings.
inline std::set<std::string> IdsOf(const std::vector<std::string>& lines) {
  std::set<std::string> ids;
  for (const nlohmann::json& finding : FindingsIn(absl::StrJoin(lines, "\n"))) {
    ids.insert(finding.value("id", ""));
  }
  return ids;
}

// The ids of what one scan finds in these lines of a log.
inline std::set<std::string> IdsOfScan(const std::vector<std::string>& log) {
  return IdsOf(LinesOf(Oddverb({"scan", "-", "--format", "ndjson", "--cluster",
                                "lab", "--quiet"},
                               absl::StrJoin(log, "\n") + "\n")
                           .output));
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_E2E_RUN_ODDVERB_H_
