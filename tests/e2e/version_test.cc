// The binary that we ship must be a Release build with NDEBUG. With assertions
// simdjson 3.0.1 decodes at about half the speed, and nothing else would show.
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace oddverb {
namespace {

using ::testing::MatchesRegex;

// What the binary prints to stdout; fails the test if it exits with an error.
std::string OutputOf(const std::string& arguments) {
  const std::string command = "'" ODDVERB_BINARY "' " + arguments;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return "";
  }
  std::string output;
  std::array<char, 4096> chunk;
  while (const size_t size = fread(chunk.data(), 1, chunk.size(), pipe)) {
    output.append(chunk.data(), size);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

nlohmann::json VersionJson() {
  return nlohmann::json::parse(OutputOf("version --json"),
                               /*cb=*/nullptr, /*allow_exceptions=*/false);
}

TEST(VersionTest, SaysVersionRevisionAndCompiler) {
  const nlohmann::json version = VersionJson();
  ASSERT_TRUE(version.is_object());
  EXPECT_THAT(version.value("version", ""),
              MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(version.value("revision", ""), MatchesRegex("unknown|[0-9a-f]+"));
  EXPECT_THAT(version.value("compiler", ""), MatchesRegex("(gcc|clang) .+"));
}

TEST(VersionTest, ReleaseBuildHasNoAssertions) {
  if (std::string(ODDVERB_BUILD_TYPE) != "Release") {
    GTEST_SKIP() << "this tree is a " ODDVERB_BUILD_TYPE " build";
  }
  const nlohmann::json version = VersionJson();
  ASSERT_TRUE(version.is_object());
  EXPECT_EQ(version.value("build_type", ""), "Release");
  ASSERT_TRUE(version.contains("assertions"));
  EXPECT_EQ(version["assertions"], false);
}

}  // namespace
}  // namespace oddverb
