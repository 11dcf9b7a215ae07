#include "tests/support/sigma_peer.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/support/child_process.h"

namespace oddverb {
namespace {

constexpr char kFolder[] = ODDVERB_SOURCE_DIR "/build/peers/sigma";

}  // namespace

std::string WhyNoSigmaPeer() {
  if (std::filesystem::exists(std::string(kFolder) + "/complete")) return "";
  const char* ci = std::getenv("CI");
  EXPECT_FALSE(ci != nullptr && std::string_view(ci) == "true")
      << "CI must not do without pySigma";
  return "needs pySigma: ./dev setup peers fetches it (with pip)";
}

nlohmann::json AskSigmaPeer(const nlohmann::json& question) {
  ChildSetup setup;
  setup.program = "/usr/bin/env";
  setup.arguments = {"python3",
                     ODDVERB_SOURCE_DIR "/tests/peers/sigma/match.py"};
  setup.environment = {{"PYTHONPATH", kFolder}};
  ChildResult result = RunChild(setup, question.dump());
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return nlohmann::json::parse(result.output, nullptr, false);
}

}  // namespace oddverb
