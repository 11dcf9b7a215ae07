#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using Kind = YamlNode::Kind;

YamlNode ParseOrDie(std::string_view text) {
  absl::StatusOr<YamlNode> node = YamlNode::Parse(text, "c.yaml");
  EXPECT_THAT(node, IsOk()) << text;
  return node.ok() ? *node : YamlNode();
}

TEST(ReplaceValuesTest, ReplacesValuesButNoKeysAndKeepsPlaces) {
  YamlNode root = ParseOrDie(
      "x: x\n"
      "list: [x, {x: &a xx}, *a]\n"
      "empty:\n");
  root.Get("x");
  absl::StatusOr<YamlNode> copy = root.ReplaceValues(
      [](std::string_view text) -> absl::StatusOr<std::string> {
        return "<" + std::string(text) + ">";
      });
  ASSERT_THAT(copy, IsOk());
  EXPECT_THAT(copy->Keys(), ElementsAre("x", "list", "empty"));
  EXPECT_EQ(copy->Get("empty").kind(), Kind::kNull);
  std::vector<YamlNode> items = copy->Get("list").Items();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].AsString().value(), "<x>");
  EXPECT_EQ(items[1].Get("x").AsString().value(), "<xx>");
  EXPECT_EQ(items[1].Get("x").Place(), "c.yaml:2:15");
  EXPECT_EQ(items[2].AsString().value(), "<xx>");
  EXPECT_EQ(root.Get("list").Items()[0].AsString().value(), "x");
  // Marks of the original do not come along.
  EXPECT_EQ(copy->CheckAllKeysUsed().message(),
            "c.yaml:1:1: unknown key: \"x\"");
}

TEST(ReplaceValuesTest, TellsEveryValueThatCannotBeReplaced) {
  YamlNode root = ParseOrDie("a: 1\nb:\n  - bad\n  - worse\n");
  absl::StatusOr<YamlNode> copy = root.ReplaceValues(
      [](std::string_view text) -> absl::StatusOr<std::string> {
        if (text == "1") return "2";
        return absl::InvalidArgumentError("no " + std::string(text));
      });
  EXPECT_EQ(copy.status().message(),
            "c.yaml:3:5: no bad\nc.yaml:4:5: no worse");
}

}  // namespace
}  // namespace oddverb
