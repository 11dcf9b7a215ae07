#include "detectors/refused_kind.h"

#include <string>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

RefusedKind Some() {
  RefusedKind kind;
  kind.tuple = 0x0123456789abcdef;
  kind.SetTexts({.verb = "list",
                 .resource = "secrets",
                 .ns = "shop",
                 .name = "",
                 .text = "list secrets in shop, from a new place"});
  kind.weight = 2.5;
  kind.first = absl::FromUnixSeconds(1764000000);
  kind.last = absl::FromUnixSeconds(1764000060);
  kind.count = 3;
  return kind;
}

void ExpectIsSome(const RefusedKind& kind) {
  const RefusedKind some = Some();
  EXPECT_EQ(kind.tuple, some.tuple);
  EXPECT_EQ(kind.weight, some.weight);
  EXPECT_EQ(kind.first, some.first);
  EXPECT_EQ(kind.last, some.last);
  EXPECT_EQ(kind.count, some.count);
  const RefusedKind::Texts texts = kind.texts();
  EXPECT_EQ(texts.verb, "list");
  EXPECT_EQ(texts.resource, "secrets");
  EXPECT_EQ(texts.ns, "shop");
  EXPECT_EQ(texts.name, "");
  EXPECT_EQ(texts.text, "list secrets in shop, from a new place");
}

TEST(RefusedKindTest, AtRestItsTextsComeBack) {
  StateWriter out;
  out.BeginRest({});
  Some().Save(out);
  StateReader in(out.bytes(), RestStart());
  RefusedKind loaded;
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok());
  EXPECT_TRUE(in.AtEnd());
  ExpectIsSome(loaded);
}

// As formats 5 and 6 of the actor have it.
TEST(RefusedKindTest, ACheckpointHasEachTextByItself) {
  StateWriter out;
  const RefusedKind some = Some();
  out.PutFixed64(some.tuple);
  for (const char* text : {"list", "secrets", "shop", "",
                           "list secrets in shop, from a new place"}) {
    out.PutString(text);
  }
  out.PutDouble(some.weight);
  out.PutU64(some.count);
  out.PutTime(some.first);
  out.PutTime(some.last);
  StateReader in(out.bytes());
  RefusedKind loaded;
  loaded.Load(in);
  EXPECT_TRUE(in.status().ok());
  ExpectIsSome(loaded);
  StateWriter again;
  loaded.Save(again);
  EXPECT_EQ(again.bytes(), out.bytes());
}

TEST(RefusedKindTest, WithoutTextsTheyAreEmpty) {
  const RefusedKind::Texts texts = RefusedKind().texts();
  EXPECT_EQ(texts.verb + texts.resource + texts.ns + texts.name + texts.text,
            "");
}

}  // namespace
}  // namespace oddverb
