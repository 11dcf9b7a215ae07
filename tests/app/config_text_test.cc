#include "app/config_text.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::optional<std::string> TestEnvironment(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> kVariables = {
      {"CLUSTER", "prod"},      {"EMPTY", ""},     {"_x9", "nine"},
      {"DOLLAR", "${CLUSTER}"}, {"YAML", "a: [b"}, {"LINES", "x\ny"},
  };
  auto found = kVariables.find(name);
  if (found == kVariables.end()) return std::nullopt;
  return found->second;
}

std::string Expanded(std::string_view value) {
  absl::StatusOr<YamlNode> root =
      YamlNode::Parse("k: '" + std::string(value) + "'", "c.yaml");
  EXPECT_THAT(root, IsOk());
  if (!root.ok()) return "";
  absl::StatusOr<YamlNode> expanded = ExpandVariables(*root, &TestEnvironment);
  if (!expanded.ok()) return std::string(expanded.status().message());
  return expanded->Get("k").AsString().value_or("(not a text)");
}

TEST(ConfigTextTest, ExpandsVariablesInValues) {
  const struct {
    std::string_view value, expected;
  } kCases[] = {
      {"${CLUSTER}", "prod"},
      {"a ${CLUSTER}-${_x9} b", "a prod-nine b"},
      {"${UNSET:-fallback}", "fallback"},
      {"${UNSET:-}", ""},
      {"${UNSET:-a:-b}", "a:-b"},
      {"${EMPTY}", ""},
      {"${EMPTY:-fallback}", "fallback"},
      {"${CLUSTER:-fallback}", "prod"},
      {"no variable: $CLUSTER $$ $ {CLUSTER} }",
       "no variable: $CLUSTER $$ $ {CLUSTER} }"},
      {"$${CLUSTER}", "${CLUSTER}"},
      {"$${CLUSTER} ${CLUSTER}", "${CLUSTER} prod"},
      {"cost: 5$", "cost: 5$"},
      // What a variable holds is one value, whatever it looks like.
      {"${DOLLAR}", "${CLUSTER}"},
      {"${YAML}", "a: [b"},
      {"${LINES}", "x\ny"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Expanded(test.value), test.expected) << test.value;
  }
}

TEST(ConfigTextTest, RefusesWhatNamesNoVariable) {
  EXPECT_EQ(Expanded("${UNSET}"),
            "c.yaml:1:4: the environment variable UNSET is not set; set it, "
            "or write ${UNSET:-text}");
  for (std::string_view value :
       {"${}", "${9}", "${A-b}", "${A B}", "${:-x}", "${A?}", "${ CLUSTER}"}) {
    EXPECT_THAT(Expanded(value), HasSubstr("names no variable")) << value;
  }
  EXPECT_THAT(Expanded("${CLUSTER"), HasSubstr("\"${\" without \"}\""));
  EXPECT_THAT(Expanded("$${ ${CLUSTER"), HasSubstr("\"${\" without \"}\""));
}

TEST(ConfigTextTest, LeavesKeysAlone) {
  absl::StatusOr<YamlNode> root =
      YamlNode::Parse("${CLUSTER}:\n  $${x}: ${CLUSTER}\n", "c.yaml");
  ASSERT_THAT(root, IsOk());
  absl::StatusOr<YamlNode> expanded = ExpandVariables(*root, &TestEnvironment);
  ASSERT_THAT(expanded, IsOk());
  EXPECT_THAT(expanded->Keys(), ElementsAre("${CLUSTER}"));
  EXPECT_THAT(expanded->Get("${CLUSTER}").Keys(), ElementsAre("$${x}"));
}

TEST(ConfigTextTest, ReadsAConfigurationOfUpTo4MiB) {
  TempFolder folder;
  std::string full(4 << 20, '#');
  absl::StatusOr<std::string> text =
      ReadConfigFile(folder.Write("c.yaml", full));
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(*text, full);
  EXPECT_THAT(ReadConfigFile(folder.Write("c.yaml", full + "#")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("larger than 4 MiB")));
  EXPECT_THAT(ReadConfigFile(folder.path()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Is a directory")));
  EXPECT_THAT(ReadConfigFile(folder.path("absent")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace oddverb
