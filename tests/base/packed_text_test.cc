#include "base/packed_text.h"

#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

std::string Packed(std::string_view text) {
  StateWriter out;
  PutPackedText(text, out);
  return out.Release();
}

std::string PackedAtRest(std::string_view text) {
  StateWriter out;
  out.BeginRest({});
  PutPackedText(text, out);
  return out.Release();
}

std::string UnpackedAtRest(const std::string& bytes, size_t max_bytes) {
  StateReader in(bytes, {});
  std::string text = GetPackedText(in, max_bytes);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  return text;
}

std::string Unpacked(const std::string& bytes, size_t max_bytes) {
  StateReader in(bytes);
  std::string text = GetPackedText(in, max_bytes);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  return text;
}

TEST(PackedTextTest, TakesFewBytesForWhatIsUsual) {
  const std::string_view kUsual[] = {
      "7e000000-0000-4000-8000-000000000abc",
      "/api/v1/namespaces/web/configmaps",
      "kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0",
      "list secrets in all namespaces; get pods in web",
  };
  for (std::string_view text : kUsual) {
    const std::string packed = Packed(text);
    EXPECT_LE(packed.size(), text.size() / 2) << text;
    EXPECT_EQ(Unpacked(packed, text.size()), text);
  }
}

TEST(PackedTextTest, AtRestAddressesAndWordsThatComeAgainAreShort) {
  for (std::string_view text :
       {"https://203.0.113.118:6443/",
        "get pods in payments-eu; list secrets in payments-eu"}) {
    EXPECT_LT(PackedAtRest(text).size() + 7, Packed(text).size()) << text;
    EXPECT_EQ(UnpackedAtRest(PackedAtRest(text), text.size()), text);
  }
}

// Earlier versions know no other codes.
TEST(PackedTextTest, ACheckpointHasNoNewPhrases) {
  const std::string text = "/log?tailLines=100";
  EXPECT_EQ(Packed(text).size(), 1 + text.size());
  EXPECT_EQ(PackedAtRest(text).size(), 1 + 2 + 3u);
  EXPECT_EQ(UnpackedAtRest(PackedAtRest(text), text.size()), text);
}

TEST(PackedTextTest, ACheckpointHasNoAddressesOrCopies) {
  const std::string text = "payments-eu at 10.244.1.7, payments-eu";
  PackedText kept(text);
  StateWriter out;
  kept.Save(out);
  EXPECT_EQ(out.bytes(), Packed(text));
  EXPECT_EQ(out.bytes().find_first_of("\xfc\xfd"), std::string::npos);
  StateWriter rest;
  rest.BeginRest({});
  kept.Save(rest);
  EXPECT_LE(rest.bytes().size() + 7, out.bytes().size());
  StateReader in(rest.bytes(), {});
  PackedText woken;
  woken.Load(in, text.size());
  EXPECT_EQ(woken.Text(), text);
}

TEST(PackedTextTest, GivesBackAnyBytes) {
  std::mt19937_64 random(5);
  const std::vector<std::string> pieces = {
      "/api/v1/",
      "get",
      "7e000000-0000-4000-8000-000000000abc",
      "7e000000-",
      "\x80",
      std::string(1, '\0'),
      "\xff\xfe",
      "7E000000-0000-4000-8000-000000000ABC",
      "watch",
      "configm",
      "10.2",
      "10.2.3.4",
      "256.01.1.255",
      "web-frontend",
      " web-front"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint64_t n = random() % 8; n > 0; --n) {
      text += pieces[random() % pieces.size()];
      if (random() % 2 == 0) text += static_cast<char>(random());
    }
    ASSERT_EQ(Unpacked(Packed(text), text.size()), text);
    ASSERT_EQ(UnpackedAtRest(PackedAtRest(text), text.size()), text);
  }
}

TEST(PackedTextTest, RefusesWhatIsTooLongOrDamaged) {
  const std::string packed = Packed("/api/v1/namespaces/");
  StateReader too_long(packed);
  GetPackedText(too_long, 18);
  EXPECT_FALSE(too_long.status().ok());
  for (std::string_view damaged : {"\xfe"
                                   "short",
                                   "\xff", "\xfd\1\2\3",
                                   "\xfb",            // no phrase
                                   "abc\xfc\4\4",     // from before
                                   "abcdef\xfc\3\4",  // of itself
                                   "abc\xfc\3"}) {
    StateWriter out;
    out.PutString(damaged);
    StateReader in(out.bytes());
    GetPackedText(in, 100);
    EXPECT_FALSE(in.status().ok());
  }
}

// A word of 200 bytes that is copied again and again.
TEST(PackedTextTest, CopiesDoNotGetPastTheBound) {
  std::string packed(200, 'x');
  for (int i = 0; i < 100; ++i) packed += "\xfc\xc8\xc8";
  StateWriter out;
  out.PutString(packed);
  StateReader in(out.bytes());
  EXPECT_EQ(GetPackedText(in, 4096), "");
  EXPECT_FALSE(in.status().ok());
}

TEST(PackedTextTest, AtRestAnAddressOrUuidHasNoLength) {
  const std::string_view kTexts[] = {"10.2.3.4",
                                     "7e000000-0000-4000-8000-000000000abc", "",
                                     "10.2.3.4:80", "get"};
  StateWriter out;
  out.BeginRest({});
  for (std::string_view text : kTexts) PutPackedText(text, out);
  EXPECT_EQ(out.bytes().size(), 5u + 17u + 1u + 9u + 2u);
  StateReader in(out.bytes(), {});
  for (std::string_view text : kTexts) {
    EXPECT_EQ(GetPackedText(in, 100), text);
  }
  EXPECT_TRUE(in.status().ok() && in.AtEnd());
}

TEST(PackedTextTest, IsKeptInMemoryAsItIsSaved) {
  const std::string text =
      "list secrets in web; \x80 get pods in " + std::string(300, 'x');
  const PackedText kept(text);
  EXPECT_EQ(kept.Text(), text);
  EXPECT_EQ(sizeof(kept), sizeof(void*));
  StateWriter out;
  kept.Save(out);
  EXPECT_EQ(out.bytes(), Packed(text));
  for (size_t most : {text.size(), text.size() - 1}) {
    StateReader in(out.bytes());
    PackedText loaded("before");
    loaded.Load(in, most);
    EXPECT_EQ(in.status().ok(), most == text.size());
    EXPECT_EQ(loaded.Text(), most == text.size() ? text : "");
  }
  EXPECT_EQ(PackedText().Text(), "");
  EXPECT_EQ(PackedText("").Text(), "");
  const std::string long_text(PackedText::kMaxBytes + 1, '\xff');
  EXPECT_EQ(PackedText(long_text).Text(),
            long_text.substr(0, PackedText::kMaxBytes));
}

TEST(PackedTextTest, GrowsAtItsEnd) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    PackedText kept;
    for (uint64_t n = random() % 6; n > 0; --n) {
      // The two halves of a phrase, too.
      static constexpr std::string_view kPieces[] = {
          "list sec",
          "rets; ",
          "get pods in ",
          "web-shop",
          "\xff",
          "",
          "7e000000-0000-4000-8000-000000000abc"};
      const std::string_view piece = kPieces[random() % std::size(kPieces)];
      kept.Append(piece);
      text += piece;
      ASSERT_EQ(kept.Text(), text);
      ASSERT_EQ(kept.text_size(), text.size());
    }
    StateWriter out;
    kept.Save(out);
    StateReader in(out.bytes());
    PackedText loaded;
    loaded.Load(in, text.size());
    EXPECT_TRUE(in.status().ok());
    EXPECT_EQ(loaded.Text(), text);
  }
}

TEST(PackedTextTest, GrowsToItsBoundAlone) {
  const std::string most(PackedText::kMaxBytes, '\xff');
  PackedText kept(most.substr(1));
  kept.Append("ab");
  EXPECT_EQ(kept.Text(), most.substr(1) + "a");
  kept.Append("c");
  EXPECT_EQ(kept.Text(), most.substr(1) + "a");
}

}  // namespace
}  // namespace oddverb
