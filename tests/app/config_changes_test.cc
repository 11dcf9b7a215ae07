#include "app/config_changes.h"

#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kBase[] = R"(
cluster: lab
threads: 2
log: {level: info, format: json}
memory: {in_flight: 32MiB}
sources:
  - {type: tail, name: log, path: /a.log}
  - {type: webhook, listener: in}
listeners:
  - {name: in, address: "127.0.0.1:1", serve: [audit],
     tls: {certificate_file: /t.crt, key_file: /t.key}, tokens: [one-token]}
  - {name: my.open, address: "127.0.0.1:2", serve: [metrics]}
outputs:
  - {type: ndjson, name: all}
  - {type: ndjson, name: file, path: /f, min_severity: low}
detectors:
  forbidden_burst: {profile: sensitive}
)";

ServiceConfig ParseConfig(const std::string& text) {
  auto config = ParseServiceConfig(
      text, "/etc/c.yaml", [](std::string_view) { return std::nullopt; });
  EXPECT_THAT(config, IsOk());
  return config.ok() ? *std::move(config) : ServiceConfig();
}

// kBase with one text in another's place.
ServiceConfig With(const std::string& text, const std::string& by) {
  EXPECT_THAT(kBase, HasSubstr(text));
  return ParseConfig(absl::StrReplaceAll(kBase, {{text, by}}));
}

TEST(ConfigChangesTest, TheSameHasNone) {
  ConfigChanges changes =
      CompareConfigs(ParseConfig(kBase), ParseConfig(kBase));
  EXPECT_THAT(changes.live, IsEmpty());
  EXPECT_THAT(changes.restart, IsEmpty());
}

TEST(ConfigChangesTest, NamesEachKeyAndWhenItCounts) {
  struct Case {
    const char* text;
    const char* by;
    const char* live;
    const char* restart;
  };
  const Case kCases[] = {
      {"level: info", "level: debug", "log.level", ""},
      {"format: json", "format: logfmt", "", "log.format"},
      {"threads: 2\n",
       "threads: 2\nrules: {paths: /r, enable: a, disable: b}\n",
       "rules.disable rules.enable rules.paths", ""},
      {"threads: 2\n",
       "threads: 2\nrules: {min_level: high, min_status: test, strict: true}\n",
       "rules.min_level rules.min_status rules.strict", ""},
      {"threads: 2", "threads: 3", "", "threads"},
      {"threads: 2\n", "\n", "", "threads"},
      {"32MiB", "33MiB", "", "memory.in_flight"},
      {"path: /a.log", "path: /b.log", "", "sources.log.path"},
      {"[one-token]", "[other-token]", "listeners.in.tokens", ""},
      {"[one-token]", "[one-token, another]", "listeners.in.tokens", ""},
      {"/t.crt", "/u.crt", "listeners.in.tls.certificate_file", ""},
      {"127.0.0.1:2", "127.0.0.1:3", "", "listeners.my.open.address"},
      {"serve: [metrics]}", "serve: [metrics], tokens: [a]}",
       "listeners.my.open.tokens", ""},
      // TLS that comes is another protocol.
      {"serve: [metrics]}",
       "serve: [metrics], tls: {certificate_file: /c, key_file: /k}}", "",
       "listeners.my.open.tls.certificate_file "
       "listeners.my.open.tls.client_ca_file listeners.my.open.tls.key_file"},
      {"min_severity: low", "min_severity: high", "outputs.file.min_severity",
       ""},
      {"name: all", "name: all, min_severity: high", "outputs.all.min_severity",
       ""},
      // An output that goes and another one that comes.
      {"name: file", "name: other", "",
       "outputs.file.format outputs.file.min_severity outputs.file.name "
       "outputs.file.path outputs.file.type outputs.other.format "
       "outputs.other.min_severity outputs.other.name outputs.other.path "
       "outputs.other.type"},
      {"profile: sensitive", "profile: quiet", "",
       "detectors.forbidden_burst.profile"},
  };
  for (const Case& c : kCases) {
    ConfigChanges changes =
        CompareConfigs(ParseConfig(kBase), With(c.text, c.by));
    EXPECT_EQ(absl::StrJoin(changes.live, " "), c.live) << c.by;
    EXPECT_EQ(absl::StrJoin(changes.restart, " "), c.restart) << c.by;
    // All that is live is taken over, and nothing else.
    ServiceConfig taken = ParseConfig(kBase);
    CopyLiveKeys(With(c.text, c.by), taken);
    ConfigChanges left = CompareConfigs(taken, With(c.text, c.by));
    EXPECT_THAT(left.live, IsEmpty()) << c.by;
    EXPECT_EQ(left.restart, changes.restart) << c.by;
  }
}

TEST(ConfigChangesTest, SeesOtherTokensInTheSameFile) {
  TempFolder folder;
  folder.Write("tokens", "one-token\n");
  std::string text = absl::StrReplaceAll(
      kBase,
      {{"tokens: [one-token]", "tokens_file: " + folder.path("tokens")}});
  ServiceConfig before = ParseConfig(text);
  folder.Write("tokens", "one-token\ntwo-token\n");
  ConfigChanges changes = CompareConfigs(before, ParseConfig(text));
  EXPECT_THAT(changes.live, ElementsAre("listeners.in.tokens_file"));
  EXPECT_THAT(changes.restart, IsEmpty());
  for (const std::string& key : changes.live) {
    EXPECT_THAT(key, Not(HasSubstr("two")));
  }
}

}  // namespace
}  // namespace oddverb
