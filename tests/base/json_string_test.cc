#include "base/json_string.h"

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

// `text` with the padding that the quick functions may read.
std::vector<char> Padded(std::string_view text, char padding) {
  std::vector<char> bytes(text.begin(), text.end());
  bytes.resize(text.size() + kJsonStringPadding, padding);
  return bytes;
}

std::string Unescaped(std::string_view raw) {
  std::string out = "replaced";
  UnescapeJson(raw, out);
  return out;
}

TEST(JsonStringTest, Unescapes) {
  using std::string_literals::operator""s;
  const std::pair<std::string_view, std::string> kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(\u0026\u00E9\u20ac)", "&\xc3\xa9\xe2\x82\xac"},
      {R"(\ud83d\ude00)", "\xf0\x9f\x98\x80"},
      {R"(a\u0000b)", "a\0b"s},
      {R"(\ud800)", "\xef\xbf\xbd"},
      {R"(\ud800\ud83d\ude00)", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
      {R"(\udead!)", "\xef\xbf\xbd!"},
      {R"(\ud800\n)", "\xef\xbf\xbd\n"},
      {R"(\x\u12g4\u1)", R"(\x\u12g4\u1)"},
      {"ends in \\", "ends in \\"},
      {R"(\\u0041)", R"(\u0041)"}};
  for (const auto& [raw, expected] : kCases) {
    EXPECT_EQ(Unescaped(raw), expected) << raw;
  }
}

// Both implementations and both tests for a backslash, at every length and
// place, whatever stands behind the text.
TEST(JsonStringTest, PaddingChangesNothing) {
  std::mt19937_64 random(7);
  const std::string_view kPieces[] = {"a",       "bc",      "\\n",
                                      "\\u0041", "\\ud800", "\\",
                                      "\\\"",    "xyz",     "0123456789abcdef"};
  for (int round = 0; round < 20000; ++round) {
    std::string raw;
    for (size_t pieces = random() % 8; pieces > 0; --pieces) {
      raw += kPieces[random() % std::size(kPieces)];
    }
    bool escaped = raw.find('\\') != std::string::npos;
    std::string expected = Unescaped(raw);
    EXPECT_LE(expected.size(), raw.size());
    EXPECT_EQ(HasEscape(raw), escaped) << raw;
    for (char padding : {'\\', 'x'}) {
      std::vector<char> bytes = Padded(raw, padding);
      std::string_view text(bytes.data(), raw.size());
      EXPECT_EQ(HasEscapePadded(text), escaped) << raw;
      Arena arena;
      EXPECT_EQ(UnescapePadded(text, arena), expected) << raw;
    }
  }
}

TEST(JsonStringTest, UnescapedStringsDoNotOverlap) {
  Arena arena;
  std::vector<std::pair<std::string_view, std::string>> results;
  for (size_t size = 0; size < 200; ++size) {
    std::string raw(size, static_cast<char>('a' + size % 26));
    raw += "\\n";
    std::vector<char> bytes = Padded(raw, ' ');
    results.emplace_back(UnescapePadded({bytes.data(), raw.size()}, arena),
                         Unescaped(raw));
  }
  for (const auto& [view, expected] : results) EXPECT_EQ(view, expected);
}

}  // namespace
}  // namespace oddverb
