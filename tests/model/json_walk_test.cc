#include "model/json_walk.h"

#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> MembersOf(
    std::string_view text) {
  std::vector<std::pair<std::string, std::string>> members;
  std::string scratch;
  JsonMembers walk(RawJson{text});
  for (JsonMember member; walk.Next(member);) {
    members.emplace_back(member.Key(scratch), member.value.text);
  }
  return members;
}

std::vector<std::string> ElementsOf(std::string_view text) {
  std::vector<std::string> elements;
  JsonElements walk(RawJson{text});
  for (RawJson element; walk.Next(element);) {
    elements.emplace_back(element.text);
  }
  return elements;
}

TEST(JsonWalkTest, WalksMembersInOrder) {
  EXPECT_THAT(
      MembersOf(R"( {"a":1 , "b" : {"c":[1,"}"]},"d":"x,\"y","a":null} )"),
      ElementsAre(Pair("a", "1"), Pair("b", R"({"c":[1,"}"]})"),
                  Pair("d", R"("x,\"y")"), Pair("a", "null")));
  EXPECT_THAT(MembersOf("{}"), IsEmpty());
  EXPECT_THAT(MembersOf(R"({"\u0061\n":true})"),
              ElementsAre(Pair("a\n", "true")));
}

TEST(JsonWalkTest, WalksElementsInOrder) {
  EXPECT_THAT(
      ElementsOf(R"([ 1,"]",[[2]],{"a":[3]} , null,-1.5e3 ])"),
      ElementsAre("1", "\"]\"", "[[2]]", R"({"a":[3]})", "null", "-1.5e3"));
  EXPECT_THAT(ElementsOf("[]"), IsEmpty());
  EXPECT_THAT(ElementsOf(" [ ] "), IsEmpty());
}

TEST(JsonWalkTest, WhatIsNoContainerHasNothingInside) {
  for (std::string_view text : {"", " ", "1", "null", "\"{\"", "x"}) {
    EXPECT_THAT(MembersOf(text), IsEmpty()) << text;
    EXPECT_THAT(ElementsOf(text), IsEmpty()) << text;
  }
  EXPECT_THAT(MembersOf("[1]"), IsEmpty());
  EXPECT_THAT(ElementsOf(R"({"a":1})"), IsEmpty());
}

TEST(JsonWalkTest, StopsAtDamage) {
  const std::pair<std::string_view, size_t> kCases[] = {
      {R"({"a":1,"b":)", 1},
      {R"({"a":1,"b")", 1},
      {R"({"a":1,"b)", 1},
      {R"({"a":1,"b":"x)", 1},
      {R"({"a":1,"b":"x\)", 1},
      {R"({"a":1,"b":{"c":1)", 1},
      {R"({"a":1,"b":[)", 1},
      {R"({"a":1 "b":2})", 1},
      {R"({"a":1,,"b":2})", 1},
      {R"({"a":1,b:2})", 1},
      {R"({"a":,})", 0},
      {R"({"a"1})", 0},
      {R"({a:1})", 0},
      {R"({"a":1)", 1},
      {"{", 0}};
  for (const auto& [text, members] : kCases) {
    EXPECT_EQ(MembersOf(text).size(), members) << text;
  }
  EXPECT_THAT(ElementsOf("[1,2"), ElementsAre("1", "2"));
  EXPECT_THAT(ElementsOf("[1,[2"), ElementsAre("1"));
  EXPECT_THAT(ElementsOf("[1 2]"), ElementsAre("1"));
  EXPECT_THAT(ElementsOf("[,]"), IsEmpty());
}

TEST(JsonWalkTest, FindsTheLastMemberAtTheTopLevel) {
  RawJson object{R"({"x":{"a":"inner"},"a":1,"\u0061":2,"b":"a"})"};
  EXPECT_EQ(FindMember(object, "a").text, "2");
  EXPECT_EQ(FindMember(object, "b").text, "\"a\"");
  EXPECT_FALSE(FindMember(object, "c").present());
  EXPECT_FALSE(FindMember({"[1]"}, "a").present());
  EXPECT_FALSE(FindMember({}, "a").present());
}

TEST(JsonWalkTest, FindsAPath) {
  RawJson root{R"({"spec":{"template":{"spec":{"hostNetwork":true}}}})"};
  const std::string_view kPath[] = {"spec", "template", "spec", "hostNetwork"};
  EXPECT_EQ(FindPath(root, kPath).text, "true");
  const std::string_view kMissing[] = {"spec", "x", "spec"};
  EXPECT_FALSE(FindPath(root, kMissing).present());
  EXPECT_EQ(FindPath(root, {}).text, root.text);
}

TEST(JsonWalkTest, KnowsTypes) {
  const std::pair<std::string_view, JsonType> kCases[] = {
      {"", JsonType::kAbsent},       {"  ", JsonType::kAbsent},
      {"x", JsonType::kAbsent},      {"null", JsonType::kNull},
      {"true", JsonType::kBool},     {"false", JsonType::kBool},
      {"0", JsonType::kNumber},      {"-1", JsonType::kNumber},
      {" \"a\"", JsonType::kString}, {"[", JsonType::kArray},
      {"\n{", JsonType::kObject}};
  for (const auto& [text, type] : kCases) {
    EXPECT_EQ(TypeOf({text}), type) << text;
  }
}

TEST(JsonWalkTest, ReadsStrings) {
  std::string scratch;
  std::string_view plain = "\"plain\"";
  auto text = StringOf({plain}, scratch);
  EXPECT_EQ(text, "plain");
  EXPECT_EQ(text->data(), plain.data() + 1) << "borrowed, not copied";
  EXPECT_EQ(StringOf({R"("a\u0026\ud800\"")"}, scratch), "a&\xef\xbf\xbd\"");
  EXPECT_EQ(StringOf({"\"\""}, scratch), "");
  for (std::string_view bad : {"", "1", "null", "\"open", "\"open\\\"", "\""}) {
    EXPECT_EQ(StringOf({bad}, scratch), std::nullopt) << bad;
  }
}

TEST(JsonWalkTest, ReadsIntegersAndBools) {
  EXPECT_EQ(IntOf({" -42 "}), -42);
  EXPECT_EQ(IntOf({"9223372036854775807"}), INT64_MAX);
  for (std::string_view bad :
       {"", "9223372036854775808", "1.5", "1e3", "\"1\"", "-", "1x", "null"}) {
    EXPECT_EQ(IntOf({bad}), std::nullopt) << bad;
  }
  EXPECT_EQ(BoolOf({"true"}), true);
  EXPECT_EQ(BoolOf({" false"}), false);
  EXPECT_EQ(BoolOf({"truer"}), std::nullopt);
}

TEST(JsonWalkTest, TakesAnyDepth) {
  constexpr size_t kDepth = 1'000'000;
  std::string deep(kDepth, '[');
  deep += std::string(kDepth, ']');
  std::string text = "{\"deep\":" + deep + ",\"next\":1}";
  EXPECT_EQ(FindMember({text}, "deep").text.size(), 2 * kDepth);
  EXPECT_EQ(FindMember({text}, "next").text, "1");
  text.resize(kDepth);
  EXPECT_THAT(MembersOf(text), IsEmpty());
}

// Each prefix, as exactly so many bytes: a sanitizer sees a read behind it.
// A string of what can be taken for its end, or for structure.
std::string RandomString(std::mt19937& random) {
  constexpr std::string_view kParts[] = {R"(\\)", R"(\")", "{", "}",    "[",
                                         "]",     ",",     ":", "text", " "};
  std::string text = "\"";
  for (size_t left = random() % 30; left > 0; --left) {
    text += kParts[random() % std::size(kParts)];
  }
  return text + "\"";
}

std::string RandomValue(std::mt19937& random, int depth) {
  if (depth == 0 || random() % 3 == 0) {
    return random() % 2 == 0 ? RandomString(random) : "17";
  }
  const bool is_object = random() % 2 == 0;
  std::string text = is_object ? "{" : "[";
  for (size_t left = random() % 5; left > 0; --left) {
    if (text.size() > 1) text += ",";
    if (is_object) text += RandomString(random) + ":";
    text += RandomValue(random, depth - 1);
  }
  return text + (is_object ? "}" : "]");
}

TEST(JsonWalkTest, EndsContainersWhereTheyEndWhateverTheirStringsHold) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::string> values;
    std::string array = std::string(random() % 70, ' ') + "[";
    for (size_t left = random() % 6; left > 0; --left) {
      values.push_back(RandomValue(random, 4));
      if (array.back() != '[') array += ",";
      array += values.back();
    }
    ASSERT_EQ(ElementsOf(array + "]"), values) << array;
  }
}

TEST(JsonWalkTest, NeverReadsBehindTheText) {
  const std::string whole =
      R"({"a":"0123456789abcdef\"0123","b":[{"c":"x\\"},"y"],"d":12345})";
  for (size_t size = 0; size <= whole.size(); ++size) {
    std::vector<char> exact(whole.begin(),
                            whole.begin() + static_cast<ptrdiff_t>(size));
    RawJson value{std::string_view(exact.data(), exact.size())};
    FindMember(value, "nothing");
    std::string scratch;
    JsonMembers members(value);
    for (JsonMember member; members.Next(member);) {
      member.Key(scratch);
      StringOf(member.value, scratch);
      IntOf(member.value);
      JsonElements elements(member.value);
      for (RawJson element; elements.Next(element);) {
        FindMember(element, "c");
      }
    }
  }
}

}  // namespace
}  // namespace oddverb
