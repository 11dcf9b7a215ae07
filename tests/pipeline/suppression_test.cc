#include "pipeline/suppression.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/delivery.h"
#include "tests/support/capturing_exporter.h"
#include "tests/support/delivery_findings.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(SuppressionTest, AGlobMatchesTheWholeText) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},           {"", "a", false},
      {"a", "a", true},         {"a", "ab", false},
      {"*", "", true},          {"*", "anything", true},
      {"a*", "a", true},        {"a*c", "abbbc", true},
      {"a*c", "abbbcd", false}, {"*b*", "abc", true},
      {"a?c", "abc", true},     {"a?c", "ac", false},
      {"*ab*ab", "abab", true}, {"*aab", "aaaab", true},
      {"**a**", "bab", true},   {"a*b*c", "aXbXbXc", true},
      {"A", "a", false},        {"forbidden.*", "forbidden.fanout", true},
      {"*?", "", false},        {"[a]", "a", false},
      {"[a]", "[a]", true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(MatchesGlob(c.pattern, c.text), c.matches)
        << c.pattern << " on " << c.text;
  }
}

// Backtracking over every star would take longer than the universe is old.
TEST(SuppressionTest, AGlobTakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(253, 'a')));
}

Suppression Entry(std::vector<std::pair<SuppressedBy, std::string>> patterns) {
  Suppression entry;
  entry.name = "entry";
  for (auto& [field, pattern] : patterns) {
    entry.patterns[static_cast<size_t>(field)] = std::move(pattern);
  }
  return entry;
}

Finding Sample() {
  Finding finding = FindingOf(0xab, Severity::kHigh);
  finding.entity_kind = "user";
  finding.what.namespaces = {"web", "web-test"};
  finding.where.source_ip = "10.1.2.3";
  return finding;
}

bool Suppresses(const Suppression& entry, const Finding& finding) {
  return SuppressionList({entry}).Find(finding) != nullptr;
}

TEST(SuppressionTest, EachMatcherLooksAtItsField) {
  const std::pair<SuppressedBy, const char*> fit[] = {
      {SuppressedBy::kRule, "test.*"},     {SuppressedBy::kDetector, "test"},
      {SuppressedBy::kEntity, "user-1?1"}, {SuppressedBy::kEntityKind, "user"},
      {SuppressedBy::kNamespace, "web*"},  {SuppressedBy::kSourceIp, "10.1.*"},
      {SuppressedBy::kCluster, "lab"},     {SuppressedBy::kId, "*00ab"}};
  ASSERT_EQ(std::size(fit), SuppressedByNames().size());
  for (const auto& [field, pattern] : fit) {
    EXPECT_TRUE(Suppresses(Entry({{field, pattern}}), Sample()))
        << SuppressedByNames()[static_cast<size_t>(field)];
    EXPECT_FALSE(Suppresses(Entry({{field, "other"}}), Sample()));
    // All that is named must match.
    EXPECT_FALSE(
        Suppresses(Entry({{field, pattern},
                          {field == SuppressedBy::kRule ? SuppressedBy::kEntity
                                                        : SuppressedBy::kRule,
                           "other"}}),
                   Sample()));
  }
  EXPECT_FALSE(Suppresses(Entry({}), Sample()));
}

TEST(SuppressionTest, AnAddressMayBeGivenAsANetwork) {
  EXPECT_TRUE(
      Suppresses(Entry({{SuppressedBy::kSourceIp, "10.0.0.0/8"}}), Sample()));
  EXPECT_FALSE(
      Suppresses(Entry({{SuppressedBy::kSourceIp, "10.2.0.0/16"}}), Sample()));
}

TEST(SuppressionTest, AllNamespacesMustMatch) {
  Suppression web = Entry({{SuppressedBy::kNamespace, "web"}});
  Finding finding = Sample();
  EXPECT_FALSE(Suppresses(web, finding));
  finding.what.namespaces = {"web"};
  EXPECT_TRUE(Suppresses(web, finding));
  finding.what.namespaces.clear();
  EXPECT_FALSE(Suppresses(web, finding));
  // There may be others that the list had no room for.
  finding.what.namespaces.assign(Finding::kMaxListed, "web");
  EXPECT_FALSE(Suppresses(web, finding));
}

TEST(SuppressionTest, EndsWithItsDayInEventTime) {
  Suppression entry = Entry({{SuppressedBy::kRule, "test.rule"}});
  Finding finding = Sample();
  entry.expires = finding.time + absl::Microseconds(1);
  EXPECT_TRUE(Suppresses(entry, finding));
  entry.expires = finding.time;
  EXPECT_FALSE(Suppresses(entry, finding));
}

class SuppressedDeliveryTest : public ::testing::TestWithParam<DeliveryPolicy> {
};

TEST_P(SuppressedDeliveryTest, SuppressedFindingsAreCountedAndNeverSent) {
  Suppression entry = Entry({{SuppressedBy::kEntity, "user-1"}});
  entry.expires = kDeliveryStart + absl::Minutes(1);
  CapturingExporter exporter;
  Delivery delivery(
      {.policy = GetParam(), .suppressions = SuppressionList({entry})},
      {&exporter});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(delivery
                    .Deliver({FindingOf(1, Severity::kMedium, 8 << i),
                              FindingOf(2, Severity::kMedium)})
                    .ok());
  }
  DeliveryCounts counts = delivery.counts_so_far();
  EXPECT_THAT(counts.suppressed,
              ElementsAre(Pair(Pair("test", "suppressed"), 1)));
  EXPECT_THAT(counts.suppressed_by_entry, ElementsAre(Pair("entry", 1)));
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kMedium)], 1u);
  // It goes on when the entry has expired: now it is told.
  Finding later = FindingOf(1, Severity::kMedium, 50);
  later.time = entry.expires;
  ASSERT_TRUE(delivery.Deliver({later}).ok());
  ASSERT_TRUE(delivery.Finish().ok());
  EXPECT_THAT(
      LinesOf(exporter.findings()),
      ::testing::UnorderedElementsAre("2 open medium 8", "1 open medium 50"));
  EXPECT_EQ(delivery.counts()[static_cast<size_t>(Severity::kMedium)], 2u);
}
INSTANTIATE_TEST_SUITE_P(Policies, SuppressedDeliveryTest,
                         ::testing::Values(DeliveryPolicy::kAtOnce,
                                           DeliveryPolicy::kOnceAtEnd));

}  // namespace
}  // namespace oddverb
