#include "rules/falco_output.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr std::string_view kNoValue = "<NA>";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsFieldName(std::string_view name) {
  const std::vector<std::string>& names = FalcoFieldNames();
  return std::binary_search(names.begin(), names.end(), name);
}

// The longest name of a field that `text` begins with, with what stands in
// brackets behind it; the name alone where it is none.
std::string_view FieldAt(std::string_view text) {
  std::string_view name = FalcoCursor(text).PeekName();
  size_t size = name.size();
  while (size > 0 && !IsFieldName(name.substr(0, size))) --size;
  if (size == 0) return name;
  if (text.substr(size).starts_with('[')) {
    size_t close = text.find(']', size);
    if (close != std::string_view::npos) size = close + 1;
  }
  return text.substr(0, size);
}

}  // namespace

std::shared_ptr<const FalcoOutput> FalcoOutput::Compile(
    std::string_view text, FalcoComplaint& complaint) {
  auto output = std::make_shared<FalcoOutput>();
  output->parts_.emplace_back();
  for (size_t at = 0; at < text.size();) {
    Part& part = output->parts_.back();
    if (text[at] != '%') {
      part.text += text[at++];
      continue;
    }
    size_t start = at++;
    if (text.substr(at).starts_with('%')) {
      part.text += text[at++];
      continue;
    }
    for (; at < text.size() && IsDigit(text[at]); ++at) {
      part.width =
          std::min(kMaxValueBytes,
                   part.width * 10 + static_cast<size_t>(text[at] - '0'));
    }
    FalcoCursor cursor(text.substr(at));
    FalcoFieldParser parser(cursor);
    FalcoCursor plain(FieldAt(text.substr(at)));
    FalcoFieldParser plain_parser(plain);
    bool is_function = parser.AtFunction();
    part.field = is_function ? parser.Parse() : plain_parser.Parse();
    if (!part.field.has_value()) {
      const FalcoComplaint& why =
          is_function ? parser.complaint() : plain_parser.complaint();
      complaint = {start, why.message, false};
      if (why.message == "expected a field") {
        complaint.message += " behind \"%\"; a percent sign is \"%%\"";
      }
      return nullptr;
    }
    at += is_function ? cursor.at() : plain.at();
    output->parts_.emplace_back();
  }
  return output;
}

std::string FalcoOutput::Format(const RuleRecord& record) const {
  std::string text;
  Arena arena;
  std::vector<FieldValue> values;
  for (const Part& part : parts_) {
    text += part.text;
    if (!part.field.has_value()) continue;
    values.clear();
    part.field->field.Read(record, arena, values);
    std::string value;
    if (values.empty()) {
      value = std::string(kNoValue);
    } else if (!part.field->is_list) {
      value = std::string(values[0].text);
    } else {
      for (const FieldValue& item : values) {
        value += value.empty() ? "(" : ",";
        value += item.text;
        if (value.size() > kMaxValueBytes) break;
      }
      value += ")";
    }
    value = std::string(Utf8Prefix(value, kMaxValueBytes));
    if (part.width > 0) value.resize(part.width, ' ');
    text += value;
    if (text.size() > kMaxBytes) break;
  }
  return std::string(Utf8Prefix(text, kMaxBytes));
}

FieldSet FalcoOutput::fields() const {
  FieldSet fields;
  for (const Part& part : parts_) {
    if (part.field.has_value()) fields |= part.field->field.fields();
  }
  return fields;
}

}  // namespace oddverb
