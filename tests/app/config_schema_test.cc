// The schema, the loader and the redaction know the same keys, and what they
// say of one configuration agrees.
#include "app/config_schema.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "app/config_redaction.h"
#include "app/service_config.h"
#include "detectors/detectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> EmptyEnvironment(std::string_view) {
  return std::nullopt;
}

std::string MistakesOf(std::string_view text) {
  return std::string(
      ParseServiceConfig(text, "c.yaml", &EmptyEnvironment).status().message());
}

// Every key with every kind of source, as JSON, which is YAML as well.
json FullConfig() {
  return json::parse(R"({
    "cluster": "prod", "trusted_proxies": ["10.0.0.0/8"],
    "state_dir": "/state", "threads": 2, "memory": {"max_entities": 5000,
    "held_events": "1MiB", "max_recent_events": 200000, "in_flight": "8MiB", "http_body": "2MiB", "http_bodies": "4MiB"},
    "state": {"secret_bodies": "strip", "max_spool": "4MiB",
              "max_outbox": "1MiB", "max_outbox_findings": 1000,
              "max_dead_letters": "1MiB"},
    "log": {"level": "warn", "format": "json"},
    "checkpoint": {"interval": "2s", "bytes": "1MiB"},
    "order": "arrival", "allowed_lateness": "30s",
    "sources": [
      {"type": "tail", "name": "t", "path": "/a", "start": "end",
       "poll_interval": "2s"},
      {"type": "webhook", "name": "w", "listener": "l"},
      {"type": "files", "name": "f", "paths": ["/x"]},
      {"type": "stdin", "name": "s"},
      {"type": "kafka", "name": "k", "topic": "t", "group": "g",
       "instance_id": "i", "start": "end", "brokers": ["k:9092"],
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"},
       "sasl": "plain", "username": "u", "password": ["p"],
       "properties": {"client.rack": "r"}}],
    "listeners": [
      {"name": "l", "address": ":1", "serve": ["audit", "api"],
       "tls": {"certificate_file": "/c", "key_file": "/k",
               "client_ca_file": "/a"},
       "tokens": ["abc"]},
      {"name": "m", "address": ":2", "serve": ["metrics", "health"]}],
    "external_url": "https://oddverb.example",
    "rules": {"builtin": true, "paths": ["/r"], "enable": ["a"], "disable": ["b*"],
              "min_level": "low", "min_status": "test", "strict": true,
              "placeholders": [{"name": "admins", "values": ["a", "b*"]}]},
    "outputs": [
      {"type": "ndjson", "name": "o", "min_severity": "high", "path": "/o",
       "format": "ecs"},
      {"type": "alertmanager", "name": "a", "min_severity": "low",
       "urls": ["http://a:9093"], "hold": "1m", "resend_interval": "1m",
       "max_alerts": 3, "runbook_url": "https://r/", "labels": {"team": "x"},
       "headers": ["A: b"], "token": "t", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"}},
      {"type": "falcosidekick", "name": "f", "min_severity": "low",
       "url": ["http://f:2801/"], "headers": ["A: b"], "token": "t", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"}},
      {"type": "webhook", "name": "w", "min_severity": "low",
       "url": ["https://w/x"], "format": "ocsf", "body": "array",
       "template": "slack", "template_values": {"k": "v"}, "headers": ["A: b"], "token": "t", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"}},
      {"type": "loki", "name": "k", "min_severity": "low",
       "url": ["https://k/x"], "tenant": "t", "labels": {"env": "x"}, "headers": ["A: b"], "token": "t", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"}},
      {"type": "otlp", "name": "p", "min_severity": "low",
       "url": ["https://p/x"], "resource": {"env": "x"}, "headers": ["A: b"], "token": "t", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"}},
      {"type": "kafka", "name": "q", "min_severity": "low",
       "brokers": ["q:9093"], "topic": "findings", "format": "ecs", "timeout": "1s",
       "tls": {"ca_file": "/a", "certificate_file": "/c", "key_file": "/k"},
       "sasl": "plain", "username": "u", "password": ["p"],
       "properties": {"linger.ms": "50"}}],
    "delivery": {"opened_per_rule": 20, "window": "5m", "retry": "2s",
                 "max_retry": "30s", "drain": "3s"},
    "suppress": [
      {"name": "s", "reason": "r", "expires": "2027-01-31T00:00:00Z",
       "matchers": {"rule": "a.*", "detector": "d", "entity": "e",
                    "entity_kind": "user", "namespace": "n",
                    "source_ip": "10.0.0.0/8", "cluster": "c", "id": "0*"}}],
    "detectors": {"forbidden_burst": {"profile": "sensitive"}}})");
}

json Schema() { return json::parse(ConfigSchemaJson()); }

// "sources/webhook/listener": every key that a mapping of `schema` may have,
// below `path`; mappings of several kinds are told apart by their type.
void ListKeys(const json& schema, const std::string& path,
              std::set<std::string>& keys) {
  if (schema.contains("items")) return ListKeys(schema["items"], path, keys);
  if (schema.contains("anyOf") && !schema.contains("properties")) {
    for (const json& kind : schema["anyOf"]) ListKeys(kind, path, keys);
    return;
  }
  if (!schema.contains("properties")) return;
  const json& properties = schema["properties"];
  std::string kind = path;
  if (properties.contains("type")) {
    kind += properties["type"]["enum"][0].get<std::string>() + "/";
  }
  for (const auto& [key, property] : properties.items()) {
    keys.insert(kind + key);
    ListKeys(property, kind + key + "/", keys);
  }
}

// Mappings whose keys are the user's to choose.
bool HasFreeKeys(std::string_view key) {
  return key == "labels" || key == "resource" || key == "template_values" ||
         key == "properties";
}

// The same of a configuration.
void ListKeysOf(const json& value, const std::string& path,
                std::set<std::string>& keys) {
  if (value.is_array()) {
    for (const json& item : value) ListKeysOf(item, path, keys);
    return;
  }
  if (!value.is_object()) return;
  std::string kind = path;
  if (value.contains("type")) kind += value["type"].get<std::string>() + "/";
  for (const auto& [key, member] : value.items()) {
    keys.insert(kind + key);
    if (!HasFreeKeys(key)) ListKeysOf(member, kind + key + "/", keys);
  }
}

// Every object inside of `value` that is no detector's, by its pointer.
void ListObjects(const json& value, const json::json_pointer& at,
                 std::vector<json::json_pointer>& objects) {
  if (value.is_object()) objects.push_back(at);
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (key != "detectors" && !HasFreeKeys(key))
        ListObjects(member, at / key, objects);
    }
  }
  if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      ListObjects(value[i], at / i, objects);
    }
  }
}

// A checkpoint in Kafka goes with one source alone, a budget with no
// max_entities.
json TopicConfig() {
  json config = FullConfig();
  json source = config["sources"].back();
  config["sources"] = json::array({std::move(source)});
  // Which says how many.
  config["memory"].erase("max_entities");
  config["memory"]["budget"] = "1GiB";
  config["checkpoint"]["kafka"] = json::parse(R"({
    "state_topic": "s", "findings_topic": "f", "dead_letters_topic": "d",
    "observations_topic": "o", "transactional_id": "x",
    "copy_dir": "/var/lib/oddverb", "create_topics": true, "replicas": 2})");
  return config;
}

TEST(ConfigSchemaTest, KnowsExactlyTheKeysOfTheLoader) {
  // The full configuration loads, so the loader knows all of its keys...
  std::set<std::string> loaded;
  for (const json& full : {FullConfig(), TopicConfig()}) {
    ASSERT_EQ(MistakesOf(full.dump()), "");
    ListKeysOf(full, "", loaded);
  }
  loaded.erase("detectors/forbidden_burst/profile");
  for (const DetectorEntry& entry : AllDetectors()) {
    loaded.insert(absl::StrCat("detectors/", std::string(entry.name)));
  }
  // What excludes a key that is there.
  loaded.insert("listeners/tokens_file");
  loaded.insert("outputs/webhook/template_file");
  loaded.insert("outputs/alertmanager/urls_file");
  loaded.insert("outputs/kafka/password_file");
  loaded.insert("sources/kafka/password_file");
  for (const char* type : {"falcosidekick", "webhook", "loki", "otlp"}) {
    loaded.insert(absl::StrCat("outputs/", type, "/url_file"));
  }
  for (const char* type :
       {"alertmanager", "falcosidekick", "webhook", "loki", "otlp"}) {
    loaded.insert(absl::StrCat("outputs/", type, "/headers_file"));
    loaded.insert(absl::StrCat("outputs/", type, "/token_file"));
  }
  // ...which are those of the schema...
  std::set<std::string> known;
  ListKeys(Schema(), "", known);
  EXPECT_THAT(loaded, ::testing::ElementsAreArray(known));
  // ...and of what is effective.
  for (const json& full : {FullConfig(), TopicConfig()}) {
    absl::StatusOr<ServiceConfig> config =
        ParseServiceConfig(full.dump(), "c.yaml", &EmptyEnvironment);
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(json::parse(RedactedConfigJson(*config)).flatten().size(),
              full.flatten().size());
  }
}

TEST(ConfigSchemaTest, AcceptsWhatLoads) {
  EXPECT_EQ(SchemaMismatch(Schema(), FullConfig()), "");
  EXPECT_EQ(SchemaMismatch(Schema(), TopicConfig()), "");
  json full = FullConfig();
  full["threads"] = "${THREADS}";
  full["checkpoint"]["bytes"] = "${BYTES:-1MiB}";
  full["log"]["level"] = "${LEVEL:-info}";
  full["trusted_proxies"] = "10.0.0.0/8";
  full["listeners"][0]["serve"] = "audit";
  full["listeners"][1].erase("tls");
  full["listeners"][0].erase("tokens");
  full["listeners"][0]["tokens_file"] = "/t";
  EXPECT_EQ(SchemaMismatch(Schema(), full), "");
}

TEST(ConfigSchemaTest, RefusesWithTheLoaderAKeyThatIsInNoOtherPlace) {
  for (const json& full : {FullConfig(), TopicConfig()}) {
    std::vector<json::json_pointer> objects;
    ListObjects(full, json::json_pointer(), objects);
    ASSERT_GE(objects.size(), 12u);
    for (const json::json_pointer& at : objects) {
      json wrong = full;
      wrong[at]["no_such_key"] = 1;
      EXPECT_THAT(MistakesOf(wrong.dump()),
                  HasSubstr("unknown key: \"no_such_key\""))
          << at.to_string();
      EXPECT_NE(SchemaMismatch(Schema(), wrong), "") << at.to_string();
    }
  }
}

TEST(ConfigSchemaTest, RequiresWhatTheLoaderRequires) {
  std::vector<json::json_pointer> objects;
  ListObjects(FullConfig(), json::json_pointer(), objects);
  for (const json::json_pointer& at : objects) {
    const json object = FullConfig()[at];
    for (const auto& [key, member] : object.items()) {
      json without = FullConfig();
      without[at].erase(key);
      bool missing =
          MistakesOf(without.dump()).find("missing key: \"" + key + "\"") !=
          std::string::npos;
      EXPECT_EQ(SchemaMismatch(Schema(), without) != "", missing)
          << (at / key).to_string();
    }
  }
}

TEST(ConfigSchemaTest, RefusesWrongValuesWithTheLoader) {
  const std::pair<const char*, json> kCases[] = {
      {"/threads", 65},
      {"/threads", 0},
      {"/threads", "two"},
      {"/memory/max_entities", 1},
      {"/memory/budget", 512},
      {"/memory/in_flight", "64"},
      {"/state/secret_bodies", "drop"},
      {"/state/max_outbox_findings", 1},
      {"/state/max_spool", 7},
      {"/log/level", "loud"},
      {"/checkpoint/interval", "5"},
      {"/checkpoint/bytes", 5},
      {"/checkpoint/bytes", "5 MiB"},
      {"/order", "eventtime"},
      {"/allowed_lateness", "-1s"},
      {"/cluster", json::array({"a"})},
      {"/trusted_proxies", json::object()},
      {"/sources/0/type", "tial"},
      {"/sources/0/start", "middle"},
      {"/sources/0/name", "a b"},
      {"/sources/2/paths", json::array()},
      {"/listeners/0/serve", json::array()},
      {"/listeners/0/serve", json::array({"audits"})},
      {"/listeners/0/tls", json::object()},
      {"/listeners/0/tokens", json::object()},
      {"/outputs/0/type", "table"},
      {"/outputs/0/min_severity", "worst"},
      {"/detectors/no_such", json::object()},
      {"/suppress/0/expires", "never"},
      {"/suppress/0/matchers", "a"},
      {"/delivery/window", "5"},
  };
  for (const auto& [pointer, value] : kCases) {
    json wrong = FullConfig();
    wrong[json::json_pointer(pointer)] = value;
    EXPECT_NE(SchemaMismatch(Schema(), wrong), "") << pointer << " " << value;
    EXPECT_NE(MistakesOf(wrong.dump()), "") << pointer << " " << value;
  }
}

TEST(ConfigSchemaTest, DefaultsAreThoseOfTheLoader) {
  absl::StatusOr<ServiceConfig> config =
      ParseServiceConfig(R"({"sources": [{"type": "tail", "path": "/a"}]})",
                         "c.yaml", &EmptyEnvironment);
  ASSERT_THAT(config, IsOk());
  json effective = json::parse(RedactedConfigJson(*config));
  json properties = Schema()["properties"];
  for (const char* key : {"state_dir", "order", "allowed_lateness"}) {
    EXPECT_EQ(properties[key]["default"], effective[key]) << key;
  }
  for (const char* section : {"memory", "state", "log", "checkpoint"}) {
    json inner = properties[section]["properties"];
    for (const auto& [key, property] : inner.items()) {
      EXPECT_EQ(property["default"], effective[section][key]) << key;
    }
  }
  json tail = properties["sources"]["items"]["anyOf"][0]["properties"];
  for (const char* key : {"name", "start", "poll_interval"}) {
    EXPECT_EQ(tail[key]["default"], effective["sources"][0][key]) << key;
  }
  json output = properties["outputs"]["items"]["anyOf"][0]["properties"];
  for (const char* key : {"name", "path", "min_severity"}) {
    EXPECT_EQ(output[key]["default"], effective["outputs"][0][key]) << key;
  }
}

TEST(ConfigSchemaTest, DescribesEveryKey) {
  std::string text = ConfigSchemaJson();
  EXPECT_THAT(text, HasSubstr("\n  \"type\": \"object\",\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"description\": \"\"")));
  std::set<std::string> keys;
  ListKeys(Schema(), "", keys);
  size_t descriptions = 0;
  for (size_t at = 0; (at = text.find("\"description\"", at)) != text.npos;
       ++at) {
    ++descriptions;
  }
  // The detectors' own names have none.
  EXPECT_EQ(descriptions, keys.size() - AllDetectors().size());
}

}  // namespace
}  // namespace oddverb
