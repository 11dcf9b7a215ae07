#include "app/config_redaction.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTokenCharacters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

std::string RandomToken(std::mt19937& random) {
  std::string token;
  size_t length = 16 + random() % 48;
  for (size_t i = 0; i < length; ++i) {
    token += kTokenCharacters[random() % (sizeof(kTokenCharacters) - 1)];
  }
  return token;
}

// No eight characters of it in a row.
void ExpectHidden(const std::string& secret, const std::string& text) {
  for (size_t at = 0; at + 8 <= secret.size(); ++at) {
    EXPECT_THAT(text, Not(HasSubstr(secret.substr(at, 8))));
  }
}

// Secrets come from all doors: the text, a variable, a file.
TEST(ConfigRedactionTest, ShowsNoSecretFromAnyDoor) {
  std::mt19937 random(20261125);
  TempFolder folder;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> secrets;
    for (int i = 0; i < 4; ++i) secrets.push_back(RandomToken(random));
    folder.Write("tokens", absl::StrCat(secrets[2], "\n", secrets[3], "\n"));
    absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
        absl::StrCat("sources: [{type: stdin}]\n"
                     "listeners:\n"
                     "- {name: a, address: 'localhost:1', serve: api, tokens: "
                     "['",
                     secrets[0],
                     "', '${TOKEN}']}\n"
                     "- {name: b, address: 'localhost:2', serve: api, "
                     "tokens_file: tokens}\n"),
        folder.path("c.yaml"),
        [&secrets](std::string_view) { return secrets[1]; });
    ASSERT_THAT(config, IsOk());
    ASSERT_EQ(config->listeners[0].tokens.values.size(), 2u);
    ASSERT_EQ(config->listeners[1].tokens.values.size(), 2u);
    std::string shown = RedactedConfigJson(*config);
    for (const std::string& secret : secrets) ExpectHidden(secret, shown);
    json listeners = json::parse(shown)["listeners"];
    EXPECT_EQ(listeners[0]["tokens"], json::array({"<secret>", "<secret>"}));
    EXPECT_EQ(listeners[1]["tokens_file"], folder.path("tokens"));
    EXPECT_FALSE(listeners[1].contains("tokens"));
  }
}

TEST(ConfigRedactionTest, NoMistakeShowsASecret) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string secret = RandomToken(random);
    for (const char* rest :
         {"tokens: ['SECRET SECRET']", "tokens: [[SECRET]]",
          "tokens: {SECRET: SECRET}", "tokens: ['SECRET\\u00e9', '']",
          "token: 'SECRET'", "tokens: ['SECRET'], tokens_file: x",
          "tokens: '${TOKEN}', serv: api"}) {
      absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
          absl::StrCat("sources: [{type: stdin}]\nlisteners: [{name: a, "
                       "address: 'localhost:1', serve: api, ",
                       absl::StrReplaceAll(rest, {{"SECRET", secret}}), "}]"),
          "c.yaml", [&secret](std::string_view) { return secret + " "; });
      ASSERT_FALSE(config.ok()) << rest;
      ExpectHidden(secret, std::string(config.status().message()));
    }
  }
}

TEST(ConfigRedactionTest, LoadsAsTheSameConfiguration) {
  auto environment = [](std::string_view) -> std::optional<std::string> {
    return "a${b} \"c\" \\ \u00e9";
  };
  absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
      "cluster: \"${X}\"\n"
      "trusted_proxies: [10.0.0.0/8, 10.0.0.1, 'fd00::/8', '::ffff:0:0/96']\n"
      "checkpoint: {interval: 1m30s, bytes: 65537B}\n"
      "allowed_lateness: 0s\n"
      "sources: [{type: tail, path: 'x $${Y}'}, {type: files, paths: ['a b']}]"
      "\n"
      "listeners: [{name: a, address: ':1', serve: [health, metrics], tls: "
      "{certificate_file: c, key_file: k}}]\n"
      "outputs: []\n"
      "detectors: {metadata_access: {extra_hosts: [10.1.1.1]}}\n",
      "/etc/c.yaml", environment);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->sources[0].path, "/etc/x ${Y}");
  std::string shown = RedactedConfigJson(*config);
  absl::StatusOr<ServiceConfig> again =
      ParseServiceConfig(shown, "/other/d.yaml", environment);
  ASSERT_THAT(again, IsOk()) << shown;
  EXPECT_EQ(again->cluster, config->cluster);
  EXPECT_EQ(again->sources[0].path, "/etc/x ${Y}");
  EXPECT_EQ(RedactedConfigJson(*again), shown);
  EXPECT_THAT(shown, HasSubstr("\"10.0.0.1/32\""));
  EXPECT_THAT(shown, HasSubstr("\"fd00::/8\""));
}

}  // namespace
}  // namespace oddverb
