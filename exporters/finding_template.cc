#include "exporters/finding_template.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json_writer.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "base/visible_text.h"
#include "exporters/finding_json.h"
#include "exporters/format_text.h"

extern "C" {
extern const unsigned char oddverb_template_pagerduty[];
extern const std::uint64_t oddverb_template_pagerduty_size;
extern const unsigned char oddverb_template_slack[];
extern const std::uint64_t oddverb_template_slack_size;
extern const unsigned char oddverb_template_teams[];
extern const std::uint64_t oddverb_template_teams_size;
}

namespace oddverb {
namespace {

constexpr std::string_view kCutMark = "...";

std::string Visible(std::string_view text) {
  return VisibleText(Bounded(text, FindingTemplate::kMaxValueBytes),
                     Charset::kUtf8);
}

// One visible line for each.
std::string Lines(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", Visible(value));
  }
  return text;
}

std::string List(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", Visible(value));
  }
  return text;
}

std::string WhyLines(const Finding& finding) {
  std::vector<std::string> lines;
  for (const FindingReason& reason : finding.why) {
    lines.push_back(absl::StrCat(reason.feature, ": ", reason.value));
  }
  return Lines(lines);
}

std::string DecodedLines(const Finding& finding) {
  std::vector<std::string> lines;
  for (const DecodedLayer& layer : finding.decoded) {
    lines.push_back(absl::StrCat(layer.layer, ": ", layer.text));
  }
  return Lines(lines);
}

std::string EvidenceLines(const Finding& finding) {
  std::vector<std::string> lines;
  for (const Evidence& event : finding.evidence) {
    lines.push_back(absl::StrCat(TimeText(event.time), " ", event.verb, " ",
                                 event.uri, " ", event.code, " auditID ",
                                 event.audit_id));
  }
  return Lines(lines);
}

std::string NativeJson(const Finding& finding) {
  std::string text;
  AppendFindingJson(finding, text);
  return text;
}

// https://developer.pagerduty.com: critical, error, warning or info.
std::string PagerDutySeverity(const Finding& finding) {
  constexpr std::array<const char*, 5> kNames = {"info", "info", "warning",
                                                 "error", "critical"};
  return kNames[static_cast<size_t>(finding.severity)];
}

// Colours of an Adaptive Card.
std::string TeamsColour(const Finding& finding) {
  constexpr std::array<const char*, 5> kNames = {"default", "accent", "warning",
                                                 "attention", "attention"};
  return kNames[static_cast<size_t>(finding.severity)];
}

struct Field {
  std::string_view name;
  std::string (*value)(const Finding& finding);
  // Its value is made by us: JSON, with the escapes that it needs.
  bool is_json = false;
};

constexpr std::string_view kUrl = "url";

// Sorted by name.
constexpr Field kFields[] = {
    {"attack", [](const Finding& f) { return List(f.attack); }},
    {"benign_checks", [](const Finding& f) { return Lines(f.benign_checks); }},
    {"cluster", [](const Finding& f) { return Visible(f.cluster); }},
    {"confidence",
     [](const Finding& f) { return std::to_string(ConfidencePercent(f)); }},
    {"count", [](const Finding& f) { return std::to_string(f.count); }},
    {"credential_id",
     [](const Finding& f) { return Visible(f.who.credential_id); }},
    {"decoded", DecodedLines},
    {"detector", [](const Finding& f) { return Visible(f.detector); }},
    {"entity", [](const Finding& f) { return Visible(f.entity); }},
    {"entity_kind", [](const Finding& f) { return Visible(f.entity_kind); }},
    {"evidence", EvidenceLines},
    {"finding", NativeJson, true},
    {"finding_id", [](const Finding& f) { return f.id.ToHex(); }},
    {"first_seen", [](const Finding& f) { return TimeText(f.first_seen); }},
    {"last_seen", [](const Finding& f) { return TimeText(f.last_seen); }},
    {"names", [](const Finding& f) { return List(f.what.names); }},
    {"namespaces", [](const Finding& f) { return List(f.what.namespaces); }},
    {"next", [](const Finding& f) { return Lines(f.next); }},
    {"normal", [](const Finding& f) { return Visible(f.normal); }},
    {"pagerduty_severity", PagerDutySeverity},
    {"resources", [](const Finding& f) { return List(f.what.resources); }},
    {"rule", [](const Finding& f) { return Visible(f.rule); }},
    {"score",
     [](const Finding& f) { return DecimalText(DecimalUnits(f.score)); }},
    {"severity",
     [](const Finding& f) { return std::string(SeverityName(f.severity)); }},
    {"source_ip", [](const Finding& f) { return Visible(f.where.source_ip); }},
    {"state",
     [](const Finding& f) { return std::string(FindingStateName(f.state)); }},
    {"summary", [](const Finding& f) { return Visible(f.summary); }},
    {"teams_colour", TeamsColour},
    {"time", [](const Finding& f) { return TimeText(f.time); }},
    {"title", [](const Finding& f) { return Visible(f.title); }},
    {kUrl, [](const Finding&) { return std::string(); }},
    {"user", [](const Finding& f) { return Visible(f.who.user); }},
    {"user_agent",
     [](const Finding& f) { return Visible(f.where.user_agent); }},
    {"verbs", [](const Finding& f) { return List(f.what.verbs); }},
    {"why", WhyLines},
};

std::vector<std::string> OptionNames() {
  return {"cut", "or", "raw", "slack", "upper"};
}

std::string_view SlackEscape(char32_t value) {
  switch (value) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return "";
  }
}

// Escapes for Slack if asked, and cuts to `max_units` UTF-16 units, never in
// the middle of a character or an escape.
std::string Fitted(std::string_view text, size_t max_units, bool slack) {
  std::string result;
  size_t units = 0;
  size_t cut_at = 0;  // where the mark may stand
  while (!text.empty()) {
    const CodePoint c = DecodeUtf8(text);
    std::string_view piece = slack ? SlackEscape(c.value) : "";
    size_t size = piece.size();
    if (piece.empty()) {
      piece = text.substr(0, c.bytes);
      size = c.value >= 0x10000 ? 2 : 1;
    }
    if (units + size > max_units) {
      result.resize(cut_at);
      return result.append(kCutMark.substr(0, max_units));
    }
    result.append(piece);
    units += size;
    if (units + kCutMark.size() <= max_units) cut_at = result.size();
    text.remove_prefix(c.bytes);
  }
  return result;
}

std::string_view Embedded(const unsigned char* bytes, std::uint64_t size) {
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

}  // namespace

// Reads the text from its start to its end.
class FindingTemplate::Parser {
 public:
  explicit Parser(const Options& options) : options_(options) {}

  absl::StatusOr<std::vector<Piece>> Run() {
    std::string_view text = options_.text;
    std::vector<Piece> pieces(1);
    while (at_ < text.size()) {
      if (text.substr(at_).starts_with("$${")) {
        pieces.back().text += "${";
        at_ += 3;
      } else if (text.substr(at_).starts_with("${")) {
        ODDVERB_ASSIGN_OR_RETURN(pieces.back().place, ReadPlace());
        pieces.emplace_back();
      } else {
        pieces.back().text += text[at_++];
      }
    }
    return pieces;
  }

 private:
  // Moves behind the closing brace.
  absl::StatusOr<Place> ReadPlace() {
    const std::string_view rest = std::string_view(options_.text).substr(at_);
    const size_t end = rest.find('}');
    if (end == rest.npos) return Mistake("\"${\" has no \"}\"");
    const std::vector<std::string> parts =
        absl::StrSplit(A(rest.substr(2, end - 2)), '|');
    ODDVERB_ASSIGN_OR_RETURN(Place place, FindName(parts[0]));
    for (size_t i = 1; i < parts.size(); ++i) {
      ODDVERB_RETURN_IF_ERROR(ReadOption(parts[i], place));
    }
    at_ += end + 1;
    return place;
  }

  absl::StatusOr<Place> FindName(const std::string& name) const {
    Place place;
    for (const auto& [own, value] : options_.values) {
      if (own != name) continue;
      place.constant = value;
      return place;
    }
    for (size_t i = 0; i < std::size(kFields); ++i) {
      if (kFields[i].name != name) continue;
      place.field = static_cast<int>(i);
      place.is_url = name == kUrl;
      return place;
    }
    std::vector<std::string> known = Names();
    for (const auto& [own, value] : options_.values) known.push_back(own);
    return Mistake(absl::StrCat("unknown placeholder ", Quoted(name),
                                DidYouMean(name, known)));
  }

  absl::Status ReadOption(const std::string& option, Place& place) const {
    const size_t equals = option.find('=');
    const std::string name = option.substr(0, equals);
    const bool has_value = equals != option.npos;
    const std::string value = has_value ? option.substr(equals + 1) : "";
    if (name == "or" && has_value) {
      place.fallback = value;
    } else if (name == "cut" && has_value) {
      if (!absl::SimpleAtoi(value, &place.max_units) || place.max_units == 0) {
        return Mistake("cut needs a number above 0, as in cut=100");
      }
    } else if (option == "upper") {
      place.upper = true;
    } else if (option == "slack") {
      place.slack = true;
    } else if (option == "raw") {
      place.raw = true;
    } else {
      return Mistake(absl::StrCat("unknown option ", Quoted(option),
                                  DidYouMean(name, OptionNames())));
    }
    return absl::OkStatus();
  }

  static std::string Quoted(std::string_view name) {
    return absl::StrCat("\"", VisibleText(Bounded(name, 64), Charset::kUtf8),
                        "\"");
  }

  static std::string DidYouMean(std::string_view name,
                                const std::vector<std::string>& known) {
    const std::string_view nearest = NearestName(name, known);
    return nearest.empty()
               ? absl::StrCat("; it may be ", absl::StrJoin(known, ", "))
               : absl::StrCat("; did you mean ", A(nearest), "?");
  }

  // "slack.json:3:17: what".
  absl::Status Mistake(std::string_view what) const {
    const std::string_view before =
        std::string_view(options_.text).substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n');
    const size_t column = line_start == before.npos
                              ? before.size() + 1
                              : before.size() - line_start;
    return absl::InvalidArgumentError(
        absl::StrCat(options_.name, ":", line, ":", column, ": ", A(what)));
  }

  const Options& options_;
  size_t at_ = 0;
};

absl::StatusOr<FindingTemplate> FindingTemplate::Parse(const Options& options) {
  FindingTemplate result;
  ODDVERB_ASSIGN_OR_RETURN(result.pieces_, Parser(options).Run());
  result.finding_url_ = options.finding_url;
  return result;
}

std::string FindingTemplate::Fill(const Finding& finding) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    if (piece.place.has_value()) text += Value(*piece.place, finding);
  }
  return text;
}

std::string FindingTemplate::Value(const Place& place,
                                   const Finding& finding) const {
  std::string value = place.constant;
  if (place.is_url) {
    if (!finding_url_.empty()) value = finding_url_ + finding.id.ToHex();
  } else if (place.field >= 0) {
    const Field& field = kFields[place.field];
    value = field.value(finding);
    if (field.is_json) return value;
    value = Bounded(value, kMaxValueBytes);
  }
  if (value.empty()) value = place.fallback;
  if (place.upper) absl::AsciiStrToUpper(&value);
  if (place.slack || place.max_units > 0) {
    const size_t max = place.max_units > 0 ? place.max_units : SIZE_MAX;
    value = Fitted(value, max, place.slack);
  }
  if (place.raw) return value;
  std::string escaped;
  AppendJsonEscaped(value, escaped);
  return escaped;
}

std::vector<std::string> FindingTemplate::Names() {
  std::vector<std::string> names;
  for (const Field& field : kFields) names.emplace_back(field.name);
  return names;
}

std::string_view ShippedTemplate(std::string_view name) {
  if (name == "pagerduty") {
    return Embedded(oddverb_template_pagerduty,
                    oddverb_template_pagerduty_size);
  }
  if (name == "slack") {
    return Embedded(oddverb_template_slack, oddverb_template_slack_size);
  }
  if (name == "teams") {
    return Embedded(oddverb_template_teams, oddverb_template_teams_size);
  }
  return "";
}

}  // namespace oddverb
