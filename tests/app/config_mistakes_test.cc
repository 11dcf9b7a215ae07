// Each mistake of a configuration, word by word.
#include "tests/support/config_mistakes.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "app/config_consistency.h"
#include "app/service_config.h"
#include "base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ConfigMistakesTest, NamesWrongValues) {
  ExpectMistakes({
      {"clustr: x",
       {"2:1: unknown key: \"clustr\" (did you mean \"cluster\"?)"}},
      {"cluster: [x]", {"2:10: expected a text, got a list"}},
      {"cluster: \"a\\nb\"",
       {"2:10: expected at most 253 bytes of visible text, got \"a\\u000ab\""}},
      {"threads: 65", {"2:10: expected a number from 1 to 64, got 65"}},
      {"threads: 0", {"2:10: expected a number from 1 to 64, got 0"}},
      {"threads: two", {"2:10: expected a whole number, got \"two\""}},
      {"threads:", {"2:1: expected a whole number, got nothing"}},
      {"memory: {max_entities: 10}",
       {"2:24: expected a number from 1024 to 50000000, got 10"}},
      {"memory: {budget: 255MiB}",
       {"2:18: expected a size from 256MiB to 1024GiB, got 255MiB"}},
      {"memory: {budget: 1GiB, max_entities: 5000}",
       {"2:38: leave max_entities out: the budget says it"}},
      {"memory: {budget: 256MiB, max_recent_events: 8000000}",
       {"2:18: expected at least 402MiB beside the other sizes, got 256MiB"}},
      {"memory: {http_bodies: 4MiB, http_body: 5MiB}",
       {"2:9: http_bodies (4MiB) must be at least http_body (5MiB)"}},
      {"state: {max_spool: 100MiB}",
       {"2:8: max_spool (100MiB) must be at least twice http_body of memory "
        "(64MiB), so that one body can wait while another is judged"}},
      {"state: {secret_bodies: true}",
       {"2:24: expected one of keep, strip, got \"true\""}},
      {"memory: 5MiB", {"2:9: expected a mapping, got \"5MiB\""}},
      {"log: {level: wran}",
       {"2:14: expected one of debug, info, warn, error, got \"wran\"; did "
        "you mean \"warn\"?"}},
      {"log: {levl: info}",
       {"2:7: unknown key: \"levl\" (did you mean \"level\"?)"}},
      {"checkpoint: {interval: 5, bytes: 8}",
       {"2:24: expected a duration such as 90s, 5m, 1h30m or 7d, got \"5\"",
        "2:34: expected a size such as 64KiB, 16MiB or 1MB, got \"8\""}},
      {"checkpoint: {kafka: {state_topic: a/b, replicas: 0}}",
       {"2:21: a checkpoint in Kafka needs one source, of type kafka, as "
        "another process must be able to go on with it; bring the events of "
        "others to a topic with oddverb forward",
        "2:35: expected a name of at most 63 letters, digits, '.', '_', '-', "
        "got \"a/b\"",
        "2:50: expected a number from 1 to 100, got 0"}},
      {"checkpoint: {interval: 99ms, bytes: 2GiB}",
       {"2:24: expected a duration from 100ms to 10m, got 99ms",
        "2:37: expected a size from 64KiB to 1GiB, got 2GiB"}},
      {"order: eventtime",
       {"2:8: expected one of arrival, event_time, got \"eventtime\"; did you "
        "mean \"event_time\"?"}},
      {"memory: {held_events: 5}",
       {"2:23: expected a size such as 64KiB, 16MiB or 1MB, got \"5\""}},
      {"allowed_lateness: 2h",
       {"2:19: expected a duration from 0s to 1h, got 2h"}},
      {"state_dir: ''", {"2:12: expected the path of a file, got \"\""}},
      {"trusted_proxies: [10.0.0.0/8, ten, {}]",
       {"2:31: expected an address or a network such as 10.0.0.0/8, got "
        "\"ten\"",
        "2:36: expected a text, got a mapping"}},
      {"trusted_proxies: {}",
       {"2:18: expected a text or a list of texts, got a mapping"}},
      {"detectors: {forbiden_burst: {}}",
       {"2:13: unknown key: \"forbiden_burst\" (did you mean "
        "\"forbidden_burst\"?)"}},
      {"cluster: ${NAME}\nthreads: ${N}",
       {"2:10: the environment variable NAME is not set; set it, or write "
        "${NAME:-text}",
        "3:10: the environment variable N is not set; set it, or write "
        "${N:-text}"}},
      {"listeners: {name: x}",
       {"2:12: expected a list; begin each item with \"- \", or write "
        "listeners: [{name: probes, address: \":9642\", serve: [metrics, "
        "health]}]"}},
      {"outputs: [x]",
       {"2:11: expected a mapping, as in [{type: ndjson, path: \"-\"}]"}},
  });
}

TEST(ConfigMistakesTest, NamesWrongSources) {
  const Case kCases[] = {
      {"",
       {"1:1: missing key: \"sources\"; for example sources: [{type: "
        "tail, path: /var/log/kubernetes/audit/audit.log}]"}},
      {"sources: []",
       {"1:10: no source, so there is nothing to judge; for example sources: "
        "[{type: tail, path: /var/log/kubernetes/audit/audit.log}]"}},
      {"sources: [{type: tial, path: x}]",
       {"1:18: expected one of tail, webhook, files, stdin, "
        "kafka, got \"tial\"; did "
        "you mean \"tail\"?"}},
      {"sources: [{type: tail}]",
       {"1:11: missing key: \"path\"; for example path: "
        "/var/log/kubernetes/audit/audit.log"}},
      {"sources: [{type: tail, path: /a, start: middle}]",
       {"1:41: expected one of beginning, end, got \"middle\""}},
      {"sources: [{type: tail, path: /a/}, {type: tail, name: b, path: '/*'}]",
       {"1:30: a tail follows one file and finds its rotated ones by itself; "
        "write the path of the file that the API server writes",
        "1:64: a tail follows one file and finds its rotated ones by itself; "
        "write the path of the file that the API server writes"}},
      {"sources: [{type: tail, path: '-'}]",
       {"1:30: \"-\" is no file; for standard input write type: stdin"}},
      {"sources:\n- {type: tail, path: /a}\n- {type: tail, path: /b}\n"
       "- {type: tail, name: c, path: /a}",
       {"3:3: the name \"tail\" is taken by the source of line 2; give this "
        "one another with name:",
        "4:31: this file is read already by the source \"tail\""}},
      {"sources: [{type: files, paths: []}]",
       {"1:32: expected at least one item, got an empty list; for example "
        "paths: [/var/log/kubernetes/audit/]"}},
      {"sources: [{type: files, paths: [a, '-']}]",
       {"1:32: \"-\" is no file; for standard input write type: stdin"}},
      {"sources: [{type: stdin, path: x}, {type: stdin, name: again}]",
       {"1:25: unknown key: \"path\"",
        "1:35: standard input is read already by the source of line 1"}},
      {"sources: [{type: webhook}]",
       {"1:11: missing key: \"listener\"; for example listener: webhook",
        "1:11: a webhook needs the key cluster: the API server posts to "
        "/audit/CLUSTER"}},
      {"sources: [{type: kafka, topic: t}]",
       {"1:11: missing key: \"brokers\"; for example brokers: "
        "[kafka-0:9092]"}},
      {"sources: [{type: kafka, brokers: [k:1], topic: t, sasl: plain}]",
       {"1:11: sasl needs username, and password or password_file"}},
      {"sources: [{type: kafka, brokers: [k:1], topic: t, properties: "
       "{auto.offset.reset: latest}}]",
       {"1:11: properties: the property \"auto.offset.reset\" cannot be set "
        "here: oddverb keeps positions in its own state, together with what it "
        "learned"}},
      {"sources: [{type: kafka, brokers: [k:1], topic: t, properties: "
       "{group.id: g}}]",
       {"1:11: properties: the property \"group.id\" cannot be set here: it is "
        "set by group"}},
      {"sources: [{type: kafka, brokers: [k:1], topic: t, group: \"\"}]",
       {"1:58: a group needs a name; default: oddverb"}},
      {"sources: [{type: kafka, brokers: [k:1], topic: t}, {type: kafka, name: "
       "b, brokers: [k:1], topic: t}]",
       {"1:98: this topic is read already by the source \"kafka\""}},
  };
  for (const Case& test : kCases) {
    EXPECT_THAT(MistakesIn(test.yaml), ElementsAreArray(test.mistakes))
        << test.yaml;
  }
}

TEST(ConfigMistakesTest, NamesAWebhookWithoutItsListener) {
  auto mistakes = [](std::string_view cluster, std::string_view listener) {
    return MistakesIn(absl::StrCat(
        "cluster: ", std::string(cluster),
        "\nsources: [{type: webhook, listener: ", std::string(listener),
        "}]\nlisteners:\n"
        "- {name: hook, address: 'localhost:1', serve: audit}\n"
        "- {name: page, address: 'localhost:2', serve: api}\n"));
  };
  EXPECT_THAT(mistakes("c", "hook"), IsEmpty());
  EXPECT_THAT(mistakes("c", "hok"),
              ElementsAre("2:37: no listener has the name \"hok\"; did you "
                          "mean \"hook\"?"));
  EXPECT_THAT(mistakes("c", "nowhere"),
              ElementsAre("2:37: no listener has the name \"nowhere\"; there "
                          "are hook, page"));
  EXPECT_THAT(mistakes("c", "page"),
              ElementsAre("2:37: the listener \"page\" does not serve audit; "
                          "add audit to its serve list"));
  EXPECT_THAT(mistakes("a/b", "hook"),
              ElementsAre("1:10: with a webhook the cluster is part of a URL: "
                          "only letters, digits and -._~ are possible"));
  // The variable is told once, not also what its text looks like.
  EXPECT_THAT(mistakes("${C}", "\"${L}\""),
              ElementsAre("1:10: the environment variable C is not set; set "
                          "it, or write ${C:-text}",
                          "2:37: the environment variable L is not set; set "
                          "it, or write ${L:-text}"));
  EXPECT_THAT(
      MistakesIn("cluster: c\nsources:\n- {type: webhook, listener: l}\n"
                 "- {type: webhook, name: b, listener: l}\nlisteners:\n"
                 "- {name: l, address: 'localhost:1', serve: audit}"),
      ElementsAre("4:38: the source \"webhook\" has this listener already, "
                  "and the same path /audit/CLUSTER"));
  EXPECT_THAT(MistakesIn("cluster: c\nsources: [{type: webhook, listener: l}]"),
              ElementsAre("2:37: no listener has the name \"l\"; there is "
                          "none; add listeners:"));
}

TEST(ConfigMistakesTest, NamesWrongListeners) {
  ExpectMistakes({
      {"listeners: [{}]",
       {"2:13: missing key: \"name\"; for example name: webhook",
        "2:13: missing key: \"address\"; for example address: 127.0.0.1:9642",
        "2:13: missing key: \"serve\"; for example serve: [metrics, health]"}},
      {"listeners:\n- {name: a, address: 'example.org:80', serve: metrics}",
       {"3:22: not an address to listen on (write 127.0.0.1:8443, [::1]:8443 "
        "or :8443): \"example.org:80\""}},
      {"listeners:\n- {name: a, address: ':1', serve: []}",
       {"3:35: expected at least one item, got an empty list; for example "
        "serve: [metrics, health]"}},
      {"listeners:\n- {name: a, address: ':1', serve: [health, metric]}",
       {"3:44: expected one of audit, metrics, health, api, got \"metric\"; "
        "did you mean \"metrics\"?"}},
      {"listeners:\n- {name: a, address: ':1', serve: health, tls: {key_file: "
       "k}}",
       {"3:48: missing key: \"certificate_file\"; for example "
        "certificate_file: /etc/oddverb/tls.crt"}},
      {"listeners:\n- {name: a, address: '127.0.0.1:1', serve: health}\n"
       "- {name: a, address: ':1', serve: health}",
       {"4:10: the name \"a\" is taken by the listener of line 3; give this "
        "one another with name:",
        "4:22: the listener \"a\" has this port already, at 127.0.0.1:1"}},
  });
}

TEST(ConfigMistakesTest, ListenersShareNoPort) {
  const struct {
    std::string_view first, second;
    bool conflict;
  } kCases[] = {
      {"127.0.0.1:1", "127.0.0.1:1", true},
      {"127.0.0.1:1", "127.0.0.1:2", false},
      {"127.0.0.1:1", "127.0.0.2:1", false},
      {"0.0.0.0:1", "127.0.0.1:1", true},
      {"127.0.0.1:1", "0.0.0.0:1", true},
      {"0.0.0.0:1", "[::1]:1", false},
      {"[::]:1", "[::1]:1", true},
      {"[::]:1", "0.0.0.0:1", false},
      {":1", "[::1]:1", true},
      {"127.0.0.1:0", "127.0.0.1:0", false},
  };
  for (const auto& test : kCases) {
    std::vector<std::string> mistakes = MistakesIn(absl::StrCat(
        kTail, "listeners:\n- {name: a, serve: health, address: '",
        std::string(test.first), "'}\n- {name: b, serve: health, address: '",
        std::string(test.second), "'}\n"));
    EXPECT_EQ(!mistakes.empty(), test.conflict)
        << test.first << " " << test.second;
    if (test.conflict && !mistakes.empty()) {
      EXPECT_THAT(mistakes[0], HasSubstr("has this port already"));
    }
  }
}

// Who can reach a listener, and what of it must be proven.
TEST(ConfigMistakesTest, FindingsAndAuditNeedProofOffLoopback) {
  const char kAuditOpen[] =
      "2:13: serving audit on an address that is not loopback needs tls, and "
      "in it client_ca_file, or else tokens or tokens_file: whoever can post "
      "events can forge and hide findings, and a bearer token is a secret only "
      "over https";
  const char kApiOpen[] =
      "2:13: serving api on an address that is not loopback needs tls, and in "
      "it client_ca_file, or else tokens or tokens_file: findings name "
      "credentials and who holds them, and a bearer token is a secret only "
      "over https";
  const char kApiUnproven[] =
      "2:13: serving api on an address that is not loopback needs "
      "client_ca_file in tls, or tokens or tokens_file: findings name "
      "credentials and who holds them";
  const char kTokenOverHttp[] =
      "2:13: audit with tokens needs tls: the API server sends a bearer token "
      "only over https";
  const std::string tls = ", tls: {certificate_file: c, key_file: k}";
  const std::string mtls =
      ", tls: {certificate_file: c, key_file: k, client_ca_file: a}";
  const std::string tokens = ", tokens: abc";
  const struct {
    std::string address, serve, rest, mistake;
  } kCases[] = {
      {"0.0.0.0:1", "metrics, health", "", ""},
      {"0.0.0.0:1", "audit, metrics", "", kAuditOpen},
      {":1", "api", "", kApiOpen},
      {":1", "api", tls, kApiUnproven},
      {":1", "api", tls + tokens, ""},
      {":1", "api", mtls, ""},
      {":1", "api", tokens, kApiOpen},
      {"10.0.0.1:1", "audit", mtls + tokens, ""},
      {"10.0.0.1:1", "audit", tokens, kTokenOverHttp},
      {"127.0.0.1:1", "audit", tokens, kTokenOverHttp},
      {"127.0.0.1:1", "api", tokens, ""},
      {"127.9.9.9:1", "audit, api", "", ""},
      {"[::1]:1", "audit, api", "", ""},
      {"localhost:1", "api", "", ""},
      {"[::ffff:127.0.0.1]:1", "metrics", "",
       "2:32: not an address to listen on (write 127.0.0.1:8443, [::1]:8443 "
       "or :8443): \"[::ffff:127.0.0.1]:1\""},
  };
  for (const auto& test : kCases) {
    std::vector<std::string> mistakes = MistakesIn(
        absl::StrCat(kTail, "listeners: [{name: a, address: '", test.address,
                     "', serve: [", test.serve, "]", test.rest, "}]"));
    EXPECT_EQ(absl::StrJoin(mistakes, "\n"), test.mistake)
        << test.address << " " << test.serve << test.rest;
  }
}

TEST(ConfigMistakesTest, TellsWhatIsNoYamlOrNoMapping) {
  EXPECT_THAT(MistakesIn("sources: ["), ElementsAre(HasSubstr("not YAML")));
  EXPECT_THAT(MistakesIn("just text"),
              ElementsAre(HasSubstr("missing key: \"sources\""),
                          "1:1: expected a mapping, got \"just text\""));
  EXPECT_THAT(LoadServiceConfig("/nonexistent/c.yaml", &NoEnvironment),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/nonexistent/c.yaml: cannot read the "
                                 "configuration: No such file")));
}

TEST(ConfigMistakesTest, KnowsWhichAddressIsLoopback) {
  for (std::string_view address :
       {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (std::string_view address : {"128.0.0.1:1", "0.0.0.0:1", ":1", "[::]:1",
                                   "[::2]:1", "10.0.0.1:1", "nonsense", ""}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(ConfigMistakesTest, ListsEndAt256Items) {
  auto with_outputs = [](int count) {
    std::string text = absl::StrCat(kTail, "outputs:\n");
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&text, "- {type: ndjson, name: o", i, ", path: /o", i,
                      "}\n");
    }
    return text;
  };
  EXPECT_THAT(Parse(with_outputs(256)), IsOk());
  for (std::string_view key : {"sources", "listeners"}) {
    std::string text = absl::StrCat(A(key), ":\n");
    for (int i = 0; i < 257; ++i) absl::StrAppend(&text, "- {}\n");
    if (key != "sources") text = kTail + text;
    EXPECT_THAT(MistakesIn(text),
                ElementsAre(HasSubstr("expected at most 256 items, got 257")));
  }
  EXPECT_THAT(MistakesIn(with_outputs(257)),
              ElementsAre("3:1: expected at most 256 items, got 257"));
}

}  // namespace
}  // namespace oddverb
