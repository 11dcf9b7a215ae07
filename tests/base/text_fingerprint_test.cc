#include "base/text_fingerprint.h"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

constexpr size_t kMaxBytes = sizeof(TextWords);

const FingerprintKey& Key() {
  static const FingerprintKey key{KeyedHash()};
  return key;
}

TextFingerprint Of(std::string_view first, std::string_view second) {
  FingerprintSum sum(Key());
  sum.Add(LoadText(first));
  sum.Add(LoadText(second));
  return sum.Get();
}

TEST(TextFingerprintTest, DependsOnTheTextsAndOnNothingBehindThem) {
  for (size_t size = 0; size <= kMaxBytes; ++size) {
    const std::string text(size, 'a');
    const std::string a = text + std::string(kMaxBytes, 'x');
    const std::string b = text + std::string(kMaxBytes, 'y');
    EXPECT_EQ(Of(std::string_view(a).substr(0, size), ""),
              Of(std::string_view(b).substr(0, size), ""))
        << size;
  }
}

TEST(TextFingerprintTest, TellsAByteAnywhere) {
  for (size_t at = 0; at < kMaxBytes; ++at) {
    std::string text(kMaxBytes, 'a');
    const TextFingerprint before = Of(text, text);
    std::string other = text;
    other[at] = 'b';
    EXPECT_FALSE(before == Of(other, text)) << at;
    EXPECT_FALSE(before == Of(text, other)) << at;
  }
}

TEST(TextFingerprintTest, TellsWhereATextEnds) {
  EXPECT_FALSE(Of("ab", "c") == Of("a", "bc"));
  EXPECT_FALSE(Of("ab", "") == Of("", "ab"));
  EXPECT_FALSE(Of("pods", "") == Of(std::string_view("pods\0", 5), ""));
}

// Of names as they are in clusters. At random places 269 of these 2,000 would
// stand where five and more are; the key differs from run to run, and so does
// their number (by 37, standard deviation).
TEST(TextFingerprintTest, SpreadsNamesThatAreAlike) {
  constexpr size_t kSlots = 1024, kNames = 2000;
  std::vector<int> names_in(kSlots);
  for (size_t i = 0; i < kNames; ++i) {
    ++names_in[Of(absl::StrCat("team-", i), "configmaps").Slot(kSlots)];
  }
  int crowded = 0;
  for (int names : names_in) {
    if (names > 4) crowded += names;
  }
  EXPECT_LT(crowded, 500);
}

TEST(TextFingerprintTest, DoesNotMeetForAMillionRandomTexts) {
  std::mt19937_64 random(5);
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> met;
  size_t texts = 0;
  for (; texts < 1'000'000; ++texts) {
    std::string text(1 + texts % kMaxBytes, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    const TextFingerprint fingerprint =
        Of(text, absl::StrCat(texts));  // so that short ones differ
    met.emplace(fingerprint.low, fingerprint.high);
  }
  EXPECT_EQ(met.size(), texts);
}

TEST(TextFingerprintTest, IsAnotherOneInAnotherProcess) {
  const FingerprintKey other{KeyedHash()};
  FingerprintSum sum(other);
  sum.Add(LoadText("pods"));
  sum.Add(LoadText(""));
  EXPECT_FALSE(sum.Get() == Of("pods", ""));
}

}  // namespace
}  // namespace oddverb
