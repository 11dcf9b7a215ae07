// What the documents say is what the program does.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

void ExpectExplained(const nlohmann::json& schema, const std::string& text) {
  for (const auto& [key, property] : schema.at("properties").items()) {
    EXPECT_THAT(text, HasSubstr("`" + key + "`"));
    if (property.contains("properties")) ExpectExplained(property, text);
    if (property.contains("items") &&
        property["items"].contains("properties")) {
      ExpectExplained(property["items"], text);
    }
  }
}

TEST(DocumentsTest, EveryKeyOfAFindingIsExplained) {
  const nlohmann::json schema = nlohmann::json::parse(
      Oddverb({"schema", "finding"}).output, /*cb=*/nullptr,
      /*allow_exceptions=*/false);
  ASSERT_TRUE(schema.is_object());
  ExpectExplained(schema, FileText(ODDVERB_SOURCE_DIR "/docs/findings.md"));
}

// Make it anew: oddverb list metrics --format markdown >docs/metrics.md
TEST(DocumentsTest, ThePageOfMetricsIsWhatTheProgramPrints) {
  EXPECT_EQ(FileText(ODDVERB_SOURCE_DIR "/docs/metrics.md"),
            Oddverb({"list", "metrics", "--format", "markdown"}).output);
}

}  // namespace
}  // namespace oddverb
