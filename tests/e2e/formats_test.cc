// The forms of findings for other programs, from the command line.
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/run_oddverb.h"
#include "tests/support/json_schema.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(FormatsTest, TheDemosFindingsFitTheSchemaOfEachFormat) {
  struct Case {
    const char* format;
    const char* schema;
  } cases[] = {{"falco", "falco_alert"},
               {"ocsf", "ocsf_detection_finding"},
               {"ecs", "ecs_alert"},
               {"cloudevents", "cloudevent"}};
  const ChildResult native = Oddverb({"demo", "-q", "--format", "ndjson"});
  const size_t findings = LinesOf(native.output).size();
  ASSERT_GT(findings, 20u);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.format);
    std::ifstream file(std::string(ODDVERB_SOURCE_DIR) +
                       "/tests/exporters/data/" + c.schema + ".schema.json");
    const json schema = json::parse(file);
    const ChildResult result = Oddverb({"demo", "-q", "--format", c.format});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    const std::vector<std::string> lines = LinesOf(result.output);
    EXPECT_EQ(lines.size(), findings);
    for (const std::string& line : lines) {
      ASSERT_EQ(SchemaMismatch(schema, json::parse(line)), "") << line;
    }
  }
}

TEST(FormatsTest, HelpNamesEachFormat) {
  const std::string help = Oddverb({"scan", "--help"}).output;
  for (const char* format :
       {"cloudevents", "ecs", "falco", "ndjson", "ocsf", "table"}) {
    EXPECT_THAT(help, HasSubstr(format));
  }
}

}  // namespace
}  // namespace oddverb
