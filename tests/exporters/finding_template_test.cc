#include "exporters/finding_template.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exporters/finding_samples.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

FindingTemplate ParsedTemplate(const FindingTemplate::Options& options) {
  absl::StatusOr<FindingTemplate> parsed = FindingTemplate::Parse(options);
  EXPECT_THAT(parsed, IsOk());
  return *std::move(parsed);
}

std::string Filled(const std::string& text, const Finding& finding) {
  return ParsedTemplate({.text = text}).Fill(finding);
}

size_t Utf16Units(const std::string& text) {
  size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

// Findings as an attacker and our own bounds allow them, and far beyond.
std::vector<Finding> FindingsForTemplates() {
  std::vector<Finding> findings = HostileFindings(150);
  for (const std::string& unit :
       {std::string("&<>\""), std::string("\u4e2d"), std::string("\n"),
        std::string("\x01\xff"), std::string("\U0001F600")}) {
    Finding huge = TypicalFinding();
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    huge.title = huge.summary = huge.entity = huge.normal = huge.cluster = text;
    huge.rule = huge.who.user = huge.where.user_agent = text;
    huge.next = huge.attack = huge.what.namespaces = {text, text};
    huge.why = {{text, text, 1}};
    huge.evidence = {{text, huge.time, text, text, 200}};
    findings.push_back(huge);
    huge.next = std::vector<std::string>(5000, unit);
    huge.evidence = std::vector<Evidence>(5000);
    huge.why = std::vector<FindingReason>(5000);
    findings.push_back(huge);
  }
  return findings;
}

TEST(FindingTemplateTest, PutsInWhatEachNameStandsFor) {
  const Finding finding = TypicalFinding();
  struct Case {
    const char* name;
    const char* value;
  } cases[] = {
      {"attack", "T1528, T1552.007, T1552, from a rule file"},
      {"benign_checks", "a moved node?"},
      {"cluster", "prod-eu/1"},
      {"confidence", "97"},
      {"count", "25"},
      {"credential_id", "JTI=a5df8878"},
      {"decoded", "base64: id"},
      {"detector", "stolen_credential"},
      {"entity", "system:serviceaccount:shop:checkout"},
      {"entity_kind", "serviceaccount"},
      {"finding_id", "0123456789abcdeffedcba9876543210"},
      {"first_seen", "2026-11-23T23:32:34.513983Z"},
      {"last_seen", "2026-11-23T23:33:15.513983Z"},
      {"names", ""},
      {"namespaces", "shop"},
      {"next", "kubectl -n shop delete pod checkout-1\nlook at its log"},
      {"normal", "only get configmaps in shop"},
      {"pagerduty_severity", "critical"},
      {"resources", "secrets"},
      {"rule", "token.outside_its_pod"},
      {"score", "14.25"},
      {"severity", "critical"},
      {"source_ip", "185.220.101.7"},
      {"state", "open"},
      {"summary", "The token of shop/checkout was used from 185.220.101.7"},
      {"teams_colour", "attention"},
      {"time", "2026-11-23T23:33:15.513983Z"},
      {"title", "Stolen service account token?"},
      {"url", "https://o/findings/0123456789abcdeffedcba9876543210"},
      {"user", "system:serviceaccount:shop:checkout"},
      {"user_agent", "curl/8.5"},
      {"verbs", "list"},
      {"why", "new address: 185.220.101.7\nnew agent: curl/8.5"},
      {"mine", "own"},
  };
  for (const Case& c : cases) {
    const std::string filled =
        ParsedTemplate({.text = std::string("{\"v\":\"${") + c.name + "}\"}",
                        .values = {{"mine", "own"}},
                        .finding_url = "https://o/findings/"})
            .Fill(finding);
    EXPECT_EQ(json::parse(filled)["v"], c.value) << c.name;
  }
  EXPECT_EQ(json::parse(Filled("${finding}", finding))["id"],
            finding.id.ToHex());
  EXPECT_THAT(Filled("${evidence}", finding),
              HasSubstr("list /api/v1/namespaces/shop/secrets?limit=500 200 "
                        "auditID 3f0f"));
}

TEST(FindingTemplateTest, KeepsTheTextAroundAndKnowsHowToWriteAPlace) {
  const Finding finding = TypicalFinding();
  EXPECT_EQ(Filled("a $ b } $5 $${rule} ${rule}${count}.", finding),
            "a $ b } $5 ${rule} token.outside_its_pod25.");
  EXPECT_EQ(Filled("", finding), "");
  EXPECT_EQ(ParsedTemplate({.text = "<${url}>"}).Fill(finding), "<>");
}

TEST(FindingTemplateTest, EscapesForJsonAndForPeople) {
  Finding finding;
  finding.summary = "a\"b\\c\nd\x1b\xff\u202e&";
  EXPECT_EQ(Filled("${summary}", finding),
            "a\\\"b\\\\c\\\\nd\\\\x1b\\\\xff\\\\u{202e}&");
  EXPECT_EQ(Filled("${summary|raw}", finding),
            "a\"b\\c\\nd\\x1b\\xff\\u{202e}&");
}

TEST(FindingTemplateTest, OptionsApplyWhateverTheirOrder) {
  Finding finding;
  finding.summary = "a<b & c";
  EXPECT_EQ(Filled("${summary|slack}", finding), "a&lt;b &amp; c");
  EXPECT_EQ(Filled("${summary|upper|slack}", finding), "A&lt;B &amp; C");
  EXPECT_EQ(Filled("${summary|cut=8|slack}", finding), "a&lt;...");
  EXPECT_EQ(Filled("${summary|slack|cut=7}", finding), "a...");
  EXPECT_EQ(Filled("${summary|cut=7}", finding), "a<b & c");
  EXPECT_EQ(Filled("${summary|cut=6}", finding), "a<b...");
  EXPECT_EQ(Filled("${title|or=none}${rule|upper|or=no rule}", finding),
            "noneNO RULE");
}

TEST(FindingTemplateTest, CutsByUtf16UnitsAndNeverInsideACharacter) {
  Finding finding;
  finding.summary = "\U0001F600\U0001F600\U0001F600\U0001F600";
  for (size_t limit = 1; limit < 12; ++limit) {
    const std::string filled =
        Filled("${summary|cut=" + std::to_string(limit) + "}", finding);
    EXPECT_LE(Utf16Units(filled), limit);
    EXPECT_TRUE(json::accept("\"" + filled + "\"")) << filled;
  }
  EXPECT_EQ(Filled("${summary|cut=7}", finding), "\U0001F600\U0001F600...");
}

TEST(FindingTemplateTest, SaysWhereAMistakeIsAndWhatIsMeant) {
  struct Case {
    const char* text;
    const char* message;
  } cases[] = {
      {"{\n  \"a\": \"${sumary}\"}",
       "my.json:2:9: unknown placeholder \"sumary\"; did you mean summary?"},
      {"${routing_kye}",
       "my.json:1:1: unknown placeholder \"routing_kye\"; did you mean "
       "routing_key?"},
      {"xx${zzzzzzzzz}",
       "my.json:1:3: unknown placeholder \"zzzzzzzzz\"; it "
       "may be attack, benign_checks,"},
      {"${rule|uper}", "unknown option \"uper\"; did you mean upper?"},
      {"${rule|cut}", "unknown option \"cut\""},
      {"${rule|cut=x}", "cut needs a number above 0"},
      {"${rule|cut=0}", "cut needs a number above 0"},
      {"${rule|}", "unknown option \"\""},
      {"${}", "unknown placeholder \"\""},
      {"a\nb ${rule", "my.json:2:3: \"${\" has no \"}\""},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(
        FindingTemplate::Parse({.text = c.text,
                                .name = "my.json",
                                .values = {{"routing_key", "R0-secret"}}}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 ::testing::AllOf(HasSubstr(c.message),
                                  Not(HasSubstr("R0-secret")))))
        << c.text;
  }
}

TEST(FindingTemplateTest, NamesAreSortedAndEachIsBounded) {
  const std::vector<std::string> names = FindingTemplate::Names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  std::vector<FindingTemplate> forms;
  for (const std::string& name : names) {
    if (name == "finding") continue;  // JSON cannot be cut
    forms.push_back(ParsedTemplate({.text = "${" + name + "|raw}"}));
  }
  for (const Finding& finding : FindingsForTemplates()) {
    for (const FindingTemplate& form : forms) {
      ASSERT_LE(form.Fill(finding).size(), FindingTemplate::kMaxValueBytes);
    }
  }
}

json FilledShipped(const FindingTemplate& form, const Finding& finding) {
  return json::parse(form.Fill(finding));
}

FindingTemplate Shipped(std::string_view name) {
  EXPECT_FALSE(ShippedTemplate(name).empty());
  return ParsedTemplate(
      {.text = std::string(ShippedTemplate(name)),
       .name = std::string(name),
       .values = {{"routing_key", "0123456789abcdef0123456789abcdef"}},
       .finding_url = "https://oddverb.example/findings/"});
}

TEST(ShippedTemplateTest, ThereIsNoOther) {
  EXPECT_EQ(ShippedTemplate("slack.json"), "");
  EXPECT_EQ(ShippedTemplate(""), "");
}

// https://docs.slack.dev/reference/block-kit/blocks
TEST(ShippedTemplateTest, SlackTakesEveryBlockAndNoMentionGetsThrough) {
  const FindingTemplate form = Shipped("slack");
  for (const Finding& finding : FindingsForTemplates()) {
    const json message = FilledShipped(form, finding);
    EXPECT_FALSE(message.at("text").get<std::string>().empty());
    ASSERT_LE(message.at("blocks").size(), 50u);
    auto check = [](const json& text, size_t limit) {
      const std::string value = text.at("text");
      ASSERT_GE(Utf16Units(value), 1u);
      ASSERT_LE(Utf16Units(value), limit);
      // <!channel>, <@U1>, <http://evil|text> need it.
      ASSERT_EQ(value.find('<'), std::string::npos);
    };
    for (const json& block : message["blocks"]) {
      if (block["type"] == "context") {
        for (const json& element : block["elements"]) check(element, 3000);
      } else {
        check(block.at("text"), block["type"] == "header" ? 150 : 3000);
      }
    }
  }
}

// https://learn.microsoft.com/connectors/teams: a message has about 28 KB.
TEST(ShippedTemplateTest, TeamsGetsACardOfPlainTextBelow28Kilobytes) {
  const FindingTemplate form = Shipped("teams");
  size_t largest = 0;
  for (const Finding& finding : FindingsForTemplates()) {
    const std::string text = form.Fill(finding);
    largest = std::max(largest, text.size());
    const json message = json::parse(text);
    const json& attachment = message.at("attachments").at(0);
    EXPECT_EQ(attachment["contentType"],
              "application/vnd.microsoft.card.adaptive");
    for (const json& block : attachment["content"]["body"]) {
      // A TextBlock would read Markdown: links that an attacker wrote.
      EXPECT_EQ(block.at("type"), "RichTextBlock");
      for (const json& run : block.at("inlines")) {
        EXPECT_EQ(run.at("type"), "TextRun");
        EXPECT_FALSE(run.at("text").get<std::string>().empty());
      }
    }
  }
  EXPECT_LT(largest, 28u << 10);
}

// PagerDuty developer documentation, Events API v2, "Send an Alert Event".
TEST(ShippedTemplateTest, PagerDutyTakesTheEvent) {
  const FindingTemplate form = Shipped("pagerduty");
  constexpr const char* kSeverities[] = {"info", "info", "warning", "error",
                                         "critical"};
  for (const Finding& finding : FindingsForTemplates()) {
    const std::string text = form.Fill(finding);
    ASSERT_LT(text.size(), 512u << 10);
    const json event = json::parse(text);
    EXPECT_EQ(event.at("routing_key"), "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(event.at("event_action"), "trigger");
    EXPECT_EQ(event.at("dedup_key"), finding.id.ToHex());
    const json& payload = event.at("payload");
    const std::string summary = payload.at("summary");
    EXPECT_FALSE(summary.empty());
    EXPECT_LE(Utf16Units(summary), 1024u);
    EXPECT_FALSE(payload.at("source").get<std::string>().empty());
    EXPECT_EQ(payload.at("severity"),
              kSeverities[static_cast<size_t>(finding.severity)]);
    EXPECT_TRUE(payload.at("custom_details").is_object());
  }
}

}  // namespace
}  // namespace oddverb
