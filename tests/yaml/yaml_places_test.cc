// Places of nodes as numbers, and of documents that begin inside a file.
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

TEST(YamlPlacesTest, NodesAndTheirKeysKnowTheirPlaces) {
  YamlNode root = *YamlNode::ParseFrom("a: 1\nbee:\n  - x\n", "f", 1);
  YamlNode item = root.Get("bee").Items().at(0);
  EXPECT_EQ(item.location().line, 3u);
  EXPECT_EQ(item.location().column, 5u);
  EXPECT_EQ(item.key_location().line, 0u);
  EXPECT_EQ(root.Get("bee").key_location().line, 2u);
  EXPECT_EQ(root.Get("a").location().column, 4u);
  EXPECT_EQ(root.Get("a").text(), "1");
  EXPECT_EQ(root.Get("bee").text(), "");
}

TEST(YamlPlacesTest, LinesCountFromWhereTheDocumentBegins) {
  YamlNode root = *YamlNode::ParseFrom("---\na: b\n", "f", 100);
  EXPECT_EQ(root.Get("a").Place(), "f:101:4");
  EXPECT_EQ(root.Get("a").key_location().line, 101u);
  EXPECT_THAT(YamlNode::ParseFrom("---\na: [\n", "f", 100),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:10")));
  EXPECT_THAT(YamlNode::ParseFrom("a: 1\na: 2\n", "f", 7),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("f:8:1: duplicate key")));
  EXPECT_THAT(YamlNode::ParseFrom("a: 1\n---\nb: 2\n", "f", 7),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:9")));
  EXPECT_FALSE(YamlNode::ParseFrom("# nothing\n", "f", 7)->present());
}

}  // namespace
}  // namespace oddverb
