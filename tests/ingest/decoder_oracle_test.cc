// The decoder against simdjson's DOM parser, which shares only stage 1 with
// it: on every corpus event, and on mutated ones. What the DOM calls valid must
// decode, to the same values; what it refuses must at least do no harm.
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "ingest/decoder.h"
#include "model/json_walk.h"
#include "tests/support/corpus.h"
#include "tests/support/raw_batches.h"

namespace oddverb {
namespace {

using simdjson::dom::element;

// The last member of this name; the key decoded by simdjson.
std::optional<element> Member(element object, std::string_view name) {
  std::optional<element> found;
  simdjson::dom::object members;
  if (object.get(members) != simdjson::SUCCESS) return found;
  for (simdjson::dom::key_value_pair member : members) {
    if (std::string_view(member.key) == name) found = member.value;
  }
  return found;
}

std::string_view Text(std::optional<element> value) {
  std::string_view text;
  if (!value.has_value() || value->get(text) != simdjson::SUCCESS) return {};
  return text;
}

std::string_view TextAt(std::optional<element> object, std::string_view name) {
  return object.has_value() ? Text(Member(*object, name)) : std::string_view();
}

std::vector<std::string_view> Texts(std::optional<element> value) {
  std::vector<std::string_view> texts;
  if (!value.has_value()) return texts;
  simdjson::dom::array array;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    texts.push_back(text);
  } else if (value->get(array) == simdjson::SUCCESS) {
    for (element item : array) {
      if (item.get(text) == simdjson::SUCCESS) texts.push_back(text);
    }
  }
  return texts;
}

int Code(std::optional<element> status) {
  if (!status.has_value()) return 0;
  std::optional<element> code = Member(*status, "code");
  double number = 0;
  if (!code.has_value() || code->get(number) != simdjson::SUCCESS ||
      number < 0 || number > 2147483647) {
    return 0;
  }
  return static_cast<int>(number);
}

std::string Minified(std::optional<element> value) {
  return !value.has_value() || value->is_null() ? "" : simdjson::minify(*value);
}

std::string Minified(RawJson value) {
  if (!value.present()) return "";
  simdjson::dom::parser parser;
  return simdjson::minify(
      parser.parse(simdjson::padded_string(value.text)).value());
}

std::vector<std::string_view> Listed(
    std::span<const std::string_view> strings) {
  return {strings.begin(), strings.end()};
}

bool Is(std::optional<element> value, simdjson::dom::element_type type) {
  return value.has_value() && value->type() == type;
}

// What the decoder should take for an event.
bool IsEvent(element root) {
  if (!root.is_object()) return false;
  std::string_view kind = TextAt(root, "kind");
  std::string_view api = TextAt(root, "apiVersion");
  bool audit = api.starts_with("audit.k8s.io/");
  if (!api.empty() && !audit) return false;
  bool looks = (Member(root, "auditID") && Member(root, "stage")) ||
               (Member(root, "verb") && Member(root, "user"));
  if (kind == "Event") return audit || looks;
  return kind.empty() && looks;
}

void ExpectSame(const AuditEvent& event, element root) {
  EXPECT_EQ(event.audit_id, TextAt(root, "auditID"));
  EXPECT_EQ(event.request_uri, TextAt(root, "requestURI"));
  EXPECT_EQ(event.verb, TextAt(root, "verb"));
  EXPECT_EQ(event.user_agent, TextAt(root, "userAgent"));
  std::string_view stage = TextAt(root, "stage");
  if (event.stage != Stage::kUnknown) {
    EXPECT_EQ(StageName(event.stage), stage);
  }
  std::string_view level = TextAt(root, "level");
  if (event.level != Level::kUnknown) {
    EXPECT_EQ(LevelName(event.level), level);
  }

  std::optional<element> user = Member(root, "user");
  EXPECT_EQ(event.user.name, TextAt(user, "username"));
  EXPECT_EQ(event.user.uid, TextAt(user, "uid"));
  std::optional<element> groups, extra;
  if (user.has_value()) {
    groups = Member(*user, "groups");
    extra = Member(*user, "extra");
  }
  EXPECT_EQ(Listed(event.user.groups), Texts(groups));
  auto first_of = [&](std::string_view name) {
    std::optional<element> list;
    if (extra.has_value()) {
      list =
          Member(*extra, "authentication.kubernetes.io/" + std::string(name));
    }
    std::vector<std::string_view> texts = Texts(list);
    return texts.empty() ? std::string_view() : texts[0];
  };
  EXPECT_EQ(event.credential_id, first_of("credential-id"));
  EXPECT_EQ(event.pod_name, first_of("pod-name"));
  EXPECT_EQ(event.pod_uid, first_of("pod-uid"));
  EXPECT_EQ(event.node_name, first_of("node-name"));
  EXPECT_EQ(event.node_uid, first_of("node-uid"));
  using Type = simdjson::dom::element_type;
  EXPECT_EQ(Minified(event.user_extra),
            Is(extra, Type::OBJECT) ? Minified(extra) : "");

  std::optional<element> impersonated = Member(root, "impersonatedUser");
  EXPECT_EQ(event.impersonated.name, TextAt(impersonated, "username"));

  std::vector<std::string_view> ips = Texts(Member(root, "sourceIPs"));
  EXPECT_EQ(Listed(event.source_ips), ips);
  EXPECT_EQ(event.source_ip, ips.empty() ? std::string_view() : ips.back());

  std::optional<element> object = Member(root, "objectRef");
  EXPECT_EQ(event.object.present, Is(object, Type::OBJECT));
  EXPECT_EQ(event.object.resource, TextAt(object, "resource"));
  EXPECT_EQ(event.object.ns, TextAt(object, "namespace"));
  EXPECT_EQ(event.object.name, TextAt(object, "name"));
  EXPECT_EQ(event.object.uid, TextAt(object, "uid"));
  EXPECT_EQ(event.object.api_group, TextAt(object, "apiGroup"));
  EXPECT_EQ(event.object.api_version, TextAt(object, "apiVersion"));
  EXPECT_EQ(event.object.subresource, TextAt(object, "subresource"));

  std::optional<element> status = Member(root, "responseStatus");
  if (event.response_code != Code(status)) {
    // A number in a string is read too; the DOM calls that no number.
    EXPECT_NE(TextAt(status, "code"), "");
  }
  EXPECT_EQ(event.response_reason, TextAt(status, "reason"));
  EXPECT_EQ(event.response_message, TextAt(status, "message"));

  EXPECT_EQ(Minified(event.request_object),
            Minified(Member(root, "requestObject")));
  EXPECT_EQ(Minified(event.response_object),
            Minified(Member(root, "responseObject")));

  std::optional<element> annotations = Member(root, "annotations");
  EXPECT_EQ(Minified(event.annotations),
            Is(annotations, Type::OBJECT) ? Minified(annotations) : "");
  std::string_view decision =
      TextAt(annotations, "authorization.k8s.io/decision");
  EXPECT_EQ(event.decision, decision == "allow"    ? Decision::kAllow
                            : decision == "forbid" ? Decision::kForbid
                                                   : Decision::kAbsent);
  EXPECT_EQ(event.authorization_reason,
            TextAt(annotations, "authorization.k8s.io/reason"));
  EXPECT_EQ(
      event.issued_credential_id,
      TextAt(annotations, "authentication.kubernetes.io/issued-credential-id"));

  absl::Time received = absl::InfinitePast();
  std::string_view text = TextAt(root, "requestReceivedTimestamp");
  std::string error;
  absl::Time parsed;
  bool four_digit_year = text.size() > 4 && text[4] == '-';
  if (four_digit_year &&
      absl::ParseTime(absl::RFC3339_full, std::string(text), &parsed, &error)) {
    received = parsed;
  }
  EXPECT_EQ(event.received, received) << text;
  EXPECT_EQ(Minified(RawJson{event.raw.text}), Minified(root));
}

// Decodes `line` by both. True if the DOM took it for valid.
bool Compare(std::string_view line, simdjson::dom::parser& parser,
             Decoder& decoder) {
  RawBatch raw;
  AppendRecord(line, raw);
  auto batch = decoder.Decode(std::move(raw));
  EXPECT_LE(batch->rejected.size(), 1u);
  element root;
  if (parser.parse(simdjson::padded_string(line)).get(root) !=
      simdjson::SUCCESS) {
    return false;
  }
  if (!IsEvent(root)) return true;  // lists and arrays have their own tests
  EXPECT_EQ(batch->events.size(), 1u) << line;
  EXPECT_EQ(batch->rejected.size(), 0u) << line;
  if (batch->events.size() == 1) ExpectSame(batch->events[0], root);
  return true;
}

std::vector<std::string> CorpusLines() {
  std::vector<std::string> lines;
  for (const std::string& path : CorpusAuditFiles()) {
    if (path.find("webhook-samples") != std::string::npos) continue;
    std::string text = ReadMaybeGzip(path);
    RawBatch raw = FrameLines(text);
    for (const RecordSpan& span : raw.records) {
      lines.emplace_back(raw.bytes->view().substr(span.offset, span.length));
    }
  }
  return lines;
}

TEST(DecoderOracleTest, AgreesWithTheDomOnTheCorpus) {
  std::vector<std::string> lines = CorpusLines();
  if (lines.empty()) GTEST_SKIP() << "no corpus";
  simdjson::dom::parser parser;
  Decoder decoder({});
  for (const std::string& line : lines) {
    ASSERT_TRUE(Compare(line, parser, decoder)) << line;
    if (HasFailure()) FAIL() << line.substr(0, 3000);
  }
}

// One small damage, of kinds that keep JSON valid and kinds that do not.
void Mutate(std::string& line, std::mt19937_64& random) {
  auto below = [&](size_t n) { return random() % n; };
  static constexpr std::string_view kPieces[] = {"{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ",",
                                                 ":",
                                                 "\"",
                                                 "null",
                                                 "1e99",
                                                 "true",
                                                 "\\",
                                                 "\\u0041",
                                                 " ",
                                                 "\n",
                                                 "\"a\":1,",
                                                 "\"verb\":\"x\",",
                                                 "{\"kind\":\"Event\"",
                                                 "\\\"",
                                                 "\t",
                                                 "-0"};
  size_t at = below(line.size() + 1);
  switch (below(6)) {
    case 0:
      line.insert(at, kPieces[below(std::size(kPieces))]);
      break;
    case 1:
      line.erase(at, 1 + below(4));
      break;
    case 2:
      if (at < line.size()) line[at] = static_cast<char>(below(256));
      break;
    case 3: {  // repeats a piece of itself elsewhere
      std::string piece = line.substr(at, below(40));
      line.insert(below(line.size() + 1), piece);
      break;
    }
    case 4:  // a blank where JSON allows it
      at = line.find_first_of(",:{}[]", at);
      if (at != std::string::npos) line.insert(at, " \n\t");
      break;
    default: {  // an escape for a character
      if (at < line.size() &&
          std::isalpha(static_cast<unsigned char>(line[at]))) {
        char escape[8];
        std::snprintf(escape, sizeof(escape), "\\u%04x", line[at]);
        line.replace(at, 1, escape);
      }
      break;
    }
  }
}

TEST(DecoderOracleTest, AgreesWithTheDomOnMutatedLines) {
  std::vector<std::string> lines = CorpusLines();
  if (lines.empty()) GTEST_SKIP() << "no corpus";
  std::erase_if(lines,
                [](const std::string& line) { return line.size() > 4096; });
  std::mt19937_64 random(20261123);
  simdjson::dom::parser parser;
  Decoder decoder({});
  size_t valid = 0;
  constexpr size_t kRounds = 40000;
  for (size_t round = 0; round < kRounds; ++round) {
    std::string line = lines[random() % lines.size()];
    size_t mutations = 1 + random() % 3;
    for (size_t i = 0; i < mutations; ++i) Mutate(line, random);
    if (Compare(line, parser, decoder)) ++valid;
    if (HasFailure()) FAIL() << "round " << round << ": " << line;
  }
  // Else the test looks at refusals only.
  EXPECT_GT(valid, kRounds / 5);
}

// The walk on demand must find in bodies what the DOM finds.
void ExpectSameTree(RawJson raw, element value, size_t& nodes) {
  ++nodes;
  std::string scratch;
  switch (value.type()) {
    case simdjson::dom::element_type::OBJECT: {
      JsonMembers members(raw);
      JsonMember member;
      for (simdjson::dom::key_value_pair expected :
           simdjson::dom::object(value)) {
        ASSERT_TRUE(members.Next(member));
        EXPECT_EQ(member.Key(scratch), std::string_view(expected.key));
        ExpectSameTree(member.value, expected.value, nodes);
      }
      EXPECT_FALSE(members.Next(member));
      break;
    }
    case simdjson::dom::element_type::ARRAY: {
      JsonElements elements(raw);
      RawJson item;
      for (element expected : simdjson::dom::array(value)) {
        ASSERT_TRUE(elements.Next(item));
        ExpectSameTree(item, expected, nodes);
      }
      EXPECT_FALSE(elements.Next(item));
      break;
    }
    case simdjson::dom::element_type::STRING:
      EXPECT_EQ(StringOf(raw, scratch), std::string_view(value));
      break;
    case simdjson::dom::element_type::BOOL:
      EXPECT_EQ(BoolOf(raw), bool(value));
      break;
    case simdjson::dom::element_type::INT64:
      EXPECT_EQ(IntOf(raw), int64_t(value));
      break;
    case simdjson::dom::element_type::NULL_VALUE:
      EXPECT_EQ(TypeOf(raw), JsonType::kNull);
      break;
    default:
      EXPECT_EQ(TypeOf(raw), JsonType::kNumber);
      break;
  }
}

TEST(DecoderOracleTest, TheJsonWalkAgreesWithTheDomOnTheCorpus) {
  std::vector<std::string> lines = CorpusLines();
  if (lines.empty()) GTEST_SKIP() << "no corpus";
  simdjson::dom::parser parser;
  size_t nodes = 0;
  for (const std::string& line : lines) {
    element root = parser.parse(simdjson::padded_string(line)).value();
    ExpectSameTree({line}, root, nodes);
    if (HasFailure()) FAIL() << line.substr(0, 3000);
  }
  EXPECT_GT(nodes, 1'000'000u);
}

}  // namespace
}  // namespace oddverb
