#include "base/json_writer.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  AppendJsonEscaped(text, out);
  return out;
}

std::string DoubleText(double value) {
  JsonWriter json;
  return json.Double(value).text();
}

TEST(JsonWriterTest, SeparatesMembersAndItems) {
  JsonWriter json;
  json.BeginObject()
      .Key("empty_object")
      .BeginObject()
      .EndObject()
      .Key("list")
      .BeginArray()
      .Int(-1)
      .BeginArray()
      .EndArray()
      .BeginObject()
      .Key("a")
      .Null()
      .EndObject()
      .String("x")
      .EndArray()
      .Key("yes")
      .Bool(true)
      .Key("no")
      .Bool(false)
      .Key("raw")
      .Raw("{\"b\":1}")
      .Key("last")
      .Double(0.5)
      .EndObject();
  EXPECT_EQ(json.text(),
            R"({"empty_object":{},"list":[-1,[],{"a":null},"x"],"yes":true,)"
            R"("no":false,"raw":{"b":1},"last":0.5})");
}

TEST(JsonWriterTest, EscapesKeysToo) {
  JsonWriter json;
  json.BeginObject().Key("a\"\n").Int(1).EndObject();
  EXPECT_EQ(json.Release(), R"({"a\"\u000a":1})");
}

TEST(JsonWriterTest, WritesTheExtremeIntegers) {
  JsonWriter json;
  json.BeginArray().Int(INT64_MIN).Int(INT64_MAX).EndArray();
  EXPECT_EQ(json.text(), "[-9223372036854775808,9223372036854775807]");
}

TEST(JsonWriterTest, DoublesAreShortest) {
  EXPECT_EQ(DoubleText(0.1), "0.1");
  EXPECT_EQ(DoubleText(5.0), "5");
  EXPECT_EQ(DoubleText(-2.5), "-2.5");
  EXPECT_EQ(DoubleText(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(DoubleText(1e300), "1e+300");
  EXPECT_EQ(DoubleText(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(DoubleText(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(DoubleText(std::nan("")), "null");
}

TEST(JsonWriterTest, DoublesReadBackAsTheSameBits) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    double value = std::bit_cast<double>(uint64_t{random()});
    if (!std::isfinite(value)) continue;
    std::string text = DoubleText(value);
    double read = 0;
    std::from_chars(text.data(), text.data() + text.size(), read);
    EXPECT_EQ(std::bit_cast<uint64_t>(read), std::bit_cast<uint64_t>(value))
        << text;
  }
}

TEST(JsonEscapeTest, EscapesWhatJsonRequires) {
  EXPECT_EQ(Escaped("plain /text'<>&"), "plain /text'<>&");
  EXPECT_EQ(Escaped("\"\\"), "\\\"\\\\");
  EXPECT_EQ(Escaped(std::string_view("\0\x1f\n\t", 4)),
            "\\u0000\\u001f\\u000a\\u0009");
}

TEST(JsonEscapeTest, EscapesWhatCouldActOnATerminal) {
  EXPECT_EQ(Escaped("\x1b[2J\x7f"), "\\u001b[2J\\u007f");
  EXPECT_EQ(Escaped("\u0080\u009b"), "\\u0080\\u009b");
  EXPECT_EQ(Escaped("\u2028\u2029\u202e\u2066"),
            "\\u2028\\u2029\\u202e\\u2066");
  EXPECT_EQ(Escaped("\U000e0041"), "\\udb40\\udc41");
}

TEST(JsonEscapeTest, KeepsOtherText) {
  EXPECT_EQ(Escaped("\u00a0\u00e9\u4e2d\U0001f600"),
            "\u00a0\u00e9\u4e2d\U0001f600");
}

TEST(JsonEscapeTest, ReplacesBadUtf8) {
  EXPECT_EQ(Escaped("a\xff\x62"), "a\ufffdb");
  EXPECT_EQ(Escaped("\xc3"), "\ufffd");
  EXPECT_EQ(Escaped("\xc0\xaf"), "\ufffd\ufffd");            // overlong
  EXPECT_EQ(Escaped("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // surrogate
  EXPECT_EQ(Escaped("\xf4\x90\x80\x80").size(), 4 * 3u);     // > U+10FFFF
  EXPECT_EQ(Escaped("\xe4\xb8\"\x80"), "\ufffd\ufffd\\\"\ufffd");
}

}  // namespace
}  // namespace oddverb
