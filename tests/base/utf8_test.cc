#include "base/utf8.h"

#include <random>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace oddverb {
namespace {

bool ValidForJson(const std::string& text) {
  try {
    nlohmann::json(text).dump();  // strict by default
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

TEST(Utf8Test, EveryCodePointIsReadBackAsWritten) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(value, text);
    const CodePoint point = DecodeUtf8(text);
    ASSERT_TRUE(point.valid) << std::hex << static_cast<uint32_t>(value);
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.bytes, text.size());
  }
}

TEST(Utf8Test, RefusesWhatIsNotUtf8ByteByByte) {
  for (const char* text :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xe4\xb8", "\xf0\x9f\x98", "\xe4\x41\x42"}) {
    const CodePoint point = DecodeUtf8(text);
    EXPECT_FALSE(point.valid);
    EXPECT_EQ(point.bytes, 1u);
  }
}

// Oracle: a JSON library that refuses bad UTF-8.
TEST(Utf8Test, AgreesWithAnotherDecoderOnRandomBytes) {
  std::mt19937_64 random(1);
  constexpr unsigned char kLikely[] = {0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xED,
                                       0xA0, 0x9F, 0xF0, 0xF4, 0x8F, 0x90};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t n = random() % 6; n > 0; --n) {
      text += static_cast<char>(kLikely[random() % sizeof(kLikely)]);
    }
    const std::string repaired = ReplaceBadUtf8(text);
    ASSERT_EQ(repaired == text, ValidForJson(text));
    ASSERT_TRUE(ValidForJson(repaired));
  }
}

TEST(Utf8Test, PrefixNeverSplitsACodePoint) {
  const std::string text = "a\u00e9\u4e2d\U0001F600";
  for (size_t bytes = 0; bytes <= text.size() + 1; ++bytes) {
    const std::string_view prefix = Utf8Prefix(text, bytes);
    EXPECT_LE(prefix.size(), bytes);
    EXPECT_GT(prefix.size() + 4, std::min(bytes, text.size()));
    EXPECT_EQ(ReplaceBadUtf8(prefix), prefix);
  }
  EXPECT_EQ(Utf8Prefix("\x80\x80\x80\x80\x80\x80", 5).size(), 5u);
}

TEST(Utf8Test, KnowsWhatATerminalShows) {
  for (char32_t hidden : {U'\0', U'\x1b', U'\n', U'\x7f', U'\x9b', U'\u00ad',
                          U'\u200b', U'\u200d', U'\u202e', U'\u2066', U'\u2028',
                          U'\u3164', U'\ufeff', U'\U000e0041'}) {
    EXPECT_FALSE(IsVisible(hidden)) << std::hex << uint32_t{hidden};
  }
  for (char32_t shown : {U' ', U'~', U'\u00a0', U'\u00e9', U'\u4e2d',
                         U'\U0001F600', U'\ufffd'}) {
    EXPECT_TRUE(IsVisible(shown)) << std::hex << uint32_t{shown};
  }
}

TEST(Utf8Test, MeasuresCells) {
  EXPECT_EQ(CellWidth(U'a'), 1);
  EXPECT_EQ(CellWidth(U'\u00e9'), 1);
  EXPECT_EQ(CellWidth(U'\u0301'), 0);
  EXPECT_EQ(CellWidth(U'\u4e2d'), 2);
  EXPECT_EQ(CellWidth(U'\uac00'), 2);
  EXPECT_EQ(CellWidth(U'\uff21'), 2);
  EXPECT_EQ(CellWidth(U'\U0001F600'), 2);
  EXPECT_EQ(CellWidth(U'\U00020000'), 2);
}

}  // namespace
}  // namespace oddverb
