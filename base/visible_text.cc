#include "base/visible_text.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr std::string_view kUtf8Mark = "\u2026";
constexpr std::string_view kAsciiMark = "...";

std::string_view Mark(Charset charset) {
  return charset == Charset::kUtf8 ? kUtf8Mark : kAsciiMark;
}

void AppendEscape(const CodePoint& point, std::string& out) {
  if (!point.valid || (point.value < 0x80 && point.value != '\n' &&
                       point.value != '\r' && point.value != '\t')) {
    out += absl::StrFormat("\\x%02x", static_cast<uint32_t>(point.value));
  } else if (point.value == '\n') {
    out += "\\n";
  } else if (point.value == '\r') {
    out += "\\r";
  } else if (point.value == '\t') {
    out += "\\t";
  } else {
    out += absl::StrFormat("\\u{%x}", static_cast<uint32_t>(point.value));
  }
}

// Bytes of the longest prefix of at most `columns` cells. Combining marks stay
// with their letter.
size_t PrefixBytes(std::string_view text, int columns) {
  size_t bytes = 0;
  int used = 0;
  while (bytes < text.size()) {
    const CodePoint point = DecodeUtf8(text.substr(bytes));
    used += CellWidth(point.value);
    if (used > columns) break;
    bytes += point.bytes;
  }
  return bytes;
}

// First byte of the longest suffix of at most `columns` cells.
size_t SuffixStart(std::string_view text, int columns) {
  int left_out = DisplayWidth(text) - columns;
  size_t start = 0;
  while (start < text.size()) {
    const CodePoint point = DecodeUtf8(text.substr(start));
    const int width = CellWidth(point.value);
    if (left_out <= 0 && width > 0) break;
    left_out -= width;
    start += point.bytes;
  }
  return start;
}

// Where a line of at most `columns` cells ends: at the last space that fits,
// else inside of the word. Takes at least one code point.
size_t LineBytes(std::string_view text, int columns) {
  const size_t fits = PrefixBytes(text, columns);
  if (fits == text.size()) return fits;
  if (text[fits] == ' ') return fits;
  const size_t space = text.substr(0, fits).rfind(' ');
  if (space != std::string_view::npos && space > 0) return space;
  return std::max(fits, DecodeUtf8(text).bytes);
}

}  // namespace

std::string VisibleText(std::string_view text, Charset charset) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    const bool shown = point.valid && IsVisible(point.value) &&
                       (charset == Charset::kUtf8 || point.value < 0x80);
    if (shown) {
      out += text.substr(0, point.bytes);
    } else {
      AppendEscape(point, out);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

int DisplayWidth(std::string_view visible) {
  int width = 0;
  while (!visible.empty()) {
    const CodePoint point = DecodeUtf8(visible);
    width += CellWidth(point.value);
    visible.remove_prefix(point.bytes);
  }
  return width;
}

std::string CutMiddle(std::string_view visible, int columns, Charset charset) {
  if (DisplayWidth(visible) <= columns) return std::string(visible);
  const std::string_view mark = Mark(charset);
  const int room = columns - DisplayWidth(mark);
  if (room < 2) return CutEnd(visible, columns, charset);
  const int tail = room / 2;
  std::string out(visible.substr(0, PrefixBytes(visible, room - tail)));
  out += mark;
  out += visible.substr(SuffixStart(visible, tail));
  return out;
}

std::string CutEnd(std::string_view visible, int columns, Charset charset) {
  if (DisplayWidth(visible) <= columns) return std::string(visible);
  const std::string_view mark = Mark(charset);
  const int room = columns - DisplayWidth(mark);
  if (room < 0)
    return std::string(
        visible.substr(0, PrefixBytes(visible, std::max(columns, 0))));
  std::string out(visible.substr(0, PrefixBytes(visible, room)));
  out += mark;
  return out;
}

std::vector<std::string> WrapText(std::string_view visible, int columns,
                                  size_t max_lines, Charset charset) {
  std::vector<std::string> lines;
  while (!visible.empty() && lines.size() < max_lines) {
    const size_t bytes = LineBytes(visible, columns);
    if (lines.size() + 1 == max_lines && bytes < visible.size()) {
      lines.push_back(CutEnd(visible, columns, charset));
      break;
    }
    lines.emplace_back(visible.substr(0, bytes));
    visible.remove_prefix(bytes);
    visible.remove_prefix(
        std::min(visible.find_first_not_of(' '), visible.size()));
  }
  return lines;
}

}  // namespace oddverb
