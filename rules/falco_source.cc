#include "rules/falco_source.h"

#include <algorithm>

namespace oddverb {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Moves over what YAML writes around a scalar's text.
size_t SkipIndicators(std::string_view source, size_t at) {
  char first = source[at];
  if (first == '"' || first == '\'') return at + 1;
  if (first != '>' && first != '|') return at;
  return std::min(source.find('\n', at), source.size());
}

}  // namespace

YamlNode::Location PlaceInScalar(const RuleText& text, const YamlNode& scalar,
                                 size_t offset) {
  YamlNode::Location place = scalar.location();
  std::string_view line = text.Line(place.line), source = text.text();
  if (place.column == 0 || place.column > line.size()) return place;
  size_t begin = static_cast<size_t>(line.data() - source.data());
  size_t at = SkipIndicators(source, begin + place.column - 1);
  std::string_view wanted = scalar.text();
  offset = std::min(offset, wanted.size());
  // The same letters in the same order; only blanks may differ.
  for (size_t i = 0; i <= offset; ++i) {
    if (i == offset && (i == wanted.size() || IsBlank(wanted[i]))) break;
    if (IsBlank(wanted[i])) continue;
    while (at < source.size() && IsBlank(source[at])) ++at;
    // An escape in quotes, an alias: give the place of the whole.
    if (at == source.size() || source[at] != wanted[i]) return place;
    if (i < offset) ++at;
  }
  std::string_view before = source.substr(begin, at - begin);
  size_t last = before.rfind('\n');
  place.line +=
      static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n'));
  size_t column =
      last == before.npos ? before.size() : before.size() - last - 1;
  place.column = static_cast<uint32_t>(column + 1);
  return place;
}

void FalcoText::Set(const FalcoNode& piece) {
  pieces_.clear();
  text_.clear();
  Append(piece);
}

void FalcoText::Append(const FalcoNode& piece) {
  if (!pieces_.empty()) text_ += ' ';
  pieces_.push_back({text_.size(), piece});
  text_ += piece.node.text();
}

void FalcoText::Complain(const FalcoComplaint& complaint,
                         RuleDiagnostics& diagnostics) const {
  if (pieces_.empty()) return;
  auto behind = std::upper_bound(
      pieces_.begin() + 1, pieces_.end(), complaint.offset,
      [](size_t offset, const Piece& piece) { return offset < piece.start; });
  const Piece& piece = *(behind - 1);
  const RuleText& text = piece.node.file->text;
  YamlNode::Location at =
      PlaceInScalar(text, piece.node.node, complaint.offset - piece.start);
  if (complaint.is_warning) {
    diagnostics.Warn(text, at.line, at.column, complaint.message);
  } else {
    diagnostics.Error(text, at.line, at.column, complaint.message);
  }
}

}  // namespace oddverb
