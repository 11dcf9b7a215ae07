#include "rules/part_classes.h"

#include <set>

#include "gtest/gtest.h"
#include "rules/event_part.h"
#include "tests/support/event_builder.h"

namespace oddverb {
namespace {

using Results = PartClasses::Results;

TEST(PartClassesTest, TextsWithTheSameResultsAreOneClass) {
  PartClasses classes;
  uint16_t a = classes.Find("a", [] { return Results{true, false}; }).number;
  uint16_t b = classes.Find("b", [] { return Results{true, false}; }).number;
  uint16_t c = classes.Find("c", [] { return Results{false, false}; }).number;
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, 0);
}

TEST(PartClassesTest, JudgesATextOnceAndALongOneNever) {
  PartClasses classes;
  int judged = 0;
  auto judge = [&judged] {
    ++judged;
    return Results{true};
  };
  for (const std::string& text : {std::string(), std::string(300, 'x')}) {
    judged = 0;
    for (int i = 0; i < 3; ++i) classes.Find(text, judge);
    EXPECT_EQ(judged, 1);
  }
  std::string is_long(PartClasses::kMaxTextBytes + 1, 'x');
  EXPECT_EQ(classes.Find(is_long, judge).of, nullptr);
}

TEST(PartClassesTest, ForgetsAllWhereThereAreTooMany) {
  PartClasses classes;
  auto find = [&classes](size_t number) {
    return classes.Find(std::to_string(number), [number] {
      Results results;
      for (size_t bit = 0; bit < 12; ++bit) {
        results.push_back((number >> bit & 1) != 0);
      }
      return results;
    });
  };
  for (size_t i = 0; i < PartClasses::kMaxClasses; ++i) find(i);
  EXPECT_EQ(classes.forgotten(), 0u);
  EXPECT_EQ(find(PartClasses::kMaxClasses).number, 1);
  EXPECT_EQ(classes.forgotten(), 1u);
  EXPECT_TRUE(find(7).of->results[2]);
}

std::string KeyOfGroups(const std::vector<std::string>& groups) {
  EventBuilder event;
  event.Groups(groups);
  std::string scratch;
  EventPart part{.field = FindEventField("user.groups")};
  return std::string(part.KeyOf(event.Build(), scratch).value());
}

TEST(EventPartTest, DifferentListsHaveDifferentKeys) {
  std::set<std::string> keys;
  const std::vector<std::vector<std::string>> kLists = {
      {}, {""}, {"", ""}, {"a"}, {"a", "b"}, {"ab"}, {"a\",\"b"}, {"1:a"}};
  for (const auto& groups : kLists) keys.insert(KeyOfGroups(groups));
  EXPECT_EQ(keys.size(), kLists.size());
}

}  // namespace
}  // namespace oddverb
