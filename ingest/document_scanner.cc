#include "ingest/document_scanner.h"

namespace oddverb {

void DocumentScanner::Restart() {
  open_brackets_.clear();
  in_string_ = false;
  escaped_ = false;
  at_line_start_ = false;
  last_token_ = '\0';
}

DocumentScanner::Result DocumentScanner::Scan(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (in_string_) {
      // JSON has no raw line end inside of a string: here a line was torn.
      if (c == '\n') return {Verdict::kBroken, i};
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    switch (ScanOutside(c)) {
      case Step::kNext:
        break;
      case Step::kComplete:
        return {Verdict::kComplete, i + 1};
      case Step::kBroken:
        return {Verdict::kBroken, i};
    }
  }
  return {Verdict::kInside, bytes.size()};
}

DocumentScanner::Step DocumentScanner::ScanOutside(char c) {
  switch (c) {
    case '\n':
      at_line_start_ = true;
      return Step::kNext;
    case ' ':
    case '\t':
    case '\r':
      at_line_start_ = false;
      return Step::kNext;
    case '{':
      // A record of its own after a torn line, not a part of the document.
      if (at_line_start_ && !ObjectMayStart()) return Step::kBroken;
      [[fallthrough]];
    case '[':
      if (open_brackets_.size() == kMaxDepth) return Step::kBroken;
      open_brackets_.push_back(c);
      break;
    case '}':
    case ']':
      if (open_brackets_.empty()) return Step::kBroken;
      open_brackets_.pop_back();
      if (open_brackets_.empty()) return Step::kComplete;
      break;
    default:
      if (open_brackets_.empty()) return Step::kBroken;
      in_string_ = c == '"';
      break;
  }
  last_token_ = c;
  at_line_start_ = false;
  return Step::kNext;
}

bool DocumentScanner::ObjectMayStart() const {
  if (open_brackets_.empty()) return true;
  if (last_token_ == ',') return open_brackets_.back() == '[';
  return last_token_ == ':' || last_token_ == '[';
}

}  // namespace oddverb
