#include "rules/falco_json.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_replace.h"
#include "rules/event_fields.h"
#include "rules/json_path.h"

namespace oddverb {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Behind the string that begins at `at`.
size_t EndOfString(std::string_view json, size_t at) {
  size_t end = at + 1;
  while (end < json.size() && json[end] != '"') {
    end += json[end] == '\\' ? 2 : 1;
  }
  return std::min(end + 1, json.size());
}

bool HasBlankOutside(std::string_view json) {
  for (size_t at = 0; at < json.size(); ++at) {
    if (json[at] == '"') {
      at = EndOfString(json, at) - 1;
    } else if (IsBlank(json[at])) {
      return true;
    }
  }
  return false;
}

std::string_view Compact(std::string_view json, Arena& arena) {
  if (!HasBlankOutside(json)) return json;
  char* begin = arena.Allocate(json.size());
  char* out = begin;
  for (size_t at = 0; at < json.size();) {
    size_t end = json[at] == '"' ? EndOfString(json, at) : at + 1;
    if (!IsBlank(json[at])) {
      out = std::copy(json.begin() + static_cast<ptrdiff_t>(at),
                      json.begin() + static_cast<ptrdiff_t>(end), out);
    }
    at = end;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

RawJson ElementOf(RawJson array, std::string_view position) {
  size_t wanted = 0;
  const char* end = position.data() + position.size();
  auto [stop, error] = std::from_chars(position.data(), end, wanted);
  if (error != std::errc() || stop != end) return {};
  JsonElements elements(array);
  for (RawJson element; elements.Next(element);) {
    if (wanted-- == 0) return element;
  }
  return {};
}

// The body that the pointer leads into, and how many parts name it.
struct Entry {
  const EventBody* body = nullptr;
  size_t parts = 0;
};
Entry EntryOf(std::span<const std::string> parts) {
  std::string_view rest;
  if (parts.empty()) return {};
  Entry entry{.body = FindEventBody(parts[0], rest), .parts = 1};
  if (entry.body == nullptr && parts.size() > 1) {
    entry = {.body = FindEventBody(parts[0] + "." + parts[1], rest),
             .parts = 2};
  }
  // A key that has dots itself names no body.
  if (!rest.empty()) entry.body = nullptr;
  return entry;
}

}  // namespace

std::vector<std::string> PointerParts(std::string_view pointer) {
  if (pointer.starts_with('/')) pointer.remove_prefix(1);
  std::vector<std::string> parts;
  while (true) {
    size_t slash = pointer.find('/');
    std::string part(pointer.substr(0, slash));
    absl::StrReplaceAll({{"~1", "/"}, {"~0", "~"}}, &part);
    parts.push_back(std::move(part));
    if (slash == std::string_view::npos) return parts;
    pointer.remove_prefix(slash + 1);
  }
}

RawJson ValueBelow(RawJson root, std::span<const std::string> parts) {
  for (const std::string& part : parts) {
    root = TypeOf(root) == JsonType::kArray ? ElementOf(root, part)
                                            : FindMember(root, part);
  }
  return root;
}

RawJson ValueAt(const RuleRecord& record, std::span<const std::string> parts) {
  if (record.event() != nullptr) {
    Entry entry = EntryOf(parts);
    if (entry.body != nullptr) {
      return ValueBelow(record.event()->*entry.body->json,
                        parts.subspan(entry.parts));
    }
  }
  return ValueBelow(record.root(), parts);
}

FieldSet FieldsOfPointer(std::span<const std::string> parts) {
  FieldSet fields;
  Entry entry = EntryOf(parts);
  if (entry.body != nullptr) fields.set(static_cast<size_t>(entry.body->id));
  return fields;
}

std::optional<std::string_view> FalcoTextOf(RawJson value, Arena& arena) {
  JsonType type = TypeOf(value);
  if (type == JsonType::kAbsent) return std::nullopt;
  if (type == JsonType::kString && value.text.size() >= 2) {
    return Unescaped(value.text.substr(1, value.text.size() - 2), arena);
  }
  return Compact(value.text, arena);
}

std::string IndentedJson(std::string_view json) {
  std::string out;
  size_t depth = 0;
  auto new_line = [&] { out += '\n' + std::string(2 * depth, ' '); };
  for (size_t at = 0; at < json.size() && out.size() < kMaxIndentedBytes;) {
    size_t end = json[at] == '"' ? EndOfString(json, at) : at + 1;
    char c = json[at];
    size_t next = json.find_first_not_of(" \n\r\t", end);
    bool is_empty =
        next != json.npos && (json[next] == '}' || json[next] == ']');
    if (c == '{' || c == '[') {
      out += c;
      ++depth;
      if (!is_empty) new_line();
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      bool was_empty = !out.empty() && (out.back() == '{' || out.back() == '[');
      if (!was_empty) new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else if (!IsBlank(c)) {
      out += json.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

}  // namespace oddverb
