#include "exporters/finding_cloudevents.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json_writer.h"
#include "base/keyed_hash.h"
#include "base/utf8.h"
#include "base/visible_text.h"
#include "exporters/finding_json.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

bool IsNoncharacter(char32_t value) {
  return (value >= 0xfdd0 && value <= 0xfdef) || (value & 0xfffe) == 0xfffe;
}

// A String of the specification: no control characters, no noncharacters.
std::string AttributeText(std::string_view text) {
  const std::string visible = VisibleText(text, Charset::kUtf8);
  std::string result;
  for (std::string_view rest = visible; !rest.empty();) {
    const CodePoint c = DecodeUtf8(rest);
    AppendUtf8(IsNoncharacter(c.value) ? 0xfffd : c.value, result);
    rest.remove_prefix(c.bytes);
  }
  return result;
}

// As a segment of a path (RFC 3986 3.3).
std::string PathSegment(std::string_view text) {
  std::string segment;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' ||
        c == '~') {
      segment += c;
    } else {
      absl::StrAppendFormat(&segment, "%%%02X", byte);
    }
  }
  return segment;
}

// `data` is the finding in its native form.
Attributes AttributesOf(const Finding& finding, std::string_view data) {
  Attributes attributes = {
      {"specversion", "1.0"},
      {"id", absl::StrCat(finding.id.ToHex(), "-",
                          absl::Hex(KeyedHash().Hash(data), absl::kZeroPad16))},
      {"source", absl::StrCat("/oddverb/", PathSegment(finding.cluster))},
      {"type", "io.oddverb.finding.v1"},
      {"time", TimeText(finding.time)},
      {"datacontenttype", "application/json"},
      {"dataschema", "urn:oddverb:schema:finding:v1"},
      {"findingid", finding.id.ToHex()},
      {"severity", std::string(SeverityName(finding.severity))},
      {"state", std::string(FindingStateName(finding.state))},
  };
  // No attribute may be empty.
  for (const auto& [name, text] :
       {std::pair<std::string_view, std::string_view>{"subject",
                                                      finding.entity},
        {"rule", finding.rule}}) {
    if (!text.empty()) {
      attributes.emplace_back(name, AttributeText(text));
    }
  }
  return attributes;
}

std::string Native(const Finding& finding) {
  std::string data;
  AppendFindingJson(finding, data);
  return data;
}

}  // namespace

Attributes CloudEventAttributes(const Finding& finding) {
  return AttributesOf(finding, Native(finding));
}

void AppendFindingCloudEvents(const Finding& finding, std::string& out) {
  const std::string data = Native(finding);
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : AttributesOf(finding, data)) {
    json.Key(name).String(value);
  }
  json.Key("data").Raw(data).EndObject();
  out += json.text();
}

}  // namespace oddverb
