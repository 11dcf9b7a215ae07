// What is wrong with the text of a configuration, word by word.
#ifndef ODDVERB_TESTS_SUPPORT_CONFIG_MISTAKES_H_
#define ODDVERB_TESTS_SUPPORT_CONFIG_MISTAKES_H_

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "app/service_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {

inline std::optional<std::string> NoEnvironment(std::string_view) {
  return std::nullopt;
}

inline absl::StatusOr<ServiceConfig> Parse(std::string_view text) {
  return ParseServiceConfig(text, "/etc/c.yaml", &NoEnvironment);
}

// The mistakes, without the file's name.
inline std::vector<std::string> MistakesIn(std::string_view text) {
  absl::Status status = Parse(text).status();
  if (status.ok()) return {};
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> lines = absl::StrSplit(status.message(), '\n');
  for (std::string& line : lines) {
    EXPECT_EQ(line.rfind("/etc/c.yaml:", 0), 0u) << line;
    line =
        line.substr(std::min(line.size(), std::string("/etc/c.yaml:").size()));
  }
  return lines;
}

inline constexpr char kTail[] = "sources: [{type: tail, path: /a.log}]\n";

struct Case {
  std::string_view yaml = {};
  std::vector<std::string> mistakes = {};
};

// Each text begins with a good list of sources in line 1.
inline void ExpectMistakes(std::initializer_list<Case> cases) {
  for (const Case& test : cases) {
    EXPECT_THAT(MistakesIn(absl::StrCat(kTail, std::string(test.yaml))),
                ::testing::ElementsAreArray(test.mistakes))
        << test.yaml;
  }
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CONFIG_MISTAKES_H_
