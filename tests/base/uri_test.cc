#include "base/uri.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> PairsOf(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> result;
  QueryPairs pairs(query);
  for (QueryPair pair; pairs.Next(pair);) {
    result.emplace_back(pair.name, pair.value);
  }
  return result;
}

TEST(UriOriginTest, LeavesOutWhatMayBeSecret) {
  struct Case {
    std::string_view url;
    std::string_view origin;
  } cases[] = {
      {"https://hooks.example/services/T0/B0/xyz", "https://hooks.example"},
      {"http://user:pass@am:9093/x?token=1", "http://am:9093"},
      {"http://a@b@c:1", "http://c:1"},
      {"http://[::1]:9093", "http://[::1]:9093"},
      {"http://h\\@x", "http://h"},
      {"am:9093/path", "(no URL)"},
      {"", "(no URL)"}};
  for (const Case& c : cases) EXPECT_EQ(UriOrigin(c.url), c.origin) << c.url;
}

TEST(SplitUriTest, CutsAtTheFirstQuestionMark) {
  const struct {
    std::string_view uri, path, query;
  } kCases[] = {
      {"", "", ""},
      {"/api/v1/pods", "/api/v1/pods", ""},
      {"/api/v1/pods?", "/api/v1/pods", ""},
      {"/exec?command=sh&command=-c", "/exec", "command=sh&command=-c"},
      {"/exec?a=1?b=2", "/exec", "a=1?b=2"},
      {"?a", "", "a"},
      {"/a#b", "/a", ""},
      {"/a#b?c=d", "/a", "c=d"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(SplitUri(c.uri).path, c.path) << c.uri;
    EXPECT_EQ(SplitUri(c.uri).query, c.query) << c.uri;
  }
}

TEST(SplitUriTest, ANumberSignHidesNothingOfTheQuery) {
  EXPECT_EQ(SplitUri("/exec?stdin=true#&command=sh").query,
            "stdin=true#&command=sh");
}

TEST(QueryPairsTest, KeepsOrderAndRepeats) {
  EXPECT_THAT(PairsOf("command=ls&stdin&command=-la=x"),
              ElementsAre(Pair("command", "ls"), Pair("stdin", ""),
                          Pair("command", "-la=x")));
}

TEST(QueryPairsTest, SkipsEmptyPairs) {
  EXPECT_THAT(PairsOf(""), ElementsAre());
  EXPECT_THAT(PairsOf("&&"), ElementsAre());
  EXPECT_THAT(PairsOf("&a=1&&b=&=c&"),
              ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("", "c")));
}

TEST(QueryPairsTest, DoesNotDecodeAndDoesNotCutAtSemicolons) {
  EXPECT_THAT(PairsOf("a%26=%3D;b=c"), ElementsAre(Pair("a%26", "%3D;b=c")));
}

TEST(PercentDecodeTest, DecodesOnceAndLeavesBadEscapes) {
  const struct {
    std::string_view text;
    std::string decoded;
  } kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"%41%6a%6A", "Ajj"},
      {"%2541", "%41"},
      {"%", "%"},
      {"%4", "%4"},
      {"%4g%g4", "%4g%g4"},
      {"%%41", "%A"},
      {"a%00b", std::string("a\0b", 3)},
      {"%ff", "\xff"},
      {"100%25", "100%"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(PercentDecode(c.text, PlusIs::kPlus), c.decoded) << c.text;
  }
}

TEST(PercentDecodeTest, PlusIsABlankInQueriesOnly) {
  EXPECT_EQ(PercentDecode("a+b%2Bc", PlusIs::kBlank), "a b+c");
  EXPECT_EQ(PercentDecode("a+b%2Bc", PlusIs::kPlus), "a+b+c");
}

}  // namespace
}  // namespace oddverb
