#include "rules/glob.h"

#include <string.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/case_fold.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

using Part = Glob::Part;
using PartKind = Glob::PartKind;
using Parts = std::span<const Part>;

constexpr size_t kNowhere = std::string_view::npos;

void Append(Part part, std::vector<Part>& parts) {
  if (part.kind == PartKind::kText && part.text.empty()) return;
  if (!parts.empty() && parts.back().kind == part.kind) {
    if (part.kind == PartKind::kRun) return;
    if (part.kind == PartKind::kText) {
      parts.back().text += part.text;
      return;
    }
  }
  parts.push_back(std::move(part));
}

// Length of what `parts` (without runs) match at the front of `text`.
size_t MatchFront(Parts parts, std::string_view text) {
  size_t at = 0;
  for (const Part& part : parts) {
    std::string_view rest = text.substr(at);
    if (part.kind == PartKind::kText) {
      if (!rest.starts_with(part.text)) return kNowhere;
      at += part.text.size();
    } else {
      if (rest.empty()) return kNowhere;
      at += DecodeUtf8(rest).bytes;
    }
  }
  return at;
}

bool MatchesEnd(Parts parts, std::string_view text) {
  // Parts are few and have known lengths but for the one-character ones, so
  // walk from the back.
  for (size_t i = parts.size(); i-- > 0;) {
    if (parts[i].kind == PartKind::kText) {
      if (!text.ends_with(parts[i].text)) return false;
      text.remove_suffix(parts[i].text.size());
      continue;
    }
    if (text.empty()) return false;
    size_t length = 1;  // of the last code point; 1 where it is not UTF-8
    for (size_t tried = 2; tried <= 4 && tried <= text.size(); ++tried) {
      CodePoint c = DecodeUtf8(text.substr(text.size() - tried));
      if (c.valid && c.bytes == tried) length = tried;
    }
    text.remove_suffix(length);
  }
  return true;
}

// Where the match of `parts` (without runs, not empty) that comes first in
// `text` ends; kNowhere if there is none.
size_t FindParts(Parts parts, std::string_view text) {
  for (size_t at = 0; at <= text.size();) {
    if (parts[0].kind == PartKind::kText) {
      size_t found = FindText(text.substr(at), parts[0].text);
      if (found == kNowhere) return kNowhere;
      at += found;
    }
    size_t length = MatchFront(parts, text.substr(at));
    if (length != kNowhere) return at + length;
    if (at == text.size()) return kNowhere;
    at += DecodeUtf8(text.substr(at)).bytes;
  }
  return kNowhere;
}

}  // namespace

size_t FindText(std::string_view text, std::string_view needle) {
  if (needle.empty()) return 0;
  if (needle.size() > text.size()) return kNowhere;
  const void* found =
      memmem(text.data(), text.size(), needle.data(), needle.size());
  if (found == nullptr) return kNowhere;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

Glob::Glob(std::vector<Part> parts) {
  for (Part& part : parts) Append(std::move(part), parts_);
}

Glob Glob::Literal(std::string_view text) {
  return Glob({{PartKind::kText, std::string(text)}});
}

Glob Glob::Parse(std::string_view text) {
  std::vector<Part> parts;
  std::string letters;
  auto add = [&](PartKind kind) {
    parts.push_back({PartKind::kText, std::exchange(letters, {})});
    parts.push_back({kind, {}});
  };
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      char next = text[i + 1];
      if (next == '*' || next == '?' || next == '\\') ++i;
      letters += next == '*' || next == '?' ? next : '\\';
    } else if (c == '*') {
      add(PartKind::kRun);
    } else if (c == '?') {
      add(PartKind::kOne);
    } else {
      letters += c;
    }
  }
  parts.push_back({PartKind::kText, std::move(letters)});
  return Glob(std::move(parts));
}

bool Glob::HasWildcards() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) {
    return part.kind != PartKind::kText;
  });
}

std::string Glob::Text() const {
  return parts_.empty() ? std::string() : parts_[0].text;
}

void AppendGlobEscaped(std::string_view text, std::string& out) {
  for (char c : text) {
    if (c == '*' || c == '?' || c == '\\') out += '\\';
    out += c;
  }
}

std::string Glob::ToString() const {
  std::string text;
  for (const Part& part : parts_) {
    if (part.kind == PartKind::kText) {
      AppendGlobEscaped(part.text, text);
    } else {
      text += part.kind == PartKind::kRun ? '*' : '?';
    }
  }
  return text;
}

Glob Glob::Folded() const {
  std::vector<Part> parts = parts_;
  for (Part& part : parts) part.text = FoldedCopy(part.text);
  return Glob(std::move(parts));
}

Glob Glob::Surrounded(bool run_before, bool run_after) const {
  std::vector<Part> parts;
  if (run_before) parts.push_back({PartKind::kRun, {}});
  parts.insert(parts.end(), parts_.begin(), parts_.end());
  if (run_after) parts.push_back({PartKind::kRun, {}});
  return Glob(std::move(parts));
}

std::string_view Glob::LongestText() const {
  std::string_view longest;
  for (const Part& part : parts_) {
    if (part.text.size() > longest.size()) longest = part.text;
  }
  return longest;
}

bool Glob::Matches(std::string_view text) const {
  Parts rest = parts_;
  auto run = [&] {
    size_t length = 0;
    while (length < rest.size() && rest[length].kind != PartKind::kRun) {
      ++length;
    }
    return length;
  };
  size_t front = run();
  size_t length = MatchFront(rest.first(front), text);
  if (length == kNowhere) return false;
  text.remove_prefix(length);
  rest = rest.subspan(front);
  if (rest.empty()) return text.empty();
  while (true) {
    rest = rest.subspan(1);  // the run
    size_t piece = run();
    if (piece == rest.size()) return MatchesEnd(rest, text);
    size_t end = FindParts(rest.first(piece), text);
    if (end == kNowhere) return false;
    text.remove_prefix(end);
    rest = rest.subspan(piece);
  }
}

}  // namespace oddverb
