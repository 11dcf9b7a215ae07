#include "app/service_config.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/http_options.h"
#include "pipeline/pipeline.h"
#include "pipeline/sqlite_checkpoint.h"
#include "tests/support/input_files.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::optional<std::string> NoEnvironment(std::string_view) {
  return std::nullopt;
}

absl::StatusOr<ServiceConfig> Parse(std::string_view text) {
  return ParseServiceConfig(text, "/etc/c.yaml", &NoEnvironment);
}

constexpr char kTail[] = "sources: [{type: tail, path: /a.log}]\n";

TEST(ServiceConfigTest, TakesTheSizesThatAreNotSetFromTheBudget) {
  absl::StatusOr<ServiceConfig> config =
      Parse(absl::StrCat("memory: {budget: 512MiB, in_flight: 3MiB}\n", kTail));
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->memory_budget, 512 << 20);
  EXPECT_EQ(config->in_flight, 3 << 20);
  EXPECT_LT(config->max_recent_events, 8'000'000);
  ASSERT_TRUE(config->entity_budget.has_value());
  absl::StatusOr<ServiceConfig> larger =
      Parse(absl::StrCat("memory: {budget: 1GiB}\n", kTail));
  ASSERT_THAT(larger, IsOk());
  EXPECT_GT(larger->max_recent_events, config->max_recent_events);
  for (size_t kind = 0; kind < 3; ++kind) {
    EXPECT_GT(larger->entity_budget->shards[kind].max_entities,
              config->entity_budget->shards[kind].max_entities);
  }
}

TEST(ServiceConfigTest, WithoutABudgetEachSizeHasItsOwnDefault) {
  absl::StatusOr<ServiceConfig> config = Parse(kTail);
  ASSERT_THAT(config, IsOk());
  EXPECT_FALSE(config->entity_budget.has_value());
  EXPECT_EQ(config->max_entities, 1'000'000);
}

TEST(ServiceConfigTest, LoadsEveryKey) {
  absl::StatusOr<ServiceConfig> config = Parse(R"(
cluster: prod-eu-1
trusted_proxies: [10.0.0.0/8, "::1"]
state_dir: state
threads: 3
state: {secret_bodies: strip, max_spool: 9MiB, max_outbox: 8MiB,
  max_outbox_findings: 7000, max_dead_letters: 6MiB}
memory: {max_entities: 5000, held_events: 8MiB, max_recent_events: 150000, in_flight: 3MiB, http_body: 2MiB, http_bodies: 4MiB}
log: {level: debug, format: json}
checkpoint: {interval: 2s, bytes: 1MiB}
order: event_time
allowed_lateness: 30s
sources:
  - {type: tail, name: node, path: logs/audit.log, start: end, poll_interval: 5s}
  - {type: webhook, listener: hook}
  - {type: files, paths: [/x/, "*.gz"]}
  - {type: stdin}
listeners:
  - name: hook
    address: "[::]:8443"
    serve: [audit, metrics, audit]
    tls: {certificate_file: t.crt, key_file: /k/t.key, client_ca_file: ca.crt}
    tokens: abc
  - {name: open, address: ":9642", serve: health}
outputs:
  - {type: ndjson, name: all, path: out.ndjson}
  - {type: ndjson, min_severity: high}
detectors:
  forbidden_burst: {profile: sensitive}
)");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->file, "/etc/c.yaml");
  EXPECT_EQ(config->cluster, "prod-eu-1");
  ASSERT_EQ(config->trusted_proxies.size(), 2u);
  EXPECT_TRUE(
      config->trusted_proxies[0].Contains(*IpAddress::Parse("10.9.9.9")));
  EXPECT_EQ(config->trusted_proxies[1].prefix_bits, 128);
  EXPECT_EQ(config->state_dir, "/etc/state");
  EXPECT_EQ(config->threads, 3);
  EXPECT_EQ(config->max_entities, 5000);
  EXPECT_EQ(config->max_held_bytes, 8 << 20);
  EXPECT_EQ(config->order, EventOrder::kEventTime);
  EXPECT_EQ(config->max_recent_events, 150'000);
  EXPECT_EQ(config->in_flight, 3 << 20);
  EXPECT_EQ(config->http_body, 2 << 20);
  EXPECT_EQ(config->http_bodies, 4 << 20);
  EXPECT_EQ(config->secret_bodies, SecretBodies::kStrip);
  EXPECT_EQ(config->max_spool, 9 << 20);
  EXPECT_EQ(config->max_outbox, 8 << 20);
  EXPECT_EQ(config->max_outbox_findings, 7000);
  EXPECT_EQ(config->max_dead_letters, 6 << 20);
  EXPECT_EQ(config->log.level, LogLevel::kDebug);
  EXPECT_EQ(config->log.format, LogFormat::kJson);
  EXPECT_EQ(config->checkpoint_interval, absl::Seconds(2));
  EXPECT_EQ(config->checkpoint_bytes, 1 << 20);
  EXPECT_EQ(config->allowed_lateness, absl::Seconds(30));

  ASSERT_EQ(config->sources.size(), 4u);
  const SourceConfig& tail = config->sources[0];
  EXPECT_EQ(tail.type, SourceConfig::Type::kTail);
  EXPECT_EQ(tail.name, "node");
  EXPECT_EQ(tail.path, "/etc/logs/audit.log");
  EXPECT_EQ(tail.start, SourceConfig::Start::kEnd);
  EXPECT_EQ(tail.poll_interval, absl::Seconds(5));
  EXPECT_EQ(tail.place, "/etc/c.yaml:14:5");
  EXPECT_EQ(config->sources[1].type, SourceConfig::Type::kWebhook);
  EXPECT_EQ(config->sources[1].name, "webhook");
  EXPECT_EQ(config->sources[1].listener, "hook");
  EXPECT_EQ(config->sources[2].type, SourceConfig::Type::kFiles);
  EXPECT_THAT(config->sources[2].paths, ElementsAre("/x/", "/etc/*.gz"));
  EXPECT_EQ(config->sources[3].type, SourceConfig::Type::kStdin);

  ASSERT_EQ(config->listeners.size(), 2u);
  const ListenerConfig& hook = config->listeners[0];
  EXPECT_EQ(hook.address, "[::]:8443");
  EXPECT_THAT(hook.serve, ElementsAre(Served::kAudit, Served::kMetrics));
  EXPECT_TRUE(hook.serves(Served::kAudit));
  EXPECT_FALSE(hook.serves(Served::kApi));
  ASSERT_TRUE(hook.tls.has_value());
  EXPECT_EQ(hook.tls->certificate_file, "/etc/t.crt");
  EXPECT_EQ(hook.tls->key_file, "/k/t.key");
  EXPECT_EQ(hook.tls->client_ca_file, "/etc/ca.crt");
  EXPECT_THAT(hook.tokens.values, ElementsAre("abc"));
  EXPECT_THAT(config->listeners[1].serve, ElementsAre(Served::kHealth));
  EXPECT_FALSE(config->listeners[1].tls.has_value());

  ASSERT_EQ(config->outputs.size(), 2u);
  EXPECT_EQ(config->outputs[0].name, "all");
  EXPECT_EQ(config->outputs[0].path, "/etc/out.ndjson");
  EXPECT_EQ(config->outputs[0].min_severity, Severity::kInfo);
  EXPECT_EQ(config->outputs[1].name, "ndjson");
  EXPECT_EQ(config->outputs[1].path, "-");
  EXPECT_EQ(config->outputs[1].min_severity, Severity::kHigh);
  EXPECT_EQ(config->detectors.Get("forbidden_burst")
                .Get("profile")
                .AsString()
                .value(),
            "sensitive");
}

TEST(ServiceConfigTest, DefaultsAreThoseOfTheParts) {
  absl::StatusOr<ServiceConfig> config = Parse(kTail);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->cluster, "");
  EXPECT_EQ(config->state_dir, "/var/lib/oddverb");
  EXPECT_EQ(config->threads, 0);
  PipelineOptions pipeline;
  EXPECT_EQ(config->in_flight, pipeline.max_bytes_under_way);
  EXPECT_EQ(config->max_recent_events, pipeline.max_recent_events);
  EXPECT_EQ(config->secret_bodies, pipeline.secret_bodies);
  HttpLimits http;
  EXPECT_EQ(config->http_body, http.max_body_bytes);
  EXPECT_EQ(config->http_bodies, http.max_body_bytes_in_flight);
  SqliteCheckpoint::Options state;
  EXPECT_EQ(config->max_spool, state.max_spool_bytes);
  EXPECT_EQ(config->max_outbox, state.max_outbox_bytes);
  EXPECT_EQ(config->max_outbox_findings, state.max_outbox_findings);
  EXPECT_EQ(config->max_dead_letters, state.max_dead_letter_bytes);
  EXPECT_EQ(config->allowed_lateness, absl::Seconds(10));
  EXPECT_EQ(config->sources[0].name, "tail");
  EXPECT_EQ(config->sources[0].start, SourceConfig::Start::kBeginning);
  EXPECT_THAT(config->listeners, IsEmpty());
  ASSERT_EQ(config->outputs.size(), 1u);
  EXPECT_EQ(config->outputs[0].name, "ndjson");
  EXPECT_EQ(config->outputs[0].path, "-");

  config = Parse(absl::StrCat(kTail, "outputs: []\nlisteners:\nlog:\n"));
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->outputs, IsEmpty());
}

TEST(ServiceConfigTest, AWebhookMayComeTwoMinutesLate) {
  const char kWebhook[] =
      "cluster: c\n"
      "sources: [{type: webhook, listener: l}]\n"
      "listeners: [{name: l, address: 'localhost:1', serve: audit}]\n";
  absl::StatusOr<ServiceConfig> config = Parse(kWebhook);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->allowed_lateness, absl::Minutes(2));
  config = Parse(absl::StrCat(kWebhook, "allowed_lateness: 1s\n"));
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->allowed_lateness, absl::Seconds(1));
}

TEST(ServiceConfigTest, TokensComeFromTheFileOrTheText) {
  TempFolder folder;
  folder.Write("tokens", "first\nsecond\n");
  std::string begin = absl::StrCat(
      kTail, "listeners: [{name: a, address: 'localhost:1', serve: api, ");
  std::string path = folder.path("c.yaml");
  auto parse = [&](std::string_view rest) {
    return ParseServiceConfig(absl::StrCat(begin, std::string(rest), "}]"),
                              path, &NoEnvironment);
  };
  absl::StatusOr<ServiceConfig> config = parse("tokens_file: tokens");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->listeners[0].tokens.values,
              ElementsAre("first", "second"));
  EXPECT_EQ(config->listeners[0].tokens.file, folder.path("tokens"));

  const struct {
    std::string_view rest, message;
  } kCases[] = {
      {"tokens: []", "an empty list"},
      {"tokens: ['']", "a token that is empty"},
      {"tokens: ['SECRET SECRET']", "a token with a character"},
      {"tokens: {a: SECRET}", "expected a text or a list of texts"},
      {"tokens: [[SECRET]]", "expected a text, got a list"},
      {"tokens: SECRET, tokens_file: tokens", "exclude each other"},
      {"token: SECRET", "unknown key: \"token\""},
      {"tokens_file: absent", "absent: No such file or directory"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(parse(test.rest),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::AllOf(HasSubstr(std::string(test.message)),
                                          Not(HasSubstr("SECRET")))))
        << test.rest;
  }
}

TEST(ServiceConfigTest, VariablesReachEveryKindOfValue) {
  std::map<std::string, std::string, std::less<>> variables = {
      {"N", "3"},          {"PATH_", "/a.log"}, {"LEVEL", "error"},
      {"TOKEN", "s3cret"}, {"SIZE", "1MiB"},    {"PROFILE", "sensitive"}};
  absl::StatusOr<ServiceConfig> config = ParseServiceConfig(
      "threads: ${N}\n"
      "log: {level: \"${LEVEL}\"}\n"
      "checkpoint: {bytes: \"${SIZE}\", interval: \"${NONE:-5s}\"}\n"
      "sources: [{type: tail, path: \"${PATH_}\"}]\n"
      "listeners: [{name: a, address: 'localhost:${N}', serve: api, tokens: "
      "\"${TOKEN}\"}]\n"
      "detectors: {forbidden_burst: {profile: \"${PROFILE}\"}}\n",
      "c.yaml", [&variables](std::string_view name) {
        auto found = variables.find(name);
        return found == variables.end() ? std::nullopt
                                        : std::optional(found->second);
      });
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->threads, 3);
  EXPECT_EQ(config->log.level, LogLevel::kError);
  EXPECT_EQ(config->checkpoint_bytes, 1 << 20);
  EXPECT_EQ(config->checkpoint_interval, absl::Seconds(5));
  EXPECT_EQ(config->sources[0].path, "/a.log");
  EXPECT_EQ(config->listeners[0].address, "localhost:3");
  EXPECT_THAT(config->listeners[0].tokens.values, ElementsAre("s3cret"));
}

}  // namespace
}  // namespace oddverb
