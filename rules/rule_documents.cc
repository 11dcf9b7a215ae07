#include "rules/rule_documents.h"

#include <algorithm>
#include <charconv>

namespace oddverb {
namespace {

bool IsSeparator(std::string_view line) {
  if (!line.starts_with("---")) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' ||
         line[3] == '\r';
}

// Nothing but comments and directives.
bool IsIdle(std::string_view line) {
  size_t at = line.find_first_not_of(" \t\r");
  return at == std::string_view::npos || line[at] == '#' || line[0] == '%';
}

bool BeginsItem(std::string_view line) {
  return line.starts_with('-') && (line.size() == 1 || line[1] == ' ' ||
                                   line[1] == '\t' || line[1] == '\r');
}

}  // namespace

bool RuleDocument::IsList() const {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (IsIdle(line) || IsSeparator(line)) continue;
    return BeginsItem(line);
  }
  return false;
}

std::vector<RuleDocument> SplitItems(const RuleDocument& list) {
  std::vector<RuleDocument> items;
  uint32_t line_number = list.first_line;
  for (size_t at = 0; at < list.text.size(); ++line_number) {
    size_t end = std::min(list.text.find('\n', at), list.text.size());
    std::string_view line = list.text.substr(at, end - at);
    if (BeginsItem(line))
      items.push_back({list.text.substr(at, 0), line_number});
    size_t next = std::min(end + 1, list.text.size());
    if (!items.empty()) {
      std::string_view& item = items.back().text;
      item = {item.data(), item.size() + (next - at)};
    }
    at = next;
  }
  return items;
}

// YAML forbids "---" at the start of a line anywhere else, so that a broken
// document does not hide the next one.
std::vector<RuleDocument> SplitDocuments(std::string_view text) {
  std::vector<RuleDocument> documents;
  size_t begin = 0;
  uint32_t first_line = 1, line_number = 1;
  bool idle = true;
  auto close = [&](size_t end) {
    if (!idle)
      documents.push_back({text.substr(begin, end - begin), first_line});
    begin = end;
    first_line = line_number;
    idle = true;
  };
  for (size_t at = 0; at < text.size(); ++line_number) {
    size_t end = std::min(text.find('\n', at), text.size() - 1);
    std::string_view line = text.substr(at, end - at);
    if (text[end] != '\n') line = text.substr(at);
    if (IsSeparator(line)) {
      close(at);
      line.remove_prefix(3);
    }
    if (!IsIdle(line)) idle = false;
    at = end + 1;
  }
  close(text.size());
  return documents;
}

PlacedMessage ParsePlaced(std::string_view text, std::string_view file) {
  PlacedMessage placed{.line = 1, .column = 1, .message = std::string(text)};
  if (!text.starts_with(file)) return placed;
  text.remove_prefix(file.size());
  for (uint32_t* number : {&placed.line, &placed.column}) {
    if (!text.starts_with(':')) return placed;
    text.remove_prefix(1);
    auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error != std::errc()) return placed;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
  }
  if (text.starts_with(": ")) placed.message = std::string(text.substr(2));
  return placed;
}

}  // namespace oddverb
