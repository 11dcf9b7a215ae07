#include "model/field.h"

#include <set>
#include <string_view>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(FieldTest, EachFieldHasItsOwnKey) {
  std::set<std::string_view> keys;
  for (size_t i = 0; i < static_cast<size_t>(FieldId::kCount); ++i) {
    std::string_view key = FieldKey(static_cast<FieldId>(i));
    EXPECT_FALSE(key.empty());
    EXPECT_TRUE(keys.insert(key).second) << key;
  }
}

TEST(FieldTest, KeysAreThoseOfTheAuditLog) {
  EXPECT_EQ(FieldKey(FieldId::kAuditId), "auditID");
  EXPECT_EQ(FieldKey(FieldId::kRequestUri), "requestURI");
  EXPECT_EQ(FieldKey(FieldId::kSourceIps), "sourceIPs");
  EXPECT_EQ(FieldKey(FieldId::kReceivedTimestamp), "requestReceivedTimestamp");
  EXPECT_EQ(FieldKey(FieldId::kUserExtra), "user.extra");
}

TEST(FieldTest, SetsHoldWhatWasAsked) {
  FieldSet set = Fields({FieldId::kVerb, FieldId::kAnnotations});
  EXPECT_EQ(set.count(), 2u);
  EXPECT_TRUE(set.test(static_cast<size_t>(FieldId::kVerb)));
  EXPECT_TRUE(set.test(static_cast<size_t>(FieldId::kAnnotations)));
  EXPECT_TRUE(Fields({}).none());
  EXPECT_TRUE(AllFields().all());
  EXPECT_EQ(AllFields().size(), static_cast<size_t>(FieldId::kCount));
}

}  // namespace
}  // namespace oddverb
