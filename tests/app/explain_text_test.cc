// What is explained: every rule of every detector, with all of its parts, and
// nothing that is none.
#include "app/explain_text.h"

#include <string>
#include <vector>

#include "detectors/detectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

// "detector" and "detector/rule".
std::vector<std::string> Explained() {
  std::vector<std::string> names;
  for (const Explanation& one : AllExplanations()) {
    std::string name(one.detector);
    if (one.name != one.detector) name += "/" + std::string(one.name);
    names.push_back(name);
  }
  return names;
}

TEST(ExplainTextTest, EveryDetectorAndRuleIsThereAndNoOther) {
  std::vector<std::string> expected;
  for (const DetectorEntry& detector : AllDetectors()) {
    expected.emplace_back(detector.name);
    for (std::string_view rule : detector.rules) {
      expected.push_back(std::string(detector.name) + "/" + std::string(rule));
    }
  }
  EXPECT_THAT(Explained(), ElementsAreArray(expected));
}

TEST(ExplainTextTest, EveryRuleHasAllPartsInOrder) {
  for (const Explanation& one : AllExplanations()) {
    if (one.name == one.detector) continue;
    SCOPED_TRACE(one.name);
    std::vector<std::string_view> parts;
    for (const Explanation::Part& part : one.parts) {
      parts.push_back(part.name);
      EXPECT_GE(part.text.size(), 5) << part.name;
    }
    EXPECT_THAT(parts, ElementsAreArray(kExplanationParts));
  }
}

TEST(ExplainTextTest, TextIsComplete) {
  auto text = ExplainText("forbidden.fanout");
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr("forbidden.fanout  (detector forbidden_burst)"));
  for (std::string_view part : kExplanationParts) {
    EXPECT_THAT(*text, HasSubstr("\n" + std::string(part) + "\n  "));
  }
  size_t begin = 0;
  for (size_t end; (end = text->find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    EXPECT_LE(end - begin, 80);
  }
  EXPECT_EQ(begin, text->size());
}

TEST(ExplainTextTest, DetectorNamesItsRules) {
  for (const DetectorEntry& detector : AllDetectors()) {
    auto text = ExplainText(std::string(detector.name));
    ASSERT_THAT(text, IsOk());
    for (std::string_view rule : detector.rules) {
      EXPECT_THAT(*text, HasSubstr("\n" + std::string(rule) + "\n  "));
    }
  }
}

TEST(ExplainTextTest, TypingErrorsGetTheNearestName) {
  auto text = ExplainText("forbiden.fanout");
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(std::string(text.status().message()),
              AllOf(HasSubstr("\"forbiden.fanout\""),
                    HasSubstr("did you mean \"forbidden.fanout\"?"),
                    HasSubstr("oddverb list detectors")));
  text = ExplainText(std::string(5000, '\x1b') + "quite another thing");
  ASSERT_FALSE(text.ok());
  EXPECT_LT(text.status().message().size(), 400);
  EXPECT_THAT(std::string(text.status().message()), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace oddverb
