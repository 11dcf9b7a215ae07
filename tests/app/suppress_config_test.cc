// The keys suppress and delivery of a configuration, and what is said of them.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/build.h"
#include "app/config_check.h"
#include "app/config_redaction.h"
#include "app/service_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTailSource[] = "sources: [{type: tail, path: /a.log}]\n";
constexpr char kGood[] =
    "suppress:\n"
    "- name: backup\n"
    "  matchers: {rule: forbidden.*, entity: \"system:serviceaccount:ops:*\",\n"
    "             source_ip: 10.0.0.0/8}\n"
    "  reason: lists all namespaces, ticket 4711\n"
    "  expires: 2027-01-31\n"
    "- {name: one, matchers: {id: 7f3c0a*}, reason: seen,\n"
    "   expires: \"2027-02-01T12:30:00.5+02:00\"}\n";

absl::StatusOr<ServiceConfig> ParseSuppress(std::string_view text) {
  return ParseServiceConfig(
      absl::StrCat(kTailSource, std::string(text)), "/etc/c.yaml",
      [](std::string_view) { return std::optional<std::string>(); });
}
std::string MistakesIn(std::string_view text) {
  return std::string(ParseSuppress(text).status().message());
}

std::string PatternOf(const Suppression& entry, SuppressedBy field) {
  return entry.patterns[static_cast<size_t>(field)];
}

TEST(SuppressConfigTest, LoadsItsEntries) {
  auto config = ParseSuppress(kGood);
  ASSERT_THAT(config, IsOk());
  ASSERT_EQ(config->suppress.size(), 2u);
  const SuppressConfig& backup = config->suppress[0];
  EXPECT_EQ(backup.name, "backup");
  EXPECT_EQ(backup.place, "/etc/c.yaml:3:3");
  EXPECT_EQ(PatternOf(backup, SuppressedBy::kRule), "forbidden.*");
  EXPECT_EQ(PatternOf(backup, SuppressedBy::kEntity),
            "system:serviceaccount:ops:*");
  EXPECT_EQ(PatternOf(backup, SuppressedBy::kSourceIp), "10.0.0.0/8");
  EXPECT_EQ(PatternOf(backup, SuppressedBy::kCluster), "");
  EXPECT_EQ(backup.reason, "lists all namespaces, ticket 4711");
  EXPECT_EQ(backup.expires, absl::FromUnixSeconds(1'801'353'600));
  EXPECT_EQ(config->suppress[1].expires,
            absl::FromUnixMillis(1'801'477'800'500));
}

TEST(SuppressConfigTest, NamesEachMistakeWithItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"suppress: [{matchers: {rule: a}, reason: r, expires: 2027-01-31}]",
       "2:12: missing key: \"name\""},
      {"suppress: [{name: a, reason: r, expires: 2027-01-31}]",
       "2:12: missing key: \"matchers\"; for example matchers: {rule:"},
      {"suppress: [{name: a, matchers: {}, reason: r, expires: 2027-01-31}]",
       "2:32: an entry without matchers would suppress every finding"},
      {"suppress: [{name: a, matchers: {rule: \"\"}, reason: r, "
       "expires: 2027-01-31}]",
       "2:32: an entry without matchers would suppress every finding"},
      {"suppress: [{name: a, matchers: {entty: x}, reason: r, "
       "expires: 2027-01-31}]",
       "2:33: unknown key: \"entty\" (did you mean \"entity\"?)"},
      {"suppress: [{name: a, matchers: {user_agent: x}, reason: r, "
       "expires: 2027-01-31}]",
       "unknown key: \"user_agent\""},
      {"suppress: [{name: a, matchers: {rule: x}, expires: 2027-01-31}]",
       "2:12: missing key: \"reason\""},
      {"suppress: [{name: a, matchers: {rule: x}, reason: r}]",
       "2:12: missing key: \"expires\"; for example expires: 2027-01-31"},
      {"suppress: [{name: a, matchers: {rule: x}, reason: r, expires: never}]",
       "2:63: expected a date such as 2027-01-31 or a time such as "
       "2027-01-31T12:00:00Z, got \"never\""},
      {"suppress: [{name: a, matchers: {source_ip: 10.0.0.0/99}, reason: r, "
       "expires: 2027-01-31}]",
       "2:44: \"10.0.0.0/99\" is no network"},
      {"suppress:\n"
       "- {name: a, matchers: {rule: x}, reason: r, expires: 2027-01-31}\n"
       "- {name: a, matchers: {rule: y}, reason: r, expires: 2027-01-31}\n",
       "4:10: the name \"a\" is taken by the entry of line 3"},
      {"delivery: {opened_per_rule: 0}", "expected a number from 1 to"},
      {"delivery: {windw: 5m}", "did you mean \"window\"?"},
  };
  for (const auto& [yaml, mistake] : cases) {
    std::string mistakes = MistakesIn(yaml);
    EXPECT_THAT(mistakes, HasSubstr(mistake)) << yaml;
    EXPECT_THAT(mistakes, Not(HasSubstr("\n"))) << yaml;
  }
}

TEST(SuppressConfigTest, TakesOnlyDatesAndTimes) {
  auto loads = [](const char* moment) {
    return ParseSuppress(
               absl::StrCat("suppress: [{name: a, matchers: {rule: x}, "
                            "reason: r, expires: \"",
                            moment, "\"}]"))
        .ok();
  };
  for (const char* good : {"2027-01-31", "2027-01-31T00:00:00Z",
                           "2027-01-31T00:00:00.123456+05:30"}) {
    EXPECT_TRUE(loads(good)) << good;
  }
  for (const char* bad :
       {"", "infinite-future", "2027", "2027-13-01", "2027-02-30",
        "2027-01-31 00:00:00", "2027-01-31T00:00:00", "31.1.2027", "24h"}) {
    EXPECT_FALSE(loads(bad)) << bad;
  }
}

TEST(SuppressConfigTest, ItsRedactedFormLoadsAsTheSame) {
  auto config = ParseSuppress(kGood);
  ASSERT_THAT(config, IsOk());
  std::string redacted = RedactedConfigJson(*config);
  auto again = ParseServiceConfig(
      redacted, "/etc/c.yaml",
      [](std::string_view) { return std::optional<std::string>(); });
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(RedactedConfigJson(*again), redacted);
  auto entry = nlohmann::json::parse(redacted)["suppress"][1];
  EXPECT_EQ(entry["expires"], "2027-02-01T10:30:00.5Z");
  EXPECT_EQ(entry["matchers"].size(), 1u);
}

TEST(SuppressConfigTest, TheCheckTellsWhatHasExpired) {
  auto config = ParseSuppress(kGood);
  ASSERT_THAT(config, IsOk());
  auto warnings = [&](absl::Time now) {
    return CheckConfigFiles(*config, now).warnings.lines();
  };
  absl::Time end = config->suppress[0].expires;
  auto expired = Contains(
      HasSubstr("/etc/c.yaml:3:3: warning: suppress entry backup has expired "
                "at 2027-01-31T00:00:00Z"));
  EXPECT_THAT(warnings(end - absl::Seconds(1)), Not(expired));
  EXPECT_THAT(warnings(end), expired);
}

// A scan takes the same key from its --config.
TEST(SuppressConfigTest, AScanLoadsThemToo) {
  TempFolder folder;
  ScanOptions options;
  options.config_file = folder.Write("scan.yaml", kGood);
  auto settings = LoadSettings(options);
  ASSERT_THAT(settings, IsOk());
  Finding finding;
  finding.id.high = 0x7f3c0a0000000000;
  const Suppression* entry = settings->suppressions.Find(finding);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->name, "one");
  options.config_file = folder.Write(
      "bad.yaml", "suppress: [{name: a, matchers: {}, reason: r}]\nclstr: x");
  std::string mistakes(LoadSettings(options).status().message());
  EXPECT_THAT(mistakes, HasSubstr("bad.yaml:1:12: missing key: \"expires\""));
  EXPECT_THAT(mistakes, HasSubstr("bad.yaml:1:32: an entry without matchers"));
  EXPECT_THAT(mistakes, HasSubstr("bad.yaml:2:1: unknown key: \"clstr\""));
}

}  // namespace
}  // namespace oddverb
