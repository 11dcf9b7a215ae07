// Long because: tables of texts and their messages.
#include "yaml/yaml_node.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "yaml/yaml.h"

namespace oddverb {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = YamlNode::Kind;

YamlNode MustParse(std::string_view text) {
  absl::StatusOr<YamlNode> node = YamlNode::Parse(text, "c.yaml");
  EXPECT_THAT(node, IsOk()) << text;
  return node.ok() ? *node : YamlNode();
}

// The message of a failed Status or StatusOr; empty when it is OK.
template <class T>
std::string MessageOf(const T& result) {
  absl::Status status = StatusOf(result);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

std::string Nested(std::string_view open, size_t count,
                   std::string_view close) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += open;
  for (size_t i = 0; i < count; ++i) text += close;
  return text;
}

TEST(YamlNodeTest, KnowsKindAndPlaceOfEveryNode) {
  YamlNode root = MustParse(
      "# comment\n"
      "window: 5m\n"
      "name:   \"a b\"\n"
      "empty:\n"
      "list:\n"
      "  - x\n"
      "  - {y: [1, 2]}\n"
      "\u00e9: z\n");
  const struct {
    YamlNode node;
    Kind kind;
    std::string_view place;
  } kCases[] = {
      {root, Kind::kMapping, "c.yaml:2:1"},
      {root.Get("window"), Kind::kScalar, "c.yaml:2:9"},
      {root.Get("name"), Kind::kScalar, "c.yaml:3:9"},
      {root.Get("empty"), Kind::kNull, "c.yaml:4:1"},
      {root.Get("list"), Kind::kSequence, "c.yaml:6:3"},
      {root.Get("list").Items()[0], Kind::kScalar, "c.yaml:6:5"},
      {root.Get("list").Items()[1], Kind::kMapping, "c.yaml:7:5"},
      {root.Get("list").Items()[1].Get("y"), Kind::kSequence, "c.yaml:7:9"},
      {root.Get("list").Items()[1].Get("y").Items()[1], Kind::kScalar,
       "c.yaml:7:13"},
      {root.Get("\u00e9"), Kind::kScalar, "c.yaml:8:5"},
      {root.Get("missing"), Kind::kAbsent, "c.yaml:2:1"},
      {root.Get("window").Get("deeper"), Kind::kAbsent, "c.yaml:2:9"},
      {root.Get("missing").Get("deeper"), Kind::kAbsent, "c.yaml:2:1"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(c.node.kind(), c.kind) << c.place;
    EXPECT_EQ(c.node.Place(), c.place);
    EXPECT_EQ(c.node.present(), c.kind != Kind::kAbsent);
  }
}

TEST(YamlNodeTest, ErrorNamesThePlace) {
  EXPECT_THAT(
      MustParse("a:\n  b: 1").Get("a").Get("b").Error("too small"),
      StatusIs(absl::StatusCode::kInvalidArgument, "c.yaml:2:6: too small"));
}

TEST(YamlNodeTest, AnEmptyTextIsANullNode) {
  for (std::string_view text : {"", "\n", "# only a comment\n", "---\n", "~"}) {
    YamlNode node = MustParse(text);
    EXPECT_EQ(node.kind(), Kind::kNull) << text;
    EXPECT_EQ(node.Place(), "c.yaml:1:1") << text;
    EXPECT_THAT(node.CheckAllKeysUsed(), IsOk());
  }
}

TEST(YamlNodeTest, ADefaultNodeIsAbsent) {
  YamlNode node;
  EXPECT_FALSE(node.present());
  EXPECT_FALSE(node.Get("a").present());
  EXPECT_THAT(node.Keys(), IsEmpty());
  EXPECT_THAT(node.Items(), IsEmpty());
  EXPECT_THAT(node.CheckAllKeysUsed(), IsOk());
  EXPECT_EQ(*node.AsInt(7), 7);
  EXPECT_EQ(node.Place(), "(no file):1:1");
}

TEST(YamlNodeTest, KeysAndItemsKeepTheirOrder) {
  YamlNode node = MustParse("z: 1\na: [3, 1, 2]\nm: {c: 1, b: 2}\n");
  EXPECT_THAT(node.Keys(), ElementsAre("z", "a", "m"));
  EXPECT_THAT(node.Get("m").Keys(), ElementsAre("c", "b"));
  EXPECT_THAT(*node.Get("a").AsStrings(), ElementsAre("3", "1", "2"));
  EXPECT_THAT(node.Items(), IsEmpty());
  EXPECT_THAT(node.Get("a").Keys(), IsEmpty());
}

TEST(YamlNodeTest, NodesOutliveTheTextAndTheRoot) {
  YamlNode inner;
  {
    std::string text = "a: {b: some longer text than fits into a string}";
    inner = MustParse(text).Get("a").Get("b");
    text.assign(text.size(), 'x');
  }
  EXPECT_EQ(*inner.AsString(), "some longer text than fits into a string");
}

TEST(YamlNodeTest, RefusesBadTextWithItsPlace) {
  const struct {
    std::string text;
    std::string_view message;
  } kCases[] = {
      {"a: [1, 2\n", "c.yaml:2:1: not YAML: end of sequence flow not found"},
      {"a: b: c\n", "c.yaml:1:5: not YAML: illegal map value"},
      {"a:\n\tb: c\n",
       "c.yaml:2:3: not YAML: the line is indented by a tab; write blanks"},
      {"a: \"\\q\"\n", "c.yaml:1:7: not YAML: unknown escape character: q"},
      {"a: *x\n", "c.yaml:1:4: not YAML: the referenced anchor is not defined"},
      {"a: 1\nb: 2\na: 3\n",
       "c.yaml:3:1: duplicate key: \"a\" (first in line 1)"},
      {"x: {a: 1, \"a\": 2}\n",
       "c.yaml:1:11: duplicate key: \"a\" (first in line 1)"},
      {"? [a]\n: 1\n", "c.yaml:1:3: a key must be a plain text"},
      {"{a: 1}: 1\n", "c.yaml:1:1: a key must be a plain text"},
      {"~: 1\n", "c.yaml:1:1: a key must be a plain text"},
      {"a: &x 1\n*x : 2\n", "c.yaml:2:1: a key must be a plain text"},
      {"&x a: 1\nb: *x\n", "c.yaml:2:4: an alias cannot name a key"},
      {"a: &x [1, *x]\n", "c.yaml:1:11: an alias inside of what it names"},
      {"---\na: 1\n---\nb: 1\n",
       "c.yaml:4:1: a second document, where one is expected"},
      // yaml-cpp alone would end the text at the \x04, in silence.
      {"a: 1\nb:\x04 2\n", "c.yaml:2:3: a control character"},
      {std::string("a: \0", 4), "c.yaml:1:4: a control character"},
      {"a: \x7f", "c.yaml:1:4: a control character"},
      {"\u00e9: \xff", "c.yaml:1:5: not valid UTF-8"},
      {"\xff\xfe"
       "a",
       "c.yaml:1:1: not valid UTF-8"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MessageOf(YamlNode::Parse(c.text, "c.yaml")), c.message);
  }
}

TEST(YamlNodeTest, TheSameKeyInDifferentMappingsIsFine) {
  YamlNode node = MustParse("a: {k: 1}\nb: {k: 2}\nk: 3\n");
  EXPECT_EQ(*node.Get("a").Get("k").AsInt(0), 1);
  EXPECT_EQ(*node.Get("b").Get("k").AsInt(0), 2);
  EXPECT_EQ(*node.Get("k").AsInt(0), 3);
}

TEST(YamlNodeTest, DepthIsLimited) {
  EXPECT_THAT(YamlNode::Parse(Nested("[", 64, "]"), "c.yaml"), IsOk());
  EXPECT_EQ(MessageOf(YamlNode::Parse(Nested("[", 65, "]"), "c.yaml")),
            "c.yaml:1:65: deeper than 64 levels");
  // An alias takes its depth along.
  std::string deep = absl::StrCat("a: &x ", Nested("[", 40, "]"), "\nb: ");
  EXPECT_THAT(YamlNode::Parse(absl::StrCat(deep, std::string(23, '['), "*x",
                                           std::string(23, ']')),
                              "c.yaml"),
              IsOk());
  EXPECT_EQ(MessageOf(YamlNode::Parse(absl::StrCat(deep, std::string(24, '['),
                                                   "*x", std::string(24, ']')),
                                      "c.yaml")),
            "c.yaml:1:46: deeper than 64 levels");
  EXPECT_THAT(
      YamlNode::Parse(std::string(1'000'000, '['), "c.yaml"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("c.yaml:")));
}

// 1 + 1,000 + 998 x 1,000 + `rest` nodes.
std::string Laughs(int rest) {
  std::string text = "- &x [";
  for (int i = 0; i < 999; ++i) text += "l,";
  text += "]\n";
  for (int i = 0; i < 998; ++i) text += "- *x\n";
  for (int i = 0; i < rest; ++i) text += "- l\n";
  return text;
}

TEST(YamlNodeTest, NodesAreLimitedAndAliasesCountAtEachUse) {
  EXPECT_EQ(MustParse(Laughs(999)).Items().size(), 1'998u);
  EXPECT_EQ(MessageOf(YamlNode::Parse(Laughs(1'000), "c.yaml")),
            "c.yaml:1999:3: more than 1000000 nodes");

  std::string billion = "a0: &a0 [l, l, l, l, l, l, l, l, l, l]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&billion, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&billion, "*a", i - 1, ",");
    billion += "]\n";
  }
  EXPECT_THAT(MessageOf(YamlNode::Parse(billion, "c.yaml")),
              HasSubstr("more than 1000000 nodes"));
}

TEST(YamlNodeTest, AnAliasIsACopyAtItsOwnPlace) {
  YamlNode node = MustParse(
      "a: &x {p: 1, q: [2, 3]}\n"
      "b: *x\n"
      "c: [*x, &y text, *y]\n");
  EXPECT_EQ(node.Get("b").Place(), "c.yaml:2:4");
  EXPECT_THAT(node.Get("b").Keys(), ElementsAre("p", "q"));
  EXPECT_EQ(node.Get("b").Get("p").Place(), "c.yaml:1:11");
  EXPECT_THAT(*node.Get("b").Get("q").AsStrings(), ElementsAre("2", "3"));
  EXPECT_EQ(*node.Get("c").Items()[0].Get("p").AsInt(0), 1);
  EXPECT_EQ(*node.Get("c").Items()[2].AsString(), "text");
  // Its keys are checked apart.
  EXPECT_THAT(node.Get("b").CheckAllKeysUsed(), IsOk());
  EXPECT_THAT(MessageOf(node.Get("a").CheckAllKeysUsed()),
              HasSubstr("unknown key: \"p\""));
}

TEST(YamlNodeTest, ParseAllReadsEveryDocumentThatIsNotEmpty) {
  absl::StatusOr<std::vector<YamlNode>> documents = YamlNode::ParseAll(
      "---\na: &x 1\n---\n---\n- 2\n...\n---\nb: 3\n---\n", "c.yaml");
  ASSERT_THAT(documents, IsOk());
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_EQ((*documents)[0].Place(), "c.yaml:2:1");
  EXPECT_EQ((*documents)[1].Place(), "c.yaml:5:1");
  EXPECT_EQ((*documents)[2].Place(), "c.yaml:8:1");
  EXPECT_THAT((*documents)[2].Keys(), ElementsAre("b"));
  EXPECT_TRUE(YamlNode::ParseAll("", "c.yaml")->empty());
  // Anchors end with their document.
  EXPECT_THAT(MessageOf(YamlNode::ParseAll("a: &x 1\n---\nb: *x\n", "c.yaml")),
              HasSubstr("c.yaml:3:4: not YAML"));
  EXPECT_EQ(
      MessageOf(YamlNode::ParseAll("a: &x 1\n---\n&y b: 1\nc: *y\n", "c.yaml")),
      "c.yaml:4:4: an alias cannot name a key");
}

TEST(YamlNodeTest, UnknownKeysAreNamedTogetherWithTheNearestKnown) {
  YamlNode node = MustParse(
      "window: 5m\n"
      "treshold: 3\n"
      "completely_else: 1\n"
      "nested: {inner: 1}\n"
      "windw: 6m\n");
  node.Get("window");
  node.Get("threshold");
  node.Get("nested");
  EXPECT_EQ(MessageOf(node.CheckAllKeysUsed()),
            "c.yaml:2:1: unknown key: \"treshold\" (did you mean "
            "\"threshold\"?)\n"
            "c.yaml:3:1: unknown key: \"completely_else\"\n"
            "c.yaml:5:1: unknown key: \"windw\" (did you mean \"window\"?)");
  EXPECT_EQ(MessageOf(node.Get("nested").CheckAllKeysUsed()),
            "c.yaml:4:10: unknown key: \"inner\"");
}

TEST(YamlNodeTest, KeysThatWereAskedForAreFine) {
  YamlNode node = MustParse("a: 1\nb:\n");
  node.Get("a");
  node.Get("b");
  node.Get("c");
  EXPECT_THAT(node.CheckAllKeysUsed(), IsOk());
}

TEST(YamlNodeTest, CheckAllKeysUsedWantsAMapping) {
  YamlNode node = MustParse("a: 5\nb: [1]\nc:\n");
  EXPECT_EQ(MessageOf(node.Get("a").CheckAllKeysUsed()),
            "c.yaml:1:4: expected a mapping, got \"5\"");
  EXPECT_EQ(MessageOf(node.Get("b").CheckAllKeysUsed()),
            "c.yaml:2:4: expected a mapping, got a list");
  EXPECT_THAT(node.Get("c").CheckAllKeysUsed(), IsOk());
  EXPECT_THAT(node.Get("absent").CheckAllKeysUsed(), IsOk());
}

TEST(YamlNodeTest, QuotesTextsEscapedAndBounded) {
  EXPECT_EQ(MessageOf(MustParse("\"a\\e[2J\\u202e\"").AsInt(0)),
            "c.yaml:1:1: expected a whole number, got \"a\\u001b[2J\\u202e\"");
  EXPECT_EQ(MessageOf(MustParse(std::string(1'000, 'x')).AsInt(0)),
            absl::StrCat("c.yaml:1:1: expected a whole number, got \"",
                         std::string(80, 'x'), "...\""));
}

struct ScalarCase {
  std::string_view text;
  std::string_view expected;  // printed value, or the end of the message
};

TEST(YamlNodeTest, ReadsIntegers) {
  const ScalarCase kCases[] = {
      {"0", "0"},
      {"-5", "-5"},
      {"\"5\"", "5"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "got \"9223372036854775808\""},
      {"010", "got \"010\""},
      {"0x10", "got \"0x10\""},
      {"+5", "got \"+5\""},
      {"1.0", "got \"1.0\""},
      {"5m", "got \"5m\""},
      {"\"\"", "got \"\""},
      {"\"-\"", "got \"-\""},
      {"~", "got nothing"},
      {"[1]", "got a list"},
      {"{a: 1}", "got a mapping"},
  };
  for (const ScalarCase& c : kCases) {
    absl::StatusOr<int64_t> value = MustParse(c.text).AsInt(0);
    std::string got = value.ok() ? absl::StrCat(*value) : MessageOf(value);
    if (value.ok()) {
      EXPECT_EQ(got, c.expected) << c.text;
    } else {
      EXPECT_EQ(got, absl::StrCat("c.yaml:1:1: expected a whole number, ",
                                  std::string(c.expected)));
    }
  }
}

TEST(YamlNodeTest, ReadsNumbers) {
  EXPECT_EQ(*MustParse("1.5").AsDouble(0), 1.5);
  EXPECT_EQ(*MustParse("-2").AsDouble(0), -2);
  EXPECT_EQ(*MustParse("1e-3").AsDouble(0), 1e-3);
  for (std::string_view text : {"inf", "nan", ".inf", "1,5", "1.5x", "''"}) {
    EXPECT_THAT(MessageOf(MustParse(text).AsDouble(0)),
                HasSubstr("c.yaml:1:1: expected a number, got \""))
        << text;
  }
  EXPECT_THAT(MessageOf(MustParse("[]").AsDouble(0)),
              "c.yaml:1:1: expected a number, got a list");
}

TEST(YamlNodeTest, ReadsTrueAndFalseOnly) {
  EXPECT_TRUE(*MustParse("true").AsBool(false));
  EXPECT_FALSE(*MustParse("false").AsBool(true));
  for (std::string_view text : {"yes", "no", "on", "True", "TRUE", "1", "y"}) {
    EXPECT_EQ(MessageOf(MustParse(text).AsBool(false)),
              absl::StrCat("c.yaml:1:1: expected true or false, got \"",
                           std::string(text), "\""));
  }
}

TEST(YamlNodeTest, ReadsDurations) {
  const struct {
    std::string_view text;
    absl::Duration value;
  } kGood[] = {
      {"90s", absl::Seconds(90)},   {"5m", absl::Minutes(5)},
      {"1h30m", absl::Minutes(90)}, {"250ms", absl::Milliseconds(250)},
      {"1.5h", absl::Minutes(90)},  {"0s", absl::ZeroDuration()},
      {"7d", absl::Hours(168)},     {"1d12h", absl::Hours(36)},
  };
  for (const auto& c : kGood) {
    absl::StatusOr<absl::Duration> value =
        MustParse(c.text).AsDuration(absl::Hours(99));
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(*value, c.value) << c.text;
  }
  for (std::string_view text :
       {"5",           "0",     "inf",  "'-5m'",
        "'+5m'",       "5 m",   "5m30", "m",
        "''",          "5x",    "1.5d", "d",
        "1d2",         "12h1d", "5m1d", "99999999999999999999h",
        "4294967296d", "1dd",   "[5m]", "~"}) {
    EXPECT_THAT(MessageOf(MustParse(text).AsDuration(absl::Hours(1))),
                HasSubstr("c.yaml:1:1: expected a duration such as 90s, 5m, "
                          "1h30m or 7d, got "))
        << text;
  }
}

TEST(YamlNodeTest, ReadsSizes) {
  const struct {
    std::string_view text;
    int64_t value;
  } kGood[] = {
      {"512B", 512},          {"64KiB", 65'536},
      {"16MiB", 16 << 20},    {"1MB", 1'000'000},
      {"3kB", 3'000},         {"2GiB", int64_t{2} << 30},
      {"1GB", 1'000'000'000}, {"8388607TiB", int64_t{8'388'607} << 40},
  };
  for (const auto& c : kGood) {
    absl::StatusOr<int64_t> value = MustParse(c.text).AsBytes(0);
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(*value, c.value) << c.text;
  }
  for (std::string_view text :
       {"5", "0", "-1KiB", "1.5MiB", "1 MiB", "1mib", "1M", "KiB", "''",
        "8388608TiB", "99999999999999999999B", "~", "{}"}) {
    EXPECT_THAT(MessageOf(MustParse(text).AsBytes(0)),
                HasSubstr("c.yaml:1:1: expected a size such as 64KiB, 16MiB or "
                          "1MB, got "))
        << text;
  }
}

TEST(YamlNodeTest, ReadsTexts) {
  YamlNode node = MustParse(
      "a: plain\nb: '5'\nc: 5\nd: [x, 'y', 3]\ne:\n"
      "f: [x, [y]]\ng: {h: 1}\ni: []\n");
  EXPECT_EQ(*node.Get("a").AsString(), "plain");
  EXPECT_EQ(*node.Get("b").AsString(), "5");
  EXPECT_EQ(*node.Get("c").AsString(), "5");
  EXPECT_THAT(*node.Get("a").AsStrings(), ElementsAre("plain"));
  EXPECT_THAT(*node.Get("d").AsStrings(), ElementsAre("x", "y", "3"));
  EXPECT_THAT(*node.Get("i").AsStrings(), IsEmpty());
  EXPECT_EQ(MessageOf(node.Get("d").AsString()),
            "c.yaml:4:4: expected a text, got a list");
  EXPECT_EQ(MessageOf(node.Get("e").AsString()),
            "c.yaml:5:1: expected a text, got nothing");
  EXPECT_EQ(MessageOf(node.Get("e").AsStrings()),
            "c.yaml:5:1: expected a text or a list of texts, got nothing");
  EXPECT_EQ(MessageOf(node.Get("f").AsStrings()),
            "c.yaml:6:8: expected a text, got a list");
  EXPECT_EQ(MessageOf(node.Get("g").AsStrings()),
            "c.yaml:7:4: expected a text or a list of texts, got a mapping");
}

TEST(YamlNodeTest, AbsentNodesGiveTheFallback) {
  YamlNode absent = MustParse("a: 1").Get("b");
  EXPECT_EQ(*absent.AsString("x"), "x");
  EXPECT_EQ(*absent.AsInt(-3), -3);
  EXPECT_EQ(*absent.AsDouble(0.5), 0.5);
  EXPECT_EQ(*absent.AsBool(true), true);
  EXPECT_EQ(*absent.AsDuration(absl::Minutes(2)), absl::Minutes(2));
  EXPECT_EQ(*absent.AsBytes(9), 9);
  EXPECT_THAT(*absent.AsStrings(), IsEmpty());
}

// Walks everything, with an explicit stack.
size_t CountNodes(const YamlNode& root) {
  size_t count = 0;
  std::vector<YamlNode> open = {root};
  while (!open.empty()) {
    YamlNode node = open.back();
    open.pop_back();
    ++count;
    for (YamlNode& item : node.Items()) open.push_back(item);
    for (const std::string& key : node.Keys()) open.push_back(node.Get(key));
    (void)node.AsString();
    (void)node.AsDuration(absl::ZeroDuration());
    EXPECT_THAT(node.Place(), HasSubstr("c.yaml:"));
  }
  return count;
}

TEST(YamlNodeTest, NeitherThrowsNorCrashesOnMutatedText) {
  const std::string good =
      "%YAML 1.2\n---\na: &x {p: \"q\\n\", r: [1, 2]}\nb: *x\n? c\n: |\n  t\n"
      "d: >-\n  u\n  v\n---\n- !!str 5\n- 'it''s'\n- - x\n  - y: z\n# end\n";
  const std::string_view kPieces[] = {"[",  "]",  "{",   "}", ": ", "- ", "\n",
                                      "&x", "*x", "? ",  "!", "|",  "\"", "'",
                                      "%",  "\t", "---", "#", "<<", ",",  "  "};
  std::mt19937_64 random(17);
  int good_count = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string text = good;
    for (uint64_t j = random() % 4; j-- > 0;) {
      size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text.replace(at, random() % 3, kPieces[random() % std::size(kPieces)]);
      } else {
        text[at] = static_cast<char>(random());
      }
    }
    absl::StatusOr<std::vector<YamlNode>> documents =
        YamlNode::ParseAll(text, "c.yaml");
    if (!documents.ok()) {
      EXPECT_THAT(documents, StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("c.yaml:")));
      continue;
    }
    ++good_count;
    for (const YamlNode& node : *documents) EXPECT_GT(CountNodes(node), 0u);
  }
  EXPECT_GT(good_count, 100);
}

}  // namespace
}  // namespace oddverb
