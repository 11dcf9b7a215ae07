#include "detectors/evidence_removal.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using testing::HasSubstr;

TEST(LogAgentsTest, MistakesInOptionsAreErrors) {
  auto parse = [](const std::string& text) {
    return LogAgents::FromYaml(*YamlNode::Parse(text, "c.yaml")).status();
  };
  EXPECT_THAT(parse("log_agents: [ops/shipper]\nlog_namespaces: [logs]"),
              IsOk());
  EXPECT_THAT(parse("log_agents: [shipper]").message(),
              HasSubstr("NAMESPACE/NAME"));
  EXPECT_THAT(parse("log_namespaces: ['']").message(), HasSubstr("empty"));
}

TEST(LogAgentsTest, AgentsAreKnownByTheWordsOfTheirNames) {
  const LogAgents agents;
  for (const char* name : {"fluent-bit", "my-fluent-bit", "fluent-bit-x7f",
                           "otel-collector", "falco"}) {
    EXPECT_TRUE(agents.Has("any", name)) << name;
  }
  for (const char* name : {"", "fluent", "confluentd", "fluent-bits", "shop"}) {
    EXPECT_FALSE(agents.Has("any", name)) << name;
  }
}

}  // namespace
}  // namespace oddverb
