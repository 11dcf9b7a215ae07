// The outputs of a configuration: their keys, and the exporters made of them.
#include "app/outputs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/config_mistakes.h"
#include "tests/support/input_files.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using ::testing::HasSubstr;

class MakeOutputTest : public ::testing::Test {
 protected:
  absl::Status Make(const std::string& output) {
    absl::StatusOr<ServiceConfig> config =
        ParseServiceConfig(absl::StrCat(kTail, "outputs: [", output, "]\n"),
                           folder_.path("c.yaml"), &NoEnvironment);
    EXPECT_THAT(config, IsOk());
    if (!config.ok()) return config.status();
    return MakeOutput(*config, config->outputs[0], {clock_, logger_}).status();
  }
  TempFolder folder_;
  SystemClock clock_;
  Logger logger_{LogOptions(), clock_};
};

TEST_F(MakeOutputTest, MakesEveryKindWithoutAReceiverThatAnswers) {
  folder_.Write("my.json", "{\"text\": \"${title} ${team}\"}");
  for (const char* output :
       {"{type: ndjson, path: out.ndjson, format: ocsf}",
        "{type: alertmanager, urls: [http://a:9093, http://b:9093], "
        "labels: {team: x}, headers: [\"A: b\"], token: t}",
        "{type: falcosidekick, url: http://127.0.0.1:1/}",
        "{type: webhook, url: https://a/x, format: cloudevents, body: array}",
        "{type: webhook, url: https://a/x, template: slack}",
        "{type: webhook, url: https://a/x, template: pagerduty, "
        "template_values: {routing_key: k}}",
        "{type: webhook, url: https://a/x, template_file: my.json, "
        "template_values: {team: x}}",
        "{type: loki, url: http://l:3100/loki/api/v1/push, tenant: t}",
        "{type: otlp, url: http://c:4318/v1/logs, resource: {env: prod}}"}) {
    EXPECT_THAT(Make(output), IsOk()) << output;
  }
}

TEST_F(MakeOutputTest, MakesAKafkaOutputWithoutABrokerThatAnswers) {
  if (UnderThreadSanitizer()) GTEST_SKIP() << kNoKafkaClient;
  EXPECT_THAT(Make("{type: kafka, brokers: [\"k:9092\"], topic: findings}"),
              IsOk());
}

TEST_F(MakeOutputTest, NamesTheOutputThatCannotBeMade) {
  EXPECT_THAT(
      Make("{type: webhook, url: https://a/SECRET, template_file: no.json}"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               ::testing::AllOf(HasSubstr("c.yaml:2:11: output webhook: "),
                                HasSubstr("no.json: cannot read the template"),
                                ::testing::Not(HasSubstr("SECRET")))));
  folder_.Write("my.json", "{\"text\": \"${titel}\"}");
  EXPECT_THAT(Make("{type: webhook, url: https://a/x, template_file: my.json}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("title")));
  EXPECT_FALSE(
      Make("{type: loki, url: https://a/x, tls: {ca_file: absent.crt}}").ok());
}

TEST(ConfigOutputsTest, NamesMistakes) {
  ExpectMistakes({
      {"outputs: [{path: x}]",
       {"2:11: missing key: \"type\"; for example type: ndjson"}},
      {"outputs: [{type: table}]",
       {"2:18: expected one of ndjson, alertmanager, falcosidekick, webhook, "
        "loki, otlp, kafka, got \"table\""}},
      {"outputs:\n- {type: ndjson, min_severity: worst}",
       {"3:32: expected one of info, low, medium, high, critical, got "
        "\"worst\""}},
      {"outputs:\n- {type: ndjson, name: a b}",
       {"3:24: expected a name of at most 63 letters, digits, '.', '_', '-', "
        "got \"a b\""}},
      {"outputs:\n- {type: ndjson, path: a}\n- {type: ndjson, path: b}",
       {"4:3: the name \"ndjson\" is taken by the output of line 3; give this "
        "one another with name:"}},
      {"outputs:\n- {type: ndjson}\n- {type: ndjson, name: b, path: '-'}",
       {"4:33: the output of line 3 writes there already"}},
      {"outputs: [{type: loki}]",
       {"2:11: missing key: \"url\"; for example url: "
        "http://loki:3100/loki/api/v1/push"}},
      {"outputs: [{type: alertmanager}]",
       {"2:11: missing key: \"urls\"; for example urls: "
        "[http://alertmanager-0:9093]"}},
      {"outputs: [{type: otlp, url: collector:4318}]",
       {"2:29: a URL that begins neither with https:// nor with http://"}},
      {"outputs: [{type: otlp, url: [http://a, http://b]}]",
       {"2:29: expected at most 1 of them"}},
      {"outputs: [{type: loki, url: http://a, labels: [a]}]",
       {"2:47: expected a mapping from names to texts, as in labels: {env: "
        "prod}"}},
      {"outputs: [{type: loki, url: http://a, tls: {key_file: k}}]",
       {"2:11: tls: certificate_file and key_file belong together"}},
      {"outputs: [{type: webhook, url: http://a, template: slak}]",
       {"2:11: template: expected one of pagerduty, slack, teams, got "
        "\"slak\"; did you mean \"slack\"? (a template of your own is named "
        "by template_file)"}},
      {"outputs: [{type: webhook, url: http://a, template: slack, "
       "template_file: t}]",
       {"2:11: template and template_file exclude each other"}},
      {"outputs: [{type: alertmanager, urls: http://a, labels: {a-b: c}}]",
       {"2:11: labels: a name is made of letters, digits and _: \"a-b\""}},
  });
}

}  // namespace
}  // namespace oddverb
