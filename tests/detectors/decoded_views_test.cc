#include "detectors/decoded_views.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<std::string> ViewsOf(const DecodedViews& views) {
  std::vector<std::string> texts;
  for (const DecodedView& view : views.views()) texts.push_back(view.text);
  return texts;
}

std::vector<std::string> Decode(const std::string& text) {
  return ViewsOf(DecodedViews(text, {}));
}

std::string ToBase64(const std::string& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) {
      text += kDigits[bits >> (count - 6) & 63];
    }
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

TEST(DecodedViewsTest, KeepsPlainTextAsItsOnlyView) {
  EXPECT_THAT(Decode("curl -s http://localhost:8080/healthz"),
              ElementsAre("curl -s http://localhost:8080/healthz"));
  EXPECT_THAT(Decode(""), ElementsAre(""));
}

TEST(DecodedViewsTest, UndoesPercentTwice) {
  // The transport's layer is gone already: with it, this was encoded thrice.
  DecodedViews views("a%252Fb", {});
  EXPECT_THAT(ViewsOf(views), ElementsAre("a%252Fb", "a%2Fb", "a/b"));
  EXPECT_EQ(views.views()[2].depth, 2);
  EXPECT_THAT(Decode("%25252541"), Not(Contains("A")));
  EXPECT_THAT(Decode("100% of 5%zz"), ElementsAre("100% of 5%zz"));
  // A '+' is a blank in the request's query alone.
  EXPECT_THAT(Decode("a+b%41"), Contains("a+bA"));
}

TEST(DecodedViewsTest, UndoesBase64) {
  const std::string secret = "curl http://169.254.169.254/";
  std::string encoded = ToBase64(secret);
  EXPECT_THAT(Decode("echo " + encoded + " | base64 -d | sh"),
              Contains(secret));
  EXPECT_THAT(Decode("echo " + encoded + "== | base64 -d"), Contains(secret));
  // The URL-safe digits.
  std::string odd = "curl 'http://a/?>>>?~?~?~'";
  std::string url_safe = ToBase64(odd);
  for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
  EXPECT_THAT(Decode(url_safe), Contains(odd));
  // PowerShell's UTF-16LE.
  std::string wide;
  for (char c : secret) wide += std::string(1, c) + '\0';
  EXPECT_THAT(Decode("powershell -enc " + ToBase64(wide)), Contains(secret));
}

// Runs are looked for in steps; other runs, too short to count, lie before.
TEST(DecodedViewsTest, FindsARunOfDigitsWhereverItBegins) {
  const std::string base64 = ToBase64("http://a9");  // the shortest
  const std::string hex = "687474703a2f2f613966";    // http://a9f
  for (size_t before = 0; before < 45; ++before) {
    std::string noise;
    while (noise.size() < before) noise += noise.size() % 7 == 6 ? '!' : 'a';
    if (!noise.empty()) noise.back() = '.';
    EXPECT_THAT(Decode(noise + base64), Contains("http://a9")) << before;
    EXPECT_THAT(Decode(noise + base64 + ". " + noise), Contains("http://a9"));
    EXPECT_THAT(Decode(noise + hex), Contains("http://a9f")) << before;
    EXPECT_THAT(Decode(noise + hex + "zz" + hex + "."), Contains("http://a9f"));
    EXPECT_THAT(Decode(noise + base64.substr(1)), SizeIs(1)) << before;
    EXPECT_THAT(Decode(noise + base64 + "." + ToBase64("http://b")), SizeIs(2));
  }
}

TEST(DecodedViewsTest, KeepsWhatStandsBetweenEscapes) {
  EXPECT_THAT(Decode(R"(a\q\x62c\\x64 e\)"), Contains(R"(a\qbc\d e\)"));
  EXPECT_THAT(Decode(R"(\x61)"), Contains("a"));
  EXPECT_THAT(Decode(R"(C:\q\z)"), SizeIs(1));
}

TEST(DecodedViewsTest, FollowsNestedLayersToTheDepthLimit) {
  std::string text = "curl http://169.254.169.254/";
  for (int i = 0; i < 3; ++i) text = ToBase64(text);
  DecodedViews views(text, {});
  ASSERT_THAT(ViewsOf(views), Contains("curl http://169.254.169.254/"));
  std::vector<const DecodedView*> chain = views.Chain(views.views().size() - 1);
  EXPECT_EQ(chain.size(), 4u);
  EXPECT_EQ(chain.front()->layer, DecodeLayer::kTransport);
  EXPECT_EQ(chain.back()->depth, 3);
  EXPECT_THAT(Decode(ToBase64(text)),
              Not(Contains("curl http://169.254.169.254/")));
}

TEST(DecodedViewsTest, MixesLayers) {
  std::string encoded = ToBase64("wget http%3A%2F%2F2852039166%2F");
  EXPECT_THAT(Decode("echo " + encoded), Contains("wget http://2852039166/"));
}

TEST(DecodedViewsTest, UndoesHexadecimalDigits) {
  EXPECT_THAT(Decode("echo 6375726c20687474703a2f2f3136392e3235342e31363"
                     "92e3235342f | xxd -r -p | sh"),
              Contains("curl http://169.254.169.254/"));
  EXPECT_THAT(Decode("6375726C20687474703A2F2F3136392E32"),
              Contains("curl http://169.2"));
  // A digest, a uid without dashes, an odd number of digits.
  for (const char* text :
       {"da39a3ee5e6b4b0d3255bfef95601890afd80709", "6375726c2068747470",
        "6375726c20687474703a2f2f3136392e323"}) {
    DecodedViews views(text, {});
    for (const DecodedView& view : views.views()) {
      EXPECT_NE(view.layer, DecodeLayer::kHex) << text;
    }
  }
}

TEST(DecodedViewsTest, UndoesGzipInsideOfBase64) {
  const std::string secret = "curl http://169.254.169.254/latest/user-data";
  EXPECT_THAT(Decode("echo " + ToBase64(GzipOf(secret)) + "|base64 -d|gunzip"),
              Contains(secret));
  // A bomb is cut, a damaged one gives what it can.
  std::string bomb = secret + std::string(50'000'000, ' ');
  DecodedViews cut(ToBase64(GzipOf(bomb)), {});
  size_t produced = 0;
  for (const DecodedView& view : cut.views()) produced += view.text.size();
  EXPECT_LT(produced, 300'000u);
  EXPECT_THAT(ViewsOf(cut), Contains(HasSubstr(secret)));
  std::string damaged = GzipOf(secret);
  damaged.resize(damaged.size() - 6);
  EXPECT_THAT(Decode(ToBase64(damaged)), Contains(secret));
  // Many: four of them are unpacked.
  std::string many;
  for (int i = 0; i < 20; ++i) many += ToBase64(GzipOf(secret)) + " ";
  DecodedViews some(many, {});
  EXPECT_TRUE(some.exhausted());
}

TEST(DecodedViewsTest, UndoesEscapes) {
  EXPECT_THAT(Decode(R"(printf 'curl http://\x31\x36\x39.254.169.254/')"),
              Contains("printf 'curl http://169.254.169.254/'"));
  EXPECT_THAT(Decode(R"(curl $'\061\066\071.254.169.254')"),
              Contains("curl $'169.254.169.254'"));
  EXPECT_THAT(Decode(R"x(node -e "get('\u0031\u00369.254.169.254')")x"),
              Contains(HasSubstr("get('169.254.169.254')")));
  // Line ends, Windows paths.
  EXPECT_THAT(Decode(R"(echo a\n b\\c)"), ElementsAre(R"(echo a\n b\\c)"));
}

TEST(DecodedViewsTest, ReadsBackwardsBesideRev) {
  EXPECT_THAT(Decode("echo /452.961.452.961//:ptth | rev | xargs curl"),
              Contains(HasSubstr("http://169.254.169.254/")));
  EXPECT_THAT(Decode("echo /452.961.452.961//:ptth"), SizeIs(1));
}

TEST(DecodedViewsTest, TakesBinaryForNoText) {
  std::string binary;
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) binary += static_cast<char>(random());
  std::string encoded = ToBase64(binary);
  EXPECT_THAT(Decode(encoded), ElementsAre(encoded));
}

TEST(DecodedViewsTest, StopsAtTheLimitOfCandidates) {
  std::string text;
  for (const char* decoy : {"some harmless text", "more harmless text.",
                            "the last of the harmless"}) {
    text += ToBase64(decoy) + " ";
  }
  text += ToBase64("curl http://169.254.169.254/");
  DecodedViews enough(text, {.candidates = 4});
  EXPECT_FALSE(enough.exhausted());
  EXPECT_THAT(ViewsOf(enough), Contains(HasSubstr("169.254.169.254")));
  DecodedViews too_few(text, {.candidates = 3});
  EXPECT_TRUE(too_few.exhausted());
  EXPECT_THAT(ViewsOf(too_few), Not(Contains(HasSubstr("169.254.169.254"))));
}

TEST(DecodedViewsTest, StopsAtTheLimitOfProducedBytes) {
  std::string text = ToBase64(std::string(300'000, 'a'));
  DecodedViews views(text, {});
  EXPECT_TRUE(views.exhausted());
  size_t produced = 0;
  for (size_t i = 1; i < views.views().size(); ++i) {
    produced += views.views()[i].text.size();
  }
  EXPECT_LE(produced, 256u * 1024);
}

// Padding in front of an escape does not use up the budget.
TEST(DecodedViewsTest, DecodesEscapesBehindLongPadding) {
  std::string text(500'000, 'a');
  text += " http://%31%36%39.254.169.254/";
  DecodedViews views(text, {});
  EXPECT_THAT(ViewsOf(views), Contains(HasSubstr("http://169.254.169.254/")));
}

TEST(DecodedViewsTest, SurvivesAnyBytes) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t n = random() % 200; n > 0; --n) {
      constexpr std::string_view kHot = "%%%25aAzZ/+-_=0\0";
      text += random() % 2 == 0 ? kHot[random() % kHot.size()]
                                : static_cast<char>(random());
    }
    DecodedViews views(text, {});
    for (size_t i = 0; i < views.views().size(); ++i) {
      EXPECT_LE(views.Chain(i).size(), 4u);
    }
  }
}

}  // namespace
}  // namespace oddverb
