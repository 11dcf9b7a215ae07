#include "detectors/metadata_resources.h"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

bool HasRun(std::string_view text, size_t least, std::string_view bytes) {
  size_t run = 0, longest = 0;
  for (char c : text) {
    run = bytes.find(c) != bytes.npos ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest >= least;
}

// As its comment says it, one condition after the other.
bool MayNameTargetPlainly(std::string_view text) {
  if (HasRun(text, 8, "0123456789.:xXabcdefABCDEF")) return true;
  if (HasRun(text, 12,
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
             "0123456789+/-_")) {
    return true;
  }
  const std::string lower = absl::AsciiStrToLower(A(text));
  for (std::string_view word :
       {"metadata", "meta-data", "instance-data", "latest/", "%", "169",
        "user-data", "rancher"}) {
    if (absl::StrContains(lower, A(word))) return true;
  }
  return false;
}

TEST(MetadataResourcesTest, MayNameTargetIsRunsAndWords) {
  constexpr std::string_view kPieces[] = {
      "meta",  "data", "-",    "METADATA", "user", "instance", "Latest", "/",
      "ranch", "er",   "169",  ".",        "254",  "%",        "0xa9fe", "a9fe",
      " ",     ":",    "2852", "039166",   "ZWNo", "bytI",     "=",      "é"};
  std::mt19937 random(3);
  int named = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t pieces = random() % 6; pieces > 0; --pieces) {
      text += kPieces[random() % std::size(kPieces)];
    }
    const bool expected = MayNameTargetPlainly(text);
    ASSERT_EQ(MayNameTarget(text), expected) << text;
    named += expected ? 1 : 0;
  }
  // Both happen.
  EXPECT_GT(named, 50'000);
  EXPECT_LT(named, 180'000);
}

}  // namespace
}  // namespace oddverb
